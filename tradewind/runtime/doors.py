"""Doors that several processes have, built from the settings."""

import contextlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tradewind.adapters.http_sender import HttpSender
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.config import Settings, flag
from tradewind.resources.kafka_auth import PLAINTEXT, KafkaAuth

DISK_LOOK = 1.0
"""Seconds between two looks at a disk's free space."""


def kafka_log(settings: Settings, client_id: str, auth: KafkaAuth | None = None) -> KafkaLog:
    """The log on the Kafka of the settings, let in as they say where no other way is given."""
    return KafkaLog(
        settings.kafka,
        client_id=client_id,
        auth=kafka_auth(settings) if auth is None else auth,
        auth_again=partial(kafka_auth, settings) if settings.kafka_auth and auth is None else None,
        patience=settings.kafka_patience,
        queue_bytes=settings.queue_bytes,
    )


def reading(settings: Settings, client_id: str) -> Callable[[Sequence[str], KafkaAuth], KafkaLog]:
    """Opens logs on any Kafka, by its bootstrap servers and what lets one in: of them a KafkaSource reads."""

    def opened(servers: Sequence[str], auth: KafkaAuth) -> KafkaLog:
        return KafkaLog(",".join(servers), client_id=client_id, auth=auth, patience=settings.kafka_patience)

    return opened


def kafka_auth(settings: Settings) -> KafkaAuth:
    """How Kafka lets us in.  Raises InvalidSettings with every fault of the folder that says so."""
    if not settings.kafka_auth:
        return PLAINTEXT
    from tradewind.adapters import auth_folder

    return auth_folder.load(Path(settings.kafka_auth), flag("kafka_auth"))


def require_port(settings: Settings) -> None:
    """Raise StartFailed where the ingress' port cannot be listened on."""
    from tradewind.broker.serve import bind

    bind(settings.host, settings.port).close()


def http_sender(settings: Settings) -> HttpSender:
    """What POSTs for this process."""
    return HttpSender(max_answer_bytes=settings.max_event_bytes)


def disk_low(settings: Settings) -> Callable[[], str | None]:
    """Asks whether the disk of the embedded Kafka is nearly full: the folder, or None.  Looks once a second."""
    if not settings.data:
        return lambda: None
    from tradewind.adapters.embedded_kafka import free_bytes

    folder, floor = settings.data, settings.disk_floor
    looked, low = -DISK_LOOK, False

    def look() -> str | None:
        nonlocal looked, low
        if (now := time.monotonic()) - looked >= DISK_LOOK:
            looked, low = now, False
            with contextlib.suppress(OSError):  # a folder that is gone is for Kafka to tell of
                low = free_bytes(Path(folder)) < floor
        return folder if low else None

    return look
