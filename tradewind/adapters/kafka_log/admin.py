"""Topics, bounds and group offsets.

Deletions have one, too: what was not answered in time must not be carried out later, when somebody else may have made
the topic, so librdkafka's own deadline fires, which it stands one call at a time.
Calls about groups have an Asker of their own, one at a time: beside others they stay unanswered after an outage.
Offsets are asked of consumers, whose questions end by themselves and try again until they do.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Collection, Mapping

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicCollection
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import ConfigResource, NewTopic  # type: ignore[attr-defined]  # the latter untyped

from tradewind.adapters.kafka_log.asker import REQUEST_TIMEOUT, Asker
from tradewind.adapters.kafka_log.connection import Connection
from tradewind.adapters.kafka_log.verdicts import NEVER, UNKNOWN_TOPIC, kafka_error, log_error
from tradewind.errors import LogRefused, LogUnavailable
from tradewind.ports import Bounds, Retention, TopicInfo, TopicPartition, TopicSpec
from tradewind.topics import retention_of

MOST_COPIES = 3
"""Copies of a partition where nobody says how many, if there are as many brokers."""

NOT_TOLD = frozenset(
    {*UNKNOWN_TOPIC, *NEVER, KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED}
)
"""Said of a topic's settings where there are none, or they are not for us to see."""

URL_SAFE = str.maketrans("+/", "-_")
"""A topic's id as Kafka's own tools write it: librdkafka's Base64 has `/`, at which keys of cursors are cut."""

COORDINATOR_MOVES = frozenset(
    {KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS}
)
"""Said of a group whose coordinator is still to be found or to read what it needs: it passes within a second or two."""

MIRRORED = "mirrored by Tradewind"
"""What we write beside a group's offset: whoever commits to the group itself writes something else, or nothing."""

LEARN = 1.0
"""Seconds that a look at a topic may take."""

LEADER_POLL = 0.05
"""Seconds between two looks at whether a new topic's partitions have leaders."""


