"""The laws of DESIGN §5, driven through random schedules: whatever two owners, crashes, late writes and compactions do,
no matched offset is ever passed over."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from random import Random

import pytest

from tradewind.delivery.journey import Journey
from tradewind.ports import Bounds
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.cursors import PartitionId
from tradewind.trigger_dispatcher.ownership import Ground, OwnedPartition, Pending
from tradewind.trigger_dispatcher.takeover import start_of, take_over
from tradewind.trigger_dispatcher.view import View, Write, ledger_of

IDENTITY = PartitionId("topic-id", 0)
TRIGGERS = [NamespacedName("default", name) for name in ("a", "b", "c")]
STEPS = 90
SCHEDULES = 1500


class Owner:
    """One process that believes it owns the partition, with its flush in progress."""

    def __init__(self, partition: OwnedPartition, read: int) -> None:
        self.partition = partition
        self.read = read
        self.flush: Iterator[Pending] | None = None
        self.round = 0
        self.sound = True


class World:
    """The Broker's log, the cursors topic, the owners, and what was really delivered."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.end = 0
        self.matches: dict[NamespacedName, set[int]] = {name: set() for name in TRIGGERS}
        self.settled: dict[NamespacedName, set[int]] = {name: set() for name in TRIGGERS}
        self.topic: list[tuple[bytes, bytes | None] | None] = []
        self.late: list[tuple[bytes, bytes | None]] = []
        self.owners: list[Owner] = []
        self.plan = set(TRIGGERS)
        self.starts = dict.fromkeys(TRIGGERS, "")
        self.names = 0
        self.pinned: dict[NamespacedName, int] = {}
        """Where each Trigger began: nothing before it is owed."""
        self.again = 0
        """How often one that had been there began anew, at the earliest record, since its annotation asked for it."""

    # --- the world around the owners

    def grow(self) -> None:
        for _ in range(self.random.randint(1, 4)):
            for name in TRIGGERS:
                if self.random.random() < 0.5:
                    self.matches[name].add(self.end)
            self.end += 1

    def compact(self) -> None:
        last = {entry[0]: at for at, entry in enumerate(self.topic) if entry}
        for at, entry in enumerate(self.topic[:-1]):
            if entry and last[entry[0]] != at:
                self.topic[at] = None

    def arrive_late(self) -> None:
        if self.late:
            self.topic.append(self.late.pop(self.random.randrange(len(self.late))))

    def view(self) -> View:
        view = View()
        for at, entry in enumerate(self.topic):
            if entry:
                view.apply(entry[0], entry[1], at)
        return view

    def take_over(self) -> None:
        view, seen = self.view(), len(self.topic) - 1
        ground = Ground(IDENTITY, "topic", 1, Bounds(0, self.end), external=False)
        self.names += 1
        triggers = {name: self.starts[name] for name in self.plan}
        partition, _ = take_over(view, ground, triggers, owner=f"owner-{self.names}", seen=seen, now=0.0)
        for name in sorted(self.plan):
            if not partition.revive(name, now=0.0, start=self.starts[name]):
                self.pin(partition, name)
        self.check(partition)
        self.owners.append(Owner(partition, len(self.topic)))

    def pin(self, partition: OwnedPartition, name: NamespacedName) -> None:
        """As the shell does: what the topic says goes first; a pin is stored before anything else happens."""
        view, asked = self.view(), self.starts[name]
        kept = view.state(name, IDENTITY)
        if kept and name not in partition.ledgers:
            partition.ledgers[name] = ledger_of(kept)
        if not partition.revive(name, now=0.0, start=asked):
            ground = Ground(IDENTITY, "topic", 1, Bounds(0, self.end), external=False)
            start = start_of(view, ground, name, migrated=None, kept=kept, now=0.0, start=asked)
            self.pinned.setdefault(name, start.offset)
            self.again += kept is not None
            partition.pin(name, start.offset, earliest=start.earliest, since=0.0, start=asked)
            record = partition.cursor(name)
            self.topic.append((record.key, record.value))
        partition.try_attach(name)

    def check(self, partition: OwnedPartition) -> None:
        for name, ledger in partition.ledgers.items():
            passed = {o for o in self.matches[name] if self.pinned[name] <= o < partition.effective_next(name)}
            skipped = passed - self.settled[name] - set(ledger.owed)
            assert not skipped, f"{name} skipped {sorted(skipped)}"

    # --- what an owner does

    def step(self, owner: Owner) -> None:
        self.random.choice([self.read, self.catch_up, self.settle, self.fail, self.detach, self.follow, self.write])(
            owner
        )

    def read(self, owner: Owner) -> None:
        partition = owner.partition
        while partition.position < self.end and self.random.random() < 0.8:
            offset = partition.position
            for name in filter(partition.serves, self.plan):
                if offset in self.matches[name]:
                    partition.ledgers[name].match(offset, room=self.random.random() < 0.9)
            partition.position += 1

    def catch_up(self, owner: Owner) -> None:
        for name in self.plan & owner.partition.ledgers.keys():
            ledger = owner.partition.ledgers[name]
            if not ledger.attached:
                for offset in range(ledger.next, min(self.end, ledger.next + self.random.randint(0, 5))):
                    room = self.random.random() < 0.9
                    if offset in self.matches[name]:
                        owner.partition.ledgers[name].match(offset, room=room)
                        if not room:
                            break
                    ledger.advance(offset + 1)
                owner.partition.try_attach(name)

    def _some(self, owner: Owner) -> tuple[NamespacedName, int] | None:
        owed = [(name, o) for name, ledger in owner.partition.ledgers.items() for o in ledger.owed]
        return self.random.choice(owed) if owed else None

    def settle(self, owner: Owner) -> None:
        if chosen := self._some(owner):
            name, offset = chosen
            self.settled[name].add(offset)
            owner.partition.ledgers[name].settle(offset)

    def fail(self, owner: Owner) -> None:
        if chosen := self._some(owner):
            owner.partition.ledgers[chosen[0]].wait(chosen[1], Journey(attempts=1), 5.0)

    def detach(self, owner: Owner) -> None:
        for name in filter(owner.partition.serves, self.plan):
            if self.random.random() < 0.3:
                owner.partition.ledgers[name].detach(owner.partition.position)

    def follow(self, owner: Owner) -> None:
        view = View()
        for at in range(owner.read, len(self.topic)):
            entry = self.topic[at]
            write = view.apply(entry[0], entry[1], at) if entry else None
            if isinstance(write, Write):
                owner.partition.overwritten(write)
        owner.read = len(self.topic)

    def write(self, owner: Owner) -> None:
        """One step of a flush: the next round, or more of the writes of the current one."""
        partition = owner.partition
        if owner.flush is None:
            if not owner.sound:
                self.names += 1
                partition.renew(f"owner-{self.names}")
                owner.round, owner.sound = 0, True
            rounds: list[Callable[[], Iterable[Pending]]] = [
                partition.retries,
                partition.cursors,
                lambda: [pending] if (pending := partition.reader(now=0)) else [],
            ]
            owner.flush = iter(rounds[owner.round]())
            owner.round = (owner.round + 1) % 3
        wanted = self.random.choice([1, 2, len(TRIGGERS) + 1])
        part = [*islice(owner.flush, wanted)]
        if len(part) < wanted:
            owner.flush = None
        for pending in part:
            fate = self.random.random()
            if fate < 0.85:
                self.topic.append((pending.key, pending.value))
                partition.acknowledged(pending)
                continue
            if fate < 0.95:
                self.late.append((pending.key, pending.value))
            partition.failed(pending)
            owner.sound = False

    def run(self) -> None:
        self.take_over()
        for _ in range(STEPS):
            event = self.random.random()
            if event < 0.12:
                self.grow()
            elif event < 0.16:
                self.compact()
            elif event < 0.22:
                self.arrive_late()
            elif event < 0.27 and self.owners:
                self.owners.pop(self.random.randrange(len(self.owners)))
            elif event < 0.33 and len(self.owners) < 3:
                self.take_over()
            elif event < 0.36:
                self.replan()
            elif self.owners:
                self.step(self.random.choice(self.owners))
        self.take_over()

    def replan(self) -> None:
        name = self.random.choice(TRIGGERS)
        if name in self.plan:
            self.plan = self.plan - {name}
            for owner in self.owners:
                if name in owner.partition.ledgers:
                    owner.partition.retire(name, now=0.0)
            return
        self.plan = self.plan | {name}
        self.starts[name] = self.random.choice(["", "earliest"])
        for owner in self.owners:
            if owner.partition.revive(name, now=0.0, start=self.starts[name]):
                owner.partition.try_attach(name)
            else:
                self.pin(owner.partition, name)


