"""Records and batches of them, as Kafka's message format v2 (magic 2) lays them out.

    batch ── offset · length · epoch of leader · magic · CRC-32C ──► attributes · count · times · producer · records …
    record ── length · attributes · time · offset ──► key · value · headers       (numbers zigzagged, seven bits a byte)

Only what differs in a batch (length, offset) is made when it is put together; the rest of a record, its *body*, is made
once, when it comes.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

import google_crc32c

from tradewind.events.remembered import remembered
from tradewind.ports import Headers

_OUTER = struct.Struct(">qiibI")
"""Base offset, length of what follows it, leader epoch, magic, CRC."""
_INNER = struct.Struct(">hiqqqhii")
"""Attributes, last offset delta, first and last time, producer's id and epoch, first sequence, count of records."""
_AFTER_LENGTH = _OUTER.size - 12
OVERHEAD = _OUTER.size + _INNER.size
"""Bytes of a batch beside its records."""
AROUND = 8
"""Bytes of a record beside its body, at most, in a batch below 1 MiB: length 3, attributes 1, time 1, offset 3."""
NULL = b"\x01"
"""The length of what is not there: -1, zigzagged."""


class Identity(NamedTuple):
    """What Kafka knows a producer by; with the sequence of a batch it sees what it has stored already."""

    id: int
    epoch: int


def _varint(number: int) -> bytes:
    """A number of 0 or more, zigzagged."""
    number <<= 1
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


class _Varints(dict[int, bytes]):
    """Those of small numbers.  Looked up some twenty times for a record, so without a call for it."""

    def __missing__(self, number: int) -> bytes:
        return _varint(number)


varint = _Varints((number, _varint(number)) for number in range(4096)).__getitem__
"""A number of 0 or more, zigzagged."""


@remembered
def _name(name: str) -> bytes:
    text = name.encode()
    return varint(len(text)) + text


def body(key: bytes | None, value: bytes | None, headers: Headers) -> bytes:
    """A record without what its place in a batch decides."""
    parts = [NULL] if key is None else [varint(len(key)), key]
    parts += [NULL] if value is None else [varint(len(value)), value]
    parts.append(varint(len(headers)))
    for name, text in headers:
        parts += _name(name), varint(len(text)), text
    return b"".join(parts)


def batch(bodies: Sequence[bytes], identity: Identity, sequence: int, milliseconds: int) -> bytes:
    """A batch of these, in this order, all of one time (since the epoch)."""
    count = len(bodies)
    parts = [_INNER.pack(0, count - 1, milliseconds, milliseconds, identity.id, identity.epoch, sequence, count)]
    for offset, each in enumerate(bodies):
        place = varint(offset)
        parts += varint(len(each) + len(place) + 2), b"\0\0", place, each
    inner = b"".join(parts)
    return _OUTER.pack(0, _AFTER_LENGTH + len(inner), -1, 2, google_crc32c.value(inner)) + inner


def murmur2(data: bytes) -> int:
    """The hash by which Kafka's own clients choose a key's partition, as a number of 31 bits."""
    whole = len(data) & ~3
    mixed = 0x9747B28C ^ len(data)
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        word = word * 0x5BD1E995 & 0xFFFFFFFF
        word = (word ^ word >> 24) * 0x5BD1E995 & 0xFFFFFFFF
        mixed = mixed * 0x5BD1E995 & 0xFFFFFFFF ^ word
    if rest := data[whole:]:
        mixed = (mixed ^ int.from_bytes(rest, "little")) * 0x5BD1E995 & 0xFFFFFFFF
    mixed = (mixed ^ mixed >> 13) * 0x5BD1E995 & 0xFFFFFFFF
    return (mixed ^ mixed >> 15) & 0x7FFFFFFF
