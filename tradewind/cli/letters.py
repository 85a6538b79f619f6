"""What `tradewind dead-letters` does, once its flags are read."""

import base64
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import typer

from tradewind import runtime
from tradewind.cli import naming
from tradewind.cli.failures import ERROR, INTERRUPTED
from tradewind.cli.letter_choice import Box, Chosen, letters
from tradewind.cli.output import Lines, Output
from tradewind.cli.tables import age, table
from tradewind.cli.triggers import who
from tradewind.plan import BrokerPlan
from tradewind.ports import EventLog
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher import leaving, outside
from tradewind.trigger_dispatcher.cursors import PartitionId
from tradewind.trigger_dispatcher.letterbox import GoneRecord, Letter, Redrive, What

SEND_TIMEOUT = 30.0
"""Seconds that whoever `--to` names has for an answer."""

_URL = re.compile(r"https?://[^\s/]+\S*")


def show_all(chosen: Chosen, output: Lines) -> None:
    """Print all; as ndjson each as soon as it is read."""

    async def work(log: EventLog) -> list[tuple[Box, Letter]]:
        found, anyone = [], False
        async for box, letter in letters(log, chosen):
            anyone = True
            if output is Lines.NDJSON:
                typer.echo(json.dumps(_object(box, letter), ensure_ascii=False))
            else:
                found.append((box, letter))
        if not anyone:
            chosen.nobodys()
        return found

    found = runtime.once(chosen.settings, work)
    if output is Lines.JSON:
        typer.echo(json.dumps([_object(*one) for one in found], indent=2, ensure_ascii=False))
    elif output is Lines.TABLE and found:
        columns = ("BROKER", "LETTER", "TRIGGER/SOURCE", "KIND", "ID", "TYPE", "AGE", "REASON")
        typer.echo(table(columns, (_row(box, letter, time.time()) for box, letter in found)))
    elif output is Lines.TABLE:
        typer.echo("No dead letters found.", err=True)


def _row(box: Box, letter: Letter, now: float) -> Sequence[object]:
    event = letter.event
    since = age(now - letter.record.timestamp)
    ids = (event.id, event.type) if event else ("", "")
    whose = letter.name.trigger or letter.source.replace(" ", "/")
    return (box.broker.name if box.broker else "-", letter.place, whose, letter.name.kind, *ids, since, letter.reason)


def show_one(chosen: Chosen, output: Output) -> None:
    """Print one."""

    async def work(log: EventLog) -> list[tuple[Box, Letter]]:
        return [one async for one in letters(log, chosen)]

    found = runtime.once(chosen.settings, work)
    if not found:
        _none_there(chosen)
    shown = _object(*found[0], whole=True)
    if output is Output.JSON:
        typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    shown["time"] = datetime.fromtimestamp(shown["time"], UTC).isoformat(timespec="milliseconds")
    data = shown.pop("data", None) or shown.pop("dataBase64", "")
    for name, held in shown.items():
        if isinstance(held, Mapping):
            typer.echo(f"{name}:")
            typer.echo(table(("", ""), ((f"  {key}", text) for key, text in held.items())).lstrip("\n"))
        else:
            typer.echo(f"{name}: {held}")
    typer.echo(f"\n{data}" if data else "\n<no data>")


def _none_there(chosen: Chosen) -> None:
    where = ", ".join(box.topic for box in chosen.boxes)
    typer.echo(f"error: found no {', '.join(sorted(chosen.names))} in {where}, expected a dead letter", err=True)
    raise typer.Exit(ERROR)


def _object(box: Box, letter: Letter, *, whole: bool = False) -> dict[str, Any]:  # JSON, of any depth
    """A letter as JSON; `whole` with its data."""
    name, event = letter.name, letter.event
    found: dict[str, Any] = {  # as above
        "broker": str(box.broker.name) if box.broker else None,
        "letter": letter.place,
        "key": letter.key,
        "kind": str(name.kind),
        "trigger": None if name.trigger is None else str(name.trigger),
        "topic": box.broker.topic.name if box.broker else None,
        "source": letter.source or None,
        "partition": name.partition.partition if letter.of_record else None,
        "offset": name.offset if letter.of_record else None,
        "time": letter.record.timestamp,
        "reason": letter.reason,
        "whole": event is not None,
        "failure": dict(letter.failure),
        "event": dict(event.attributes) if event else {},
    }
    content = (event.data if event else letter.record.value) if whole else None
    if content is not None:
        try:
            found["data"] = content.decode()
        except UnicodeDecodeError:
            found["dataBase64"] = base64.b64encode(content).decode()
    return found