def violations(world: type[World], schedules: int) -> list[int]:
    found = []
    for seed in range(schedules):
        try:
            world(seed).run()
        except AssertionError:
            found.append(seed)
    return found


def test_no_matched_offset_is_ever_skipped() -> None:
    again = 0
    for seed in range(SCHEDULES):
        world = World(seed)
        try:
            world.run()
        except AssertionError as skipped:
            pytest.fail(f"seed {seed}: {skipped}")
        again += world.again
    assert again > SCHEDULES / 10


class ReaderFirst(World):
    """Breaks the order of writes: the reader's record before the cursors it speaks for."""

    def write(self, owner: Owner) -> None:
        partition = owner.partition
        partition._frozen = partition.settled_position
        if pending := partition.reader(now=0):
            self.topic.append((pending.key, pending.value))
        super().write(owner)


class SeesAll(World):
    """Breaks `seen`: an owner's reader record speaks for whatever lies in the topic, late writes of others included."""

    def take_over(self) -> None:
        super().take_over()
        self.owners[-1].partition.seen = 10**9


class SilentDetach(World):
    """Breaks the word about detached Triggers: no cursor is written when the reader stops speaking for them."""

    def read(self, owner: Owner) -> None:
        super().read(owner)
        for ledger in owner.partition.ledgers.values():
            ledger.changed = ledger.changed and ledger.attached

    detach = read


class SameName(World):
    """Breaks the renewal of the name after a failed write."""

    def write(self, owner: Owner) -> None:
        owner.sound = True
        super().write(owner)


class Forgets(World):
    """Breaks a start anew: what a Trigger owed from there on is forgotten, and its waiting retries' records with it."""

    def pin(self, partition: OwnedPartition, name: NamespacedName) -> None:
        old = partition.ledgers.get(name)
        super().pin(partition, name)
        if old is not None and old is not partition.ledgers[name]:
            ledger = partition.ledgers[name]
            ledger.tombstones |= {offset: None for offset, entry in ledger.owed.items() if entry.marked}
            ledger.owed.clear()
            ledger.next = max(ledger.next, old.next)


@pytest.mark.parametrize("broken", [ReaderFirst, SeesAll, SilentDetach, SameName, Forgets])
def test_each_law_is_needed(broken: type[World]) -> None:
    assert violations(broken, 1000), f"{broken.__name__} was not noticed"
