"""Values that Kafka refuses for a topic's settings, so that they are refused where the user wrote them.

A topic that Kafka does not make is a Broker that answers 503 until its ConfigMap is mended.  Bounds are those of
Kafka 4 (`tests/contracts/test_topic_settings.py` asks a real one); names that are not here are left to Kafka.
"""

import re
from collections.abc import Mapping

INT = 2**31 - 1
LONG = 2**63 - 1

NUMBERS: Mapping[str, tuple[int, int]] = {
    "compression.lz4.level": (1, 17),
    "compression.zstd.level": (-131072, 22),
    "delete.retention.ms": (0, LONG),
    "file.delete.delay.ms": (0, LONG),
    "flush.messages": (1, LONG),
    "flush.ms": (0, LONG),
    "index.interval.bytes": (0, INT),
    "local.retention.bytes": (-2, LONG),
    "local.retention.ms": (-2, LONG),
    "max.compaction.lag.ms": (1, LONG),
    "max.message.bytes": (0, INT),
    "message.timestamp.after.max.ms": (0, LONG),
    "message.timestamp.before.max.ms": (0, LONG),
    "min.compaction.lag.ms": (0, LONG),
    "min.insync.replicas": (1, INT),
    "retention.bytes": (-LONG - 1, LONG),
    "retention.ms": (-1, LONG),
    "segment.bytes": (1024 * 1024, INT),
    "segment.index.bytes": (4, INT),
    "segment.jitter.ms": (0, LONG),
    "segment.ms": (1, LONG),
}
"""Settings that are whole numbers, with the least and the most."""

WORDS: Mapping[str, tuple[str, ...]] = {
    "compression.gzip.level": ("-1", *map(str, range(1, 10))),
    "compression.type": ("gzip", "lz4", "producer", "snappy", "uncompressed", "zstd"),
    "message.timestamp.type": ("CreateTime", "LogAppendTime"),
}
"""Settings that are one of these words."""

SWITCHES = frozenset({"preallocate", "remote.storage.enable", "unclean.leader.election.enable"})
"""Settings that are true or false."""

CLEANUP = "cleanup.policy"

_WHOLE = re.compile(r"[-+]?[0-9]{1,19}")


def known(name: str) -> bool:
    """Whether the values of this setting are judged here."""
    return name in NUMBERS or name in WORDS or name in SWITCHES or name == CLEANUP


def expected(name: str, text: str) -> str | None:
    """What would have been right for this setting of a Broker's topic; None where nothing is wrong."""
    text = text.strip()  # as Kafka does
    if name in NUMBERS:
        least, most = NUMBERS[name]
        right = _WHOLE.fullmatch(text) is not None and least <= int(text) <= most
        return None if right else f"a whole number from {least} to {most}"
    if name in WORDS:
        return None if text in WORDS[name] else f"one of {', '.join(WORDS[name])}"
    if name in SWITCHES:
        return None if text.lower() in ("true", "false") else "true or false"
    if name == CLEANUP and text != "delete":
        # CloudEvents, Kafka binding: an event without data is a null value, which is a tombstone to compaction.
        return "delete: compaction drops events without data"
    return None
