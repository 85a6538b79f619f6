"""The ingress behind its HTTP shell: which Brokers there are, whether they can take events, and storing events.

`adopt` swaps the Plan at once; `run` makes the Brokers' topics, again and again until Kafka has them; on Kubernetes the
controller makes them.  A Broker whose topic is not there yet answers 503.  What a topic takes is asked before its
Broker takes events, and now and then again: an event that fits our limit and not the topic's is refused before any of
its batch is stored.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter

from tradewind.broker import admission
from tradewind.broker.counts import Counts
from tradewind.broker.heads import Head
from tradewind.broker.limits import Limits
from tradewind.broker.room import RETRY_AFTER, Room
from tradewind.config import Settings
from tradewind.errors import Fault, LogRefused, LogUnavailable, Rejected, TopicMissing
from tradewind.observe.health import Health
from tradewind.observe.logs import Log
from tradewind.plan import BrokerPlan, Plan
from tradewind.ports import Delivered, EventLog, LogError, NewRecord, Position
from tradewind.resources.model import NamespacedName
from tradewind.topics import topic_specs

NEEDS = ("manifests", "kafka", "listener")
"""What the ingress' Health waits for."""

AGAIN = 1.0
"""Seconds between attempts to make the topics that are missing."""

LOOK = 30.0
"""Seconds between looks at what the topics take.  Until one, Kafka itself refuses what a changed topic does not."""

log = Log("ingress")


