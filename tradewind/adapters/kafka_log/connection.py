"""What every Kafka client of a process is told, and where librdkafka's own words go."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tradewind.adapters.kafka_log.login import Login

Config = dict[str, Any]  # librdkafka takes text, numbers, booleans and callbacks under one roof

PORT = 9092
"""Kafka's own, where none is given."""

REPEATED = 30.0
"""Seconds in which a message of one kind is logged once: during an outage librdkafka repeats itself each second."""

HARMLESS = ("Coordinator load in progress",)
"""Said of a Kafka that has just started or is just connected to; librdkafka asks again by itself (DESIGN §7)."""

LOG = logging.getLogger("tradewind.kafka")


class Seldom(logging.Filter):
    """Lets one message of a kind pass in a while; kinds are librdkafka's facilities (`FAIL`, `REQTMOUT`, …)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this record is logged."""
        text = record.getMessage()
        if any(words in text for words in HARMLESS):
            return False
        kind, now = text.split(" ", 1)[0], self._clock()
        if now - self._last.get(kind, -REPEATED) < REPEATED:
            return False
        self._last[kind] = now
        return True


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach Kafka (`host:port,host:port`), how long to be patient (seconds), and how to be let in."""

    bootstrap: str
    client_id: str
    patience: float
    login: Login = field(default_factory=Login)

    def addresses(self) -> Sequence[tuple[str, int]]:
        """The bootstrap servers: `host[:port]`, IPv6 in brackets."""
        found = []
        for server in self.bootstrap.split(","):
            url = urlsplit(f"//{server.strip()}")
            found.append((url.hostname or "", url.port or PORT))
        return found

    def unanswered(self) -> str:
        """What to say when patience is over."""
        denied = "".join(f"; {said}" for said in self.login.denials())
        return f"Kafka at {self.bootstrap} did not answer within {self.patience:g} s{denied}"

    def config(self, ours: Config) -> Config:
        """The properties of one client."""
        return {
            "bootstrap.servers": self.bootstrap,
            "client.id": self.client_id,
            # An outage costs one attempt a second and ends within a second of Kafka's return.
            "reconnect.backoff.ms": 100,
            "reconnect.backoff.max.ms": 1000,
            **self.login.properties(),
            **ours,
        }


def librdkafka_log() -> logging.Logger:
    """The logger that clients hand their words to."""
    if not any(isinstance(known, Seldom) for known in LOG.filters):
        LOG.addFilter(Seldom())
    return LOG
