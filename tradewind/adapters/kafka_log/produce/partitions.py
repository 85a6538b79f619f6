"""What is on its way to a partition, so that Kafka stores each record once and in order.

    pending ──take──► batch, flying ──stored──► done
       ▲                 │  │  │
       │                 │  │  └─ retry: not answered, or not now ──► the same batch, the same sequence, again
       └── smaller ◄─────┤  └──── expire: given up; whether Kafka has it is not known
           or renewed    └─────── refused: done, unless it may be one record's verdict only

One batch at most is on its way, so whatever Kafka says is about the next sequence.  Kafka knows a batch it has already
by identity and sequence (KIP-98), so the same one may be sent as often as need be.  A sequence serves another batch
only where Kafka has certainly not stored the first one: else it would take the second for the first, acknowledge it
and drop it.  Where that is not certain, the identity is spent: the partition goes on under another one, from 0.
"""

from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

from tradewind.adapters.kafka_log.produce import records, requests
from tradewind.adapters.kafka_log.produce.records import Identity

UNKNOWN_TOPIC = 3
WELL = frozenset({0, 46})
"""Stored; with 46 some time ago, so that Kafka does not know the offset any more and says -1."""

NOT_NOW = frozenset({2, UNKNOWN_TOPIC, 5, 6, 7, 8, 9, 13, 19, 20, 56, 74, 75, 89})
"""Kafka's retriable errors: the same batch may be stored later, or is stored and not acknowledged."""

OUT_OF_STEP = frozenset({45, 47, 49, 59, 90})
"""Kafka does not know this identity, or not at this sequence.  The batch is not stored."""

OF_ONE = frozenset({10, 18, 32, 87})
"""Verdicts on a batch that may be for one of its records: too large, a wrong time, no key in a compacted topic."""

REFUSED = OF_ONE | {17, 21, 29, 31, 42, 43, 44, 76}
"""Verdicts on a request before anything of it is stored.  Of any other error it is not known what Kafka has done."""

BATCH_BYTES = 1_000_000
"""Of a batch of more than one record: below Kafka's default for a topic (1,048,588)."""

SEQUENCES = 1 << 31
MANY = 1 << 30

T = TypeVar("T")


class Entry(Generic[T]):
    """A record on its way: its bytes, when it is too late for it, and whom to tell."""

    __slots__ = ("body", "due", "told")

    def __init__(self, body: bytes, due: float, told: T) -> None:
        self.body = body
        self.due = due
        self.told = told


class Batch(Generic[T]):
    """Records that go together.

    `flying` while a request that holds it is not answered; `doubtful` once it was sent and not acknowledged: Kafka may
    have it, or may come to have it.  The first `told` of its records have their end already: it was too late for them.
    """

    __slots__ = ("data", "doubtful", "entries", "flying", "told")

    def __init__(self, entries: Sequence[Entry[T]], data: bytes) -> None:
        self.entries = entries
        self.data = data
        self.flying = True
        self.doubtful = False
        self.told = 0

    @property
    def left(self) -> Sequence[Entry[T]]:
        """Those that wait for their end."""
        return self.entries[self.told :] if self.told else self.entries

    def expire(self, late: float) -> Sequence[Entry[T]]:
        """Those for which it is too late by now."""
        before = self.told
        while self.told < len(self.entries) and self.entries[self.told].due <= late:
            self.told += 1
        return self.entries[before : self.told]


Ended = tuple[Sequence[Entry[T]], int | None]
"""Records that have their end: None, they are stored, or Kafka said why not; 0 where it is not known what it did."""