class Ingress:
    """Takes events for the Brokers of the Plan in force."""

    def __init__(
        self,
        event_log: EventLog,
        settings: Settings,
        health: Health,
        *,
        disk_low: Callable[[], str | None] = lambda: None,
        shared: bool = False,
        unread: Callable[[], str] = lambda: "The manifests have not been read yet.",
    ) -> None:
        self.limits = Limits.of(settings)
        self.room = Room(settings.queue_bytes, self.limits.event_bytes)
        self.counts = Counts()
        self.health = health
        self.brokers: Mapping[NamespacedName, BrokerPlan] = {}
        self._served: Mapping[NamespacedName, BrokerPlan] = {}
        """Those of them that do not wait for a controller."""
        self._targets: Mapping[bytes, BrokerPlan] = {}
        self._limits: dict[str, Limits] = {}
        """Those of Brokers by their topic, with what it takes."""
        self._adopted = False
        self._log = event_log
        self._settings = settings
        self._disk_low = disk_low
        self._unread = unread
        self.shared = shared
        """Others listen on the same port: who asks there for metrics would be told those of one, and not which."""
        self.waiting: dict[NamespacedName, str] = {}
        """Brokers that cannot take events yet, and why."""
        self._changed = asyncio.Event()

    def adopt(self, plan: Plan) -> None:
        """Serve this Plan's Brokers from now on.  Those that are new, or have other topics, wait for these."""
        served = {broker.name: broker for broker in plan.served}
        for name, broker in served.items():
            if name not in self._served or _topics(self._served[name]) != _topics(broker):
                self.waiting[name] = f"Kafka at {self._settings.kafka} has not answered yet"
        self.waiting = {name: why for name, why in self.waiting.items() if name in served}
        self.brokers, self._served = plan.brokers, served
        topics = {broker.topic.name for broker in plan.brokers.values()}
        self._limits = {topic: limits for topic, limits in self._limits.items() if topic in topics}
        self.counts.keep(topics)
        self._targets = {
            f"/{name.namespace}/{name.name}{slash}".encode(): broker
            for name, broker in plan.brokers.items()
            for slash in ("", "/")
        }
        self._adopted = True
        self._changed.set()
        self.health.reached("manifests")

    async def run(self) -> None:
        """Make the topics of adopted Brokers, and look at them, without end."""
        while True:
            self._changed.clear()
            settled = await self._prepare()
            while not await self._wakes(LOOK if settled else AGAIN) and settled:
                with contextlib.suppress(LogUnavailable):  # what is known of them stands
                    await self._look({broker.topic.name for broker in self._served.values()})

    async def _wakes(self, seconds: float) -> bool:
        """Whether there is something to make within this time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self._changed.wait()
        return False

    async def _prepare(self) -> bool:
        """Make the topics of every Broker that waits; whether none waits any more."""
        try:
            await self._log.topics([self._settings.cursors_topic])  # asked for nothing but an answer
            for name in list(self.waiting):
                broker = self._served.get(name)
                if broker is None:
                    continue
                try:
                    missing = await self._missing(broker)
                except LogUnavailable as error:  # of this Broker alone; the others are asked all the same
                    missing = str(error)
                if self._served.get(name) is broker:
                    self._note(name, missing)
            if self._adopted:
                self.health.reached("kafka")
        except LogUnavailable as error:
            self._note_away(str(error))
        return not self.waiting

    def _note_away(self, why: str) -> None:
        if why not in self.waiting.values():
            log.warning("brokers wait for kafka", brokers=len(self.waiting), why=why)
        self.waiting = dict.fromkeys(self.waiting, why)

    async def _missing(self, broker: BrokerPlan) -> str:
        """Make a Broker's topics, where no controller does; what keeps it from taking events, or nothing."""
        managed = self._settings.kubernetes
        try:
            if not managed:
                await self._log.ensure_topics(topic_specs(broker, self._settings))
        except LogRefused as error:
            return str(error)
        if (broker.topic.external or managed) and not await self._log.topics([broker.topic.name]):
            absent = f"topic {broker.topic.name} does not exist"
            if broker.topic.external:
                return f"{absent}, and an external topic is not made here"
            return f"{absent}, and the controller has not made it again yet; see the Broker's condition TopicReady"
        await self._look([broker.topic.name])
        return ""

    async def _look(self, topics: Collection[str]) -> None:
        """Ask what these topics take; those that Kafka does not tell of keep what was known."""
        for topic, most in (await self._log.max_message_bytes(topics)).items():
            limits = replace(self.limits, batch_bytes=most)
            if most < limits.event_bytes and self._limits.get(topic) != limits:
                told = {"max_message_bytes": most, "max_event_bytes": limits.event_bytes}
                log.warning("topic takes less than --max-event-bytes", topic=topic, **told)
            self._limits[topic] = limits

    def _note(self, name: NamespacedName, missing: str) -> None:
        if not missing:
            self.waiting.pop(name, None)
            log.info("broker takes events", broker=str(name))
        elif self.waiting.get(name) != missing:
            self.waiting[name] = missing
            log.error("broker has no topic", broker=str(name), why=missing)

    def limits_of(self, broker: BrokerPlan) -> Limits:
        """The bounds of a request to this Broker."""
        return self._limits.get(broker.topic.name, self.limits)

    def find(self, path: str) -> BrokerPlan:
        """The Broker at this path.  Before there is a Plan nobody can say which there are: 503, not 404."""
        if not self._adopted:
            raise _unavailable(self._unread())
        return admission.find(path, self.brokers)

    def check(self, broker: BrokerPlan) -> None:
        """Refuse while the Broker cannot take events."""
        if folder := self._disk_low():
            why = f"The disk that holds {folder} is almost full; free some space there."
            raise Rejected(503, why, headers={"Retry-After": "10"})
        if broker.waits:
            raise _unavailable(f"{broker.waits}.")
        if (missing := self.waiting.get(broker.name)) is not None:
            raise _unavailable(f"Broker {broker.name} waits for its topic {broker.topic.name}: {missing}.")

    def serves(self, head: Head, size: int) -> bool:
        """Whether a plain request of so many bytes of head is for a Broker, and within the limits of its head."""
        return head.target in self._targets and admission.fits(head, size, self.limits)

    def admit(self, head: Head, body: bytes) -> list[NewRecord]:
        """What is to be appended for a plain request."""
        broker = self._targets.get(head.target) or self.find(head.target.decode())  # gone while the body came
        self.check(broker)
        return admission.plain(broker, head, body, self.limits_of(broker))

    async def store(self, records: Sequence[NewRecord]) -> None:
        """Append all of them; returns when Kafka has them on `acks=all`."""
        stored: asyncio.Future[Rejected | None] = asyncio.get_running_loop().create_future()
        self.append(records, lambda rejected: None if stored.done() else stored.set_result(rejected))
        if rejected := await stored:
            raise rejected

    def append(self, records: Sequence[NewRecord], done: Callable[[Rejected | None], None]) -> None:
        """Append all of them; `done` is told once, with what to answer where Kafka has not all of them."""
        began = perf_counter()
        if len(records) == 1:
            self._append(records[0], partial(self._ended, records[0], began, done))
            return
        left = len(records)
        errors: list[LogError] = []

        def ended(end: Position | LogError) -> None:
            nonlocal left
            left -= 1
            if not isinstance(end, Position):
                errors.append(end)
                self._look_after(records[0].topic, end)
            if not left:
                if not errors:
                    size = sum(len(record.value or b"") for record in records)
                    self.counts.stored(records[0].topic, len(records), size, perf_counter() - began)
                done(_refusal(errors) if errors else None)

        for record in records:
            self._append(record, ended)
        if not records:
            done(None)

    def _ended(
        self, record: NewRecord, began: float, done: Callable[[Rejected | None], None], end: Position | LogError
    ) -> None:
        if isinstance(end, Position):
            self.counts.stored(record.topic, 1, len(record.value or b""), perf_counter() - began)
            done(None)
        else:
            self._look_after(record.topic, end)
            done(_refusal([end]))

    def _look_after(self, topic: str, error: LogError) -> None:
        """A topic that is gone is made again: its Brokers wait for that."""
        if isinstance(error, TopicMissing):
            self.waiting |= {name: str(error) for name, broker in self._served.items() if broker.topic.name == topic}
            self._changed.set()

    def _append(self, record: NewRecord, ended: Delivered) -> None:
        try:
            self._log.produce(record, ended)
        except (LogRefused, LogUnavailable) as error:
            ended(error)


def _refusal(errors: Sequence[LogError]) -> Rejected:
    """The answer for a request of which Kafka did not take everything: what it never will take comes first."""
    if refused := [error for error in errors if isinstance(error, LogRefused)]:
        expected = "what the topic's own settings allow (max.message.bytes); --max-event-bytes is for new topics"
        faults = [Fault("event", str(error), expected, "RFC 9110 15.5.14") for error in refused]
        return Rejected(413, "Kafka will never take this event.", faults=faults)
    return _unavailable(f"Kafka did not take the event: {errors[0]}.")


def _topics(broker: BrokerPlan) -> tuple[str, bool, str]:
    return broker.topic.name, broker.topic.external, broker.dead_letter_topic


def _unavailable(why: str) -> Rejected:
    return Rejected(503, why, headers=RETRY_AFTER)
