"""`tradewind`: the commands.  Each imports what it needs when it is called, since starting must be quick."""

from enum import StrEnum
from typing import Annotated

import typer

from tradewind.cli.failures import told
from tradewind.cli.flags import loaded, with_settings

app = typer.Typer(
    name="tradewind",
    help="A CloudEvents broker on Apache Kafka: Knative's YAML on a laptop, in docker-compose and on Kubernetes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


class Output(StrEnum):
    """How a command prints what it found."""

    TABLE = "table"
    JSON = "json"


OutputFlag = Annotated[Output, typer.Option("-o", "--output", help="How to print it.")]


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
) -> None:
    """Run everything here: a real Kafka (unless --kafka names one), ingress, dispatcher and sources."""
    from tradewind.cli.up import Wishes
    from tradewind.cli.up import up as run_up

    wishes = Wishes(kafka_port=kafka_port, reset=reset, run=tuple(run or ()))
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
def validate(flags: dict[str, str]) -> None:
    """Read the manifests and print every fault."""
    settings = loaded(flags).settings
    from tradewind import runtime

    resources = runtime.manifests(settings)
    for problem in runtime.planned(settings, resources).problems:
        typer.echo(f"warning: {problem}", err=True)
    typer.echo(f"{len(resources)} resources in {settings.manifests}, no fault")


@app.command()
def crds() -> None:
    """Print the CustomResourceDefinitions, for `kubectl apply -f -`."""
    from tradewind.resources.crds import render

    files = render()
    typer.echo("---\n".join(files[name] for name in sorted(files)), nl=False)


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
