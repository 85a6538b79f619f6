"""The ingress behind its HTTP shell: which Brokers there are, whether they can take events, and storing events.

`adopt` swaps the Plan at once; `run` makes the Brokers' topics, again and again until Kafka has them.  A Broker whose
topic is not there yet answers 503.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence

from tradewind.broker import admission
from tradewind.broker.admission import Limits
from tradewind.config import Settings
from tradewind.errors import LogRefused, LogUnavailable, Rejected
from tradewind.observe.health import Health
from tradewind.observe.logs import Log
from tradewind.plan import BrokerPlan, Plan
from tradewind.ports import EventLog, NewRecord
from tradewind.resources.model import NamespacedName
from tradewind.topics import topic_specs

NEEDS = ("manifests", "kafka", "listener")
"""What the ingress' Health waits for."""

RETRY_AFTER = {"Retry-After": "1"}
"""Seconds, for whatever is Kafka's to recover from; a leader election takes about that long."""

AGAIN = 1.0
"""Seconds between attempts to make the topics that are missing."""

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
    ) -> None:
        self.limits = Limits.of(settings)
        self.health = health
        self.brokers: Mapping[NamespacedName, BrokerPlan] = {}
        self._adopted = False
        self._log = event_log
        self._settings = settings
        self._disk_low = disk_low
        self.waiting: dict[NamespacedName, str] = {}
        """Brokers that cannot take events yet, and why."""
        self._changed = asyncio.Event()
        self._reading = 0

    def adopt(self, plan: Plan) -> None:
        """Serve this Plan's Brokers from now on.  Those that are new, or have other topics, wait for these."""
        for name, broker in plan.brokers.items():
            if name not in self.brokers or _topics(self.brokers[name]) != _topics(broker):
                self.waiting[name] = f"Kafka at {self._settings.kafka} has not answered yet"
        self.waiting = {name: why for name, why in self.waiting.items() if name in plan.brokers}
        self.brokers = plan.brokers
        self._adopted = True
        self._changed.set()
        self.health.reached("manifests")

    async def run(self) -> None:
        """Make the topics of adopted Brokers, without end."""
        while True:
            self._changed.clear()
            settled = await self._prepare()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if settled else AGAIN):
                    await self._changed.wait()

    async def _prepare(self) -> bool:
        """Make the topics of every Broker that waits; whether none waits any more."""
        try:
            await self._log.topics([self._settings.cursors_topic])  # asked for nothing but an answer
            for name in list(self.waiting):
                broker = self.brokers.get(name)
                if broker is None:
                    continue
                try:
                    missing = await self._missing(broker)
                except LogUnavailable as error:  # of this Broker alone; the others are asked all the same
                    missing = str(error)
                if self.brokers.get(name) is broker:
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
        """Make a Broker's topics; what keeps it from taking events, or nothing."""
        try:
            await self._log.ensure_topics(topic_specs(broker, self._settings))
        except LogRefused as error:
            return str(error)
        if broker.topic.external and not await self._log.topics([broker.topic.name]):
            return f"topic {broker.topic.name} does not exist, and an external topic is not made here"
        return ""

    def _note(self, name: NamespacedName, missing: str) -> None:
        if not missing:
            self.waiting.pop(name, None)
            log.info("broker takes events", broker=str(name))
        elif self.waiting.get(name) != missing:
            self.waiting[name] = missing
            log.error("broker has no topic", broker=str(name), why=missing)

    def find(self, path: str) -> BrokerPlan:
        """The Broker at this path.  Before there is a Plan nobody can say which there are: 503, not 404."""
        if not self._adopted:
            raise _unavailable("The manifests have not been read yet.")
        return admission.find(path, self.brokers)

    def check(self, broker: BrokerPlan) -> None:
        """Refuse while the Broker cannot take events."""
        if folder := self._disk_low():
            why = f"The disk that holds {folder} is almost full; free some space there."
            raise Rejected(503, why, headers={"Retry-After": "10"})
        if (missing := self.waiting.get(broker.name)) is not None:
            raise _unavailable(f"Broker {broker.name} waits for its topic {broker.topic.name}: {missing}.")

    def hold(self, size: int) -> None:
        """Count bytes of bodies that this process holds; refuse those beyond the bound.  `release` gives them back."""
        if self._reading + size > self._settings.queue_bytes:
            bound = self._settings.queue_bytes
            raise _unavailable(f"{bound} bytes are waiting for Kafka already (--queue-bytes).")
        self._reading += size

    def release(self, size: int) -> None:
        """Give back what was held."""
        self._reading -= size

    async def store(self, records: Sequence[NewRecord]) -> None:
        """Append all of them; returns when Kafka has them on `acks=all`."""
        if len(records) == 1:
            results: Sequence[object] = (await _outcome(self._log, records[0]),)
        else:
            results = await asyncio.gather(*(_outcome(self._log, record) for record in records))
        for result in results:
            if isinstance(result, LogRefused):
                raise Rejected(413, f"Kafka will never take this event: {result}.")
        for result in results:
            if isinstance(result, LogUnavailable):
                raise _unavailable(f"Kafka did not take the event: {result}.")


def _topics(broker: BrokerPlan) -> tuple[str, bool, str]:
    return broker.topic.name, broker.topic.external, broker.dead_letter_topic


async def _outcome(event_log: EventLog, record: NewRecord) -> LogRefused | LogUnavailable | None:
    try:
        await event_log.append(record)
    except (LogRefused, LogUnavailable) as error:
        return error
    return None


def _unavailable(why: str) -> Rejected:
    return Rejected(503, why, headers=RETRY_AFTER)
