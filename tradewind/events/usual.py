"""Binary HTTP to binary Kafka in one step, and from there to an Event, where nothing is unusual: nearly always.

    headers, body ──► record ──► what `kafka.write(http.read(headers, body))` answers, at a quarter of its price
                        └─ None: ask these two; they also say what is wrong
    a record      ──► event ───► what `kafka.read` answers, at a third of its price; None: ask it

So nothing is decided here that is not decided there; a property test holds the two equal.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from tradewind.events import attributes as rules
from tradewind.events import http, kafka
from tradewind.events.model import HOPS, SPEC_VERSION, Event
from tradewind.events.remembered import REMEMBERED, remembered
from tradewind.events.travelling import kept, travels

_REQUIRED = tuple(kafka.PREFIX + name for name in rules.REQUIRED)
_KEY = kafka.PREFIX + kafka.PARTITION_KEY
_VERSION = SPEC_VERSION.encode()
_TIME = re.compile(
    rb"[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    rb"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
"""Every time but 29 February and leap seconds, which ask for counting."""

_NEEDED = frozenset(rules.REQUIRED)


class Usual(NamedTuple):
    """A record in the making."""

    headers: Sequence[tuple[str, bytes]]
    value: bytes | None
    key: bytes | None


Rule = Callable[[bytes], object]
"""Whether a value is right; what is falsy is for the exact path."""

_RULES: Mapping[str, Rule] = {"specversion": _VERSION.__eq__, "time": _TIME.fullmatch}


@lru_cache(maxsize=256)
def _is_media_type(value: bytes) -> bool:
    is_family = value[: len(kafka.FAMILY)].lower() == kafka.FAMILY
    return not is_family and len(value) <= REMEMBERED and rules.is_media_type(value.decode("latin-1"))


def _beside(_: bytes) -> bool:
    """The rule of a field that travels beside the attributes: it is none of them."""
    return False


@lru_cache(maxsize=1024)
def _known(header: bytes) -> tuple[str, Rule | None] | None:
    """The record header that carries what this header carries, and its rule; None for a header that is none of ours.

    No name where the exact path must look.
    """
    name = header.decode("latin-1").lower()
    if name == "content-type":
        return kafka.CONTENT_TYPE, _is_media_type
    if not name.startswith(http.PREFIX):
        return (name, _beside) if travels(name) else None
    name = name.removeprefix(http.PREFIX)
    if not rules.is_name(name) or name in (HOPS, "datacontenttype"):
        return "", None
    return kafka.PREFIX + name, _RULES.get(name)


def record(headers: http.RawHeaders, body: bytes) -> Usual | None:
    """The record of a usual message.

    The caller has seen that values are printable ASCII without quotes and percent signs, stripped of white space, and
    that no name is longer than REMEMBERED; that Connection names no field, too.
    """
    found, along = [], []
    for name, value in headers:
        known = _known(name)
        if known is None:
            continue
        target, rule = known
        if not target or not value or (rule is not None and not rule(value)):
            if rule is not _beside:
                return None
            along.append((target, value))
            continue
        found.append((target, value))
    by_name = dict(found)
    whole = len(by_name) == len(found) and all(name in by_name for name in _REQUIRED)
    if not whole:
        return None
    if along:
        found += [(name, text.encode()) for name, text in kept(along)]
    return Usual(found, body or None, by_name.get(_KEY))


def event(headers: kafka.RecordHeaders, value: bytes | None) -> Event | None:
    """The event of a usual record."""
    attributes: dict[str, str] = {}
    along: list[tuple[str, bytes]] = []
    carried = 0
    for header, content in headers:
        known = _carried(header)
        if known is None:
            continue
        name, rule = known
        if rule is _beside:
            along.append((header, content))
            continue
        if not name or not content or (rule is not None and not rule(content)) or not content.isascii():
            return None
        attributes[name] = text = content.decode("ascii")
        if not text.isprintable():
            return None
        carried += 1
    if carried != len(attributes) or not attributes.keys() >= _NEEDED:
        return None
    return Event(attributes, value, kept(along) if along else ())


@remembered
def _carried(header: str) -> tuple[str, Rule | None] | None:
    """The attribute that a record's header carries, and its rule; None for a header that is none of ours.

    No name where the exact path must look.
    """
    if header == kafka.CONTENT_TYPE:
        return "datacontenttype", _is_media_type
    if not header.startswith(kafka.PREFIX):
        return (header, _beside) if travels(header) else None
    name = header.removeprefix(kafka.PREFIX)
    if not rules.is_name(name) or name == "datacontenttype":
        return "", None
    return name, _RULES.get(name)
