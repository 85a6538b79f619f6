"""Whatever links, brokers and time do: what is told stored lies in the log, once, where it was told, and in order."""

from collections import Counter, deque
from functools import lru_cache
from random import Random

import pytest

from tests import kafka_batches
from tradewind.adapters.kafka_log.produce.partitions import REFUSED, Batch, Entry, Partition, Topic
from tradewind.adapters.kafka_log.produce.records import Identity, body

SCHEDULES = 700
STEPS = 150
PATIENCE = 10.0
HURRY = 4.0
LARGEST = 260
"""Bytes of a batch that the broker takes.  Each record alone is below it."""

COMMON = {
    "told 0",
    "told 10",
    "told 29",
    "told -1",
    "told -2",
    "told -3",
    "said 45",
    "said 46",
    "known already",
    "said too late",
}
"""What the schedules must bring about, each fifty times: else they prove nothing."""

UNKNOWN = -1
NOT_KNOWN = -3
"""Told of records that Kafka may have, as a verdict came for the repetition only."""
TROUBLE = ["lost", "lost", "not now", "unknown", "gone", "denied"]

GONE = sorted({45, 47, 59})
"""What the broker says when it has disowned an identity."""

read = lru_cache(1000)(kafka_batches.read)


def value(number: int, *, bad: bool, size: int) -> bytes:
    return (b"%d bad " if bad else b"%d ") % number + b"." * size


