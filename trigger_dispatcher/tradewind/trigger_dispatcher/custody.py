"""The partitions in this process's custody: taken over when the group gives them, released when it takes them.

assigned ──► take_over ──► every Trigger has its place ──► on the roster: the readers serve it
revoked  ──► off the roster ──► what runs ends within the grace ──► cursors written
its topic was made again ──► the old one released, the new one put in order `later`
has no leader, or is there no more ──► the others go on; it is put in order `later`, when it is there again
later ──► taken over, or every new Trigger given its place ──► the reader begins anew, by the Plan then in force
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from functools import partial

from tradewind.errors import LogRefused, LogUnavailable
from tradewind.observe.health import Health
from tradewind.ports import Member, TopicInfo, TopicPartition
from tradewind.trigger_dispatcher import alarms
from tradewind.trigger_dispatcher.catch_up import CatchUp
from tradewind.trigger_dispatcher.cursors import GENERAL, PartitionId
from tradewind.trigger_dispatcher.edges import Edges, log
from tradewind.trigger_dispatcher.follower import Follower
from tradewind.trigger_dispatcher.growth import Unowned
from tradewind.trigger_dispatcher.migrated import Migrated
from tradewind.trigger_dispatcher.ownership import Alarm, Ground, OwnedPartition
from tradewind.trigger_dispatcher.placing import Placing
from tradewind.trigger_dispatcher.reporter import Reporter
from tradewind.trigger_dispatcher.roster import Roster, place
from tradewind.trigger_dispatcher.takeover import take_over
from tradewind.trigger_dispatcher.writer import Writer

ANSWER_WAIT = 5.0
"""Seconds that partitions have to say what must be known before anything begins on them: one without a leader must not
hold up the others, and is put in order later."""


class Custody:
    """See ports.Ownership.  `adopting` is held while a Plan is put in force, or a partition taken over by it;
    `shared_out` is set whenever the group has shared out what was subscribed to last."""

    def __init__(
        self,
        edges: Edges,
        roster: Roster,
        health: Health,
        *,
        follower: Follower,
        writer: Writer,
        catch_up: CatchUp,
        placing: Placing,
        reporter: Reporter,
        adopting: asyncio.Lock,
        shared_out: asyncio.Event,
    ) -> None:
        self._edges = edges
        self._roster = roster
        self._health = health
        self._follower = follower
        self._writer = writer
        self._catch_up = catch_up
        self._placing = placing
        self._reporter = reporter
        self._adopting = adopting
        self._shared_out = shared_out
        self._unowned = Unowned()
        self._later: set[TopicPartition] = set()
        """Partitions that are ours, and on which Triggers have no place yet, be they taken over already or not."""
        self._vanished: set[TopicPartition] = set()
        """Partitions that the group still takes for ours, of topics that were made again with fewer."""
        self._leaderless: set[TopicPartition] = set()
        """As of the last look at the topics."""
        self.in_order = asyncio.Event()
        """Set while every Trigger has its place on all that is ours."""
        self.in_order.set()
        settings = edges.settings
        self.member: Member = edges.log.member(group=settings.dispatcher_group, instance=settings.slot, ownership=self)
        """This process in the group."""

    async def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Take these partitions over; answers with the shared reader's position on each."""
        names = {partition.topic for partition in partitions}
        topics = await self._edges.patiently(lambda: self._edges.log.topics(names), what="topic ids")
        if gone := names - topics.keys():
            raise LogUnavailable(f"topics {', '.join(sorted(gone))} are gone")
        await self._follower.caught_up(GENERAL)  # what is paused is known before anything is delivered
        offsets: dict[TopicPartition, int] = {}
        async with self._adopting:
            migrated, until = Migrated(self._edges), _soon()
            try:
                for here in partitions:
                    offsets[here] = await self._receive(here, topics[here.topic], migrated, until)
            except BaseException:  # none of them is ours then, and the group says so again
                await self.revoked(partitions)
                raise
        log.info("partitions taken over", partitions=len(offsets))
        return offsets

    async def _receive(self, here: TopicPartition, topic: TopicInfo, migrated: Migrated, until: float) -> int:
        if here.partition >= topic.partitions:
            self._vanished.add(here)
            return 0
        if here.partition not in topic.leaderless:
            try:
                owned = await self._take_over(here, topic, migrated, lambda: True, until=until)
            except LogUnavailable as unavailable:
                self._put_off(here, unavailable)
            else:
                self._take(owned)
                return owned.position
        else:
            self._put_off(here)
        return await self._read_until(here, topic)

    def _put_off(self, here: TopicPartition, why: LogUnavailable | str = "no leader") -> None:
        log.error(
            "a partition does not answer, and is served later", topic=here.topic, partition=here.partition, why=why
        )
        self._note(here)

    def _note(self, here: TopicPartition) -> None:
        """This one is to be put in order."""
        self._later.add(here)
        self.in_order.clear()

    def _forget(self, partitions: Iterable[TopicPartition]) -> None:
        """These are not put off any more."""
        self._later.difference_update(partitions)
        if not self._later:
            self.in_order.set()

    async def _read_until(self, here: TopicPartition, topic: TopicInfo) -> int:
        """Where whoever owned a partition last stood: what is read from there has no owner yet, and is passed over."""
        identity = PartitionId(topic.id, here.partition)
        await self._follower.caught_up(self._writer.partition_of(identity))
        reader = self._follower.view.readers.get(identity)
        return reader.position if reader else 0

    async def _take_over(
        self, here: TopicPartition, topic: TopicInfo, migrated: Migrated, ours: Callable[[], bool], *, until: float
    ) -> OwnedPartition:
        identity = PartitionId(topic.id, here.partition)
        external = any(b.topic.external for b in self._roster.plan.served if b.topic.name == here.topic)
        seen = await self._follower.caught_up(self._writer.partition_of(identity))
        # After what was read of it: the log reaches as far as any cursor says.
        bounds = await self._edges.bounds(here, wanted=lambda: ours() and _now() < until)
        ground = Ground(identity, here.topic, topic.partitions, bounds, external)
        owned, raised = take_over(
            self._follower.view,
            ground,
            self._roster.starts(here.topic),
            owner=self._writer.name(),
            seen=seen,
            now=self._edges.clock(),
        )
        await self._placing.settle_in(owned, migrated, ours, until=until)
        alarms.tell(owned, raised)
        return owned

    def _take(self, owned: OwnedPartition) -> None:
        if owned.identity in self._follower.view.elsewhere:
            owned.rewrite()
        self._roster.take(owned)

    async def settle_in(self) -> None:
        """Give every Trigger of a Plan that is put in force its place on what is ours; `adopting` is held."""
        migrated, until = Migrated(self._edges), _soon()
        for owned in self._roster.partitions():
            here = place(owned)
            if here in self._leaderless:
                self._put_off(here)
                continue
            try:
                await self._placing.settle_in(owned, migrated, partial(self._roster.holds, owned), until=until)
            except LogUnavailable as unavailable:
                self._put_off(here, unavailable)

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Give these partitions up: end what runs within the grace, write every cursor."""
        self._vanished.difference_update(partitions)
        self._later.difference_update(partitions)
        given = [owned for here in partitions if (owned := self._roster.give(here))]
        try:
            async with asyncio.TaskGroup() as tasks:
                for owned in given:
                    tasks.create_task(self._release(owned))
        finally:  # not before: what is told then is not of these, and they are written with the time of the last word
            self._forget(partitions)
        log.info("partitions given up", partitions=len(given))

    async def settled(self) -> None:
        """Every partition of the Plan is ours, another's, or not there yet: nobody waits for us."""
        self._health.reached("partitions")
        self._shared_out.set()

    async def _release(self, owned: OwnedPartition) -> None:
        grace = self._edges.settings.grace / 2
        self._catch_up.release(owned)
        async with asyncio.TaskGroup() as tasks:
            for worker in self._roster.all_workers():
                tasks.create_task(worker.release(owned, grace=grace))
        if await self._writer.flush(owned) or await self._writer.flush(owned):
            await self._reporter.released(owned)
        self._reporter.forget(owned)
        self._writer.forget(owned)

    async def watch_topics(self) -> None:
        """A topic made again under its name is read from its start, only its id tells (DESIGN §5); what was put off is
        served when it answers."""
        while True:
            await asyncio.sleep(self._edges.settings.mirror_interval)
            await _tried(self._look_at_topics())

    async def _look_at_topics(self) -> None:
        named = {broker.topic.name for broker in self._roster.plan.served}
        topics = await self._edges.log.topics(named | {owned.topic for owned in self._roster.partitions()})
        again = [
            (owned, topic)
            for owned in self._roster.partitions()
            if (topic := topics.get(owned.topic)) and topic.id != owned.identity.topic_id
        ]
        for owned, topic in again:  # first: whoever pins a Trigger on one that is no more waits for this
            if self._roster.holds(owned):
                await self._let_go(owned, topic)
        self._sort_out(topics)
        self._roster.counted({name: topic.partitions for name, topic in topics.items()})
        self._leaderless = {TopicPartition(name, number) for name in topics for number in topics[name].leaderless}
        await self._watch_shares([topics[name] for name in named & topics.keys()])
        for here in tuple(self._later):
            if here.topic in topics and here not in self._leaderless:
                await _tried(self._put_in_order(here, topics[here.topic]))

    def _sort_out(self, topics: Mapping[str, TopicInfo]) -> None:
        """What had vanished may be there again, and what was put off may have vanished."""
        for here in self._vanished | self._later:
            if here.topic in topics and here.partition < topics[here.topic].partitions:
                self._vanished.discard(here)
                self._note(here)
            elif here.topic in topics:
                self._vanished.add(here)
                self._forget([here])

    async def _watch_shares(self, topics: Collection[TopicInfo]) -> None:
        """What nobody owns, and what is not there any more, the group finds out when it shares out anew."""
        ours = [owned.identity for owned in self._roster.partitions()]
        ours += [PartitionId(t.id, here.partition) for t in topics for here in self._later if here.topic == t.name]
        patience = 2 * self._edges.settings.mirror_interval
        unowned = self._unowned.look(self._follower.view, topics, ours, now=self._edges.elapsed(), patience=patience)
        if unowned or self._vanished:
            log.warning("partitions are not shared out as they are: calling for a rebalance", topics=len(topics))
            await self.member.rebalance()

    async def _let_go(self, owned: OwnedPartition, topic: TopicInfo) -> None:
        """Its topic was made again."""
        here = place(owned)
        self._roster.give(here)
        if here.partition >= topic.partitions:
            self._vanished.add(here)
        else:
            self._note(here)
            alarms.tell(owned, [Alarm("topic was made again", None, owned.position, 0)])
        await self._release(owned)

    async def _put_in_order(self, here: TopicPartition, topic: TopicInfo) -> None:
        """What was put off, as far as it answers now."""
        ours = partial(self._later.__contains__, here)
        async with self._adopting:
            if not ours():  # given up meanwhile
                return
            plan, owned = self._roster.plan, self._roster.owned(here)
            if owned is not None:
                await self._placing.settle_in(owned, Migrated(self._edges), ours, until=_now())
            else:
                fresh = await self._take_over(here, topic, Migrated(self._edges), ours, until=_now())
            if not ours():
                return

        def wanted() -> bool:  # else it is not ours, or something was taken or adopted meanwhile
            return ours() and self._roster.plan is plan and self._roster.owned(here) is None

        # Outside: a rebalance holds the member until `assigned` is done.
        if owned is None and not await self._begun(here, fresh, wanted):
            await self._release(fresh)  # is it ours still, the next look tries again
        else:
            self._forget([here])
            log.info("a partition is in order again", topic=here.topic, partition=here.partition)

    async def _begun(self, here: TopicPartition, fresh: OwnedPartition, wanted: Callable[[], bool]) -> bool:
        """Whether the shared reader stands where a partition begins that is wanted still, and is told to."""
        while wanted():
            await self.member.seek(here, fresh.position)
            try:
                position = self.member.position(here)
            except KeyError:  # ours no longer
                return False
            if position == fresh.position and wanted():
                self._take(fresh)
                self._catch_up.wake()  # for whoever stands below
                return True
        return False


async def _tried(step: Coroutine[None, None, None]) -> None:
    try:
        await step
    except (LogRefused, LogUnavailable) as failed:
        log.debug("topics are looked at again later", error=failed)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _soon() -> float:
    return _now() + ANSWER_WAIT
