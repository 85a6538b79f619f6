"""Brings a source's events to its sink, several at once, and to the dead letters what the sink never takes.

    carry ──► Broker's topic (produce) ──stored──► settled
      │  │                └──Kafka is away──► waits ──resent, in order, after a wait that grows──► …
      │  └──► URL (POST, the retry schedule of `delivery`) ──taken──► settled
      │                                └──refused, retries spent──┐
      └──► no event, too large, refused by Kafka ─────────────────┴──► dead letters ──kept──► settled

An event waits for Kafka, or for a sink that cannot be resolved, as long as its source is here.  A changed sink counts
at once, for events that wait, too.  While some wait, those that come queue up behind them: their order is kept.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from tradewind.delivery.journey import Bury, Journey, Terms, Wait, after, failure_of
from tradewind.delivery.schedule import Delivery
from tradewind.errors import LogRefused, LogUnavailable
from tradewind.events.http import write_binary, write_structured
from tradewind.events.model import Event
from tradewind.ports import LogError, NewRecord, Position
from tradewind.sources import admission, letters
from tradewind.sources.admission import Limits
from tradewind.sources.counts import Counts
from tradewind.sources.edges import Edges, log
from tradewind.sources.emission import Emission, NoEvent
from tradewind.sources.letters import Origin, place_of
from tradewind.sources.positions import SourceKey
from tradewind.sources.route import Nowhere, Route, ToTopic, ToUrl, dead_letter_topic
from tradewind.sources.standing import Standing
from tradewind.sources.window import Ticket

HURRIED = 0.5
"""Seconds between tries of what waits, at the most, when its source is about to end."""

KEPT_AGAIN = 5.0
"""Seconds between tries to keep a dead letter that Kafka refuses even as a stub."""


class Forms(Protocol):
    """Makes the records of a dead letter: the whole of it, then less."""

    def __call__(self, origin: Origin, place: str, /, *, reason: str) -> Sequence[NewRecord]:
        """For this place of its source, and this reason."""


class Flight(Ticket):
    """An emission on its way."""

    __slots__ = ("emission", "event", "number")

    def __init__(
        self, number: int, emission: Emission | NoEvent, event: Event | None, weight: int, position: object
    ) -> None:
        self.weight = weight  # as Ticket does, without the call: one for each event
        self.position = position
        self.open = True
        self.number = number
        """In the order of the source."""
        self.emission = emission
        self.event = event
        """As the sink is to get it; None where it is no event."""


class Courier:
    """Of one source, while it runs.  `tasks` runs what takes time; `settled` is told of each flight once."""

    def __init__(
        self,
        edges: Edges,
        source: SourceKey,
        route: Route,
        tasks: asyncio.TaskGroup,
        *,
        counts: Counts,
        standing: Standing,
        settled: Callable[[Flight], None],
        delivery: Delivery,
    ) -> None:
        self.delivery = delivery
        """How a URL gets what is sent from now on."""
        self._edges = edges
        self._source = source
        self._route = route
        self._tasks = tasks
        self._counts = counts
        self._standing = standing
        self._settled = settled
        self._limits = Limits.of(edges.settings)
        self._width = asyncio.Semaphore(edges.settings.max_in_flight)
        self._waiting: list[Flight] = []
        self._resending = False
        self._postponed = False
        """Something failed since the last round."""
        self._flying = 0
        """Records that Kafka has not answered for."""
        self._landed = asyncio.Event()
        """Set when that becomes none."""
        self._redirected = asyncio.Event()
        self._left = asyncio.Event()
        """Of the present route: set once there is another."""
        self._longest = math.inf
        """Seconds between rounds of what waits."""
        self._closed = False

    def redirect(self, route: Route) -> None:
        """Send events here from the next attempt on, those that wait, too."""
        if route != self._route:
            self._route = route
            self._redirected.set()
            self._left.set()
            self._left = asyncio.Event()

    def hurry(self) -> None:
        """There is not much time left: what waits is tried again soon."""
        self._longest = HURRIED
        self._redirected.set()

    def close(self) -> None:
        """What is on its way is nobody's any more: nothing that is heard of it counts."""
        self._closed = True

    def carry(self, flight: Flight) -> None:
        """Bring it to its end; it may be settled within this call."""
        if self._resending:
            self._waiting.append(flight)
        else:
            self._send(flight)

    # --- one attempt

    def _send(self, flight: Flight) -> None:
        emission, event = flight.emission, flight.event
        if isinstance(emission, NoEvent):
            forms = partial(letters.of_no_event, content=emission.content, headers=emission.headers)
            self._bury(flight, emission.reason, forms)
        elif event is None:
            reason = admission.faulty(emission.event, self._limits)
            self._bury(flight, reason, partial(letters.of_faulty, event=emission.event))
        elif not self._edges.here():
            self._postpone(flight, "this process was away")
        else:
            self._send_event(flight, event)

    def _send_event(self, flight: Flight, event: Event) -> None:
        match self._route:
            case ToTopic(topic):
                made = admission.record(event, topic, self._limits)
                if isinstance(made, str):
                    self._bury(flight, made, partial(letters.of_event, event=event))
                else:
                    self._produce(flight, made)
            case ToUrl(url):
                self._tasks.create_task(self._post(flight, event, url))
            case Nowhere(why):
                self._postpone(flight, why)

    def _produce(self, flight: Flight, record: NewRecord) -> None:
        self._flying += 1
        try:
            self._edges.log.produce(record, partial(self._stored, flight))
        except (LogRefused, LogUnavailable) as failed:
            self._stored(flight, failed)

    def _stored(self, flight: Flight, end: Position | LogError) -> None:
        self._flying -= 1
        if not self._flying:
            self._landed.set()
        if self._closed:
            return
        if isinstance(end, Position):
            self._took(flight)
        elif isinstance(end, LogUnavailable):
            self._postpone(flight, str(end))
        elif flight.event is not None:
            self._bury(flight, f"Kafka refuses it: {end}", partial(letters.of_event, event=flight.event))

    async def _post(self, flight: Flight, event: Event, url: str) -> None:
        headers, body = write_structured(event) if self.delivery.structured else write_binary(event)
        journey, delivery, now = Journey(), self.delivery, self._edges.time.clock
        settings, chance, left = self._edges.settings, self._edges.time.chance, self._left
        while self._route == ToUrl(url) and self._edges.here():
            async with self._width:
                outcome = await self._edges.sender.post(url, headers, body, timeout=delivery.timeout)
            cap, jitter = settings.max_backoff, settings.backoff_jitter
            match after(journey, outcome, Terms(delivery, url, False, now(), chance(), cap, jitter)):
                case Wait(journey, due):
                    self._waits(flight, failure_of(outcome, url).reason, journey.attempts)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(max(0.0, due - now())):
                            await left.wait()
                case Bury(failure, reason):
                    told = partial(letters.of_event, event=event, failure=failure)
                    self._bury(flight, f"{reason}: {failure.reason}", told)
                    return
                case _:
                    self._took(flight)
                    return
        self._postpone(flight, "its sink was changed")

    def _took(self, flight: Flight) -> None:
        """The sink has it."""
        self._counts.emitted += 1
        self._standing.took(self._edges.time.clock())
        if not self._resending and self._standing.is_waiting:
            self._standing.flows()
        self._settled(flight)

    # --- what must wait

    def _postpone(self, flight: Flight, why: str) -> None:
        self._waiting.append(flight)
        self._postponed = True
        self._standing.waits(why)
        if not self._resending:
            self._resending = True
            self._tasks.create_task(self._resend(why))

    async def _resend(self, why: str) -> None:
        """In rounds, until one comes through: what fails in one comes up in the next, before what came meanwhile."""
        retry = 0
        while self._postponed:
            retry += 1
            self._counts.retries += 1
            log.warning("events wait", source=self._source, events=len(self._waiting), why=why, retry=retry)
            await self._rest(retry)
            await self._all_landed()
            self._postponed = False
            self._send_waiting()
            await self._all_landed()
        self._resending = False
        self._standing.flows()
        self._send_waiting()

    def _send_waiting(self) -> None:
        """In order; where one must wait again, those behind it do, too."""
        waiting, self._waiting = sorted(self._waiting, key=lambda flight: flight.number), []
        for place, flight in enumerate(waiting):
            self._send(flight)
            if self._postponed:
                self._waiting += waiting[place + 1 :]
                return

    async def _rest(self, retry: int) -> None:
        self._redirected.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(self._longest, self._edges.pause(retry))):
                await self._redirected.wait()

    async def _all_landed(self) -> None:
        while self._flying:
            self._landed.clear()
            await self._landed.wait()

    def _waits(self, flight: Flight, why: str, retry: int) -> None:
        self._counts.retries += 1
        told = log.debug if self._standing.is_waiting else log.warning  # thousands may wait for one sink
        self._standing.waits(why)
        told("event waits", source=self._source, place=place_of(flight.emission), why=why, retry=retry)

    # --- dead letters

    def _bury(self, flight: Flight, reason: str, forms: Forms) -> None:
        place = place_of(flight.emission)
        log.warning("dead letter", source=self._source, place=place, why=reason)
        self._standing.refused(reason)
        self._tasks.create_task(self._keep(flight, reason, forms, place))

    async def _keep(self, flight: Flight, reason: str, forms: Forms, place: str) -> None:
        """Store the first of its forms that Kafka takes; the last is a stub that always fits."""
        settings = self._edges.settings
        while True:
            topic = dead_letter_topic(self._route, settings.sources_dead_letter_topic)
            for form in forms(Origin(topic, self._source.kind, self._source.name), place, reason=reason):
                try:
                    await self._edges.stored(form)
                except LogRefused as refused:
                    log.warning("dead letter is cut", source=self._source, place=place, error=refused)
                else:
                    self._counts.dead_letters += 1
                    self._settled(flight)
                    return
            log.error("dead letter cannot be kept", source=self._source, place=place, topic=topic)
            await asyncio.sleep(KEPT_AGAIN)
