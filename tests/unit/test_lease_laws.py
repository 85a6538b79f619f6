"""Never two lead: several candidates through thousands of schedules.

Calls come late, are lost on their way there or back, or arrive long after they were given up; wall clocks are set to
anything; monotonic clocks differ in pace; processes are stopped and go on, are killed and start anew under their name
or another; people delete the Lease, write beside its spec, or tear it.
"""

import copy
import heapq
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from tradewind.api_server import Object
from tradewind.control.lease import Candidate, Create, Replace, Terms
from tradewind.errors import ApiConflict
from tradewind.resources.model import NamespacedName

NAME = NamespacedName("tradewind-system", "tradewind-controller")
USUAL = Terms()
TIGHT = Terms(renew_deadline=12.5, call=8.0, grace=0.1)
"""With hardly more room than clocks that differ in pace by 8 % each way need: what is off by a little shows."""
TROUBLE = 240.0
"""Seconds of a schedule in which things go wrong."""
QUIET = 60.0
"""Seconds after that in which somebody must come to lead."""
SCHEDULES = 100
TORN: tuple[object, ...] = (None, {}, "torn", {"holderIdentity": 7, "renewTime": "soon"}, {"leaseDurationSeconds": "x"})


class Server:
    """The Lease as an API server keeps it."""

    def __init__(self) -> None:
        self.lease: Object | None = None
        self.versions = 0

    def store(self, lease: Object) -> Object:
        if lease == self.lease:
            return copy.deepcopy(lease)  # what changes nothing moves no version
        self.versions += 1
        self.lease = copy.deepcopy(lease)
        self.lease["metadata"]["resourceVersion"] = str(self.versions)
        return copy.deepcopy(self.lease)

    def get(self) -> Object | None:
        return copy.deepcopy(self.lease)

    def create(self, lease: Object) -> Object:
        if self.lease is not None:
            raise ApiConflict("it is there")
        return self.store({**lease, "metadata": {**lease["metadata"], "uid": f"uid {self.versions}"}})

    def replace(self, lease: Object) -> Object | None:
        if self.lease is None:
            return None
        known, found = lease["metadata"], self.lease["metadata"]
        if (known["uid"], known["resourceVersion"]) != (found["uid"], found["resourceVersion"]):
            raise ApiConflict("it has another version")
        return self.store(lease)


