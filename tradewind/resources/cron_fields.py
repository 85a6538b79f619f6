"""One field of a cron schedule → the numbers that it names, or every fault in it.

    "MON-FRI,7"  ──read(WEEKDAY, …)──►  0 1 2 3 4 5

    field = term {"," term}      term = base ["/" step]      base = "*" | "?" | value | value "-" value
                                 value "/" step goes up to the field's last value

What robfig/cron v3 takes, which is Knative's, is taken and means the same, and in odd places too: an empty term
counts for nothing (`1,,2`), `+5` is 5, and whatever follows `*-` or `?-` counts for nothing.  Beyond that, as others
have them: 7 for Sunday; `L` and `LW` for the last day and the last Monday-to-Friday of a month; `5L` and `MON#2` for
its last Friday and its second Monday.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from tradewind.events.attributes import shown

LAST_DAY = 32
LAST_WORKDAY = 33
"""Days of the month that depend on the month."""

WEEK = 7
LAST = 6
"""A weekday w (0 is Sunday) of each week is w, its kth of the month is w + 7k, its last is w + 7·LAST."""

_NUMBER = re.compile(r"\+?0*([0-9]+)", re.ASCII)
_LONGEST = 9
"""Digits of a number that is looked at; a longer one is just too large."""


@dataclass(frozen=True, slots=True)
class Field:
    """One of the six."""

    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()
    """Of the values from `least` on."""
    also: str = ""
    """What else may stand here, for messages."""
    beyond: int = 0
    """A value behind `most` which stands for `least`: Sunday as 7."""

    def __str__(self) -> str:
        texts = f", {self.names[0]} to {self.names[-1]}" if self.names else ""
        return f"{self.least} to {self.beyond or self.most}{texts}{self.also}"


SECOND = Field("second", 0, 59)
MINUTE = Field("minute", 0, 59)
HOUR = Field("hour", 0, 23)
DAY = Field("day of month", 1, 31, also=", L (the last) or LW (the last from Monday to Friday)")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
MONTH = Field("month", 1, 12, _MONTHS)
WEEKDAY = Field(
    "day of week",
    0,
    6,
    ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"),
    also=", 5L (the last Friday of the month) or 1#2 (its second Monday)",
    beyond=7,
)


class Values(NamedTuple):
    """What a field names."""

    numbers: tuple[int, ...]
    """In order."""
    every: bool
    """It holds a `*` or `?` without a step, so nothing is asked of it."""
    star: bool
    """It begins with `*` or `?`."""


class Wrong(NamedTuple):
    """One fault: what was found, and what was expected."""

    found: str
    expected: str


def read(field: Field, text: str) -> Values | list[Wrong]:
    """What a field says, or all that is wrong with it."""
    terms = [term for term in text.upper().split(",") if term]
    if not terms:
        return [Wrong(f"the {field.name} {shown(text)}", str(field))]
    found = [_term(field, term) for term in terms]
    wrong = [one for one in found if isinstance(one, Wrong)]
    if wrong:
        return wrong
    numbers = {number for one in found if not isinstance(one, Wrong) for number in one}
    every = any(_is_star(term) and _steps_by_one(term) for term in terms)
    return Values(tuple(sorted(numbers)), every, _is_star(terms[0]))


def _is_star(term: str) -> bool:
    return re.split("[-/]", term, maxsplit=1)[0] in ("*", "?")


def _steps_by_one(term: str) -> bool:
    return "/" not in term or _number(term.partition("/")[2]) == 1


def _term(field: Field, term: str) -> "set[int] | Wrong":
    special = _special(field, term)
    if special is not None:
        return {special}
    base, slash, behind = term.partition("/")
    step = _number(behind) if slash else 1
    if not step:
        return _wrong(field, term, "a whole number from 1 on behind one `/`")
    if _is_star(base):
        return set(range(field.least, field.most + 1, step))
    low, dash, high = base.partition("-")
    first, last = _value(field, low), _value(field, high if dash else low)
    if first is None or last is None:
        return _wrong(field, term, str(field))
    if last < first:
        return _wrong(field, term, "a range that ends where it begins, or later")
    if slash and not dash:
        last = max(field.most, first)
    return {field.least if number == field.beyond else number for number in range(first, last + 1, step)}


def _special(field: Field, term: str) -> int | None:
    """What depends on the month; None where the term is an ordinary one, or wrong."""
    if field is DAY:
        return {"L": LAST_DAY, "LW": LAST_WORKDAY}.get(term)
    if field is not WEEKDAY:
        return None
    day, mark, which = term.partition("#") if "#" in term else (term[:-1], term[-1:], str(LAST))
    weekday, nth = _value(field, day), _number(which)
    if weekday is None or mark not in ("#", "L") or not nth or (mark == "#" and nth >= LAST):
        return None
    return weekday % WEEK + WEEK * nth


def _value(field: Field, text: str) -> int | None:
    """A number or name of the field; None for what is none of it."""
    if text in field.names:
        return field.least + field.names.index(text)
    number = _number(text)
    in_range = number is not None and field.least <= number <= (field.beyond or field.most)
    return number if in_range else None


def _number(text: str) -> int | None:
    match = _NUMBER.fullmatch(text)
    return None if match is None else int(match[1]) if len(match[1]) <= _LONGEST else 10**_LONGEST


def _wrong(field: Field, term: str, expected: str) -> Wrong:
    return Wrong(f"the {field.name} {shown(term)}", expected)
