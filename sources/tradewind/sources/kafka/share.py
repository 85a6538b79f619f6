"""Which processes read for a source: at most `consumers` of them, as its group says who is there.

not a member ──fewer others than `consumers`──► joins ──more than that came at once──► the last by name leave again
"""

import hashlib
from collections.abc import Collection

from tradewind.resources.model import KafkaSource, NamespacedName

MOST = 249
"""Characters of a `group.instance.id` that Kafka takes."""
SUFFIX = 100
"""Characters of it that say which source it is for; the others are the slot's, whose end is what tells processes
apart."""
DIGEST = 32


def barred(source: KafkaSource, own: Collection[str]) -> str:
    """Why nobody reads for a source; empty where somebody does.  `own` are the groups of Tradewind's processes."""
    if source.consumer_group in own:
        group = source.consumer_group
        return f"spec.consumerGroup: found {group!r}, which Tradewind's own processes share; expected another group"
    return source.waits or ("" if source.consumers else "spec.consumers is 0")


def instance_of(slot: str, source: NamespacedName) -> str:
    """The `group.instance.id` of a source in the process with this slot: no other's, as sources may share a group."""
    suffix = suffix_of(source)
    return slot[: MOST - len(suffix)] + suffix


def suffix_of(source: NamespacedName) -> str:
    """How the members of a source's group end that read for it; a long name is cut, and ends with a digest."""
    suffix = f"_{source.namespace}_{source.name}"
    if len(suffix) <= SUFFIX:
        return suffix
    return suffix[: SUFFIX - DIGEST] + hashlib.sha256(suffix.encode()).hexdigest()[:DIGEST]


def may_read(instance: str, members: Collection[str], suffix: str, *, consumers: int, reads: bool) -> bool:
    """Whether this one is to read, given the group's members; one that `reads` already goes on where it may."""
    others = [one for one in members if one.endswith(suffix) and one != instance]
    if reads:
        return sum(one < instance for one in others) < consumers
    return len(others) < consumers
