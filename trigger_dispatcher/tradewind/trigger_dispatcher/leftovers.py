"""What the cursors topic still holds of Triggers and topics that are gone, and its owner may remove.

    a Trigger deleted more than a day ago            its waiting retries, then its cursor
    waiting retries without a cursor                 themselves
    a topic that was made again under its name       all state of the old one, once its Triggers are pinned on the new
    a topic that the Plan does not name any more     the Triggers on it that were deleted more than a day ago
    a dispatcher that is gone                        what it had in force, as far as nothing hangs on it

The owner of a partition removes what belongs to it, of the old topic what had its number; that of the first one also
what had a number that is no longer there.  What is nobody's, whoever comes first removes.  The cursor goes last, so
that no retry is left without it.  The reader's record of a topic that nobody names stays: it says that the topic has
been read, so that Triggers that come to it again do not take it for as new as they are.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from tradewind.plan import Plan, TriggerPlan
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.cursors import (
    ForceRecord,
    PartitionId,
    cursor_key,
    owed_key,
    reader_key,
    slot_of,
    status_key,
)
from tradewind.trigger_dispatcher.ownership import OwnedPartition, expired
from tradewind.trigger_dispatcher.view import View


class Leftover(NamedTuple):
    """Keys to be removed in this order: all of `first`, then `last`."""

    partition: PartitionId
    first: tuple[bytes, ...]
    last: tuple[bytes, ...]
    trigger: NamespacedName | None = None
    """Whose Ledger on the partition itself goes with it."""


def leftovers(view: View, owned: OwnedPartition, live: Collection[NamespacedName], *, now: float) -> list[Leftover]:
    """What may go, of this partition and of its like in older topics of the name; `live` are the Plan's Triggers on it.

    What is there and cannot be read stays: whoever wrote it may still read it.
    """
    return [*_deleted(view, owned, live, now), *_of_old_topics(view, owned, live)]


def abandoned(view: View, topics: Collection[str], *, now: float) -> list[Leftover]:
    """What may go of topics that are none of these, the Plan's: no owner of a partition looks after them."""
    return [
        Leftover(
            here, (*_owed_keys(view, name, here), *_status_keys(view, name, here)), (cursor_key(name, here),), name
        )
        for here, cursors in view.cursors.items()
        for name, stored in sorted(cursors.items())
        if stored.record.topic not in topics and expired(stored.record.deleted, now=now)
    ]


def outlived(view: View, me: str, members: Collection[str], plan: Plan) -> Mapping[str, ForceRecord]:
    """What is needed still of what dispatchers that are gone have in force, of each that says more than that.

    It tells of a missing cursor where they were the last to own a partition; and since when whoever writes counts on a
    Trigger of the Plan, unless we have told that as early.
    """
    owners = {slot_of(reader.owner) for reader in view.readers.values()}

    def needed(slot: str, trigger: TriggerPlan) -> bool:
        theirs, ours = view.since(slot, trigger), view.since(me, trigger)
        return slot in owners or (theirs is not None and (ours is None or ours.told > theirs.told))

    left = {
        slot: view.force[slot].of(trigger for trigger in plan.triggers.values() if needed(slot, trigger))
        for slot in sorted(view.force.keys() - {me, *members})
    }
    return {slot: record for slot, record in left.items() if record != view.force[slot] or not record.triggers}


def _deleted(view: View, owned: OwnedPartition, live: Collection[NamespacedName], now: float) -> Iterator[Leftover]:
    here = owned.identity
    cursors, owed = view.cursors.get(here, {}), view.owed.get(here, {})
    unreadable = view.unreadable.get(here, set())
    for name in sorted((cursors.keys() | {name for name, kept in owed.items() if kept}) - unreadable - set(live)):
        stored, ledger = cursors.get(name), owned.ledgers.get(name)
        ours = ledger is None or expired(ledger.deleted, now=now)
        if ours and (stored is None or expired(stored.record.deleted, now=now)):
            last = () if stored is None else (cursor_key(name, here),)
            yield Leftover(here, _owed_keys(view, name, here), last, name)


def _of_old_topics(view: View, owned: OwnedPartition, live: Collection[NamespacedName]) -> Iterator[Leftover]:
    for old, cursors in view.cursors.items():
        if not cursors or old.topic_id == owned.identity.topic_id or not _falls_to(old, owned):
            continue
        if {stored.record.topic for stored in cursors.values()} != {owned.topic} or view.unreadable.get(old):
            continue
        if any(name in live and name not in owned.served for name in cursors):
            continue  # where it starts on the new topic is decided by this
        names = sorted(cursors.keys() | view.owed.get(old, {}).keys())
        owed = tuple(key for name in names for key in _owed_keys(view, name, old))
        reader = (reader_key(old),) if old in view.readers else ()
        statuses = tuple(status_key(name, old) for name in sorted(view.statuses.get(old, ())))
        yield Leftover(old, (*owed, *statuses), (*(cursor_key(name, old) for name in sorted(cursors)), *reader))


def _falls_to(old: PartitionId, owned: OwnedPartition) -> bool:
    number = owned.identity.partition
    return old.partition == number or (number == 0 and old.partition >= owned.ground.partitions)


def _owed_keys(view: View, name: NamespacedName, partition: PartitionId) -> tuple[bytes, ...]:
    return tuple(owed_key(name, partition, offset) for offset in sorted(view.owed.get(partition, {}).get(name, ())))


def _status_keys(view: View, name: NamespacedName, partition: PartitionId) -> tuple[bytes, ...]:
    return (status_key(name, partition),) if name in view.statuses.get(partition, ()) else ()
