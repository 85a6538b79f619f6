"""The log of a partition in the stand-in for a Kafka, and how it reads what comes."""

import struct
from collections import deque
from dataclasses import dataclass, field

import google_crc32c

OUT_OF_ORDER, OLD_EPOCH = 45, 47


class Reader:
    """Reads a request."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, form: str) -> tuple[int, ...]:
        """Numbers."""
        found = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return found

    def some(self, size: int) -> bytes:
        """So many bytes; none where they are -1."""
        self.at += max(0, size)
        return self.data[self.at - max(0, size) : self.at]

    def text(self) -> str:
        """A text."""
        return self.some(*self.take(">h")).decode()

    def varint(self) -> int:
        """A zigzagged number."""
        found = shift = 0
        while True:
            (byte,) = self.take("B")
            found |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return found >> 1 ^ -(found & 1)


class Batch:
    """A batch of records, as it came."""

    def __init__(self, data: bytes) -> None:
        reader = Reader(data)
        _, length, _, magic, crc = reader.take(">qiibI")
        assert (length, magic, crc) == (len(data) - 12, 2, google_crc32c.value(data[21:]))
        _, last, _, _, self.producer, self.epoch, self.first, count = reader.take(">hiqqqhii")
        assert last == count - 1
        self.size = len(data)
        self.values: list[bytes] = []
        for offset in range(count):
            end = reader.varint() + reader.at
            assert (*reader.take("b"), reader.varint(), reader.varint()) == (0, 0, offset)
            reader.some(reader.varint())
            self.values.append(reader.some(reader.varint()))
            reader.at = end
        self.span = (self.epoch, self.first, (self.first + count - 1) % (1 << 31))


@dataclass(slots=True)
class Partition:
    """A partition's log."""

    leader: int
    values: list[bytes] = field(default_factory=list)
    producers: dict[int, deque[tuple[tuple[int, int, int], int]]] = field(default_factory=dict)
    """Of each producer, its last batches and their offsets."""

    def store(self, batch: Batch) -> tuple[int, int]:
        """Answers with an error and an offset.  A producer that is not known may begin anywhere, as with Kafka."""
        known = self.producers.setdefault(batch.producer, deque(maxlen=5))
        if offsets := [offset for span, offset in known if span == batch.span]:
            return 0, offsets[0]
        if known:
            epoch, _, last = known[-1][0]
            if batch.epoch < epoch:
                return OLD_EPOCH, -1
            if batch.first != ((last + 1) % (1 << 31) if batch.epoch == epoch else 0):
                return OUT_OF_ORDER, -1
        known.append((batch.span, len(self.values)))
        self.values += batch.values
        return 0, known[-1][1]
