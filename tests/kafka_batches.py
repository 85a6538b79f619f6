"""Reads a batch of records as Kafka's documentation of the message format lays it out: an independent witness, in which
nothing is shared with what writes them.  https://kafka.apache.org/documentation/#recordbatch"""

from typing import NamedTuple


def _table(polynomial: int) -> list[int]:
    found = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (polynomial if number & 1 else 0)
        found.append(number)
    return found


_CASTAGNOLI = _table(0x82F63B78)


def crc32c(data: bytes) -> int:
    """CRC-32C (RFC 3720, B.4)."""
    remainder = 0xFFFFFFFF
    for byte in data:
        remainder = remainder >> 8 ^ _CASTAGNOLI[(remainder ^ byte) & 0xFF]
    return remainder ^ 0xFFFFFFFF


class Record(NamedTuple):
    """A record, as it lies in a batch."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Read(NamedTuple):
    """What lies in a batch that holds together."""

    producer: tuple[int, int]
    sequence: int
    times: tuple[int, int]
    records: list[Record]

    @property
    def last(self) -> int:
        """The sequence of the last record: after the highest number comes 0."""
        return (self.sequence + len(self.records) - 1) % 2**31


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        assert 0 <= size <= len(self.data) - self.at, f"{size} bytes at {self.at} of {len(self.data)}"
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big", signed=True)

    def varint(self) -> int:
        found = shift = 0
        more = True
        while more:
            byte = self.take(1)[0]
            found |= (byte & 0x7F) << shift
            shift += 7
            more = byte >= 0x80
        assert shift == 7 or byte, "a varint is no longer than it must be"
        return -(found + 1 >> 1) if found & 1 else found >> 1

    def sized(self) -> bytes | None:
        size = self.varint()
        return None if size == -1 else self.take(size)

    def some(self) -> bytes:
        found = self.sized()
        assert found is not None
        return found

    def end(self) -> None:
        assert self.at == len(self.data), f"{len(self.data) - self.at} bytes too many"


def _record(data: bytes, offset: int) -> Record:
    cursor = _Cursor(data)
    assert cursor.number(1) == 0, "attributes of a record"
    assert cursor.varint() == 0, "time of a record"
    assert cursor.varint() == offset, "offset of a record"
    key, value = cursor.sized(), cursor.sized()
    headers = [(cursor.some().decode(), cursor.some()) for _ in range(cursor.varint())]
    cursor.end()
    return Record(key, value, headers)


def read(data: bytes) -> Read:
    """One batch, nothing before it and nothing after it."""
    cursor = _Cursor(data)
    assert cursor.number(8) == 0, "base offset: the broker's to say"
    assert cursor.number(4) == len(data) - 12, "length"
    assert cursor.number(4) == -1, "partition leader epoch: the broker's to say"
    assert cursor.number(1) == 2, "magic"
    assert cursor.number(4) % 2**32 == crc32c(data[cursor.at :]), "CRC"
    assert cursor.number(2) == 0, "attributes: not compressed, created by us, no transaction, no control batch"
    last = cursor.number(4)
    times = cursor.number(8), cursor.number(8)
    producer = cursor.number(8), cursor.number(2)
    sequence, count = cursor.number(4), cursor.number(4)
    assert count == last + 1 > 0, "last offset delta"
    records = [_record(cursor.some(), offset) for offset in range(count)]
    cursor.end()
    return Read(producer, sequence, times, records)