@dataclass(slots=True)
class _Said:
    """What is told of each letter, and at the end."""

    what: What
    named: set[str] = field(default_factory=set)
    """Of those that were asked for by name: what has been found."""
    gone: int = 0
    stayed: int = 0

    def letter(self, letter: Letter, said: str, went: bool) -> None:
        """One is dealt with."""
        self.named |= {letter.place, letter.key}
        if went:
            self.gone += 1
            typer.echo(f"{letter.place} {self.what}" + (f" to {said}" if said else ""))
        else:
            self.stayed += 1
            typer.echo(f"error: {letter.place} stays: {said}", err=True)


def redrive(chosen: Chosen, rate: str | None, to: str | None, reason: str) -> None:
    """Put them on their way again, through the Broker's topic or straight to a URL."""
    if to is not None and not _URL.fullmatch(to):
        raise naming.wrong("--to", repr(to), "an http:// or https:// URL")
    _leave(chosen, What.REDRIVEN, reason, rate=naming.rate(rate), to=to)


def discard(chosen: Chosen, reason: str) -> None:
    """Let them go."""
    if not reason.strip():
        raise naming.wrong("--reason", repr(reason), "why they are discarded")
    _leave(chosen, What.DISCARDED, reason, rate=None, to=None)


def _leave(chosen: Chosen, what: What, reason: str, *, rate: float | None, to: str | None) -> None:
    """Exit code 0 where all have gone, 1 where some stay, 130 where a signal ended it early."""
    said = _Said(what)

    def told(went: str) -> GoneRecord:
        return GoneRecord(what, who(), time.time(), reason, went)

    async def work(log: EventLog) -> bool:
        """Whether it was ended early."""
        stop = runtime.stopping()
        sender = runtime.http_sender(chosen.settings)
        try:
            for box in chosen.boxes:
                topic = await chosen.topic(log, box)
                if topic is None and (box.broker is None or chosen.source):
                    continue
                topic = topic or await outside.found(log, box.topic)
                there = await outside.letterbox_of(log, topic)
                await leaving.finish(log, topic, there)
                by: leaving.Leave = leaving.nowhere
                if to is not None:
                    by = leaving.to_url(sender, to, timeout=SEND_TIMEOUT)
                elif what is What.REDRIVEN and box.broker is None:
                    by = leaving.to_sink(log, sender, chosen.plan, timeout=SEND_TIMEOUT)
                elif what is What.REDRIVEN and box.broker is not None:
                    by = leaving.to_trigger(log, await _terms(log, chosen, box.broker))
                meant = (letter async for letter in outside.letters_of(log, topic, there) if chosen.has(letter, box))
                left = await leaving.leave(log, meant, by, told, rate=rate, stop=stop, say=said.letter)
                if left.unavailable:
                    raise left.unavailable
                if stop.is_set():
                    return True
        finally:
            await sender.close()
        return False

    early = runtime.once(chosen.settings, work)
    if not (early or said.gone or said.stayed):
        chosen.nobodys()
    missing = sorted(set(chosen.names) - said.named) if not early else []
    for name in missing:
        typer.echo(f"error: found no {name}, expected a dead letter that is there", err=True)
    stays = f", {said.stayed} stay" if said.stayed else ""
    typer.echo(f"{said.gone} {what}{stays}" + (", ended early: the others are untouched" if early else ""))
    if code := INTERRUPTED if early else ERROR if said.stayed or missing else 0:
        raise typer.Exit(code)


async def _terms(log: EventLog, chosen: Chosen, broker: BrokerPlan) -> Redrive:
    topic = await outside.found(log, broker.topic.name)
    view = await outside.view_of(log, chosen.settings.cursors_topic)

    def served(trigger: NamespacedName) -> bool:
        states = [view.state(trigger, PartitionId(topic.id, number)) for number in range(topic.partitions)]
        return all(state is not None and state.record.deleted is None for state in states)

    return Redrive(chosen.plan, broker, served)
