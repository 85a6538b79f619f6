"""A partition that was added: an ordered Trigger begins on it once the old ones have passed their ends of that moment.

    old partitions   ──────────────► end ┆ ───►        a key's earlier events may lie here …
    added partition                      ┆ ▓▓▓▓        … and its later ones here: these wait for those

With the number of partitions the place of a key changes.  What moves between two old partitions nobody can hold back.
Partitions that are added one after the other, before the first of them has an owner, count as added at once: between
these no order is kept.

And one that nobody takes over: Kafka calls no rebalance for a static member that returns, so what was added while it
was away is shared out at the next change of the group, weeks later perhaps.  Every owner writes where its reader stands
within a second, so what has no such record for longer is nobody's, and `Unowned` says when to call for a rebalance.
"""

from collections.abc import Collection, Iterable, Mapping

from tradewind.ports import TopicInfo
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.cursors import CursorRecord, PartitionId
from tradewind.trigger_dispatcher.ownership import OwnedPartition
from tradewind.trigger_dispatcher.view import View

CALL_AGAIN = 60.0
"""Seconds after which a rebalance is called for once more: whoever is to take a partition over may not be able to."""


def partitions_before(number: int, cursors: Iterable[CursorRecord]) -> int | None:
    """How many partitions there were before this one was added; None where it was not.

    `cursors` are a Trigger's on the same topic, each with how many there were when it was pinned.
    """
    return max((one.partitions for one in cursors if one.partitions <= number), default=None)


def may_begin(view: View, owned: OwnedPartition, triggers: Iterable[NamespacedName]) -> list[NamespacedName]:
    """Those of these Triggers, of the Plan, that wait to begin on an added partition and need wait no longer."""
    waiting = ((name, owned.ledgers[name]) for name in triggers if name in owned.ledgers)
    return [
        name
        for name, ledger in waiting
        if ledger.after and ledger.deleted is None and passed(view, name, owned.identity.topic_id, ledger.after)
    ]


def passed(view: View, trigger: NamespacedName, topic_id: str, ends: Mapping[int, int]) -> bool:
    """Whether a Trigger has settled everything below these ends, by partition."""
    return all(_settled(view, trigger, PartitionId(topic_id, number), end) for number, end in ends.items())


def _settled(view: View, trigger: NamespacedName, partition: PartitionId, end: int) -> bool:
    state = view.state(trigger, partition)
    return state is not None and state.next >= end and all(owed.offset >= end for owed in state.owed)


class Unowned:
    """Partitions that no shared reader has spoken for yet, and since when they are known.  `now` is in seconds."""

    def __init__(self) -> None:
        self._due: dict[PartitionId, float] = {}

    def look(
        self, view: View, topics: Iterable[TopicInfo], ours: Collection[PartitionId], *, now: float, patience: float
    ) -> bool:
        """Whether a rebalance is to be called for: some have been nobody's for `patience` seconds.

        One without a leader nobody can take over: it may be somebody's, and waits for that.
        """
        there = {
            PartitionId(topic.id, number)
            for topic in topics
            for number in range(topic.partitions)
            if number not in topic.leaderless
        }
        self._due = {each: self._due.get(each, now + patience) for each in there - view.readers.keys() - set(ours)}
        overdue = [each for each, due in self._due.items() if due <= now]
        self._due |= dict.fromkeys(overdue, now + CALL_AGAIN)
        return bool(overdue)
