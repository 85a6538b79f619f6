"""Audits a system from Kafka alone, running or not: the cursors, the dead letters, and every record that is left.

The order counts where dispatchers run meanwhile: bounds, then cursors, then dead letters, then bounds again and the
records between.  So nothing that moves in between looks like something lost; what came in meanwhile is behind.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tradewind.events import stored
from tradewind.filters.matching import Matching
from tradewind.filters.tree import Filter, digest
from tradewind.plan import BrokerPlan, Plan
from tradewind.ports import Bounds, EventLog, Record, TopicInfo, TopicPartition
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher import outside
from tradewind.trigger_dispatcher.addressed import addressee
from tradewind.trigger_dispatcher.auditing import Standing, Stretch, Tally
from tradewind.trigger_dispatcher.cursors import PartitionId
from tradewind.trigger_dispatcher.letterbox import Kind, Letterbox, named
from tradewind.trigger_dispatcher.view import View


@dataclass(slots=True)
class Report:
    """What an audit found out about one Broker's topic."""

    broker: NamespacedName
    topic: str
    records: int = 0
    """Records that are left, events or not."""
    unreadable: int = 0
    """Of these: that are no events."""
    taken: int = 0
    """Offsets that retention has taken: of these nothing can be said."""
    letters: int = 0
    """Dead letters of all kinds."""
    triggers: dict[NamespacedName, Tally] = field(default_factory=dict)
    letters_of: dict[NamespacedName, int] = field(default_factory=dict)
    """Dead letters of each Trigger, of events that are gone from the topic, too, and of replies."""
    unserved: dict[NamespacedName, list[int]] = field(default_factory=dict)
    """Partitions on which no dispatcher has given a Trigger a place yet."""
    faults: list[str] = field(default_factory=list)
    """What does not add up."""


Kept = Mapping[tuple[NamespacedName | None, PartitionId], frozenset[int]]
"""Offsets with a dead letter, by Trigger (None: of records that are no events) and partition."""


async def audit(
    log: EventLog, plan: Plan, brokers: Iterable[BrokerPlan], cursors_topic: str, *, max_data_bytes: int
) -> list[Report]:
    """Audit these Brokers.  Raises TopicMissing, LogUnavailable."""
    brokers = list(brokers)
    topics = {broker.name: await outside.found(log, broker.topic.name) for broker in brokers}
    before = {name: await outside.bounds_of(log, topic) for name, topic in topics.items()}
    view = await outside.view_of(log, cursors_topic)
    return [
        await _audited(log, plan, broker, topics[broker.name], before[broker.name], view, max_data_bytes)
        for broker in brokers
    ]


async def _audited(
    log: EventLog,
    plan: Plan,
    broker: BrokerPlan,
    topic: TopicInfo,
    before: Mapping[TopicPartition, Bounds],
    view: View,
    max_data_bytes: int,
) -> Report:
    box = await outside.letterbox_of(log, await outside.found(log, broker.dead_letter_topic))
    dead, left = _kept(box.there()), _kept(box.gone())
    after = await outside.bounds_of(log, topic)
    report = Report(broker.name, topic.name, taken=sum(one.start for one in after.values()), letters=len(box.there()))
    _count_letters(report, box)
    triggers = {name: one for name, one in plan.triggers.items() if one.topic == topic.name}
    report.triggers = {name: Tally() for name in triggers}
    filters = {name: one.filter for name, one in triggers.items()}
    matching = Matching(filters, max_data_bytes=max_data_bytes)
    stretches: dict[int, Stretch] = {}
    for number in range(topic.partitions):
        here = PartitionId(topic.id, number)
        stretches[number] = Stretch(_standings(report, filters, here, view, dead, left, max_data_bytes=max_data_bytes))
    async for record in outside.stretch(log, after):
        event = stored.event(record.headers, record.value)
        report.records += 1
        if event is None:
            report.unreadable += 1
            _check_unreadable(report, record, PartitionId(topic.id, record.partition), view, (dead, left), broker)
        only = addressee(record.headers)
        matched = [] if event is None else matching.match(event) if only is None else [only]
        stretches[record.partition].tell(record.offset, record.timestamp, matched, addressed=only is not None)
    for number, stretch in stretches.items():
        at = TopicPartition(topic.name, number)
        for name, tally in stretch.ended().items():
            report.triggers[name].add(tally)
            faults = stretch.faults(name, before=before[at], after=after[at])
            report.faults += [f"{name} on {topic.name}[{number}]: {fault}" for fault in faults]
    return report


def _kept(keys: Iterable[bytes]) -> Kept:
    found: dict[tuple[NamespacedName | None, PartitionId], set[int]] = {}
    for key in keys:
        name = named(key)
        if name is not None and name.kind is not Kind.REPLY:
            found.setdefault((name.trigger, name.partition), set()).add(name.offset)
    return {where: frozenset(offsets) for where, offsets in found.items()}


def _count_letters(report: Report, box: Letterbox) -> None:
    for key in box.there():
        name = named(key)
        if name is not None and name.trigger is not None:
            report.letters_of[name.trigger] = report.letters_of.get(name.trigger, 0) + 1


def _standings(
    report: Report,
    triggers: Mapping[NamespacedName, Filter],
    here: PartitionId,
    view: View,
    dead: Kept,
    left: Kept,
    *,
    max_data_bytes: int,
) -> Mapping[NamespacedName, Standing]:
    """Where each Trigger stands on a partition; one without a place stands nowhere, and is told of."""
    standings: dict[NamespacedName, Standing] = {}
    for name, wanted in triggers.items():
        state = view.state(name, here)
        if state is None:
            report.unserved.setdefault(name, []).append(here.partition)
            if here in view.readers and _in_force(name, view):
                report.faults.append(f"{name} on {report.topic}[{here.partition}]: in force, and has no cursor")
            continue
        owed = {entry.offset: entry.due for entry in state.owed}
        none: frozenset[int] = frozenset()
        record = state.record
        decided = record.decided if record.filter == digest(wanted, max_data_bytes=max_data_bytes) else state.next
        standings[name] = Standing(
            state.next, max(0, record.first), owed, dead.get((name, here), none), left.get((name, here), none), decided
        )
    return standings


def _in_force(trigger: NamespacedName, view: View) -> bool:
    """Whether every dispatcher says that it has the Trigger in force: one that does not may not have pinned it yet."""
    return bool(view.force) and all(str(trigger) in record.triggers for record in view.force.values())


def _check_unreadable(
    report: Report, record: Record, here: PartitionId, view: View, kept: tuple[Kept, Kept], broker: BrokerPlan
) -> None:
    """A record that is no event and that the shared reader has passed lies, or lay, in the dead letters."""
    reader = view.readers.get(here)
    if reader is None or record.offset >= reader.position or broker.topic.external:
        return
    if not any(record.offset in one.get((None, here), ()) for one in kept):
        report.faults.append(
            f"{record.topic}[{record.partition}]: offset {record.offset} is no event, and no dead letter"
        )
