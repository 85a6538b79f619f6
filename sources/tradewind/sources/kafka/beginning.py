"""Where the partitions of a source begin for which its group has no position: decided once, and committed.

assigned ──► positions of the group ──► all there ──────────────────────────────► read on
                      │ some lacking
                      ▼
never seen     whoever has partition 0 of the topic commits `initialOffset` of all its partitions, and remembers it;
               others wait for that
added later    its beginning                    ┐ committed, too
gone           an alarm, and its first record   ┘

Nothing of what was read is let out before all of that is committed, so a crash of ours changes nothing.  It is
committed behind the group's call, which holds up the others, as Kafka may not answer.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tradewind.errors import LogUnavailable
from tradewind.ports import EventLog, Member, NewRecord, TopicPartition
from tradewind.resources.model import InitialOffset, KafkaSource
from tradewind.sources.edges import log as LOG
from tradewind.sources.emission import Tell
from tradewind.sources.kafka.memory import Begun, Start, decode, encode, key_of, start

PLACE = 0
"""The partition of the topic of the sources that holds this, of every source: it is there however many there are."""
OTHERS = 20.0
"""Seconds that are waited for whoever has partition 0."""
LOOK = 0.2
BATCH = 1000
WAIT = 0.2


@dataclass(frozen=True, slots=True)
class Home:
    """The log that holds the topic of the sources, and that topic."""

    log: EventLog
    topic: str

    async def remembered(self, source: KafkaSource) -> Mapping[str, Begun]:
        """With which of its topics a source's group has begun."""
        at = TopicPartition(self.topic, PLACE)
        end, found = (await self.log.bounds([at]))[at], dict[bytes, bytes | None]()
        keys = {key_of(source.metadata.name, topic): topic for topic in source.topics}
        reader = self.log.reader()
        try:
            await reader.assign({at: end.start})
            while reader.position(at) < end.end:
                for record in await reader.take(BATCH, WAIT):
                    if record.key in keys:
                        found[record.key] = record.value
        finally:
            await reader.close()
        read = {keys[key]: decode(value, source.consumer_group) for key, value in found.items()}
        return {topic: begun for topic, begun in read.items() if begun is not None}

    async def remember(self, source: KafkaSource, topic: str, partitions: int) -> None:
        """Of one topic."""
        value = encode(Begun(source.consumer_group, partitions))
        await self.log.append(NewRecord(self.topic, value, (), key_of(source.metadata.name, topic), PLACE))


class Beginning:
    """Of one source, while it reads."""

    def __init__(self, source: KafkaSource, log: EventLog, home: Home, tell: Tell) -> None:
        self._source = source
        self._log = log
        self._home = home
        self._tell = tell
        self._noted: set[str] = set()
        """Topics that are known to be remembered."""
        self._owed: dict[TopicPartition, int] = {}
        """Where partitions begin, and the group does not know it yet."""
        self._first: set[str] = set()
        """Topics of which that is so of all partitions, whoever has them: others wait until it is committed."""
        self._unremembered: dict[str, int] = {}
        """Topics that are to be remembered then, and their partitions."""

    @property
    def owed(self) -> bool:
        """Whether there is something to commit before anything is let out."""
        return bool(self._owed or self._unremembered)

    async def commit(self, member: Member) -> None:
        """What is owed.  Raises LogUnavailable."""
        if self._owed:
            owed = dict(self._owed)
            await member.commit(owed)
            self._owed = {at: offset for at, offset in self._owed.items() if owed.get(at) != offset}
            self._first -= {at.topic for at in owed}
        for topic, partitions in list(self._unremembered.items()):
            await self._home.remember(self._source, topic, partitions)
            self._unremembered.pop(topic, None)
            self._noted.add(topic)

    def lost(self, held: Collection[TopicPartition]) -> None:
        """Only these are ours now: where others begin is for others to say, unless the group begins."""
        self._first = {topic for topic in self._first if TopicPartition(topic, 0) in held}
        self._owed = {at: offset for at, offset in self._owed.items() if at in held or at.topic in self._first}
        self._unremembered = {
            topic: count for topic, count in self._unremembered.items() if TopicPartition(topic, 0) in held
        }

    async def absent(self) -> frozenset[str]:
        """Topics that are not there yet: whatever they will hold came after this source."""
        absent = frozenset(self._source.topics) - (await self._log.topics(self._source.topics)).keys()
        if absent:
            remembered = await self._home.remembered(self._source)
            for topic in absent - remembered.keys():
                await self._home.remember(self._source, topic, 0)
        return absent

    async def offsets(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Where to read each of these partitions from, which have just become ours.  Raises LogUnavailable."""
        held = dict(await self._log.group_offsets(self._source.consumer_group, partitions))
        held |= {at: self._owed[at] for at in partitions if at in self._owed}
        for topic in sorted({at.topic for at in partitions}):
            ours = [at for at in partitions if at.topic == topic]
            first = TopicPartition(topic, 0) in ours and topic not in self._noted
            if first or any(at not in held for at in ours):
                held |= await self._of_topic(topic, ours)
        return held

    async def _of_topic(self, topic: str, ours: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Of one topic with partitions that lack a position, or of which nothing is remembered yet."""
        group, info = self._source.consumer_group, (await self._log.topics([topic])).get(topic)
        if info is None:
            raise LogUnavailable(f"the topic {topic} is not there any more")
        every = [TopicPartition(topic, number) for number in range(info.partitions)]
        begun = (await self._home.remembered(self._source)).get(topic)
        now = await self._log.group_offsets(group, every)  # after what is remembered, which is written last
        lacking = [at for at in ours if at not in now]
        starts = {at: start(begun, at.partition, known=bool(now)) for at in lacking}
        found: dict[TopicPartition, int] = {}
        if Start.INITIAL in starts.values():
            if every[0] not in ours:
                return await self._of_others(ours)
            found = await self._initial(every)
            self._first.add(topic)
        elif lacking:
            found = {at: bounds.start for at, bounds in (await self._log.bounds(lacking)).items()}
        self._owed |= found
        for at in lacking:
            self._say(at, starts[at], found[at])
        if every[0] in ours and begun is None:
            self._unremembered[topic] = info.partitions
        elif every[0] in ours:
            self._noted.add(topic)
        return {at: now[at] if at in now else found[at] for at in ours}

    async def _initial(self, every: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        latest = self._source.initial_offset is InitialOffset.LATEST
        return {at: bounds.end if latest else bounds.start for at, bounds in (await self._log.bounds(every)).items()}

    async def _of_others(self, lacking: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """What whoever has partition 0 commits."""
        try:
            async with asyncio.timeout(OTHERS):
                while True:
                    held = await self._log.group_offsets(self._source.consumer_group, lacking)
                    if len(held) == len(lacking):
                        return held
                    await asyncio.sleep(LOOK)
        except TimeoutError:
            raise LogUnavailable("whoever has partition 0 has not committed where the group begins") from None

    def _say(self, at: TopicPartition, begins: Start, offset: int) -> None:
        name, where = self._source.metadata.name, f"{at.topic}[{at.partition}]"
        if begins is Start.MISSING:
            why = f"the group's position in {where} is gone: it goes on at the first record that is left, {offset}"
            LOG.error("position is gone", source=name, partition=where, offset=offset)
            self._tell.alarm(why)
        else:
            LOG.info("partition begins", source=name, partition=where, offset=offset, because=begins.name.lower())
