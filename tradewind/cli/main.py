"""`tradewind`: the commands.  Each imports what it needs when it is called, since starting must be quick."""

from dataclasses import replace
from typing import Annotated

import typer

from tradewind.cli import crds, dead_letters
from tradewind.cli.failures import told
from tradewind.cli.flags import deployed, loaded, with_settings
from tradewind.cli.output import BrokerFlag, NamespaceFlag, Output, OutputFlag

app = typer.Typer(
    name="tradewind",
    help="A CloudEvents broker on Apache Kafka: Knative's YAML on a laptop, in docker-compose and on Kubernetes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(crds.app, name="crds")
app.add_typer(dead_letters.app, name="dead-letters")

TriggerName = Annotated[str, typer.Argument(help="Which: trigger/NAME.", metavar="TRIGGER")]


@app.command()
@with_settings
def up(
    flags: dict[str, str],
    *,
    kafka_port: Annotated[int, typer.Option(help="Port of the embedded Kafka.", min=1, max=65535)] = 9092,
    reset: Annotated[bool, typer.Option("--reset", help="Move the embedded Kafka's data aside first.")] = False,
    run: Annotated[
        list[str] | None, typer.Option("--run", metavar="CMD", help="Run this command, too; may be repeated.")
    ] = None,
    allow_commands: Annotated[
        bool, typer.Option("--allow-commands", help="Run the commands of ContainerSources, as you.")
    ] = False,
) -> None:
    """Run everything here: a real Kafka (unless --kafka names one), ingress, dispatcher and sources."""
    from tradewind.cli.up import Wishes
    from tradewind.cli.up import up as run_up

    wishes = Wishes(kafka_port=kafka_port, reset=reset, run=tuple(run or ()), allow_commands=allow_commands)
    run_up(loaded(flags), flags, wishes)


@app.command()
@with_settings
def ingress(flags: dict[str, str]) -> None:
    """Run one ingress: takes events at /NAMESPACE/BROKER and stores them in Kafka."""
    settings = loaded(flags).settings
    if settings.workers > 1:
        from tradewind.cli.workers import run_workers

        run_workers(settings, flags)
        return
    from tradewind import runtime

    runtime.run(runtime.ingress, settings)


@app.command()
@with_settings
def dispatcher(flags: dict[str, str]) -> None:
    """Run one dispatcher: delivers events to the subscribers of Triggers."""
    settings = loaded(flags).settings
    from tradewind import runtime

    runtime.run(runtime.dispatcher, settings)


@app.command()
@with_settings
def sources(flags: dict[str, str]) -> None:
    """Run the sources that the manifests declare."""
    settings = loaded(flags).settings
    from tradewind import runtime

    runtime.run(runtime.sources, settings)


@app.command()
@with_settings
def controller(flags: dict[str, str]) -> None:
    """Run the controller on Kubernetes: makes the topics of Brokers, resolves Triggers, and says how they stand."""
    settings = replace(loaded(flags).settings, kubernetes=True)
    from tradewind import runtime

    runtime.run(runtime.controller, settings)


@app.command()
@with_settings
def webhook(flags: dict[str, str]) -> None:
    """Run the admission webhook of Kubernetes: fills in what Brokers and Triggers leave out, refuses what is wrong."""
    settings = loaded(flags).settings
    from tradewind import runtime

    runtime.run(runtime.webhook, settings)


@app.command()
@with_settings
def validate(flags: dict[str, str]) -> None:
    """Read the manifests and print every fault."""
    settings = loaded(flags).settings
    from tradewind import runtime

    runtime.require_manifests(settings, "validate")
    resources = runtime.manifests(settings)
    for problem in runtime.planned(settings, resources).problems:
        typer.echo(f"warning: {problem}", err=True)
    typer.echo(f"{len(resources)} resources in {settings.manifests}, no fault")


@app.command()
@with_settings
def pause(
    flags: dict[str, str],
    *,
    trigger: TriggerName,
    namespace: NamespaceFlag = "",
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.", metavar="TEXT")] = "",
) -> None:
    """Stop a Trigger's deliveries; what runs ends, what comes waits; restarts and manifests change nothing."""
    from tradewind.cli import naming, triggers

    triggers.pause(deployed(flags), naming.trigger(trigger, namespace), reason)


@app.command()
@with_settings
def resume(flags: dict[str, str], *, trigger: TriggerName, namespace: NamespaceFlag = "") -> None:
    """Let a paused Trigger go on where it was."""
    from tradewind.cli import naming, triggers

    triggers.resume(deployed(flags), naming.trigger(trigger, namespace))


@app.command()
@with_settings
def get(
    flags: dict[str, str],
    *,
    what: Annotated[str, typer.Argument(help="triggers, sources, eventtypes, or orphans", metavar="KIND")],
    namespace: NamespaceFlag = "",
    output: OutputFlag = Output.TABLE,
) -> None:
    """Where each Trigger stands: its state, how many events it owes, retries and has not looked at, and its alarms.

    `get sources`: how each source stands, whoever runs it: its state, its last event and error, its position.

    `get eventtypes`: types of events that are declared, and those that were seen at Brokers that have them noted.

    `get orphans`: topics of Brokers that are gone from the cluster, and could not be deleted with them."""
    from tradewind.cli import event_types, naming, orphans, sources, triggers

    if what in ("orphan", "orphans"):
        orphans.get(deployed({**flags, "kubernetes": "true"}), namespace, output)
        return
    shown = {"trigger": triggers.get, "source": sources.get, "eventtype": event_types.get}.get(what.removesuffix("s"))
    if shown is None:
        raise naming.wrong("KIND", repr(what), "triggers, sources, eventtypes, or orphans")
    shown(deployed(flags), namespace, output)


@app.command()
@with_settings
def audit(
    flags: dict[str, str],
    *,
    broker: BrokerFlag = None,
    namespace: NamespaceFlag = "",
    output: OutputFlag = Output.TABLE,
) -> None:
    """Account for every event that is left in Kafka: what came in is delivered, dead, filtered out, owed or behind."""
    from tradewind.cli import audit as auditing

    auditing.audit(deployed(flags), namespace, broker, output)


@app.command()
@with_settings
def explain(
    flags: dict[str, str],
    *,
    event: Annotated[
        list[str],
        typer.Argument(
            help="An event in the JSON format, @FILE, - for standard input; or one that is stored: PARTITION/OFFSET, "
            "or its SOURCE and ID.",
            metavar="EVENT",
        ),
    ],
    trigger: Annotated[
        list[str] | None,
        typer.Option("--trigger", help="Of this Trigger; may be repeated. All, where none is named.", metavar="NAME"),
    ] = None,
    broker: Annotated[
        str, typer.Option("--broker", help="Of this Broker, where there are several.", metavar="NAME")
    ] = "",
    since: Annotated[
        str,
        typer.Option("--since", help="SOURCE ID: stored no longer ago than this, or since this time.", metavar="AGO"),
    ] = "1h",
    namespace: NamespaceFlag = "",
    output: OutputFlag = Output.TABLE,
) -> None:
    """Why a Trigger gets an event, or not: the verdict of each part of its filter, and what became of the event.

    Exit code 4 where none of these Triggers got it."""
    from tradewind.cli import explain as explaining

    explaining.run(explaining.asked(deployed(flags), namespace, trigger, broker, output), event, since)


@app.command()
@with_settings
def test(
    flags: dict[str, str],
    *,
    files: Annotated[
        list[str], typer.Option("-f", "--filename", help="A file of cases; may be repeated.", metavar="CASES")
    ],
    output: OutputFlag = Output.TABLE,
) -> None:
    """Check which Triggers get which events, by cases written down; exit code 4 where one is not as expected."""
    from tradewind.cli import testing

    testing.run(deployed(flags), files, output)


@app.command()
@with_settings
def backtest(
    flags: dict[str, str],
    *,
    file: Annotated[
        str, typer.Option("-f", "--filename", help="The changed Trigger, or several of one Broker.", metavar="FILE")
    ],
    since: Annotated[
        str, typer.Option("--since", help="Events stored no longer ago than this, or since this time.", metavar="AGO")
    ] = "1h",
    limit: Annotated[
        int, typer.Option("--limit", help="Records that are read at most: the newest.", min=1, metavar="N")
    ] = 1_000_000,
    show: Annotated[
        int, typer.Option("--show", help="Events that are listed at most, of each kind.", min=0, metavar="N")
    ] = 20,
    output: OutputFlag = Output.TABLE,
) -> None:
    """Which stored events a changed filter would gain or lose, before it is applied."""
    from tradewind.cli import backtest as backtesting

    settings = deployed(flags)
    backtesting.run(settings, backtesting.Wishes(file, since, limit, show, output))


@app.command(name="config")
@with_settings
def config_(flags: dict[str, str], *, output: OutputFlag = Output.TABLE) -> None:
    """Print every setting: what is in force, where it came from, and what it means."""
    from tradewind.cli import settings_table

    found = loaded(flags)
    if output is Output.JSON:
        typer.echo(settings_table.as_json(found))
    else:
        settings_table.show(found)


@app.command()
def metrics(*, output: OutputFlag = Output.TABLE) -> None:
    """List what the processes measure, and serve at /metrics."""
    import json

    from tradewind.cli.tables import table
    from tradewind.observe.metrics import METRICS

    if output is Output.JSON:
        typer.echo(json.dumps([metric._asdict() for metric in METRICS], indent=2))
    else:
        rows = ((one.name, one.kind, ", ".join(one.labels), one.help) for one in METRICS)
        typer.echo(table(("NAME", "KIND", "LABELS", "MEANING"), rows))


@app.command()
def version(*, output: OutputFlag = Output.TABLE) -> None:
    """Print the version."""
    import json
    from importlib.metadata import version as installed

    number = installed("tradewind")
    typer.echo(json.dumps({"version": number}) if output is Output.JSON else f"tradewind {number}")


def main() -> None:
    """The entry point."""
    told(app)


if __name__ == "__main__":
    main()
