"""The topics we make, with every setting that a promise rests on stated (DESIGN §5: explicit retention).

    Broker topic        cleanup.policy=delete: an event without data is a null value, which compaction would drop
    dead-letter topic   cleanup.policy=compact, kept until redriven or discarded, which writes the tombstone
    cursors, sources    cleanup.policy=compact in small segments, because owners read it whole at takeover
    claims              cleanup.policy=delete without limit: of two claims the first counts, which compaction takes

`min.insync.replicas` is left to the cluster and to the Broker's ConfigMap.
"""

from collections.abc import Mapping
from dataclasses import replace

from tradewind.config import KIB, MIB, Settings
from tradewind.plan import BrokerPlan, TopicPlan
from tradewind.ports import NewRecord, Record, Retention, TopicSpec

CLAIMS_TOPIC = "tradewind.topics"
"""Whose each topic is (`control/claims.py`): one for all installations that share a Kafka."""

ENVELOPE_BYTES = 64 * KIB
"""Bytes of a record beyond the event that the ingress admitted: Kafka's framing, the hop count, and the header fields
that travel with it (`events.travelling.MOST_BYTES`)."""

WEEK = 7 * 86_400_000
"""Milliseconds; Kafka's default `retention.ms`."""

_BATCH = 61
"""Bytes before the records of a batch (Kafka's message format v2)."""
_RECORD = 3
"""A record's attributes, and the differences to its batch's time and offset: none, where it is alone."""

DEAD_LETTER_BYTES = 128 * KIB
"""Bytes of a dead letter beyond its event: framing, the reason, and the answer it got (`knativeerrordata`)."""


def topic_specs(broker: BrokerPlan, settings: Settings) -> tuple[TopicSpec, ...]:
    """The topics a Broker needs: its own, unless that is the user's (`external.topic`), and its dead letters'."""
    dead_letters = _dead_letters(broker, settings)
    return (dead_letters,) if broker.topic.external else (_events(broker.topic, settings), dead_letters)


def cursors_spec(settings: Settings) -> TopicSpec:
    """The compacted topic of all cursors."""
    config = {
        "cleanup.policy": "compact",
        "segment.bytes": str(16 * MIB),
        "segment.ms": str(600_000),
        "min.cleanable.dirty.ratio": "0.1",
    }
    return TopicSpec(settings.cursors_topic, settings.partitions, None, config)


def sources_specs(settings: Settings) -> tuple[TopicSpec, TopicSpec]:
    """The compacted topic of the sources' positions and status, and their dead letters where no Broker has them."""
    positions = replace(cursors_spec(settings), name=settings.sources_topic)
    config = {
        "cleanup.policy": "compact",
        "retention.ms": "-1",
        "max.message.bytes": str(settings.max_event_bytes + DEAD_LETTER_BYTES),
    }
    return positions, TopicSpec(settings.sources_dead_letter_topic, 1, None, config)


def claims_spec() -> TopicSpec:
    """The topic of all claims: one partition, as their order decides."""
    return TopicSpec(CLAIMS_TOPIC, 1, None, {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"})


def retention_of(config: Mapping[str, str]) -> Retention:
    """How long a topic with these settings keeps records; what is not stated is as Kafka's defaults have it."""
    if "delete" not in config.get("cleanup.policy", "delete"):
        return Retention(None, None)
    milliseconds = int(config.get("retention.ms", WEEK))
    size = int(config.get("retention.bytes", -1))
    return Retention(None if milliseconds < 0 else milliseconds / 1000, None if size < 0 else size)


def size_of(record: NewRecord | Record) -> int:
    """Bytes of a record's content."""
    size = len(record.value or b"") + len(record.key or b"")
    for name, value in record.headers:  # twice as fast as a sum of a generator, and asked for each event
        size += len(name) + len(value)
    return size


def batch_bytes(record: NewRecord | Record) -> int:
    """Bytes of a batch that holds this record alone, not compressed: what Kafka holds against `max.message.bytes`.

    Beside others a record may be refused for their sake; then the log tries it alone.
    """
    fields = [(name.encode(), value) for name, value in record.headers]
    size = _RECORD + _measured(record.key or b"") + _measured(record.value or b"") + _varint(len(fields))
    size += sum(_measured(name) + _measured(value) for name, value in fields)
    return _BATCH + _varint(size) + size


def _measured(content: bytes) -> int:
    return _varint(len(content)) + len(content)


def _varint(length: int) -> int:
    """Bytes that a length takes: seven bits in each, one of all for the sign."""
    return (length.bit_length() + 7) // 7


def _events(topic: TopicPlan, settings: Settings) -> TopicSpec:
    config = {
        "retention.ms": str(round(settings.retention * 1000)),
        "max.message.bytes": str(settings.max_event_bytes + ENVELOPE_BYTES),
        **topic.config,
        "cleanup.policy": "delete",
    }
    return TopicSpec(topic.name, topic.partitions or settings.partitions, topic.replication, config)


def _dead_letters(broker: BrokerPlan, settings: Settings) -> TopicSpec:
    config = {
        "cleanup.policy": "compact",
        "retention.ms": "-1",
        "max.message.bytes": str(settings.max_event_bytes + DEAD_LETTER_BYTES),
    }
    if "min.insync.replicas" in broker.topic.config:
        config["min.insync.replicas"] = broker.topic.config["min.insync.replicas"]
    return TopicSpec(broker.dead_letter_topic, 1, broker.topic.replication, config)
