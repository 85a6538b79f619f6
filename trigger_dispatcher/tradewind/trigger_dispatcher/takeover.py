"""Taking a partition over: where its shared reader and its Triggers stand, and where a new Trigger starts."""

from collections.abc import Mapping
from dataclasses import dataclass

from tradewind.ports import Bounds
from tradewind.resources import starts
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.growth import partitions_before
from tradewind.trigger_dispatcher.ownership import OVERTAKEN, Alarm, Ground, OwnedPartition, goes_on
from tradewind.trigger_dispatcher.view import State, View, ledger_of


@dataclass(frozen=True, slots=True)
class Start:
    """Where a Trigger begins on a partition; `earliest` says that it does so wherever it begins on this topic."""

    offset: int
    earliest: bool = False
    moment: float | None = None
    """The moment it asks to start from, or when it was pinned on other partitions, or told to be in force: it starts at
    the first record of that moment, if that is lower than `offset`."""
    since: float | None = None
    """When the Trigger was first pinned on this topic, or told to be in force; None where that is now."""
    before: int | None = None
    """How many partitions the topic had before this one was added, if it was."""
    alarm: Alarm | None = None


def take_over(
    view: View, ground: Ground, triggers: Mapping[NamespacedName, str], *, owner: str, seen: int, now: float
) -> tuple[OwnedPartition, list[Alarm]]:
    """Own a partition as the cursors topic describes it; `triggers` are those of the Plan on this topic, each with
    what its annotation says of where it starts.

    `seen` is the offset of the last record read from its partition of the cursors topic.  Triggers of the Plan that
    have no Ledger afterwards, or one that `revive` does not take, are the caller's to pin (`start_of`); Triggers that
    are gone keep their place, detached, so that the reader does not speak for them.
    """
    reader = view.readers.get(ground.identity)
    position = reader.position if reader else (ground.bounds.end if ground.external else ground.bounds.start)
    owned = OwnedPartition(ground, owner=owner, seen=seen, position=position)
    owned.before = view.all_in_force(ground.identity)
    for name in view.cursors.get(ground.identity, {}):
        state = view.state(name, ground.identity)
        assert state is not None
        owned.ledgers[name] = ledger_of(state)
    alarms = owned.truncated(ground.bounds, asked_at=position)
    for name in owned.ledgers:
        if name not in triggers:
            owned.retire(name, now=now)
        elif owned.revive(name, now=now, start=triggers[name]):
            owned.try_attach(name)
    return owned, alarms


def start_of(
    view: View,
    ground: Ground,
    trigger: NamespacedName,
    *,
    migrated: int | None,
    kept: State | None,
    now: float,
    start: str = "",
    told: float | None = None,
    generation: str = "",
) -> Start:
    """Where a Trigger without a usable cursor on this partition starts.

        it was deleted before (`kept`)                      where its annotation (`start`) says, else at the end
        its cursor is there and cannot be read              at the start, with an alarm
        its cursor is missing, though it was in force here   at the start, with an alarm
        its topic was made again under the same name        at the start, with an alarm
        it began at the start of the topic's other partitions   at the start
        the partition was added after the Trigger began     at the start, with an alarm if that is gone already
        its annotation says earliest, or a time             there
        Knative's dispatcher left an offset (`migrated`)    there
        it was pinned on the topic's other partitions       where this one was then: who owned it did not have it
        it was told to be in force (`told`)                 where this one was then: it had no leader, and no owner
        no dispatcher has read this topic of ours yet       at the start: Trigger and topic began together
        otherwise, `latest` among it                        at the end as it is now

    `generation` is the Trigger's as it is now, where the owner before had it in force when the partition was taken
    over, else empty: one that was changed meanwhile may have been of another topic before.
    `kept` is the state of a Trigger that was deleted, and does not go on from its place (`OwnedPartition.revive`); such
    places on other partitions, which are removed at some time later (`leftovers`), say nothing either.
    A time never skips what was written on this partition since the Trigger was pinned on others, or was told to be in
    force.
    """
    bounds, identity, moment = ground.bounds, ground.identity, starts.seconds(start)
    if kept is not None:
        return _asked(bounds, start, moment, told)
    if trigger in view.unreadable.get(identity, ()):
        return Start(bounds.start, alarm=Alarm("cursor cannot be read", trigger, bounds.start, bounds.start))
    if generation and view.in_force(trigger, identity) == generation:
        return Start(bounds.start, alarm=Alarm("cursor is missing", trigger, bounds.start, bounds.start))
    known = view.known(trigger, ground.topic)
    places = {partition: record for partition, record in known.items() if goes_on(record, now=now, start=start)}
    here = [record for partition, record in places.items() if partition.topic_id == identity.topic_id]
    if places and not any(partition.topic_id == identity.topic_id for partition in known):
        was = max(record.next for record in places.values())
        return Start(bounds.start, earliest=True, alarm=Alarm("topic was made again", trigger, was, bounds.start))
    before = partitions_before(identity.partition, here)
    if before or any(record.earliest for record in here):
        alarm = Alarm(OVERTAKEN, trigger, 0, bounds.start) if before and bounds.start > 0 else None
        return Start(bounds.start, earliest=any(record.earliest for record in here), before=before, alarm=alarm)
    since = _first(told, *(record.since or None for record in here))
    if start == starts.EARLIEST or moment is not None:
        return _asked(bounds, start, moment, since)
    if migrated is not None:
        return Start(min(max(migrated, bounds.start), bounds.end))
    if not here and not ground.external and not view.served(identity.topic_id):
        return Start(bounds.start, earliest=True)
    return Start(bounds.end, moment=since, since=since)


def _asked(bounds: Bounds, start: str, moment: float | None, since: float | None) -> Start:
    """What the annotation asks for, and what was written since the Trigger was there."""
    earliest = start == starts.EARLIEST
    return Start(bounds.start if earliest else bounds.end, earliest, _first(moment, since), since)


def _first(*moments: float | None) -> float | None:
    return min((moment for moment in moments if moment is not None), default=None)
