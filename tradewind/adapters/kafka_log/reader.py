"""Reads the partitions it is assigned."""

from collections.abc import Mapping
from functools import partial

from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as KafkaPartition

from tradewind.adapters.kafka_log.connection import Config, Connection
from tradewind.adapters.kafka_log.source import Source
from tradewind.ports import TopicPartition

QUEUE_BYTES = 2 * 1024 * 1024
"""Records fetched ahead.  Catch-up readers are several; at librdkafka's default one took 100 MB (DESIGN §5)."""


class KafkaReader(Source):
    """See ports.Reader."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, "reader")

    async def assign(self, offsets: Mapping[TopicPartition, int]) -> None:
        """See Reader.assign."""
        await self._between_takes(partial(self._assign, dict(offsets)))

    # ── in the thread ───────────────────────────────────────────────────────────────────────────────────────────────

    def _config(self) -> Config:
        # librdkafka wants a group's name; without subscribe or commit nothing is ever said to that group.
        config = self._common(queue_bytes=QUEUE_BYTES)
        return {
            "group.id": f"{self._connection.client_id}-reader",
            "topic.metadata.refresh.interval.ms": 5000,
            **config,
        }

    def _assign(self, offsets: dict[TopicPartition, int]) -> None:
        self._positions = offsets
        self._gone.clear()
        self._batch.clear()  # of a take that was given up
        self._place(self._consumer())

    def _consumer(self) -> Consumer:
        renewed = self._kafka is None and bool(self._positions)
        consumer = super()._consumer()
        if renewed:
            self._place(consumer)
        return consumer

    def _renew(self) -> None:
        if self._kafka is not None:
            self._kafka.close()
            self._kafka = None

    def _place(self, consumer: Consumer) -> None:
        consumer.assign([KafkaPartition(*at, offset) for at, offset in self._positions.items()])
