"""The laws of `sources/positions.py`, driven through random schedules: whatever owners at once, crashes, late writes
and compactions do, no input is skipped; and once one owner is left alone, the topic says what he says.
"""

from random import Random

import msgspec
import pytest

from tradewind.resources.model import NamespacedName
from tradewind.sources.positions import (
    AGAIN,
    Claim,
    Outbox,
    PositionRecord,
    SourceKey,
    View,
    encode,
    position_key,
)
from tradewind.sources.window import Ticket, Window

SOURCE = SourceKey("PingSource", NamespacedName("default", "a"))
KEY = position_key(SOURCE)
STEPS = 120
SCHEDULES = 1500


class Owner:
    """A process that believes the source is its own."""

    def __init__(self, view: View, claim: Claim, read: int) -> None:
        self.view = view
        self.claim = claim
        self.read = read
        start = view.position(SOURCE, "")
        self.position = start
        self.given = start if isinstance(start, int) else 0
        self.window = Window(8, 8, start)
        self.flights: list[tuple[int, Ticket]] = []
        self.outbox = Outbox()

    @property
    def record(self) -> bytes:
        return encode(PositionRecord(self.claim.term, self.claim.owner, self.window.position))


class World:
    """The topic, the owners, and what was really settled.  Input n has the position n + 1 behind it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.topic: list[bytes | None] = []
        """Values of the one key; None where compaction took one."""
        self.late: list[bytes] = []
        self.owners: list[Owner] = []
        self.settled: set[int] = set()
        self.claims = 0
        self.clock = 0.0

    def compact(self) -> None:
        self.topic[:-1] = [None] * len(self.topic[:-1])

    def arrive_late(self) -> None:
        if self.late:
            self.topic.append(self.late.pop(self.random.randrange(len(self.late))))

    def take_over(self) -> None:
        view = View()
        for value in self.topic:
            if value is not None:
                view.apply(KEY, value)
        self.claims += 1
        lying = [msgspec.json.decode(value, type=PositionRecord).claim for value in self.topic if value is not None]
        owner = Owner(view, Claim(view.next_term(SOURCE), f"slot:{self.random.random()}"), len(self.topic))
        skipped = set(range(owner.given)) - self.settled
        assert not skipped, f"skipped {sorted(skipped)}"
        assert all(owner.claim > claim for claim in lying), "law 2"
        self.topic.append(owner.record)  # the claim
        self.owners.append(owner)

    def crash(self) -> None:
        if self.owners:
            self.owners.pop(self.random.randrange(len(self.owners)))

    def give(self, owner: Owner) -> None:
        if not owner.window.full:
            owner.flights.append((owner.given, owner.window.open(1, owner.given + 1)))
            owner.given += 1

    def settle(self, owner: Owner) -> None:
        if owner.flights:
            number, ticket = owner.flights.pop(self.random.randrange(len(owner.flights)))
            self.settled.add(number)
            owner.window.settle(ticket)

    def write(self, owner: Owner) -> None:
        """What is written may lie there at once, or late, told of or not; or it is lost."""
        for key, value in owner.outbox.due({KEY: owner.record}, owner.view.lies, now=self.clock):
            assert value is not None
            match self.random.randrange(4):
                case 0:
                    self.late.append(value)
                    owner.outbox.failed(key)
                case 1:
                    self.late.append(value)
                case 2:
                    owner.outbox.failed(key)
                case _:
                    self.topic.append(value)

    def follow(self, owner: Owner) -> None:
        while owner.read < len(self.topic):
            value = self.topic[owner.read]
            owner.read += 1
            if value is not None:
                owner.view.apply(KEY, value)
        if owner.view.superseded(SOURCE, owner.claim):
            self.owners.remove(owner)

    def step(self) -> None:
        self.clock += self.random.choice([0.1, 1.0])
        around = [self.compact, self.arrive_late, self.take_over, self.crash]
        if not self.owners or self.random.random() < 0.2:
            self.random.choice(around)()
        else:
            act = self.random.choice([self.give, self.settle, self.settle, self.write, self.follow])
            act(self.random.choice(self.owners))

    def quiet_down(self) -> None:
        """Nothing new happens: what is late arrives, and whoever is there reads and writes until all is said."""
        while self.late:
            self.arrive_late()
        for _ in range(4):
            self.clock += AGAIN
            for owner in list(self.owners):
                self.follow(owner)
            for owner in self.owners:
                self.topic += [
                    value for _, value in owner.outbox.due({KEY: owner.record}, owner.view.lies, now=self.clock)
                ]


@pytest.mark.parametrize("start", range(0, SCHEDULES, 300))
def test_no_input_is_skipped_and_one_owner_has_the_last_word(start: int) -> None:
    rivals = overtaken = 0
    for seed in range(start, start + 300):
        world = World(seed)
        for _ in range(STEPS):
            world.step()
        rivals += len(world.owners) > 1
        overtaken += bool(world.late)
        world.quiet_down()
        if not world.owners:  # that of the greatest claim is gone
            world.take_over()
            world.quiet_down()
        (last,) = world.owners
        world.compact()
        assert world.topic[-1] == last.record
        world.take_over()
        assert world.owners[-1].given == (last.window.position or 0)
    assert min(rivals, overtaken) > 50, "the schedules test something"
