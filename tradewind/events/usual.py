"""Binary HTTP to binary Kafka in one step, and from there to an Event, where nothing is unusual: nearly always.

    headers, body ──► record ──► what `kafka.write(http.read(headers, body))` answers, at a quarter of its price
                        └─ None: ask these two; they also say what is wrong
    a record      ──► event ───► what `kafka.read` answers, at half of its price; None: ask it (`stored.py`)
                        └─ lines: what `http.write_binary` answers, without the hop count; None: ask it

So nothing is decided here that is not decided there; property tests hold the two equal.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tradewind.events import attributes as rules
from tradewind.events import http, kafka
from tradewind.events.model import HOPS, SPEC_VERSION, Event, Headers
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


def _is_time(value: bytes) -> bool:
    return _TIME.fullmatch(value) is not None or rules.is_time(value.decode("latin-1"))


_RULES: Mapping[str, Rule] = {"specversion": _VERSION.__eq__, "time": _is_time}


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
    """The event of a usual record, and with it, where no value needs percent-encoding, its lines."""
    shape = _shape(tuple([name for name, _ in headers]))
    if shape is None:
        return None
    contents = [headers[at][1] for at in shape.attributes]
    if not all(contents):
        return None
    for at, rule in shape.ruled:
        if not rule(contents[at]):
            return None
    joined = b'"'.join(contents)
    if joined.translate(None, _AS_IT_IS) == shape.between:
        values, as_it_is = joined.decode("ascii").split('"'), True
    elif joined.isascii() and joined.decode("ascii").isprintable():
        values = [content.decode("ascii") for content in contents]
        others = [content for at, content in enumerate(contents) if at != shape.media_type]
        as_it_is = not b"".join(others).translate(None, _AS_IT_IS)
    else:
        return None
    beside = kept([headers[at] for at in shape.beside]) if shape.beside else ()
    found = Event(dict(zip(shape.names, values, strict=True)), value, beside)
    size = len(joined) - len(shape.between) + shape.letters + (len(value) if value else 0)
    lines = shape.form % tuple(contents) if as_it_is else None
    found.know(size, _with_fields(lines, beside) if lines and beside else lines)
    return found


def _with_fields(lines: bytes, beside: Headers) -> bytes | None:
    if not all(value.isascii() and value.isprintable() for _, value in beside):
        return None
    return lines + "".join([f"{name}: {value}\r\n" for name, value in beside]).encode()


class Shape(NamedTuple):
    """What a record's header names say of it, by their positions."""

    attributes: Sequence[int]
    names: Sequence[str]
    """Of these attributes, in the same order."""
    ruled: Sequence[tuple[int, Rule]]
    """Attributes that have a rule of their own, by their places in `attributes`."""
    beside: Sequence[int]
    """Fields that travel beside them."""
    letters: int
    """Of all the names together."""
    media_type: int | None
    """The place of `datacontenttype` in `attributes`."""
    form: bytes
    """The lines of the attributes in an HTTP message, to be filled in by their contents; none for the hop count."""
    between: bytes
    """What is left of the contents, joined by quotes, where all that a header may hold as it is is taken out."""


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
        len("".join(names)),
        names.index("datacontenttype") if "datacontenttype" in names else None,
        b"".join(map(_line, names)),
        b'"' * (len(names) - 1),
    )


def _line(name: str) -> bytes:
    if name == HOPS:
        return b"%.0b"  # takes its content, and writes none of it
    return b"Content-Type: %b\r\n" if name == "datacontenttype" else f"{http.PREFIX}{name}: %b\r\n".encode()


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
