"""What members of groups commit, in the one thread that may: that of their consumer.

In any other thread librdkafka leaves a commit unanswered until it has told of the rebalance it tells of (seen), and the
thread may be waiting for the very Ownership that commits.
"""

import concurrent.futures
from collections import deque
from collections.abc import Mapping

from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as KafkaPartition

from tradewind.adapters.kafka_log.verdicts import kafka_error
from tradewind.errors import LogUnavailable
from tradewind.ports import TopicPartition

Told = concurrent.futures.Future[None]


class Commits:
    """Of one member."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._waiting: deque[tuple[Mapping[TopicPartition, int], Told]] = deque()

    def add(self, offsets: Mapping[TopicPartition, int]) -> Told:
        """To be committed by the next `serve`, which tells of it.  From the event loop."""
        told = Told()
        self._waiting.append((dict(offsets), told))
        return told

    def serve(self, consumer: Consumer | None) -> None:
        """Commit what waits.  In the consumer's thread."""
        while self._waiting:
            offsets, told = self._waiting.popleft()
            if not told.set_running_or_notify_cancel():
                continue
            try:
                self._commit(consumer, offsets)
            except Exception as failed:  # whoever waits is told
                told.set_exception(failed)
            else:
                told.set_result(None)

    def _commit(self, consumer: Consumer | None, offsets: Mapping[TopicPartition, int]) -> None:
        if consumer is None:
            raise LogUnavailable(f"group {self._group}: this is no member now")
        wanted = [KafkaPartition(*at, offset) for at, offset in offsets.items()]
        try:
            answers = consumer.commit(offsets=wanted, asynchronous=False)
        except KafkaException as failed:
            raise LogUnavailable(f"group {self._group}: {kafka_error(failed).str()}") from failed
        for each in answers or ():
            if each.error:
                raise LogUnavailable(f"group {self._group}: {each.error.str()}")