class Log:
    """A partition at its broker, as Kafka's ProducerStateManager has it since 2.5."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.states: dict[tuple[int, int], deque[tuple[int, int, int]]] = {}
        """Of each identity the last five batches: first and last sequence, offset."""
        self.disowned: dict[tuple[int, int], int] = {}

    def receive(self, data: bytes) -> tuple[int, int]:
        """Error and offset."""
        batch = read(data)
        values = [record.value or b"" for record in batch.records]
        if len(data) > LARGEST or any(b"bad" in each for each in values):
            return 10, -1
        if batch.producer in self.disowned:
            return self.disowned[batch.producer], -1
        state = self.states.setdefault(batch.producer, deque(maxlen=5))
        for first, last, offset in state:
            if (first, last) == (batch.sequence, batch.last):
                return 0, offset
        if state and batch.sequence != (state[-1][1] + 1) % 2**31:
            return 45, -1
        offset = len(self.values)
        state.append((batch.sequence, batch.last, offset))
        self.values += values
        return 0, offset

    def has(self, data: bytes) -> bool:
        return any((record.value or b"") in self.values for record in read(data).records)


Way = tuple[Partition[int], Batch[int], bytes]
"""A request on its way: one batch, and its bytes as they were sent."""


class World:
    """A topic and its two partitions, their logs, and all that is between them.  Records are numbers, as they came."""

    def __init__(self, seed: int) -> None:
        self.random = Random(f"{type(self).__name__} {seed}")
        self.fates = ["well"] * 3 + self.random.choices(TROUBLE, k=4)
        """Some of what may become of a request, so that schedules differ."""
        self.now = 0.0
        self.topic: Topic[int] = Topic("topic")
        self.logs = [Log(), Log()]
        self.identities = 0
        self.identity: Identity | None = None
        self.ways: list[Way] = []
        self.copies: list[tuple[int, bytes]] = []
        """Old requests that may yet arrive, by partition."""
        self.sent: dict[Batch[int], bytes] = {}
        """What each batch was when it was sent first."""
        self.values: list[bytes] = []
        self.ends: dict[int, tuple[int, int, int]] = {}
        """What was told of each record: partition, error, offset.  Late ones have the error -2."""
        self.seen: Counter[str] = Counter()

    # --- the producer, as its shell is

    def add(self) -> None:
        for _ in range(self.random.randint(1, 3)):
            number = len(self.values)
            self.values.append(value(number, bad=self.random.random() < 0.06, size=self.random.randint(0, 40)))
            entry = Entry(body(None, self.values[number], ()), self.now + PATIENCE, number)
            which = self.random.choice([0, 1, 1, None])
            self.topic.place(entry, self.random.choice([None, b"key"]) if which is None else None, which)

    def send(self, partition: Partition[int]) -> None:
        batch = partition.take(self.now, 1, self.identity)
        if batch is not None:
            assert self.sent.setdefault(batch, batch.data) == batch.data, "sent again, but not the same"
            self.ways.append((partition, batch, batch.data))
            self.topic.turn(partition)
        elif partition.pending and partition.lacks(self.identity):
            self.identities += 1
            self.identity = Identity(self.identities, 0) if self.random.random() < 0.8 else None

    def tell(self, way: Way, error: int | None, offset: int = -1) -> None:
        """What the link says of a request: an answer, or that there is none."""
        partition, batch, data = way
        if partition.batch is not batch:
            self.seen["said too late"] += 1
            return
        self.seen[f"said {error}"] += 1
        disowned = read(data).producer in self.logs[partition.number].disowned
        assert error != 45 or disowned, "a sequence is not the next one"
        entries, ended = partition.answered(batch, error, self.now + self.random.choice([0.0, 0.0, 0.5]))
        for step, entry in enumerate(entries):
            if ended is None:
                self.end(entry, partition.number, 0, -1 if offset < 0 else offset + batch.told + step)
            else:
                self.end(entry, partition.number, ended or NOT_KNOWN, -1)

    def end(self, entry: Entry[int], partition: int, error: int, offset: int) -> None:
        number = entry.told
        assert number not in self.ends, f"{number} ends twice"
        self.ends[number] = partition, error, offset
        if error == 0:
            values = self.logs[partition].values
            assert self.values[number] in values, f"{number} is told stored and is not"
            assert offset < 0 or values[offset] == self.values[number], f"{number} lies elsewhere"
        if error in REFUSED:
            assert error == 29 or b"bad" in self.values[number], f"{number} is refused for another"
        self.seen[f"told {error}"] += 1

    # --- what happens to it

    def arrive(self, partition: int, data: bytes) -> tuple[int, int]:
        before = len(self.logs[partition].values)
        error, offset = self.logs[partition].receive(data)
        if error == 0 and len(self.logs[partition].values) == before:
            self.seen["known already"] += 1
        return error, offset

    def settle(self) -> None:
        """The end of a request."""
        if not self.ways:
            return
        way = self.ways.pop(self.random.randrange(len(self.ways)))
        partition, _, data = way
        number, log = partition.number, self.logs[partition.number]
        fate = self.random.choice(self.fates)
        if fate == "well":
            error, offset = self.arrive(number, data)
            old = error == 0 and self.random.random() < 0.1
            self.tell(way, *((46, -1) if old else (error, offset)))
        elif fate in ("not now", "unknown"):
            if self.random.random() < 0.5:
                self.arrive(number, data)
            self.tell(way, UNKNOWN if fate == "unknown" else self.random.choice([3, 6, 7, 19, 20]))
        elif fate == "gone" and not log.has(data):
            log.disowned[read(data).producer] = self.random.choice(GONE)
            self.tell(way, *self.arrive(number, data))
        elif fate == "denied":  # a verdict of a moment
            self.tell(way, 29)
        else:
            when = self.random.random()
            if when < 0.4:
                self.arrive(number, data)
            elif when < 0.8:
                self.copies.append((number, data))
            self.tell(way, None)

    def arrive_late(self) -> None:
        if self.copies:
            self.arrive(*self.copies.pop(self.random.randrange(len(self.copies))))

    def forget(self) -> None:
        """Kafka forgets an identity after a day without a word of it: nothing of it is on its way any more."""
        for partition, log in zip(self.topic.partitions, self.logs, strict=False):
            on_way = {read(data).producer for _, _, data in self.ways} | {
                read(data).producer for _, data in self.copies
            }
            if partition.batch is not None:
                on_way.add(read(partition.batch.data).producer)
            for each in [each for each in log.states if each not in on_way]:
                del log.states[each]

    def tick(self) -> None:
        self.now += self.random.choice([0.1, 1.0, 1.0, 3.0])
        for entry in self.topic.expire(self.now, HURRY):
            self.end(entry, -1, -2, -1)
        for partition in self.topic.partitions:
            for entry in partition.expire(self.now, HURRY):
                self.end(entry, partition.number, -2, -1)

    def lead(self) -> None:
        """Of a topic that is there, partitions are added and change their leaders."""
        count = max(len(self.topic.partitions), self.random.randint(1, 2))
        self.topic.lead([self.random.choice([-1, 0, 1]) for _ in range(count)])

    def step(self) -> None:
        partitions = self.topic.partitions
        what = self.random.random()
        if what < 0.16:
            self.add()
        elif what < 0.20:
            self.lead()
        elif what < 0.26:
            self.tick()
        elif what < 0.31:
            self.arrive_late()
        elif what < 0.34:
            self.forget()
        elif what < 0.68 and partitions:
            self.send(self.random.choice(partitions))
        else:
            self.settle()

    def run(self) -> None:
        for _ in range(STEPS):
            self.step()
        self.let_all_pass()
        self.check()
        while self.copies:
            self.arrive_late()
        self.check()

    def let_all_pass(self) -> None:
        self.topic.lead([0, 1])
        for _ in range(4 * len(self.values) + 40):
            if not self.ways and all(partition.idle for partition in self.topic.partitions):
                break
            self.now += 1.0
            for partition in self.topic.partitions:
                self.send(partition)
            while self.ways:
                way = self.ways.pop()
                self.tell(way, *self.arrive(way[0].number, way[2]))
        assert self.topic.idle
        assert all(partition.idle for partition in self.topic.partitions), "something is left over"

    def check(self) -> None:
        assert sorted(self.ends) == list(range(len(self.values))), "each record has its end"
        for number, log in enumerate(self.logs):
            assert len(set(log.values)) == len(log.values), "a record lies in the log twice"
            place = {each: at for at, each in enumerate(log.values)}
            stored = [told for told, (where, error, _) in sorted(self.ends.items()) if (where, error) == (number, 0)]
            order = [place[self.values[told]] for told in stored]
            assert order == sorted(order), "records lie in another order than they came in"


class Wrapping(World):
    """Sequences come to their highest number and go on from 0."""

    def send(self, partition: Partition[int]) -> None:
        if partition._identity is None and self.identity is not None and not partition.lacks(self.identity):
            partition._identity, partition._sequence = self.identity, 2**31 - 4
        super().send(partition)


@pytest.mark.parametrize("kind", [World, Wrapping])
def test_what_is_told_stored_is_stored_once_and_in_order(kind: type[World]) -> None:
    seen: Counter[str] = Counter()
    for seed in range(SCHEDULES):
        world = kind(seed)
        try:
            world.run()
        except AssertionError as broken:
            pytest.fail(f"seed {seed}: {broken}")
        seen += world.seen
    for what in COMMON:
        assert seen[what] >= 50, f"{what}: only {seen[what]} times"
