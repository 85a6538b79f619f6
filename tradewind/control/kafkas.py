"""Logs by how Kafka lets one in: the installation's own, and those that Brokers' Secrets open.

A Secret that several Brokers name opens one log; one that nobody asked for in a while is closed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from tradewind.ports import EventLog
from tradewind.resources.kafka_auth import KafkaAuth

IDLE = 300.0
"""Seconds after which a log that nobody asked for is closed: ten times what passes between two looks at a Broker."""

Open = Callable[[KafkaAuth], EventLog]
"""Opens a log on the installation's Kafka.  Raises InvalidSettings for certificates that cannot be used."""


@dataclass(slots=True)
class _Opened:
    log: EventLog
    asked: float


class Kafkas:
    """The installation's Kafka, as one who is let in by a Secret sees it."""

    def __init__(self, own: EventLog, opens: Open) -> None:
        self.own = own
        """As the installation itself is let in."""
        self._opens = opens
        self._opened: dict[KafkaAuth, _Opened] = {}

    def of(self, auth: KafkaAuth | None) -> EventLog:
        """The log that this opens; the installation's own for None.  Raises InvalidSettings where it opens none."""
        if auth is None:
            return self.own
        now = asyncio.get_running_loop().time()
        found = self._opened.get(auth)
        if found is None:
            found = self._opened[auth] = _Opened(self._opens(auth), now)
        found.asked = now
        return found.log

    async def tidy(self) -> None:
        """Close what nobody asked for in a while."""
        before = asyncio.get_running_loop().time() - IDLE
        for auth, held in tuple(self._opened.items()):
            if held.asked < before:
                del self._opened[auth]
                await held.log.close()

    async def close(self) -> None:
        """Close all but the installation's own."""
        while self._opened:
            _, held = self._opened.popitem()
            await held.log.close()