class Partition(Generic[T]):
    """A partition and what is on its way to it."""

    def __init__(self, topic: "Topic[T]", number: int) -> None:
        self.topic = topic
        self.number = number
        self.leader = -1
        """The node to send to; none has -1."""
        self.pending: deque[Entry[T]] = deque()
        self.batch: Batch[T] | None = None
        self.error = 0
        """What Kafka said last, where that kept a batch from being stored."""
        self.again = 0.0
        """When the batch may be sent once more."""
        self._identity: Identity | None = None
        self._spent: Identity | None = None
        self._sequence = 0
        self._most = MANY
        """Records of a batch: few after a verdict that may be one record's only."""

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way."""
        return not self.pending and self.batch is None

    def lacks(self, identity: Identity | None) -> bool:
        """Whether it has no identity and this one will not do."""
        return self._identity is None and (identity is None or identity == self._spent)

    def take(self, now: float, milliseconds: int, identity: Identity | None) -> Batch[T] | None:
        """What to send now, if anything; a new batch has the time `milliseconds` since the epoch."""
        if self.batch is not None:
            if self.batch.flying or now < self.again:
                return None
            self.batch.flying = True
            return self.batch
        if not self.pending:
            return None
        if self._identity is None:
            if identity is None or self.lacks(identity):
                return None
            self._identity, self._sequence = identity, 0
        entries = self._next()
        bodies = [entry.body for entry in entries]
        self.batch = Batch(entries, records.batch(bodies, self._identity, self._sequence, milliseconds))
        return self.batch

    def _next(self) -> list[Entry[T]]:
        pending, entries = self.pending, [self.pending.popleft()]
        size = records.OVERHEAD + records.AROUND + len(entries[0].body)
        while pending and len(entries) < self._most:
            size += records.AROUND + len(pending[0].body)
            if size > BATCH_BYTES:
                break
            entries.append(pending.popleft())
        return entries

    def answered(self, batch: Batch[T], error: int | None, again: float) -> Ended[T]:
        """What follows from what Kafka says of a batch, which is an error's code, or None where it says nothing.

        What is to be tried again is so after the moment `again`.
        """
        if error in WELL:
            self.stored(batch)
            return batch.left, None
        if error is None or error in NOT_NOW:
            self.retry(batch, again, error or 0)
            return (), None
        return self.refused(batch, error), 0 if batch.doubtful else error

    def stored(self, batch: Batch[T]) -> None:
        """Kafka has it."""
        self._sequence = (self._sequence + len(batch.entries)) % SEQUENCES
        self._most = min(self._most + max(1, self._most // 8), MANY)  # slowly: a topic may take no more for good
        self.error = 0
        self.batch = None

    def retry(self, batch: Batch[T], again: float, error: int = 0) -> None:
        """Kafka did not answer, or not now: the same once more, not before `again`."""
        batch.flying, batch.doubtful = False, True
        self.again, self.error = again, error

    def refused(self, batch: Batch[T], error: int) -> Sequence[Entry[T]]:
        """Kafka will not store it.  Answers with the records that end with this; all others are pending again.

        Of a doubtful batch that is no verdict: what came before may be stored.  Whoever waits is told that it is not
        known, and nothing is sent again, under whatever identity.
        """
        self.batch = None
        if error not in REFUSED or batch.doubtful:
            self._spend()
        if not batch.doubtful and error in OF_ONE and len(batch.entries) > 1:
            self._most = len(batch.entries) // 2
        elif batch.doubtful or error not in OUT_OF_STEP:
            return batch.left
        self.pending.extendleft(reversed(batch.left))
        return ()

    def expire(self, now: float, hurry: float) -> Sequence[Entry[T]]:
        """Records for which it is too late; of a topic that is not there, by `hurry` seconds earlier.

        A batch is given up with the last of its records.
        """
        late = now + hurry if self.error == UNKNOWN_TOPIC else now
        over: list[Entry[T]] = []
        if self.batch is not None:
            over += self.batch.expire(late)
            if not self.batch.left:
                self.batch = None
                self._spend()
        return over + _over(self.pending, late)

    def _spend(self) -> None:
        self._spent, self._identity = self._identity, None


Waiting = tuple[Entry[T], bytes | None, int | None]
"""A record whose partition is not known yet, its key, and its partition where that was asked for."""


class Topic(Generic[T]):
    """A topic's partitions, as far as they are known, and which of them a record goes to."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = requests.text(name)
        """Its name as it stands in requests and answers."""
        self.partitions: list[Partition[T]] = []
        self.error: int | None = None
        """What Kafka says of it; 0 is well, None where it has not been asked yet."""
        self._waiting: deque[Waiting[T]] = deque()
        self._turn = 0

    @property
    def idle(self) -> bool:
        """Whether no record waits to know its partition."""
        return not self._waiting

    @property
    def gone(self) -> bool:
        """Whether it is not there, and nobody waits for it."""
        return self.error == UNKNOWN_TOPIC and self.idle and all(each.idle for each in self.partitions)

    def place(self, entry: Entry[T], key: bytes | None, number: int | None) -> Partition[T] | None:
        """Put a record on its way to its partition, which is None where it is not known yet."""
        partition = self._choose(key, number)
        if partition is None:
            self._waiting.append((entry, key, number))
        else:
            partition.pending.append(entry)
        return partition

    def _choose(self, key: bytes | None, number: int | None) -> Partition[T] | None:
        partitions = self.partitions
        if number is not None:
            return partitions[number] if number < len(partitions) else None
        if not partitions:
            return None
        return partitions[self._turn if key is None else records.murmur2(key) % len(partitions)]

    def lead(self, leaders: Sequence[int]) -> bool:
        """It is there, and these lead its partitions.  What waited for that goes on its way.

        Whether partitions are gone: it was made anew with fewer.  What is on its way to them is left to its end.
        """
        self.error = 0
        gone = self.partitions[len(leaders) :]
        del self.partitions[len(leaders) :]
        self._turn = self._turn if self._turn < len(leaders) else 0
        for partition in gone:
            partition.leader = -1
        for number in range(len(self.partitions), len(leaders)):
            self.partitions.append(Partition(self, number))
        for partition, leader in zip(self.partitions, leaders, strict=False):
            partition.leader = leader
        if self.partitions and self.partitions[self._turn].leader < 0:
            self._next()  # else records without a key would go where nothing is ever sent, which alone ends a turn
        waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            its = self._choose(*each[1:])
            if its is None:
                self._waiting.append(each)
            else:
                its.pending.append(each[0])
        return bool(gone)

    def turn(self, sent: Partition[T]) -> None:
        """A batch of this partition is sent, or cannot be: records without a key go to the next that can be sent to."""
        if sent.number == self._turn and len(self.partitions) > 1:
            self._next()

    def free(self, stored: Partition[T]) -> None:
        """Nothing is on its way to this partition: the turn is its, where the one whose turn it is is held up."""
        if stored.number < len(self.partitions) and not self.partitions[self._turn].idle:
            self._turn = stored.number

    def _next(self) -> None:
        """The turn of the next partition that can be sent to: now, or else later, or else any."""
        order = self.partitions[self._turn + 1 :] + self.partitions[: self._turn + 1]
        led = [other for other in order if other.leader >= 0]
        free = (other for other in led if other.idle)
        self._turn = next(free, [*led, *order][0]).number

    def expire(self, now: float, hurry: float) -> Sequence[Entry[T]]:
        """Records that waited too long for their partition.

        Where Kafka says that the topic or the partition is not there, by `hurry` seconds earlier; at once where it will
        never say anything else.
        """
        if self.error and self.error not in NOT_NOW:
            over, self._waiting = [entry for entry, _, _ in self._waiting], deque()
            return over
        late = now + hurry if self.error in (0, UNKNOWN_TOPIC) else now
        over = [entry for entry, _, _ in self._waiting if entry.due <= late]
        self._waiting = deque(each for each in self._waiting if each[0].due > late)
        return over


def _over(pending: deque[Entry[T]], late: float) -> list[Entry[T]]:
    over = []
    while pending and pending[0].due <= late:
        over.append(pending.popleft())
    return over
