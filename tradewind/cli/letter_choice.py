"""Which dead letters a command means, and in which topics they lie.

of a Trigger, of a Broker's records    the Broker's dead-letter topic
of a source                            that of the Broker that was its sink, else `tradewind.sources.dead`
"""

import re
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, replace

import typer

from tradewind.cli import naming
from tradewind.cli.triggers import plan_of
from tradewind.config import Settings
from tradewind.plan import BrokerPlan, Plan
from tradewind.ports import EventLog, TopicInfo
from tradewind.resources.model import NamespacedName
from tradewind.sources.positions import SourceKey
from tradewind.trigger_dispatcher import outside
from tradewind.trigger_dispatcher.letterbox import Letter, named, selected

_PLACE = re.compile("[0-9]+/[0-9]+")


@dataclass(frozen=True, slots=True)
class Box:
    """A topic of dead letters: a Broker's, or that of sources whose sink is no Broker."""

    topic: str
    broker: BrokerPlan | None

    def __str__(self) -> str:
        return f"Broker {self.broker.name}" if self.broker else f"topic {self.topic}"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which dead letters are meant."""

    settings: Settings
    plan: Plan
    boxes: Sequence[Box]
    trigger: NamespacedName | None
    source: SourceKey | None
    names: Collection[str]
    """`partition/offset` or keys; none means all."""
    namespace: str = ""
    """Of the sources whose letters lie in no Broker's topic; empty: all."""

    def has(self, letter: Letter, box: Box) -> bool:
        """Whether this one is, which lies there."""
        if box.broker is None and self.namespace and letter.source_namespace != self.namespace:
            return False
        source = f"{self.source.kind} {self.source.name}" if self.source else None
        return selected(letter, self.names, self.trigger, source)

    def nobodys(self) -> None:
        """No letter was found: whose they were to be must at least be there.  Raises InvalidSettings."""
        other = ", or one that left dead letters"
        if self.trigger is not None:
            naming.known_trigger(self.plan, self.trigger, where="--trigger", other=other)
        if self.source is not None:
            naming.known_source(self.plan, self.source, where="--source", other=other)

    async def topic(self, log: EventLog, box: Box) -> TopicInfo | None:
        """The topic of a box.  None where nothing was ever kept there; raises InvalidSettings for what is none."""
        topics = await log.topics([box.topic])
        if not topics and box.broker is not None:
            naming.still_there(self.plan, box.broker)
        return topics.get(box.topic)


def chosen(
    settings: Settings,
    namespace: str,
    brokers: Sequence[str] | None,
    trigger: str | None,
    names: Sequence[str] = (),
    *,
    source: str | None = None,
    some: bool | None = None,
) -> Chosen:
    """Read what was named; `some` is whether `--all` was given, where that must be said.  Raises InvalidSettings."""
    plan = plan_of(settings)
    if settings.kubernetes:
        plan = replace(plan, sources=plan_of(settings, sources=True).sources)
    if trigger is not None and source is not None:
        raise naming.wrong("--source", "it beside --trigger", "one of the two")
    of = None if trigger is None else naming.named(trigger, namespace, where="--trigger")
    by = None if source is None else naming.source(source, namespace)
    for name in names:
        if not _PLACE.fullmatch(name) and named(name.encode()) is None:
            raise naming.wrong(
                "LETTER", repr(name), "PARTITION/OFFSET or a key, as `tradewind dead-letters list` shows"
            )
    placed = [name for name in names if _PLACE.fullmatch(name)]
    boxes = _boxes(settings, plan, _brokers(plan, namespace, brokers), by, placed=bool(placed))
    if trigger is not None or brokers:
        boxes = [box for box in boxes if box.broker is not None]
    if placed and len(boxes) > 1:
        listed = ", ".join(map(str, boxes))
        raise naming.wrong("LETTER", f"{placed[0]!r} and {listed}", "--broker or --source beside a PARTITION/OFFSET")
    if some is not None:
        _said(names=bool(names), trigger=of is not None, source=by is not None, all_=some)
    return Chosen(settings, plan, boxes, of, by, frozenset(names), namespace)


def _brokers(plan: Plan, namespace: str, wanted: Sequence[str] | None) -> list[BrokerPlan]:
    """The Brokers that are meant, of which there need be none where there are sources."""
    if plan.sources and not wanted and not any(namespace in ("", name.namespace) for name in plan.brokers):
        return []
    return naming.brokers(plan, namespace, wanted or (), gone=True)


def _boxes(
    settings: Settings, plan: Plan, brokers: Sequence[BrokerPlan], source: SourceKey | None, *, placed: bool
) -> list[Box]:
    """Where these may lie.  A PARTITION/OFFSET is one of the topic to which a source's letters go now, else of a
    Broker's."""
    of_brokers = [Box(broker.dead_letter_topic, broker) for broker in brokers]
    of_sources = Box(settings.sources_dead_letter_topic, None)
    if placed and source is not None:
        at = plan.sources.get((source.kind, source.name))
        theirs = [box for box in of_brokers if at and box.broker and at.broker == box.broker.name]
        return theirs or [of_sources]
    return of_brokers if placed and of_brokers else [*of_brokers, of_sources]


def _said(*, names: bool, trigger: bool, source: bool, all_: bool) -> None:
    """What goes for good must be named in one way, or by letters of one Trigger or source."""
    given = {"LETTER": names, "--trigger": trigger, "--source": source, "--all": all_}
    if sum(given.values()) == 1 or (names and (trigger or source) and not all_):
        return
    found = " and ".join(word for word, there in given.items() if there) or "nothing"
    expected = "which dead letters are meant: LETTER …, --trigger, --source or --all"
    raise naming.wrong("LETTER", found, expected)


async def letters(log: EventLog, chosen: Chosen) -> AsyncIterator[tuple[Box, Letter]]:
    """Those that are there; a Broker whose topic no dispatcher has made yet has none."""
    for box in chosen.boxes:
        topic = await chosen.topic(log, box)
        if topic is None:
            if box.broker is not None:
                typer.echo(f"warning: topic {box.topic} is not there yet", err=True)
            continue
        found = await outside.letterbox_of(log, topic)
        async for letter in outside.letters_of(log, topic, found):
            if chosen.has(letter, box):
                yield box, letter
