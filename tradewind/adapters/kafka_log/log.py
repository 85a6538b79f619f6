"""The log on Apache Kafka, put together."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack
from weakref import WeakSet

from tradewind.adapters.kafka_log.admin import Admin
from tradewind.adapters.kafka_log.connection import Connection
from tradewind.adapters.kafka_log.login import Login
from tradewind.adapters.kafka_log.member import KafkaMember
from tradewind.adapters.kafka_log.produce.producer import Producer
from tradewind.adapters.kafka_log.reader import KafkaReader
from tradewind.adapters.kafka_log.source import Source
from tradewind.observe.logs import Log
from tradewind.ports import (
    Bounds,
    Delivered,
    NewRecord,
    Ownership,
    Position,
    Retention,
    TopicInfo,
    TopicPartition,
    TopicSpec,
)
from tradewind.resources.kafka_auth import PLAINTEXT, KafkaAuth

LOG = Log("kafka")

SESSION = 6.0
"""Seconds until Kafka gives a silent member's partitions to others.  Kafka's own lower limit: a crash is noticed soon,
and a static member that returns sooner has lost nothing."""


class KafkaLog:
    """See ports.EventLog.  One for a process, on one event loop.

    `auth` lets every client in, and is read anew by `auth_again` where it does no more; `patience` (seconds) bounds
    every wait for Kafka, `queue_bytes` what may wait for it.
    Raises InvalidSettings for certificates that OpenSSL cannot use.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        client_id: str,
        auth: KafkaAuth = PLAINTEXT,
        auth_again: Callable[[], KafkaAuth] | None = None,
        patience: float = 5.0,
        queue_bytes: int = 64 * 1024 * 1024,
        session: float = SESSION,
    ) -> None:
        self._connection = Connection(bootstrap, client_id, patience, Login(auth, auth_again))
        self._producer = Producer(self._connection, queue_bytes=queue_bytes)
        self._session = session
        self._admin: Admin | None = None
        self._sources: WeakSet[Source] = WeakSet()

    def append(self, record: NewRecord) -> Awaitable[Position]:
        """See EventLog.append."""
        return self._producer.append(record)

    def produce(self, record: NewRecord, on_delivery: Delivered) -> None:
        """See EventLog.produce."""
        self._producer.produce(record, on_delivery)

    async def ensure_topics(self, topics: Collection[TopicSpec]) -> Mapping[str, TopicInfo]:
        """See EventLog.ensure_topics."""
        return await self._administer().ensure_topics(topics)

    async def topics(self, names: Collection[str]) -> Mapping[str, TopicInfo]:
        """See EventLog.topics."""
        return await self._administer().topics(names)

    async def delete_topics(self, names: Collection[str]) -> None:
        """See EventLog.delete_topics."""
        await self._administer().delete_topics(names)

    async def max_message_bytes(self, topics: Collection[str]) -> Mapping[str, int]:
        """See EventLog.max_message_bytes."""
        return await self._administer().max_message_bytes(topics)

    async def retention(self, topics: Collection[str]) -> Mapping[str, Retention]:
        """See EventLog.retention."""
        return await self._administer().retention(topics)

    async def min_insync_replicas(self, topics: Collection[str]) -> Mapping[str, int]:
        """See EventLog.min_insync_replicas."""
        return await self._administer().min_insync_replicas(topics)

    async def bounds(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, Bounds]:
        """See EventLog.bounds."""
        return await self._administer().bounds(partitions)

    async def offset_at(self, partition: TopicPartition, time: float) -> int:
        """See EventLog.offset_at."""
        return await self._administer().offset_at(partition, time)

    def reader(self) -> KafkaReader:
        """See EventLog.reader."""
        reader = KafkaReader(self._connection)
        self._sources.add(reader)
        return reader

    def member(self, *, group: str, instance: str, ownership: Ownership) -> KafkaMember:
        """See EventLog.member."""
        member = KafkaMember(
            self._connection, group=group, instance=instance, ownership=ownership, session=self._session
        )
        self._sources.add(member)
        return member

    async def mirror(self, group: str, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, str]:
        """See EventLog.mirror."""
        return await self._administer().mirror(group, offsets)

    async def groups(self) -> Collection[str]:
        """See EventLog.groups."""
        return await self._administer().groups()

    async def members(self, group: str) -> Collection[str]:
        """See EventLog.members."""
        return await self._administer().members(group)

    async def group_offsets(
        self, group: str, partitions: Collection[TopicPartition], *, mirrored: bool = True
    ) -> Mapping[TopicPartition, int]:
        """See EventLog.group_offsets."""
        return await self._administer().group_offsets(group, partitions, mirrored=mirrored)

    async def close(self) -> None:
        """See EventLog.close.  Readers and Members that are still open are closed first."""
        async with AsyncExitStack() as last_first:
            last_first.push_async_callback(self._close_producer)
            for source in list(self._sources):
                last_first.push_async_callback(source.close)
        self._admin = None

    async def _close_producer(self) -> None:
        if lost := await self._producer.close():
            LOG.error("records not stored at the end", records=lost)

    def _administer(self) -> Admin:
        """The admin client, made on the loop; and the producer, which must ask Kafka something before it may append."""
        self._producer.start()
        if self._admin is None:
            self._admin = Admin(self._connection)
        return self._admin
