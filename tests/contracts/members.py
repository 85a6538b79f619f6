"""What every EventLog must do: the members of a group: what they own, commit and hand over."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from uuid import uuid4

import pytest

from tests.contracts.driving import (
    DEADLINE,
    Cluster,
    Owner,
    _place,
    append_all,
    driving,
    numbered,
    take,
    until,
    until_gone,
    until_known,
    values,
)
from tradewind.errors import LogUnavailable, SlotTaken
from tradewind.ports import (
    EventLog,
    NewRecord,
    TopicPartition,
    TopicSpec,
)


class Members:
    """Part of EventLogContract, which has the fixtures."""

    async def test_the_members_of_a_group_are_known_by_their_slots(self, log: EventLog, name: str, topic: str) -> None:
        assert await log.members(name) == set()
        member = log.member(group=name, instance="a", ownership=(owner := Owner()))
        await member.subscribe([topic])
        async with driving(member):
            await until(lambda: bool(owner.owned))
            assert await log.members(name) == {"a"}
        await member.close()

    async def test_a_member_commits_what_its_group_keeps(
        self, log: EventLog, cluster: Cluster, name: str, wide: list[TopicPartition]
    ) -> None:
        """Also while it is told that it loses partitions: that is the last moment."""

        class Committing(Owner):
            async def revoked(self, partitions: Collection[TopicPartition]) -> None:
                with suppress(LogUnavailable):  # the group may have gone on meanwhile
                    await member.commit(dict.fromkeys(partitions, 9))
                    kept.update(partitions)
                await super().revoked(partitions)

        kept: set[TopicPartition] = set()

        async def committed() -> bool:
            await member.commit({wide[0]: 5})
            return True

        owner = Committing()
        member = log.member(group=name, instance="one", ownership=owner)
        with pytest.raises(LogUnavailable):
            await member.commit({wide[0]: 1})
        async with driving(member):
            await member.subscribe([wide[0].topic])
            await until(lambda: owner.owned == set(wide))
            await member.commit({})
            await until_known(committed, True)
            assert await log.group_offsets(name, wide, mirrored=False) == {wide[0]: 5}
            other = cluster.client().member(group=name, instance="two", ownership=(second := Owner()))
            async with driving(other):
                await other.subscribe([wide[0].topic])
                await until(lambda: len(second.owned) == len(owner.owned) == 2)
            await other.close()
        await member.close()
        held = await log.group_offsets(name, wide)
        assert kept
        assert {at: held.get(at) for at in kept} == dict.fromkeys(kept, 9)

    async def test_a_commit_is_answered_that_comes_while_an_assignment_ends(
        self, log: EventLog, name: str, wide: list[TopicPartition]
    ) -> None:
        """Each is asked for by a task that the Ownership leaves behind: whoever serves commits while it is told may
        have looked for the last time."""
        commits: list[asyncio.Task[None]] = []

        class Leaving(Owner):
            async def assigned(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
                await asyncio.to_thread(int)  # other threads come to run
                commits.append(asyncio.create_task(member.commit(dict.fromkeys(partitions, 3))))
                return await super().assigned(partitions)

        member = log.member(group=name, instance="one", ownership=(owner := Leaving()))
        async with driving(member):
            await member.subscribe([wide[0].topic])
            await until(lambda: owner.owned == set(wide))
            await until(lambda: all(each.done() for each in commits))
        await member.close()
        with suppress(LogUnavailable):  # an answer, too: the rebalance may not be over
            await asyncio.gather(*commits)

    async def test_a_member_without_room_takes_part_in_its_group(
        self, log: EventLog, cluster: Cluster, name: str, wide: list[TopicPartition]
    ) -> None:
        """It takes nothing, gives up what others are to have, and loses no record by that."""
        first, second = Owner("first"), Owner("second")
        member = log.member(group=name, instance="one", ownership=first)
        other = cluster.client().member(group=name, instance="two", ownership=second)
        await member.subscribe([wide[0].topic])
        async with asyncio.timeout(DEADLINE):
            while first.owned != set(wide):
                await member.attend(0.05)
        await append_all(log, [one for at in wide for one in numbered(at.topic, 20, at.partition)])
        records = await take(member, 10)
        async with driving(other) as driven:
            await other.subscribe([wide[0].topic])
            async with asyncio.timeout(DEADLINE):
                while len(first.owned) + len(second.owned) != len(wide) or not second.owned:
                    await member.attend(0.05)
            kept = first.owned
            had = {(one.partition, one.offset) for one in records}
            async with asyncio.timeout(DEADLINE):
                while sum(at in kept for at in map(_place, records)) < 20 * len(kept):
                    records += await member.take(100, 0.1)
            ours = [(one.partition, one.offset) for one in records if _place(one) in kept]
            assert sorted(ours) == [(at.partition, offset) for at in sorted(kept) for offset in range(20)]
            assert len(had) == 10
            await until(lambda: len(driven.records) == 20 * len(second.owned))
        await member.close()
        await other.close()

    async def test_mirrored_offsets_can_be_read(self, log: EventLog, name: str, wide: list[TopicPartition]) -> None:
        await append_all(log, numbered(wide[0].topic, 5, partition=0))
        assert await log.group_offsets(name, wide) == {}
        assert name not in await log.groups()
        assert await log.mirror(name, {wide[0]: 3, wide[1]: 0}) == {}
        assert await log.group_offsets(name, wide) == {wide[0]: 3, wide[1]: 0}
        assert await log.group_offsets(name, wide, mirrored=False) == {}
        assert name in await log.groups()
        assert await log.mirror(name, {wide[0]: 5}) == {}
        assert await log.group_offsets(name, [wide[0]]) == {wide[0]: 5}
        assert await log.mirror(name, {}) == {}

    async def test_a_mirror_into_a_group_with_members_is_refused(
        self, log: EventLog, name: str, wide: list[TopicPartition]
    ) -> None:
        owner = Owner()
        member = log.member(group=name, instance="a", ownership=owner)
        await member.subscribe([wide[0].topic])
        async with driving(member):
            await until(lambda: len(owner.owned) == 4)
            refused = await log.mirror(name, {wide[0]: 0})
            assert list(refused) == [wide[0]]
            assert refused[wide[0]]
        await member.close()

    async def test_one_member_owns_everything_from_where_it_says(
        self, log: EventLog, name: str, wide: list[TopicPartition]
    ) -> None:
        for at in wide:
            await append_all(log, numbered(at.topic, 5, at.partition))
        owner = Owner()
        owner.start = {wide[0]: 4, wide[1]: 5, wide[2]: 2}
        member = log.member(group=name, instance="a", ownership=owner)
        await member.subscribe([wide[0].topic])
        records = await take(member, 9)
        assert owner.owned == set(wide)
        assert sorted((r.partition, r.offset) for r in records) == [
            (0, 4), (2, 2), (2, 3), (2, 4), (3, 0), (3, 1), (3, 2), (3, 3), (3, 4),
        ]  # fmt: skip
        assert [member.position(at) for at in wide] == [5, 5, 5, 5]
        await member.close()
        assert owner.owned == set()

    async def test_members_share_and_leaving_hands_over(
        self, cluster: Cluster, name: str, wide: list[TopicPartition]
    ) -> None:
        diary: list[tuple[str, str, TopicPartition]] = []
        one, two = Owner("one", diary), Owner("two", diary)
        log = cluster.client()
        first = log.member(group=name, instance="one", ownership=one)
        second = cluster.client().member(group=name, instance="two", ownership=two)
        await first.subscribe([wide[0].topic])
        async with driving(first) as driven:
            await until(lambda: len(one.owned) == 4)
            one.gate.clear()
            await second.subscribe([wide[0].topic])
            async with driving(second) as others:
                await until(lambda: any(entry[1] == "revoking" for entry in diary))
                taken = others.takes
                await until(lambda: others.takes > taken + 3)
                moving = {at for _, what, at in diary if what == "revoking"}
                assert not two.owned & moving, "assigned before the revocation had ended"
                one.gate.set()
                await until(lambda: len(two.owned) == 2 and len(one.owned) == 2)
                assert one.owned | two.owned == set(wide)
                assert len(moving) == 2, "more was taken away than had to be"
                for at in wide:
                    await log.append(NewRecord(at.topic, b"shared", partition=at.partition))
                await until(lambda: len(driven.records) + len(others.records) == 4)
                assert {TopicPartition(r.topic, r.partition) for r in others.records} == two.owned
            await second.close()
            assert two.owned == set()
            await until(lambda: one.owned == set(wide))
        await first.close()

    async def test_a_slot_that_returns_with_other_topics_owns_these(self, log: EventLog) -> None:
        old, kept, new, later = [f"returns-{uuid4().hex[:8]}" for _ in range(4)]
        await log.ensure_topics([TopicSpec(name, 2, None, {}) for name in (old, kept, new, later)])
        group = f"group-{uuid4().hex[:8]}"
        before, after = Owner(), Owner()
        member = log.member(group=group, instance="a", ownership=before)
        await member.subscribe([old, kept])
        async with driving(member):
            await until(lambda: {at.topic for at in before.owned} == {old, kept})
        await member.close()
        member = log.member(group=group, instance="a", ownership=after)
        await member.subscribe([kept, new])
        async with driving(member):
            await until(lambda: {at.topic for at in after.owned} == {kept, new} and len(after.owned) == 4)
            await until(lambda: after.settlements == [after.owned])
            await member.subscribe([kept, new, later])
            await until(lambda: {at.topic for at in after.owned} == {kept, new, later} and len(after.owned) == 6)
            await member.subscribe([later])
            await until(lambda: {at.topic for at in after.owned} == {later})
        assert old not in {at.topic for _, _, at in after.diary}
        await member.close()

    async def test_it_settles_though_there_is_nothing_for_it(self, log: EventLog, name: str, topic: str) -> None:
        """Without a subscription to anything, with one to what others own, and to what is not there."""
        one, two = Owner("one"), Owner("two")
        first, second = (log.member(group=name, instance=owner.name, ownership=owner) for owner in (one, two))
        await first.subscribe([topic])
        async with driving(first):
            await until(lambda: one.settlements == [{TopicPartition(topic, 0)}])
            await second.subscribe([])
            async with driving(second):
                for number, topics in enumerate([[topic], [topic, f"{name}-missing"]], start=1):
                    await until(lambda: len(two.settlements) == number)  # noqa: B023
                    await second.subscribe(topics)
                await until(lambda: len(two.settlements) == 3)
            await second.close()
        assert two.settlements == [set()] * 3
        assert one.owned == {TopicPartition(topic, 0)}
        await first.close()

    async def test_another_topic_takes_nothing_away(
        self, log: EventLog, name: str, topic: str, wide: list[TopicPartition]
    ) -> None:
        """The second topic appears only after it has been subscribed to."""
        owner = Owner()
        later = f"{name}-later"
        member = log.member(group=name, instance="a", ownership=owner)
        await member.subscribe([topic])
        async with driving(member) as driven:
            await until(lambda: owner.owned == {TopicPartition(topic, 0)})
            await member.subscribe([topic, later])
            taken = driven.takes
            await until(lambda: driven.takes > taken + 3)
            await log.ensure_topics([TopicSpec(later, 2, None, {})])
            await until(lambda: len(owner.owned) == 3, seconds=10)
            assert not [entry for entry in owner.diary if entry[1] == "revoked"]
            await log.append(NewRecord(later, b"x", partition=1))
            await log.append(NewRecord(topic, b"y"))
            await until(lambda: len(driven.records) == 2)
            await member.subscribe([later])
            await until(lambda: owner.owned == {TopicPartition(later, 0), TopicPartition(later, 1)})
        await member.close()

    async def test_a_member_goes_on_where_it_seeks(
        self, cluster: Cluster, log: EventLog, name: str, wide: list[TopicPartition]
    ) -> None:
        for at in wide:
            await append_all(log, numbered(at.topic, 5, at.partition))
        await cluster.delete_records_before(wide[2], 3)
        owner = Owner()
        owner.start = {wide[0]: 5, wide[1]: 5, wide[2]: 1, wide[3]: 5}
        member = log.member(group=name, instance="a", ownership=owner)
        await member.subscribe([wide[0].topic])
        gone = await until_gone(member)
        assert (gone.topic, gone.partition, gone.offset) == (*wide[2], 1)
        await member.seek(wide[2], 3)
        assert [(r.partition, r.offset) for r in await take(member, 2)] == [(2, 3), (2, 4)]
        await member.close()

    async def test_a_member_that_joins_anew_gives_all_up_and_gets_it_back(
        self, log: EventLog, name: str, topic: str
    ) -> None:
        await append_all(log, numbered(topic, 3))
        owner, at = Owner(), TopicPartition(topic, 0)
        member = log.member(group=name, instance="a", ownership=owner)
        await member.subscribe([topic])
        assert len(await take(member, 3)) == 3
        await member.rejoin()
        assert [what for _, what, _ in owner.diary] == ["assigned", "revoking", "revoked"]
        owner.start = {at: 1}
        assert values(await take(member, 2)) == [b"1", b"2"]
        assert owner.owned == {at}
        await member.rejoin()
        await member.rejoin()
        assert len(await take(member, 2)) == 2
        await member.close()

    async def test_one_slot_holds_one_member(self, cluster: Cluster, name: str, topic: str) -> None:
        """Two processes under one `group.instance.id` fence each other; one ends, the other keeps the slot."""
        owners = Owner("one"), Owner("two")
        members = [cluster.client().member(group=name, instance="same", ownership=owner) for owner in owners]
        ended: list[int] = []

        async def drive(number: int) -> None:
            await members[number].subscribe([topic])
            while not ended:
                try:
                    await members[number].take(10, 0.05)
                except SlotTaken:
                    ended.append(number)

        async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as tasks:
            tasks.create_task(drive(0))
            await until(lambda: bool(owners[0].owned))
            tasks.create_task(drive(1))
        loser, keeper = ended[0], 1 - ended[0]
        assert owners[loser].owned == set()
        assert members[loser].fenced > 0
        async with driving(members[keeper]):
            await until(lambda: owners[keeper].owned == {TopicPartition(topic, 0)})
        for member in members:
            await member.close()

    async def test_what_an_ownership_raises_comes_out_of_take(self, log: EventLog, name: str, topic: str) -> None:
        owner = Owner()
        owner.error = ValueError("no cursor")
        member = log.member(group=name, instance="a", ownership=owner)
        await member.subscribe([topic])
        with pytest.raises(ValueError, match="no cursor"):
            await take(member, 1, wait=0.5)
        owner.error = None
        async with driving(member):
            await until(lambda: owner.owned == {TopicPartition(topic, 0)})
        await member.close()
