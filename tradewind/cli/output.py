"""How commands print what they found, and the flags that they share."""

import os
import sys
from enum import StrEnum
from typing import Annotated

import typer


class Output(StrEnum):
    """How a command prints what it found."""

    TABLE = "table"
    JSON = "json"


class Lines(StrEnum):
    """As Output, where there may be more than fits into one object."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"


OutputFlag = Annotated[Output, typer.Option("-o", "--output", help="How to print it.")]
LinesFlag = Annotated[Lines, typer.Option("-o", "--output", help="How to print it; ndjson is an object a line.")]
NamespaceFlag = Annotated[
    str,
    typer.Option(
        "-n",
        "--namespace",
        help="Only of this namespace; names without one lie in it, else in `default`.",
        metavar="NAME",
    ),
]
BrokerFlag = Annotated[
    list[str] | None,
    typer.Option("--broker", help="Only of this Broker; may be repeated.", metavar="NAME"),
]


def colours() -> bool:
    """Whether to print in colours: on a terminal, unless NO_COLOR (no-color.org) asks for none."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
