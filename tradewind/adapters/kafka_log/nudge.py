"""A passing member of a group, without a slot and subscribed to nothing of ours, whose coming calls a rebalance.

begin ──joins──► the group shares out anew ──what was missing has come, or a while is over──► closed
"""

from confluent_kafka import Consumer

from tradewind.adapters.kafka_log.connection import Connection
from tradewind.observe.logs import Log

LOG = Log("kafka")

LASTS = 6.0
"""Seconds a nudge lasts at the most."""

WITH = "__consumer_offsets"
"""A topic that every Kafka has and that no member subscribes to."""


class Nudge:
    """Of one member; driven by its thread.  `session` is the member's, in seconds.

    A nudge that is given up while it joins cannot leave: Kafka answers a connection's requests one after the other, and
    the one to join waits for the others of the group.  Then the group waits for the nudge until its session ends.
    """

    def __init__(self, connection: Connection, group: str, session: float) -> None:
        self._connection = connection
        self._group = group
        self._session = session
        self._consumer: Consumer | None = None
        self._given: frozenset[str] | None = None

    @property
    def lasts(self) -> bool:
        """Whether one is on its way."""
        return self._consumer is not None

    def was_given(self, topics: frozenset[str]) -> bool:
        """Whether the last one was for this subscription: one is enough, as what is missing may be other members'."""
        return self._given == topics

    def begin(self, topics: frozenset[str]) -> None:
        """Join, on behalf of whoever subscribes to these."""
        LOG.info("asking the group for a rebalance", group=self._group, topics=len(topics))
        self._given = topics
        ours = {
            "group.id": self._group,
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": round(self._session * 1000),  # 45 s by default
            "enable.auto.commit": False,
            "log_level": 0,
        }
        self._consumer = Consumer(self._connection.config(ours))
        self._consumer.subscribe([WITH])

    def serve(self, since: float, *, missing: bool) -> None:
        """Take part; leave once nothing is missing any more, or so many seconds after the group last changed."""
        if self._consumer is not None:
            self._consumer.poll(0)
            if since > LASTS or (self._consumer.assignment() and not missing):
                self._leave()

    def forget(self) -> None:
        """Leave; another may be given for any subscription."""
        self._given = None
        self._leave()

    def _leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()
