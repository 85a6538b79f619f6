"""A consumer group in memory: who is a member, who owns what, and what everyone's share should be.

    wants ──shares──► share of each member ──► its member lets go of the rest, then others own what nobody owns

Cooperative and sticky, as Kafka's assignor of that name: a partition stays with its owner as long as balance allows,
and is nobody's between two owners.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tradewind.ports import TopicPartition


@dataclass(slots=True)
class Group:
    """A group.  Members are known by their instance; an epoch tells apart those who join under the same one."""

    wants: dict[str, frozenset[str]] = field(default_factory=dict)
    """The topics each member subscribes to."""
    owners: dict[TopicPartition, str] = field(default_factory=dict)
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    """What Kafka's tools show as committed."""
    mirrored: set[TopicPartition] = field(default_factory=set)
    """Where no member has committed that, but `EventLog.mirror`."""
    _epochs: dict[str, int] = field(default_factory=dict)
    _joined: int = 0

    def join(self, instance: str) -> int:
        """Become a member; whoever was one under this instance no longer is.  Answers with the member's epoch."""
        self.leave(instance)
        self._joined += 1
        self._epochs[instance] = self._joined
        self.wants[instance] = frozenset()
        return self._joined

    def leave(self, instance: str) -> None:
        """No longer a member; what it owned is nobody's."""
        self._epochs.pop(instance, None)
        self.wants.pop(instance, None)
        for at in [at for at, owner in self.owners.items() if owner == instance]:
            del self.owners[at]

    def epoch_of(self, instance: str) -> int:
        """The epoch of the member under this instance, 0 when there is none."""
        return self._epochs.get(instance, 0)

    def own(self, partitions: Iterable[TopicPartition], instance: str) -> None:
        """These belong to this member now."""
        self.owners.update(dict.fromkeys(partitions, instance))

    def release(self, partitions: Iterable[TopicPartition], instance: str, epoch: int) -> None:
        """These are nobody's now, unless the member has been replaced meanwhile."""
        if self.epoch_of(instance) == epoch:
            for at in partitions:
                self.owners.pop(at, None)

    def share(
        self, instance: str, existing: Callable[[Collection[str]], Sequence[TopicPartition]]
    ) -> Collection[TopicPartition]:
        """What this member should own of the partitions that exist."""
        wanted = existing(frozenset[str]().union(*self.wants.values()))
        return [at for at, owner in shares(wanted, self.wants, self.owners).items() if owner == instance]


def shares(
    partitions: Sequence[TopicPartition],
    wants: Mapping[str, frozenset[str]],
    owners: Mapping[TopicPartition, str],
) -> dict[TopicPartition, str]:
    """Who should own each partition: its owner if balance allows, else the member with the fewest, by instance."""
    fair, left_over = divmod(len(partitions), max(len(wants), 1))
    load = dict.fromkeys(sorted(wants), 0)
    result: dict[TopicPartition, str] = {}
    for at in partitions:
        owner = owners.get(at, "")
        if at.topic not in wants.get(owner, ()):
            continue
        extra = load[owner] == fair and left_over > 0
        if load[owner] < fair or extra:
            left_over -= extra
            load[owner] += 1
            result[at] = owner
    for at in partitions:
        if at not in result:
            willing = [instance for instance in load if at.topic in wants[instance]]
            result[at] = min(willing, key=load.__getitem__)
            load[result[at]] += 1
    return result
