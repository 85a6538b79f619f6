"""A KafkaSource runs: in every sources process, of which at most `consumers` read.

stands by ──there is a place──► reads, as a member of the group ──too many came at once──► stands by
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tradewind.errors import LogUnavailable
from tradewind.plan import SourcePlan
from tradewind.ports import EventLog, Record
from tradewind.resources.kafka_auth import KafkaAuth
from tradewind.resources.model import KafkaSource
from tradewind.sources.emission import Ack, Emission, Emissions, Given, NoEvent
from tradewind.sources.kafka.beginning import Home
from tradewind.sources.kafka.convert import Conversion
from tradewind.sources.kafka.lanes import bars
from tradewind.sources.kafka.reading import Reading
from tradewind.sources.kafka.share import barred, instance_of, may_read, suffix_of

STANDBY = 2.0
"""Seconds between looks at whether there is a place."""

Open = Callable[[Sequence[str], KafkaAuth], EventLog]
"""Opens a log on a Kafka, by its bootstrap servers."""


@dataclass(frozen=True, slots=True)
class Doors:
    """What this kind needs beyond what every source is given."""

    home: EventLog
    """The log that holds the topic of the sources."""
    open: Open


async def run(plan: SourcePlan, given: Given, doors: Doors) -> Emissions:
    """An event for each record, acknowledged by committing its offset.  It has no position: its group has."""
    source = plan.source
    assert isinstance(source, KafkaSource)
    if why := barred(source, (given.settings.sources_group, given.settings.dispatcher_group)):
        given.tell.lost(why)
        await asyncio.Event().wait()
    conversion, home = Conversion(source), Home(doors.home, given.settings.sources_topic)
    ordered = bars(source.ordering, into_topic=plan.broker is not None)
    log = doors.open(source.bootstrap_servers, source.auth)
    try:
        while True:
            await _stand_by(source, given, log)
            reading = Reading(source, log, home, given, ordered=ordered)
            try:
                reading.begin()
                while await reading.some():
                    yield (_emission(conversion, record, ack) for record, ack in reading.taken())
            finally:
                await reading.end()
    finally:
        await log.close()


async def _stand_by(source: KafkaSource, given: Given, log: EventLog) -> None:
    """Until this process may read."""
    instance, suffix = instance_of(given.slot, source.metadata.name), suffix_of(source.metadata.name)
    while True:
        try:
            members = await log.members(source.consumer_group)
            if may_read(instance, members, suffix, consumers=source.consumers, reads=False):
                return
            given.tell.connected()
        except LogUnavailable as away:
            given.tell.lost(str(away))
        await given.time.sleep(STANDBY)


def _emission(conversion: Conversion, record: Record, ack: Ack) -> Emission | NoEvent:
    place = f"{record.topic}/{record.partition}/{record.offset}"
    event = conversion.event(record)
    if isinstance(event, str):
        return NoEvent(event, record.value or b"", record.headers, ack, place=place)
    return Emission(event, ack, place=place)
