"""Tables as kubectl prints them: names of columns in capitals, a row a line, nothing cut.  Pure."""

from collections.abc import Iterable, Sequence

GAP = "   "
NONE = "<none>"
"""What kubectl prints where there is nothing."""

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "m"))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lines without trailing blanks; numbers stand as they are."""
    lines = [list(columns), *([NONE if cell in (None, "") else _line(str(cell)) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(columns))]
    return "\n".join(
        GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def age(seconds: float) -> str:
    """How long ago, or until when: `5s`, `3m`, `2h`, `12d`; what has passed already is `0s`."""
    for unit, letter in _UNITS:
        if seconds >= unit:
            return f"{int(seconds // unit)}{letter}"
    return f"{max(0, int(seconds))}s"


def _line(text: str) -> str:
    """A cell holds one line, and nothing that a terminal would obey."""
    return "".join(character if character.isprintable() else "�" for character in text)
