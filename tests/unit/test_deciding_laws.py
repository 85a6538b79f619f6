"""What cursors say of who decided, driven through the random schedules of the laws: it is never wrong.

Filters change, owners put the change in force at moments of their own, crash, and write late; whatever the topic then
says (`decided` up to `next`: this filter) some owner has really decided by that filter.
"""

import pytest

from tests.unit.test_cursor_laws import IDENTITY, TRIGGERS, Owner, World, violations
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.ownership import OwnedPartition

SCHEDULES = 600


class Deciding(World):
    """Filters that change, and by which each offset was really decided."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.filters = dict.fromkeys(TRIGGERS, "f0")
        """As they are in the manifests."""
        self.force: dict[int, dict[NamespacedName, str]] = {}
        """As each owner has them in force."""
        self.deciders: dict[tuple[NamespacedName, int], set[str]] = {}
        self.versions = 0
        self.claims = 0

    def adopt(self, partition: OwnedPartition) -> None:
        self.force[id(partition)] = dict(self.filters)
        for name in sorted(self.plan & partition.ledgers.keys()):
            partition.decide(name, self.filters[name])

    def decided(self, partition: OwnedPartition, name: NamespacedName, offset: int) -> None:
        self.deciders.setdefault((name, offset), set()).add(self.force[id(partition)][name])

    def take_over(self) -> None:
        super().take_over()
        self.adopt(self.owners[-1].partition)

    def pin(self, partition: OwnedPartition, name: NamespacedName) -> None:
        super().pin(partition, name)
        partition.decide(name, self.force.get(id(partition), self.filters)[name])

    def check(self, partition: OwnedPartition) -> None:
        view = self.view()
        for name in TRIGGERS:
            state = view.state(name, IDENTITY)
            if state is None or not state.record.filter:
                continue
            for offset in range(state.record.decided, min(state.next, self.end)):
                self.claims += 1
                by = self.deciders.get((name, offset), set())
                assert state.record.filter in by, f"{name}: {offset} by {state.record.filter}, and not by {by}"

    def read(self, owner: Owner) -> None:
        partition = owner.partition
        while partition.position < self.end and self.random.random() < 0.8:
            offset = partition.position
            for name in filter(partition.serves, self.plan):
                if offset in self.matches[name]:
                    partition.ledgers[name].match(offset, room=self.random.random() < 0.9)
                if partition.serves(name):
                    self.decided(partition, name, offset)
            partition.position += 1

    def catch_up(self, owner: Owner) -> None:
        partition = owner.partition
        for name in sorted(self.plan & partition.ledgers.keys()):
            ledger = partition.ledgers[name]
            if not ledger.attached:
                for offset in range(ledger.next, min(self.end, ledger.next + self.random.randint(0, 5))):
                    self.decided(partition, name, offset)
                    if offset in self.matches[name]:
                        partition.ledgers[name].match(offset, room=True)
                    ledger.advance(offset + 1)
                partition.try_attach(name)

    def step(self, owner: Owner) -> None:
        dice = self.random.random()
        if dice < 0.05:
            self.versions += 1
            self.filters[self.random.choice(TRIGGERS)] = f"f{self.random.randint(0, self.versions)}"
        elif dice < 0.15:
            self.adopt(owner.partition)
        else:
            super().step(owner)

    def replan(self) -> None:
        super().replan()
        for owner in self.owners:
            for name in self.plan & owner.partition.ledgers.keys():
                owner.partition.decide(name, self.force[id(owner.partition)][name])


def test_what_a_cursor_says_of_who_decided_is_so() -> None:
    claims = 0
    for seed in range(SCHEDULES):
        world = Deciding(seed)
        try:
            world.run()
        except AssertionError as wrong:
            pytest.fail(f"seed {seed}: {wrong}")
        claims += world.claims
    assert claims > SCHEDULES


class FromTheOldPlace(Deciding):
    """Breaks it: the shared reader's position does not count."""

    def adopt(self, partition: OwnedPartition) -> None:
        nexts = {name: ledger.next for name, ledger in partition.ledgers.items()}
        super().adopt(partition)
        for name, ledger in partition.ledgers.items():
            if ledger.decided > nexts[name]:
                ledger.decided = nexts[name]


class LaterInForce(Deciding):
    """Breaks it: the filter is in force before the cursor says so."""

    def adopt(self, partition: OwnedPartition) -> None:
        before = {name: (ledger.filter, ledger.decided) for name, ledger in partition.ledgers.items()}
        super().adopt(partition)
        for name, ledger in partition.ledgers.items():
            ledger.filter, ledger.decided = before[name]


@pytest.mark.parametrize("broken", [FromTheOldPlace, LaterInForce])
def test_each_part_of_it_is_needed(broken: type[World]) -> None:
    assert violations(broken, 200), f"{broken.__name__} was not noticed"