class Process:
    """What the shell does, one event at a time: a look every `retry` seconds, each call given up after `call`."""

    def __init__(self, world: "World", identity: str) -> None:
        self.world = world
        self.candidate = Candidate(NAME, identity, world.terms)
        random = world.random
        self.offset, self.pace = random.uniform(0, 1e6), random.uniform(0.92, 1.08)
        self.set_by = random.uniform(-1e6, 1e6)
        self.alive = True
        self.stopped_until = 0.0
        self.call = 0
        self.releases = 2
        world.at(random.uniform(0, 5), self.run(self.look))

    def clock(self) -> float:
        return self.offset + self.pace * self.world.now

    def wall(self) -> float:
        """Set to anything now and then; it may stand still as well."""
        if self.world.trouble and self.world.random.random() < 0.2:
            self.set_by = self.world.random.uniform(-1e6, 1e6)
        return 1.7e9 + self.set_by + self.world.random.choice((0.0, self.world.now))

    @property
    def believes(self) -> bool:
        """Whether any of its work may run: until its guard ends it, without the grace."""
        one = self.candidate
        believes = self.alive and one.until is not None and not one.lost and not one.resigning
        return believes and one.until is not None and self.clock() < one.until

    def run(self, act: Callable[[], None]) -> Callable[[], None]:
        """This act, unless the process is dead by then; once it goes on, where it is stopped."""

        def acted() -> None:
            if self.alive and self.world.now < self.stopped_until:
                self.world.at(self.stopped_until - self.world.now + self.world.random.random() / 10, acted)
            elif self.alive:
                act()

        return acted

    def look(self) -> None:
        if self.candidate.over(self.clock()) or (self.candidate.resigning and self.releases == 0):
            self.end()
            return
        if self.candidate.resigning:
            self.releases -= 1
        self.call += 1
        self.world.at(self.world.terms.call / self.pace, self.run(self.given_up(self.call)))
        write = self.candidate.renewal(self.clock(), self.wall())
        if write is None:
            self.send(self.world.server.get, self.was_read)
        else:
            self.write(write)

    def was_read(self, lease: Object | None) -> None:
        write = self.candidate.read(lease, self.clock(), self.wall())
        if write is None:
            self.done()
        else:
            self.write(write)

    def write(self, write: Create | Replace) -> None:
        sent, server = self.clock(), self.world.server
        match write:
            case Create(lease):
                self.send(lambda: server.create(lease), lambda _: self.done())
            case Replace(lease):

                def written(answer: Object | None) -> None:
                    self.candidate.wrote(answer, sent=sent, now=self.clock())
                    self.done()

                self.send(lambda: server.replace(lease), written)

    def send(self, ask: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """A call on its way there and back; the API server answers whoever waits no longer, too."""
        call, world = self.call, self.world

        def arrives() -> None:
            try:
                answer = ask()
            except ApiConflict:
                world.travel(self.run(self.given_up(call)))
                return
            world.travel(self.run(lambda: then(answer) if call == self.call else None))

        world.travel(arrives)

    def given_up(self, call: int) -> Callable[[], None]:
        def acted() -> None:
            if call == self.call:
                self.candidate.failed()
                self.done()

        return acted

    def done(self) -> None:
        self.call += 1
        if self.candidate.over(self.clock()):
            self.end()
        else:
            self.world.at(self.world.terms.retry, self.run(self.look))

    def resign(self) -> None:
        """Its work has ended, and what is on its way is waited for no longer."""
        if not self.candidate.resigning:
            self.call += 1
            self.candidate.failed()
            self.candidate.resign()
            self.look()

    def end(self) -> None:
        """It ends, however it came, and is started anew."""
        self.alive = False
        self.world.at(self.world.random.uniform(0, 5), lambda: self.world.start(self))


class World:
    """Everything, in one line of events."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.count = 0
        self.trouble = True
        self.terms = self.random.choice((USUAL, TIGHT))
        self.server = Server()
        self.leaders: set[str] = set()
        self.processes: list[Process] = []
        for number in range(self.random.randint(2, 4)):
            self.processes.append(Process(self, f"pod-{number}"))
        self.troubles = self.random.sample(
            [self.stop, self.kill, self.resign, self.delete, self.annotate, self.tear], self.random.randint(1, 6)
        )
        self.late = self.random.choice((0.0, 0.1, 0.4))
        self.lost = self.random.choice((0.0, 0.1, 0.4))

    def at(self, after: float, act: Callable[[], None]) -> None:
        self.count += 1
        heapq.heappush(self.events, (self.now + after, self.count, act))

    def travel(self, arrive: Callable[[], None]) -> None:
        """Let something arrive: soon, late or never."""
        dice = self.random.random()
        if self.trouble and dice < self.lost:
            return
        late = self.trouble and dice < self.lost + self.late
        self.at(self.random.uniform(0, 40) if late else self.random.uniform(0, 0.5), arrive)

    def start(self, dead: Process) -> None:
        """A new process in place of a dead one, under its name or another."""
        self.processes.remove(dead)
        again = self.random.random() < 0.5
        identity = dead.candidate.identity if again else f"pod-{self.count}"
        self.processes.append(Process(self, identity))

    # --- what goes wrong

    def stop(self) -> None:
        self.random.choice(self.processes).stopped_until = self.now + self.random.uniform(0, 40)

    def kill(self) -> None:
        one = self.random.choice(self.processes)
        if one.alive:
            one.end()

    def resign(self) -> None:
        one = self.random.choice(self.processes)
        if one.alive and self.now >= one.stopped_until:
            one.resign()

    def delete(self) -> None:
        self.server.lease = None

    def annotate(self) -> None:
        if self.server.lease is not None:
            noted = {**self.server.lease["metadata"], "annotations": {"seen": str(self.now)}}
            self.server.store({**self.server.lease, "metadata": noted})

    def tear(self) -> None:
        if self.server.lease is not None:
            self.server.store({**self.server.lease, "spec": self.random.choice(TORN)})

    def meddle(self) -> None:
        if self.trouble:
            self.random.choice(self.troubles)()
            self.at(self.random.expovariate(1 / 8), self.meddle)

    # --- the laws

    def run(self) -> None:
        self.at(0, self.meddle)
        while self.events and self.events[0][0] < TROUBLE + QUIET:
            self.now, _, act = heapq.heappop(self.events)
            self.trouble = self.now < TROUBLE
            act()
            believers = [one.candidate.identity for one in self.processes if one.believes]
            assert len(believers) <= 1, f"{believers} lead at {self.now:.3f}"
            self.leaders.update(believers)
        self.now = TROUBLE + QUIET
        assert any(one.believes for one in self.processes), "somebody must come to lead"


@pytest.mark.parametrize("part", range(4))
def test_never_two_lead_and_somebody_comes_to(part: int) -> None:
    for seed in range(part * SCHEDULES, (part + 1) * SCHEDULES):
        world = World(seed)
        try:
            world.run()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from None
        assert world.leaders
