"""How often a member was fenced, and what that says: twice in a short time, another process has its slot."""

import time

from confluent_kafka import KafkaError

from tradewind.errors import SlotTaken
from tradewind.observe.logs import Log

LOG = Log("kafka")

AGAIN = 60.0
"""Seconds; a member fenced twice in this time shares its slot with another process (DESIGN §5)."""


class Fences:
    """Of one member."""

    def __init__(self, group: str, instance: str) -> None:
        self._group = group
        self._instance = instance
        self._last: float | None = None
        self.count = 0

    def add(self, error: KafkaError) -> None:
        """Another one.  Raises SlotTaken."""
        LOG.warning("kafka member fenced", group=self._group, instance=self._instance, error=error.str())
        self.count += 1
        now, before = time.monotonic(), self._last
        self._last = now
        if before is not None and now - before < AGAIN:
            raise SlotTaken(
                f"another process is a member of group {self._group} under group.instance.id {self._instance}; "
                "one of the two needs another (--slot, or --sources-slot)"
            )
