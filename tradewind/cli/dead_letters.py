"""`tradewind dead-letters list | show | redrive | discard`."""

from typing import Annotated

import typer

from tradewind.cli.flags import deployed, with_settings
from tradewind.cli.output import BrokerFlag, Lines, LinesFlag, NamespaceFlag, Output, OutputFlag

app = typer.Typer(help="Events that could not be delivered and are kept.", no_args_is_help=True)

TriggerFlag = Annotated[str | None, typer.Option("--trigger", help="Only of this Trigger.", metavar="NAMESPACE/NAME")]
SourceFlag = Annotated[
    str | None, typer.Option("--source", help="Only of this source.", metavar="KIND/[NAMESPACE/]NAME")
]
Names = Annotated[
    list[str] | None, typer.Argument(help="Which: PARTITION/OFFSET, as `list` shows them, or keys.", metavar="LETTER")
]
AllFlag = Annotated[bool, typer.Option("--all", help="All of them.")]


@app.command(name="list")
@with_settings
def list_(
    flags: dict[str, str],
    *,
    trigger: TriggerFlag = None,
    source: SourceFlag = None,
    broker: BrokerFlag = None,
    namespace: NamespaceFlag = "",
    output: LinesFlag = Lines.TABLE,
) -> None:
    """List them, in the order in which they came."""
    from tradewind.cli import letter_choice, letters

    letters.show_all(letter_choice.chosen(deployed(flags), namespace, broker, trigger, source=source), output)


@app.command()
@with_settings
def show(
    flags: dict[str, str],
    *,
    letter: Annotated[str, typer.Argument(help="PARTITION/OFFSET, as `list` shows it, or a key.", metavar="LETTER")],
    source: SourceFlag = None,
    broker: BrokerFlag = None,
    namespace: NamespaceFlag = "",
    output: OutputFlag = Output.TABLE,
) -> None:
    """Show one: why it is here, its event as it came, and its data."""
    from tradewind.cli import letter_choice, letters

    letters.show_one(letter_choice.chosen(deployed(flags), namespace, broker, None, [letter], source=source), output)


@app.command()
@with_settings
def redrive(
    flags: dict[str, str],
    *,
    letter: Names = None,
    all_: AllFlag = False,
    trigger: TriggerFlag = None,
    source: SourceFlag = None,
    broker: BrokerFlag = None,
    namespace: NamespaceFlag = "",
    rate: Annotated[str | None, typer.Option("--rate", help="At most so many a second.", metavar="N/s")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Send them there instead, once each.", metavar="URL")] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.", metavar="TEXT")] = "",
) -> None:
    """Put them on their way again: each to its own Trigger and to no other, or to the sink of its source."""
    from tradewind.cli import letter_choice, letters

    which = deployed(flags), namespace, broker, trigger, letter or ()
    chosen = letter_choice.chosen(*which, source=source, some=all_)
    letters.redrive(chosen, rate, to, reason)


@app.command()
@with_settings
def discard(
    flags: dict[str, str],
    *,
    letter: Names = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.", metavar="TEXT")],
    all_: AllFlag = False,
    trigger: TriggerFlag = None,
    source: SourceFlag = None,
    broker: BrokerFlag = None,
    namespace: NamespaceFlag = "",
) -> None:
    """Let them go for good.  That they were there, who discarded them and why stays on record."""
    from tradewind.cli import letter_choice, letters

    which = deployed(flags), namespace, broker, trigger, letter or ()
    letters.discard(letter_choice.chosen(*which, source=source, some=all_), reason)
