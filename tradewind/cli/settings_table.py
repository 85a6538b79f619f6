"""`tradewind config`: every setting with its value, its origin, its variable, its flag and what it means."""

import json
from typing import TypedDict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tradewind.cli.flags import documentation
from tradewind.config import Loaded, Origin, flag, kinds, variable


class Row(TypedDict):
    """One setting."""

    name: str
    value: str | int | float
    origin: str
    env: str
    flag: str
    expected: str
    doc: str


def rows(found: Loaded) -> list[Row]:
    """All settings, in the order of the fields."""
    return [
        Row(
            name=name,
            value=getattr(found.settings, name),
            origin=str(found.origins[name]),
            env=variable(name),
            flag=flag(name),
            expected=kind.expected,
            doc=documentation().get(name, ""),
        )
        for name, kind in kinds().items()
    ]


def as_json(found: Loaded) -> str:
    """A list of objects."""
    return json.dumps(rows(found), indent=2, ensure_ascii=False)


def show(found: Loaded, console: Console | None = None) -> None:
    """A table; what does not come from a default is in bold."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("NAME", "VALUE", "FROM"):
        table.add_column(title, overflow="fold", no_wrap=title != "VALUE")
    table.add_column("MEANING", ratio=1)
    for row in rows(found):
        style = "" if row["origin"] == Origin.DEFAULT else "bold"
        meaning = Text(row["doc"]).append(f"\n{row['flag']}  {row['env']}", style="dim")
        table.add_row(row["name"], Text(str(row["value"])), row["origin"], meaning, style=style)
    (console or Console()).print(table)
