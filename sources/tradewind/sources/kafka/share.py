"""Which processes read for a source: at most `consumers` of them, as its group says who is there.

not a member ──fewer others than `consumers`──► joins ──more than that came at once──► the last by name leave again
"""

from collections.abc import Collection

from tradewind.resources.model import NamespacedName

MOST = 249
"""Characters of a `group.instance.id` that Kafka takes."""


def instance_of(slot: str, source: NamespacedName) -> str:
    """The `group.instance.id` of a source in the process with this slot: no other's, as sources may share a group."""
    suffix = suffix_of(source)
    return slot[: MOST - len(suffix)] + suffix


def suffix_of(source: NamespacedName) -> str:
    """How the members of a source's group end that read for it."""
    return f"_{source.namespace}_{source.name}"[-MOST + 1 :]


def may_read(instance: str, members: Collection[str], suffix: str, *, consumers: int, reads: bool) -> bool:
    """Whether this one is to read, given the group's members; one that `reads` already goes on where it may."""
    others = sorted(one for one in members if one.endswith(suffix) and one != instance)
    if reads:
        return sum(one < instance for one in others) < consumers
    return len(others) < consumers
