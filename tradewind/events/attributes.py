"""The rules for names and values of context attributes (spec.md, "Type System" and "Context Attributes").

`faults` names everything that is wrong with a set of attributes.  A value whose characters are all printable ASCII,
which is nearly every value there is, costs two calls that run in C; whatever is unusual goes through the exact rules.
URI syntax is enforced only where that is asked for: Go and Java senders do not percent-encode, so strictness would
refuse real traffic.
"""

import re
from collections.abc import Callable, Collection, Mapping

from tradewind.errors import Fault, InvalidEvent
from tradewind.events import uris
from tradewind.events.model import SPEC_VERSION
from tradewind.events.remembered import remembered, remembered_together

REQUIRED = ("specversion", "id", "source", "type")
"""spec.md, "REQUIRED Attributes"."""

CORE = frozenset({*REQUIRED, "datacontenttype", "dataschema", "subject", "time"})
"""Attributes that the specification itself defines.  None of them is a Boolean or an Integer."""

SHOWN_CHARACTERS = 60
"""Characters of a wrong value that a fault shows."""

_NAME = re.compile(r"[a-z0-9]+")
_NONCHARACTERS = "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
_FORBIDDEN = re.compile(f"[\\x00-\\x1f\\x7f-\\x9f\ud800-\udfff\ufdd0-\ufdef{_NONCHARACTERS}]")
USUAL_TIME = (
    r"[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
"""Every time but 29 February and leap seconds, which ask for counting."""

_USUAL_TIME = re.compile(USUAL_TIME)
_TIME = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})[Tt](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
    r"(?:\.[0-9]+)?(?:[Zz]|(?P<sign>[+-])(?P<offset_hour>[0-9]{2}):(?P<offset_minute>[0-9]{2}))"
)
_TOKEN = r"[!#$%&'*+\-.^_`{|}~0-9A-Za-z]++"
_QUOTED = r'"(?:[\t !#-\[\]-~]|\\[\t -~])*"'
_MEDIA_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}(?:[\t ]*+;[\t ]*+(?:{_TOKEN}=(?:{_TOKEN}|{_QUOTED}))?)*[\t ]*+")
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def shown(value: object) -> str:
    """A wrong value as a fault shows it: quoted, escaped, cut."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    cut = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
    return '"' + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut) + '"'


def is_time(text: str) -> bool:
    """Whether this is an RFC 3339 timestamp: any fraction, lower-case `t` and `z`, leap seconds where they may be."""
    if _USUAL_TIME.fullmatch(text) is not None:
        return True
    match = _TIME.fullmatch(text)
    if match is None:
        return False
    year, month, day = int(match["year"]), int(match["month"]), int(match["day"])
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    offset_hour, offset_minute = int(match["offset_hour"] or 0), int(match["offset_minute"] or 0)
    if not 1 <= month <= 12 or not 1 <= day <= _days(year, month):
        return False
    if hour > 23 or minute > 59 or second > 60 or offset_hour > 23 or offset_minute > 59:
        return False
    if second < 60:
        return True
    # RFC 3339 5.7: second 60 only at the end of a month, in UTC.
    offset = (offset_hour * 60 + offset_minute) * (-1 if match["sign"] == "-" else 1)
    shift, minute_of_day = divmod(hour * 60 + minute - offset, 1440)
    return minute_of_day == 1439 and day + shift in (0, _days(year, month))


def _days(year: int, month: int) -> int:
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _DAYS[month - 1] + leap


def is_media_type(text: str) -> bool:
    """Whether this is a media type with parameters (RFC 2045 5.1, as RFC 2046 uses it)."""
    return _MEDIA_TYPE.fullmatch(text) is not None


def is_text(text: str) -> bool:
    """Whether this is a String of the type system: no control character, noncharacter or lone surrogate."""
    return (text.isascii() and text.isprintable()) or _FORBIDDEN.search(text) is None


@remembered
def is_name(name: str) -> bool:
    """Whether an attribute may have this name.  Long names are allowed: at most 20 characters is only a SHOULD."""
    return _NAME.fullmatch(name) is not None and name != "data"


def _present(text: str) -> str | None:
    return None if text else "a non-empty string"


def _version(text: str) -> str | None:
    return None if text == SPEC_VERSION else f"{SPEC_VERSION}, the only version that is taken here"


def _time(text: str) -> str | None:
    return None if is_time(text) else "an RFC 3339 timestamp such as 2026-01-31T12:00:00Z"


def _media_type(text: str) -> str | None:
    return None if is_media_type(text) else "a media type such as application/json"


Rule = tuple[Callable[[str], str | None], str]
"""What is expected instead of a value, or None where it is right; and the clause that says so."""

Rules = Mapping[str, Rule]
"""Rules by the attribute whose value they are about."""

SPECIFIED: Rules = {
    "id": (_present, "spec.md, id"),
    "source": (_present, "spec.md, source"),
    "type": (_present, "spec.md, type"),
    "specversion": (_version, "spec.md, specversion"),
    "subject": (_present, "spec.md, subject"),
    "dataschema": (_present, "spec.md, dataschema"),
    "time": (_time, "spec.md, time; RFC 3339 5.6"),
    "datacontenttype": (_media_type, "spec.md, datacontenttype; RFC 2046"),
}

"""What is asked of values in any case."""


def _reference(text: str) -> str | None:
    return _present(text) or (None if uris.is_reference(text) else "a URI-reference, percent-encoded")


def _absolute(text: str) -> str | None:
    return _present(text) or (None if uris.is_absolute(text) else "an absolute URI without a fragment")


STRICT_URIS: Rules = {
    **SPECIFIED,
    "source": (_reference, "spec.md, source; RFC 3986 4.1"),
    "dataschema": (_absolute, "spec.md, dataschema; RFC 3986 4.3"),
}
"""The same, and that URIs are such by their syntax."""


def name_fault(name: str, path: str) -> Fault:
    """The fault of a name that `is_name` refuses."""
    if name == "data":
        expected = "another name: `data` is not an attribute"
    else:
        expected = "a name of lower-case letters and digits"
    return Fault(path, f"the name {shown(name)}", expected, "spec.md, Attribute Naming Convention")


def faults(
    attributes: Mapping[str, str],
    where: Callable[[str], str] = str,
    unreadable: Collection[str] = (),
    *,
    asked: Rules = SPECIFIED,
) -> list[Fault]:
    """Everything wrong with these attributes.

    `where` turns an attribute's name into a fault's path (`ce-id` in HTTP).  `unreadable` are attributes that were
    there, the fault of whose value may be known already: they are not called missing, and their names are judged.
    `asked` are the rules for values.
    """
    found = [
        Fault(where(name), "nothing", "a value: the attribute is required", f"spec.md, {name}")
        for name in REQUIRED
        if name not in attributes and name not in unreadable
    ]
    for name, value in attributes.items():
        if not is_name(name):
            found.append(name_fault(name, where(name)))
        if not is_text(value):
            expected = "no control character, surrogate or noncharacter"
            found.append(Fault(where(name), shown(value), expected, "spec.md, Type System, String"))
        elif (rule := asked.get(name)) is not None and (wrong := rule[0](value)) is not None:
            found.append(Fault(where(name), shown(value), wrong, rule[1]))
    valueless = sorted(set(unreadable).difference(attributes))
    return found + [name_fault(name, where(name)) for name in valueless if not is_name(name)]


def are_usual(attributes: Mapping[str, str]) -> bool:
    """Whether these are right by the rules that are asked in any case, seen at a glance: what is not may be right all
    the same, and `faults` says so at five times the price."""
    values = "".join(attributes.values())
    if not _complete(tuple(attributes)) or not (values.isascii() and values.isprintable()):
        return False
    if not all(attributes.values()) or attributes["specversion"] != SPEC_VERSION:
        return False
    time, media_type = attributes.get("time"), attributes.get("datacontenttype")
    return (time is None or is_time(time)) and (media_type is None or _is_known_media_type(media_type))


_is_known_media_type = remembered(is_media_type)


@remembered_together
def _complete(names: tuple[str, ...]) -> bool:
    return {*names}.issuperset(REQUIRED) and all(map(is_name, names))


def check(attributes: Mapping[str, str]) -> None:
    """Raise InvalidEvent with every fault, if there is one: for whoever builds events from something else."""
    if found := faults(attributes):
        raise InvalidEvent(found)
