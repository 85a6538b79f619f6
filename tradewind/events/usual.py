"""Binary HTTP to binary Kafka in one step, and from there to an Event, where nothing is unusual: nearly always.

    headers, body ──► record ──► what `kafka.write(http.read(headers, body))` answers, at a quarter of its price
                        └─ None: ask these two; they also say what is wrong
    a record      ──► event ───► what `kafka.read` answers, at a third of its price; None: ask it (`stored.py`)
    an event      ──► lines ───► what `http.write_binary` answers, without the hop count; None: ask it

So nothing is decided here that is not decided there; a property test holds the two equal.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tradewind.events import attributes as rules
from tradewind.events import http, kafka
from tradewind.events.model import HOPS, SPEC_VERSION, Event
from tradewind.events.remembered import remembered, remembered_together
from tradewind.events.travelling import kept, travels

_REQUIRED = frozenset(kafka.PREFIX + name for name in rules.REQUIRED)
_KEY = kafka.PREFIX + kafka.PARTITION_KEY
_VERSION = SPEC_VERSION.encode()
_TIME = re.compile(rules.USUAL_TIME.encode())

_NEEDED = frozenset(rules.REQUIRED)

_AS_IT_IS = bytes(sign for sign in range(0x21, 0x7F) if sign not in b'"%')
"""What the value of an attribute may hold in a header without percent-encoding."""


class Usual(NamedTuple):
    """A record in the making."""

    headers: Sequence[tuple[str, bytes]]
    value: bytes | None
    key: bytes | None


Rule = Callable[[bytes], object]
"""Whether a value is right; what is falsy is for the exact path."""

_RULES: Mapping[str, Rule] = {"specversion": _VERSION.__eq__, "time": _TIME.fullmatch}


@remembered
def _is_media_type(value: bytes) -> bool:
    is_family = value[: len(kafka.FAMILY)].lower() == kafka.FAMILY
    return not is_family and rules.is_media_type(value.decode("latin-1"))


def _beside(_: bytes) -> bool:
    """The rule of a field that travels beside the attributes: it is none of them."""
    return False


@remembered
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

    The caller has seen that values are printable ASCII without quotes and percent signs, stripped of white space; that
    Connection names no field, too.
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
    if len(by_name) != len(found) or not by_name.keys() >= _REQUIRED:
        return None
    if along:
        found += [(name, text.encode()) for name, text in kept(along)]
    return Usual(found, body or None, by_name.get(_KEY))


def event(headers: kafka.RecordHeaders, value: bytes | None) -> Event | None:
    """The event of a usual record."""
    shape = _shape(tuple([name for name, _ in headers]))
    if shape is None:
        return None
    contents = [headers[at][1] for at in shape.attributes]
    joined = b"".join(contents)
    if not joined.isascii() or not joined.decode("ascii").isprintable() or not all(contents):
        return None
    for at, rule in shape.ruled:
        if not rule(contents[at]):
            return None
    attributes = dict(zip(shape.names, [content.decode("ascii") for content in contents], strict=True))
    return Event(attributes, value, kept([headers[at] for at in shape.beside]) if shape.beside else ())


def lines(event: Event) -> bytes | None:
    """A usual event in binary mode, as the lines of its header fields: what `http.write_binary` says of it, without its
    hop count.  None for any other.  It is kept with the event, since all its Triggers send the same.
    """
    if event.lines is None:
        object.__setattr__(event, "lines", _lines(event))
    return event.lines


def _lines(event: Event) -> bytes | None:
    form = _form(tuple(event.attributes))
    text = form.text % event.attributes if form is not None else ""
    if form is None or not text.isascii():
        return None
    written = text.encode("ascii")
    if written.translate(None, _AS_IT_IS) != form.between:
        return None
    media_type = event.attributes.get("datacontenttype")
    if media_type is not None:
        if not _is_written_as_it_is(media_type):
            return None
        written += b"Content-Type: %b\r\n" % media_type.encode("ascii")
    for name, value in event.headers:
        if not travels(name) or not (value.isascii() and value.isprintable()):
            return None
        written += f"{name}: {value}\r\n".encode("ascii")
    return written


class Shape(NamedTuple):
    """What a record's header names say of it, by their positions."""

    attributes: Sequence[int]
    names: Sequence[str]
    """Of these attributes, in the same order."""
    ruled: Sequence[tuple[int, Rule]]
    """Attributes that have a rule of their own, by their places in `attributes`."""
    beside: Sequence[int]
    """Fields that travel beside them."""


@remembered_together
def _shape(headers: tuple[str, ...]) -> Shape | None:
    """None where the exact path must look."""
    found = [(at, *known) for at, header in enumerate(headers) if (known := _carried(header)) is not None]
    carried = [(at, name, rule) for at, name, rule in found if rule is not _beside]
    names = [name for _, name, _ in carried]
    if "" in names or len({*names}) != len(names) or not {*names} >= _NEEDED:
        return None
    return Shape(
        [at for at, _, _ in carried],
        names,
        [(place, rule) for place, (_, _, rule) in enumerate(carried) if rule is not None],
        [at for at, _, rule in found if rule is _beside],
    )


class Form(NamedTuple):
    """The header lines of events that have the same attributes: to be filled in by the name."""

    text: str
    between: bytes
    """All of it that no value may hold, in its order."""


@remembered_together
def _form(names: tuple[str, ...]) -> Form | None:
    written = [name for name in names if name not in (HOPS, "datacontenttype")]
    if not all(map(rules.is_name, written)):
        return None
    return Form("".join(f"{http.PREFIX}{name}: %({name})s\r\n" for name in written), b" \r\n" * len(written))


@remembered
def _is_written_as_it_is(media_type: str) -> bool:
    """Whether this is a Content-Type in binary mode, without a second look."""
    return media_type.isascii() and media_type.isprintable() and not media_type.lower().startswith(http.FAMILY)


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
