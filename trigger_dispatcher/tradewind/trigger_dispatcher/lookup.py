"""Looks one stored event up, and what is on record of it, beside whoever runs (`fate.py` says what that means)."""

from collections.abc import Mapping
from dataclasses import dataclass

from tradewind.errors import TopicMissing
from tradewind.events import stored
from tradewind.events.model import Event
from tradewind.plan import BrokerPlan, TriggerPlan
from tradewind.ports import Bounds, EventLog, Record, TopicInfo, TopicPartition
from tradewind.trigger_dispatcher import outside
from tradewind.trigger_dispatcher.addressed import addressee
from tradewind.trigger_dispatcher.cursors import PartitionId
from tradewind.trigger_dispatcher.fate import Fate, What, fate
from tradewind.trigger_dispatcher.letters import place
from tradewind.trigger_dispatcher.view import View


@dataclass(frozen=True, slots=True)
class Stored:
    """A record of a Broker's topic, and the event in it if it is one."""

    record: Record
    event: Event | None

    @property
    def place(self) -> str:
        """Where it lies, as it is shown."""
        return f"{self.record.topic}[{self.record.partition}], offset {self.record.offset}"


async def at(log: EventLog, topic: TopicInfo, partition: int, offset: int) -> Stored | Bounds:
    """The record at an offset; what the partition holds instead, where there is none."""
    here = TopicPartition(topic.name, partition)
    bounds = (await log.bounds([here]))[here]
    if bounds.start <= offset < bounds.end:
        async for record in outside.stretch(log, {here: Bounds(offset, offset + 1)}):
            return Stored(record, stored.event(record.headers, record.value))
    return bounds


async def search(log: EventLog, topic: TopicInfo, source: str, identity: str, *, since: float) -> list[Stored]:
    """Every record of this event that was stored since then (wall clock): a sender that repeats makes several."""
    found = []
    wanted = identity.encode(), source.encode()
    async for record in outside.stretch(log, await outside.bounds_since(log, topic, since)):
        marks = dict(record.headers)
        if (marks.get("ce_id", wanted[0]), marks.get("ce_source", wanted[1])) != wanted:
            continue
        event = stored.event(record.headers, record.value)
        if event is not None and (event.id, event.source) == (identity, source):
            found.append(Stored(record, event))
    return found


@dataclass(frozen=True, slots=True)
class Known:
    """All that is on record of a Broker's events."""

    topic: TopicInfo
    view: View
    letters: Mapping[bytes, What]
    """What became of each dead letter, by its key."""

    def fate(self, trigger: TriggerPlan, record: Record, *, matches: bool, digest: str) -> Fate:
        """What became of the event in a record for a Trigger whose filter, of this digest, now says `matches`."""
        here = PartitionId(self.topic.id, record.partition)
        letter = self.letters.get(place(trigger.name, here, record.offset).encode())
        state, to = self.view.state(trigger.name, here), addressee(record.headers)
        return fate(trigger, record.offset, state=state, to=to, letter=letter, matches=matches, digest=digest)


async def known(log: EventLog, broker: BrokerPlan, topic: TopicInfo, cursors_topic: str) -> Known:
    """Read it.  Where no dispatcher has run yet there is nothing."""
    try:
        view = await outside.view_of(log, cursors_topic)
    except TopicMissing:
        view = View()
    dead = (await log.topics([broker.dead_letter_topic])).get(broker.dead_letter_topic)
    found: dict[bytes, What] = {}
    if dead is not None:
        box = await outside.letterbox_of(log, dead)
        found = {key: What(how.value) for key, how in box.gone().items()} | dict.fromkeys(box.there(), What.DEAD)
    return Known(topic, view, found)
