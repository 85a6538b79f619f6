"""A system as a command sees it: topics that are read once from their start to their end, beside whoever runs.

Nothing here is a member of a group, owns a partition or writes a cursor.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from tradewind.errors import LogUnavailable, PositionGone, TopicMissing
from tradewind.ports import Bounds, EventLog, NewRecord, Reader, Record, TopicInfo, TopicPartition
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.cursors import GENERAL, PauseRecord, encode, pause_key
from tradewind.trigger_dispatcher.letterbox import Letter, Letterbox, read
from tradewind.trigger_dispatcher.view import View

BATCH = 1000
WAIT = 0.5
SILENCE = 20.0
"""Seconds without a record and without an end: a transaction that stays open holds back what lies behind it."""


async def found(log: EventLog, topic: str) -> TopicInfo:
    """A topic that must be there.  Raises TopicMissing."""
    topics = await log.topics([topic])
    if topic not in topics:
        raise TopicMissing(f"topic {topic}: found none on this Kafka, expected the one that Tradewind makes as it runs")
    return topics[topic]


async def bounds_of(log: EventLog, topic: TopicInfo) -> Mapping[TopicPartition, Bounds]:
    """Start and end of each partition now."""
    return await log.bounds([TopicPartition(topic.name, number) for number in range(topic.partitions)])


async def bounds_since(log: EventLog, topic: TopicInfo, since: float) -> dict[TopicPartition, Bounds]:
    """As `bounds_of`, of what was stored since then (wall clock)."""
    bounds = await bounds_of(log, topic)
    starts = {here: await log.offset_at(here, since) for here in bounds}
    return {here: one._replace(start=min(one.end, max(one.start, starts[here]))) for here, one in bounds.items()}


async def stretch(log: EventLog, bounds: Mapping[TopicPartition, Bounds]) -> AsyncIterator[Record]:
    """Every record between these bounds that is left, in order within a partition."""
    async for records in batches(log, bounds):
        for record in records:
            yield record


async def batches(log: EventLog, bounds: Mapping[TopicPartition, Bounds]) -> AsyncIterator[Sequence[Record]]:
    """As `stretch`, in the batches in which they come: for who reads very many."""
    reading = {at: one for at, one in bounds.items() if one.start < one.end}
    if not reading:
        return
    reader, loop = log.reader(), asyncio.get_running_loop()
    try:
        await reader.assign({at: one.start for at, one in reading.items()})
        heard = loop.time()
        while any(reader.position(at) < one.end for at, one in reading.items()):
            try:
                records = await reader.take(BATCH, WAIT)
            except PositionGone:
                await _skip(log, reader, reading)
                continue
            if records:
                heard = loop.time()
            elif loop.time() - heard > SILENCE:
                raise LogUnavailable(f"{_left(reader, reading)}, which does not come: is a transaction open there?")
            yield [
                record
                for record in records
                if record.offset < reading[TopicPartition(record.topic, record.partition)].end
            ]
    finally:
        await reader.close()


async def _skip(log: EventLog, reader: Reader, reading: Mapping[TopicPartition, Bounds]) -> None:
    """Retention took what was to be read next: go on at what is left."""
    now = await log.bounds(list(reading))
    await reader.assign({at: max(reader.position(at), now[at].start) for at in reading})


def _left(reader: Reader, reading: Mapping[TopicPartition, Bounds]) -> str:
    left = (at for at, one in reading.items() if reader.position(at) < one.end)
    return ", ".join(
        f"{at.topic}[{at.partition}] was read to {reader.position(at)} of {reading[at].end}" for at in left
    )


async def whole(log: EventLog, topic: TopicInfo) -> AsyncIterator[Record]:
    """Every record of a topic as it is now."""
    async for record in stretch(log, await bounds_of(log, topic)):
        yield record


async def view_of(log: EventLog, cursors_topic: str) -> View:
    """All state of all Triggers.  Raises TopicMissing where no dispatcher has run on this Kafka."""
    view = View()
    async for record in whole(log, await found(log, cursors_topic)):
        if record.key is not None:
            view.apply(record.key, record.value, record.offset)
    return view


async def letterbox_of(log: EventLog, topic: TopicInfo) -> Letterbox:
    """Which dead letters this topic holds."""
    box = Letterbox()
    async for record in whole(log, topic):
        box.apply(record)
    return box


async def letters_of(log: EventLog, topic: TopicInfo, box: Letterbox) -> AsyncIterator[Letter]:
    """The letters that are there, in the order in which they came; read once more, since their keys alone are kept."""
    async for record in whole(log, topic):
        if box.holds(record) and (letter := read(record)) is not None:
            yield letter


async def pause(log: EventLog, cursors_topic: str, trigger: NamespacedName, record: PauseRecord | None) -> None:
    """Pause a Trigger, or resume it; returns once that is stored."""
    await found(log, cursors_topic)
    value = None if record is None else encode(record)
    await log.append(NewRecord(cursors_topic, value, (), pause_key(trigger), GENERAL))
