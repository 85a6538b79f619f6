"""What is remembered of a source's group beyond what Kafka does: which topics it has begun with.

A group's offsets expire (a week after its last member, by default).  A group without any is then either one that
nobody has seen, which begins at `initialOffset`, or one that was away too long, which must not skip what it missed.

    key      group/<kind>/<ns>/<name>/<topic>   in the compacted topic of the sources, beside the source's status
    value    the group that has begun with this topic, and how many partitions the topic had then

Written by whoever is assigned partition 0 of the topic, once the group has a position of every partition.
"""

from enum import Enum, auto

import msgspec

from tradewind.resources.model import NamespacedName

VERSION = 1


class Begun(msgspec.Struct, frozen=True, omit_defaults=True):
    """The value."""

    group: str
    partitions: int
    """Of the topic at first sight; 0 where the source was there before the topic."""
    v: int = VERSION


class Start(Enum):
    """Where a partition begins for which the group has no position."""

    INITIAL = auto()
    """Seen for the first time: where `initialOffset` says."""
    ADDED = auto()
    """It came after the source: its beginning."""
    MISSING = auto()
    """There was a position, and it is gone: its first record that is left, and an alarm."""


def key_of(source: NamespacedName, topic: str) -> bytes:
    """Of a source and one of its topics."""
    return f"group/KafkaSource/{source}/{topic}".encode()


def encode(begun: Begun) -> bytes:
    """As it is stored."""
    return msgspec.json.encode(begun)


def decode(value: bytes | None, group: str) -> Begun | None:
    """As it was stored of this group; None where it was not."""
    if value is None:
        return None
    try:
        begun = msgspec.json.decode(value, type=Begun)
    except msgspec.MsgspecError:
        return None
    return begun if begun.group == group and begun.v <= VERSION else None


def start(begun: Begun | None, partition: int, *, known: bool) -> Start:
    """Where a partition without a position begins; `known` says whether the group has one of another partition of its
    topic: then the group is older than what is remembered of it."""
    if begun is not None:
        return Start.MISSING if partition < begun.partitions else Start.ADDED
    return Start.ADDED if known else Start.INITIAL