class Admin:
    """The admin client of a process."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._patience = connection.patience
        self._topics = Asker(connection, at_once=4)
        self._deletions = Asker(connection, at_once=1)
        self._groups = Asker(connection, at_once=1)
        self._consumer: Consumer | None = None
        self._generation = 0
        """Of what lets it in."""

    async def ensure_topics(self, specs: Collection[TopicSpec]) -> dict[str, TopicInfo]:
        """See EventLog.ensure_topics."""
        wanted = {spec.name: spec for spec in specs}
        existing = await self.topics(wanted)
        missing = [spec for name, spec in wanted.items() if name not in existing]
        if not missing:
            return existing
        for spec in missing:
            if spec.partitions < 1:
                raise LogRefused(f"topic {spec.name}: found {spec.partitions} partitions, expected at least 1")
        copies = await self._copies(missing)
        new = [NewTopic(s.name, s.partitions, s.replication or copies, config=dict(s.config)) for s in missing]
        made = await self._topics.ask(lambda kafka: kafka.create_topics(new, request_timeout=REQUEST_TIMEOUT))
        for name, answer in made.items():
            if isinstance(answer, BaseException):
                error = kafka_error(answer)
                if error.code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise log_error(f"topic {name}", error) from answer
        return await self._await_leaders(list(wanted))

    async def topics(self, names: Collection[str]) -> dict[str, TopicInfo]:
        """See EventLog.topics."""
        if not names:
            return {}
        asked = TopicCollection(sorted(names))
        answers = await self._topics.ask(lambda kafka: kafka.describe_topics(asked, request_timeout=REQUEST_TIMEOUT))
        found: dict[str, TopicInfo] = {}
        for name, answer in answers.items():
            if not isinstance(answer, BaseException):
                leaderless = frozenset(each.id for each in answer.partitions if each.leader is None)
                topic_id = str(answer.topic_id).translate(URL_SAFE)
                copies = min((len(each.replicas) for each in answer.partitions), default=1)
                found[name] = TopicInfo(name, topic_id, len(answer.partitions), leaderless, copies)
                continue
            error = kafka_error(answer)
            if error.code() not in UNKNOWN_TOPIC and error.code() != KafkaError.TOPIC_EXCEPTION:
                raise log_error(f"topic {name}", error) from answer
        return found

    async def delete_topics(self, names: Collection[str]) -> None:
        """See EventLog.delete_topics."""
        if not names:
            return
        asked = sorted(names)
        answers = await self._deletions.ask(lambda kafka: kafka.delete_topics(asked, request_timeout=self._patience))
        for name, answer in answers.items():
            if isinstance(answer, BaseException):
                error = kafka_error(answer)
                if error.code() not in UNKNOWN_TOPIC:
                    raise log_error(f"topic {name}", error) from answer
        await self._await_gone(asked)

    async def max_message_bytes(self, topics: Collection[str]) -> dict[str, int]:
        """See EventLog.max_message_bytes."""
        return {name: int(told["max.message.bytes"]) for name, told in (await self._settings(topics)).items()}

    async def retention(self, topics: Collection[str]) -> dict[str, Retention]:
        """See EventLog.retention."""
        return {name: retention_of(told) for name, told in (await self._settings(topics)).items()}

    async def min_insync_replicas(self, topics: Collection[str]) -> dict[str, int]:
        """See EventLog.min_insync_replicas."""
        return {name: int(told["min.insync.replicas"]) for name, told in (await self._settings(topics)).items()}

    async def _settings(self, topics: Collection[str]) -> dict[str, Mapping[str, str]]:
        """What is in force for each of these topics, by Kafka's own names."""
        if not topics:
            return {}
        asked = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in sorted(topics)]
        answers = await self._topics.ask(lambda kafka: kafka.describe_configs(asked, request_timeout=REQUEST_TIMEOUT))
        found: dict[str, Mapping[str, str]] = {}
        for topic, answer in answers.items():
            if not isinstance(answer, BaseException):
                found[topic.name] = {name: entry.value or "" for name, entry in answer.items()}
                continue
            error = kafka_error(answer)
            if error.code() not in NOT_TOLD:
                raise log_error(f"topic {topic.name}", error) from answer
        return found

    async def bounds(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Bounds]:
        """See EventLog.bounds.  The end counts records of transactions that are still open."""
        return await asyncio.to_thread(self._watermarks, self._asking(), list(partitions))

    async def offset_at(self, partition: TopicPartition, time: float) -> int:
        """See EventLog.offset_at."""
        found = await asyncio.to_thread(self._offset_at, self._asking(), partition, time)
        return (await self.bounds([partition]))[partition].end if found < 0 else found

    def _asking(self) -> Consumer:
        """The consumer that is asked for offsets; it reads nothing and is a member of nothing."""
        generation = self._connection.login.generation
        if self._consumer is None or self._generation != generation:
            self._generation = generation
            ours = {"group.id": f"{self._connection.client_id}-offsets", "isolation.level": "read_uncommitted"}
            self._consumer = Consumer(self._connection.config({**ours, "log_level": 0}))
        return self._consumer

    def _offset_at(self, consumer: Consumer, at: TopicPartition, time: float) -> int:
        """Below 0 where every record is older.  A time below 0 would be a command to Kafka: `-1` is the log's end."""
        milliseconds = max(0, math.ceil(time * 1000))
        try:
            (found,) = consumer.offsets_for_times([KafkaPartition(*at, milliseconds)], self._patience)
        except KafkaException as failed:
            raise LogUnavailable(f"{at.topic}[{at.partition}]: {kafka_error(failed).str()}") from failed
        if found.error:
            raise LogUnavailable(f"{at.topic}[{at.partition}]: {found.error.str()}")
        return found.offset

    def _watermarks(self, consumer: Consumer, partitions: list[TopicPartition]) -> dict[TopicPartition, Bounds]:
        deadline, found = time.monotonic() + self._patience, {}
        for at in partitions:
            try:
                marks = consumer.get_watermark_offsets(KafkaPartition(*at), max(0.0, deadline - time.monotonic()))
            except KafkaException as failed:
                self._learn(consumer, at.topic, kafka_error(failed))
                raise LogUnavailable(f"{at.topic}[{at.partition}]: {kafka_error(failed).str()}") from failed
            found[at] = Bounds(*marks)
        return found

    @staticmethod
    def _learn(consumer: Consumer, topic: str, error: KafkaError) -> None:
        """Look at a topic anew where a partition was not found: left alone, it is done every five minutes only, and
        one that was added is unknown that long."""
        if error.code() == KafkaError._UNKNOWN_PARTITION:
            with contextlib.suppress(KafkaException):
                consumer.list_topics(topic, timeout=LEARN)

    async def mirror(self, group: str, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, str]:
        """See EventLog.mirror."""
        if not offsets:
            return {}
        asked = ConsumerGroupTopicPartitions(
            group, [KafkaPartition(*at, offset, MIRRORED) for at, offset in offsets.items()]
        )
        answer = await self._groups.ask_one(
            lambda kafka: kafka.alter_consumer_group_offsets([asked], request_timeout=REQUEST_TIMEOUT)
        )
        if isinstance(answer, BaseException):
            error = kafka_error(answer)
            if error.retriable():
                raise log_error(f"group {group}", error) from answer
            return dict.fromkeys(offsets, error.str())
        return {TopicPartition(at.topic, at.partition): at.error.str() for at in answer.topic_partitions if at.error}

    async def groups(self) -> set[str]:
        """See EventLog.groups."""
        answer = await self._groups.ask_one(
            lambda kafka: {"groups": kafka.list_consumer_groups(request_timeout=REQUEST_TIMEOUT)}
        )
        if isinstance(answer, BaseException):
            raise log_error("groups", kafka_error(answer)) from answer
        if answer.errors:  # of brokers that have not answered for theirs
            raise LogUnavailable(f"groups: {kafka_error(answer.errors[0]).str()}")
        return {group.group_id for group in answer.valid}

    async def members(self, group: str) -> set[str]:
        """See EventLog.members.  A group's coordinator may only just have been found, and asks for patience."""
        deadline = time.monotonic() + self._patience
        while True:
            answer = await self._groups.ask_one(
                lambda kafka: kafka.describe_consumer_groups([group], request_timeout=REQUEST_TIMEOUT)
            )
            if not isinstance(answer, BaseException):
                return {member.group_instance_id for member in answer.members if member.group_instance_id}
            error = kafka_error(answer)
            if error.code() == KafkaError.GROUP_ID_NOT_FOUND:
                return set()
            if time.monotonic() > deadline or error.code() not in COORDINATOR_MOVES:
                raise log_error(f"group {group}", error) from answer
            await asyncio.sleep(LEADER_POLL)

    async def group_offsets(
        self, group: str, partitions: Collection[TopicPartition], *, mirrored: bool = True
    ) -> dict[TopicPartition, int]:
        """See EventLog.group_offsets."""
        if not partitions:
            return {}
        return await asyncio.to_thread(self._committed, group, list(partitions), mirrored)

    def _committed(self, group: str, partitions: list[TopicPartition], mirrored: bool) -> dict[TopicPartition, int]:
        """Asked of a consumer: librdkafka's admin client crashes when a group's coordinator has only just started."""
        consumer = Consumer(self._connection.config({"group.id": group, "log_level": 0}))
        try:
            answer = consumer.committed([KafkaPartition(*at) for at in partitions], self._patience)
        except KafkaException as failed:
            raise LogUnavailable(f"group {group}: {failed}") from failed
        finally:
            consumer.close()
        return {
            TopicPartition(at.topic, at.partition): at.offset
            for at in answer
            if at.offset >= 0 and (mirrored or (at.metadata or "").rstrip("\0") != MIRRORED)
        }

    async def _copies(self, specs: Collection[TopicSpec]) -> int:
        if all(spec.replication is not None for spec in specs):
            return MOST_COPIES
        answer = await self._topics.ask_one(
            lambda kafka: {"cluster": kafka.describe_cluster(request_timeout=REQUEST_TIMEOUT)}
        )
        if isinstance(answer, BaseException):
            raise log_error("cluster", kafka_error(answer)) from answer
        return min(MOST_COPIES, len(answer.nodes))

    async def _await_gone(self, names: Collection[str]) -> None:
        """Until Kafka no longer tells of any of these."""
        try:
            async with asyncio.timeout(self._patience):
                while await self.topics(names):  # noqa: ASYNC110
                    await asyncio.sleep(LEADER_POLL)
        except TimeoutError:
            raise LogUnavailable(f"topics {', '.join(sorted(names))}: deleted, but still told of") from None

    async def _await_leaders(self, names: Collection[str]) -> dict[str, TopicInfo]:
        """Until records may be appended to all of these."""
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    found = await self.topics(names)
                    if len(found) == len(names) and not any(info.leaderless for info in found.values()):
                        return found
                    await asyncio.sleep(LEADER_POLL)
        except TimeoutError:
            raise LogUnavailable(f"topics {', '.join(sorted(names))}: made, but not led by any broker yet") from None
