"""`tradewind explain`: why a Trigger takes an event, or not; and of a stored one, what became of it."""

import json
import re
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import typer

from tradewind import runtime
from tradewind.cli import naming
from tradewind.cli.failures import ERROR, UNMET
from tradewind.cli.output import Output, colours
from tradewind.cli.telling import sentences
from tradewind.cli.trees import lines
from tradewind.cli.triggers import plan_of
from tradewind.config import Settings
from tradewind.errors import Fault, InvalidEvent
from tradewind.events import json_format
from tradewind.events.model import Event
from tradewind.filters.cel import Activation
from tradewind.filters.explain import as_data, explain
from tradewind.filters.tree import digest
from tradewind.plan import BrokerPlan, Plan, TriggerPlan
from tradewind.ports import Bounds, EventLog
from tradewind.trigger_dispatcher import lookup, outside
from tradewind.trigger_dispatcher.fate import What
from tradewind.trigger_dispatcher.lookup import Known, Stored

MOST = 16 * 1024 * 1024
"""Bytes of an event that is read from a file or standard input: more than any Broker takes."""

EXPECTED = "an event in the JSON format, @FILE, - for standard input, PARTITION/OFFSET, or SOURCE ID"
_PLACE = re.compile("(?P<partition>[0-9]{1,9})/(?P<offset>[0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which Triggers it is asked, and where stored events are looked for."""

    settings: Settings
    plan: Plan
    triggers: Sequence[TriggerPlan]
    broker: BrokerPlan
    output: Output


def asked(
    settings: Settings, namespace: str, triggers: Sequence[str] | None, broker: str | None, output: Output
) -> Asked:
    """Read what was named.  Without a Trigger every one of the Broker is meant.  Raises InvalidSettings."""
    plan = plan_of(settings)
    names = [naming.named(text.removeprefix("trigger/"), namespace, where="--trigger") for text in triggers or ()]
    named = [plan.triggers[naming.known_trigger(plan, name, where="--trigger")] for name in names]
    brokers = naming.brokers(plan, namespace, [broker] if broker else ())
    there = {one.broker for one in named} if named and not broker else {one.name for one in brokers}
    if len(there) != 1:
        raise naming.wrong("--broker", "nothing", f"one of the Brokers ({', '.join(map(str, sorted(there)))})")
    (of,) = there
    others = [str(one.name) for one in named if one.broker != of]
    if others:
        raise naming.wrong("--trigger", ", ".join(others), f"a Trigger of Broker {of}")
    every = [one for name, one in sorted(plan.triggers.items()) if one.broker == of]
    return Asked(settings, plan, named or every, plan.brokers[of], output)


def run(asked: Asked, words: Sequence[str], since: str) -> None:
    """Explain the event that these words name."""
    match [*words]:
        case [text] if place := _PLACE.fullmatch(text):
            _stored(asked, int(place["partition"]), int(place["offset"]))
        case [text] if text == "-" or text.startswith(("@", "{")):
            _given(asked, text)
        case [source, identity]:
            _searched(asked, source, identity, since)
        case _:
            raise naming.wrong("EVENT", " ".join(words) or "nothing", EXPECTED)


def _given(asked: Asked, text: str) -> None:
    """An event that somebody wrote down."""
    event = _read(text)
    told = [_Told(asked, trigger, event) for trigger in asked.triggers]
    _print(asked, told)


def _read(text: str) -> Event:
    """Raises InvalidEvent, InvalidSettings."""
    if text.startswith("{"):
        return json_format.read(text.encode())
    where = "standard input" if text == "-" else text[1:]
    try:
        if text == "-":
            content = sys.stdin.buffer.read(MOST + 1)
        else:
            with Path(where).open("rb") as file:
                content = file.read(MOST + 1)
    except OSError as error:
        raise naming.wrong("EVENT", f"{where}: {error.strerror}", "a file that can be read") from None
    if len(content) > MOST:
        raise naming.wrong("EVENT", f"{where}: more than {MOST} bytes", "one event in the JSON format")
    try:
        return json_format.read(content)
    except InvalidEvent as invalid:
        faults = [Fault(f"{where}: {one.path}", one.found, one.expected, one.rule) for one in invalid.faults]
        raise InvalidEvent(faults) from None


def _stored(asked: Asked, partition: int, offset: int) -> None:
    """The event at a place in the Broker's topic."""

    async def work(log: EventLog) -> tuple[Stored | Bounds, Known]:
        topic = await outside.found(log, asked.broker.topic.name)
        if partition >= topic.partitions:
            raise naming.wrong("EVENT", f"partition {partition}", f"one below {topic.partitions}, as {topic.name} has")
        found = await lookup.at(log, topic, partition, offset)
        return found, await lookup.known(log, asked.broker, topic, asked.settings.cursors_topic)

    found, known = runtime.once(asked.settings, work)
    if isinstance(found, Bounds):
        _nothing_there(f"record at {partition}/{offset}", _held(asked, partition, found))
    _tell(asked, [found], known)


def _searched(asked: Asked, source: str, identity: str, since: str) -> None:
    """Every record of one event."""
    earliest = naming.since(since, time.time())

    async def work(log: EventLog) -> tuple[list[Stored], Known]:
        topic = await outside.found(log, asked.broker.topic.name)
        found = await lookup.search(log, topic, source, identity, since=earliest)
        return found, await lookup.known(log, asked.broker, topic, asked.settings.cursors_topic)

    found, known = runtime.once(asked.settings, work)
    if not found:
        expected = (
            f"one in {asked.broker.topic.name} that was stored since then; --since says from when on it is looked for"
        )
        _nothing_there(f"event {identity} of {source} {naming.when(since)}", expected)
    _tell(asked, found, known)


def _held(asked: Asked, partition: int, bounds: Bounds) -> str:
    there = f"one from {bounds.start} to {bounds.end - 1}" if bounds.start < bounds.end else "nothing: it is empty"
    gone = f"; what lay below {bounds.start} is gone" if bounds.start else ""
    return f"{there}, as {asked.broker.topic.name}[{partition}] holds{gone}"


def _nothing_there(found: str, expected: str) -> NoReturn:
    typer.echo(f"error: found no {found}, expected {expected}", err=True)
    raise typer.Exit(ERROR)


def _tell(asked: Asked, found: Iterable[Stored], known: Known) -> None:
    told = []
    for stored in found:
        if stored.event is None:
            letters = asked.broker.dead_letter_topic
            typer.echo(
                f"error: found no event at {stored.place}: no Trigger gets it; its bytes are kept in {letters}",
                err=True,
            )
            raise typer.Exit(ERROR)
        told += [_Told(asked, trigger, stored.event, stored, known) for trigger in asked.triggers]
    _print(asked, told)


class _Told:
    """What is told of one event and one Trigger."""

    def __init__(
        self, asked: Asked, trigger: TriggerPlan, event: Event, stored: Stored | None = None, known: Known | None = None
    ) -> None:
        self.trigger = trigger
        self.event = event
        self.stored = stored
        most = asked.settings.max_data_bytes
        activation = Activation(event.attributes, event.data, max_data_bytes=most)
        self.tree = explain(trigger.filter, event.attributes, activation)
        self.fate = self.sentences = None
        if stored is not None and known is not None:
            record, paused = stored.record, known.view.paused.get(trigger.name)
            now = digest(trigger.filter, max_data_bytes=most)
            self.fate = known.fate(trigger, record, matches=bool(self.tree.verdict), digest=now)
            self.sentences = list(sentences(trigger, self.fate, record.offset, paused, time.time()))

    @property
    def delivered(self) -> bool:
        """Whether the Trigger got it, by all that is known; of an event that is given, whether it would."""
        return bool(self.tree.verdict) if self.fate is None else self.fate.what is What.SETTLED

    def as_text(self, *, colour: bool) -> str:
        """For people."""
        verdict = "matches" if self.tree.verdict else "does not match"
        if self.stored is None or self.sentences is None:
            head = [f"Trigger {self.trigger.name} {verdict} event {self.event.id} of {self.event.source}"]
        else:
            head = [f"Trigger {self.trigger.name}, event {self.event.id} of {self.event.source} at {self.stored.place}"]
            head += [f"  {sentence}" for sentence in self.sentences]
        return "\n".join([*head, *lines(self.tree, colour=colour, indent="  ")])

    def as_data(self) -> dict[str, object]:
        """For programs."""
        told: dict[str, object] = {"trigger": str(self.trigger.name)}
        told |= {"event": dict(self.event.attributes), "matches": self.tree.verdict}
        if self.stored is not None and self.fate is not None:
            record = self.stored.record
            told |= {
                "topic": record.topic,
                "partition": record.partition,
                "offset": record.offset,
                "fate": self.fate.what.value,
                "decidedByThisFilter": self.fate.by_this,
                "said": self.sentences,
            }
        return told | {"filter": as_data(self.tree)}


def _print(asked: Asked, told: Sequence[_Told]) -> None:
    if asked.output is Output.JSON:
        typer.echo(json.dumps([one.as_data() for one in told], indent=2, ensure_ascii=False))
    else:
        typer.echo("\n\n".join(one.as_text(colour=colours()) for one in told))
    if not told:
        typer.echo(f"Broker {asked.broker.name} has no Trigger.", err=True)
    if not any(one.delivered for one in told):
        raise typer.Exit(UNMET)
