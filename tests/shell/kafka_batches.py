"""The log of a partition in the stand-in for a Kafka, and how it reads what comes."""

import struct
from collections import deque
from dataclasses import dataclass, field

from tests.kafka_batches import read

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


class Batch:
    """A batch of records, as it came."""

    def __init__(self, data: bytes) -> None:
        found = read(data)
        self.producer, self.epoch = found.producer
        self.first = found.sequence
        self.size = len(data)
        self.values = [record.value or b"" for record in found.records]
        self.span = (self.epoch, self.first, found.last)


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
