"""`tradewind backtest`: which stored events a changed filter would gain or lose, before it is applied."""

import json
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import typer

from tradewind import runtime
from tradewind.cli import naming
from tradewind.cli.output import Output
from tradewind.cli.progress import Meter
from tradewind.cli.tables import table
from tradewind.config import Settings
from tradewind.errors import Fault, InvalidManifest
from tradewind.filters.tree import Filter
from tradewind.plan import BrokerPlan, Plan
from tradewind.ports import EventLog
from tradewind.resources.model import NamespacedName, Trigger
from tradewind.trigger_dispatcher import outside
from tradewind.trigger_dispatcher.backtesting import NOTHING, Backtest, Change, Covered, newest

COLUMNS = ("", "PARTITION/OFFSET", "STORED", "TYPE", "SOURCE", "ID")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for."""

    file: str
    since: str
    limit: int
    show: int
    output: Output


def run(settings: Settings, wishes: Wishes) -> None:
    """Read, compare, print; Ctrl-C prints what was found so far.  Raises InvalidManifest, InvalidSettings."""
    resources, changed = runtime.manifests(settings), _changed(settings, wishes.file)
    there = {one.metadata.name for one in changed}
    others = [one for one in resources if not isinstance(one, Trigger) or one.metadata.name not in there]
    before, after = runtime.planned(settings, resources), runtime.planned(settings, [*others, *changed])
    broker = _broker(after, changed, wishes.file)
    was = {name: as_it_is(before, name, broker.name) for name in sorted(there)}
    tests = {
        name: Backtest(
            NOTHING if one is None else one,
            after.triggers[name].filter,
            show=wishes.show,
            max_data_bytes=settings.max_data_bytes,
        )
        for name, one in was.items()
    }
    new = {name for name, one in was.items() if one is None}
    reading = _Reading(broker, list(tests.values()), naming.since(wishes.since, time.time()), wishes.limit)
    try:
        runtime.once(settings, reading.work)
    finally:
        if reading.covered is not None:
            _print(reading, tests, wishes, new)


def as_it_is(before: Plan, name: NamespacedName, broker: NamespacedName) -> Filter | None:
    """A Trigger's filter before the change; None where this Broker has no such Trigger yet."""
    there = before.triggers.get(name)
    return there.filter if there is not None and there.broker == broker else None


def _changed(settings: Settings, file: str) -> list[Trigger]:
    """The Triggers that a file holds; whatever else it holds is left out."""
    found = [one for one in runtime.manifests(settings, file) if isinstance(one, Trigger)]
    if not found:
        raise InvalidManifest([Fault(Path(file).name, "no Trigger", "the changed one")])
    return found


def _broker(plan: Plan, changed: Sequence[Trigger], file: str) -> BrokerPlan:
    """The one Broker of these Triggers.  Raises InvalidManifest."""
    wanted = sorted({NamespacedName(one.metadata.name.namespace, one.broker) for one in changed})
    missing = [name for name in wanted if name not in plan.brokers]
    if missing or len(wanted) > 1:
        listed = ", ".join(map(str, sorted(plan.brokers))) or "none"
        found = f"no Broker {missing[0]}" if missing else f"Triggers of the Brokers {', '.join(map(str, wanted))}"
        expected = f"Triggers of one Broker of the manifests ({listed}); --manifests says where they are"
        raise InvalidManifest([Fault(Path(file).name, found, expected)])
    return plan.brokers[wanted[0]]


class _Reading:
    """Reads what is stored, and tells the tests."""

    def __init__(self, broker: BrokerPlan, tests: Sequence[Backtest], since: float, limit: int) -> None:
        self.broker = broker
        self.covered: Covered | None = None
        self.there = 0
        """Offsets since then, of which `limit` are read at most."""
        self.seconds = 0.0
        self._tests = tests
        self._since = since
        self._limit = limit

    async def work(self, log: EventLog) -> None:
        """Read to the end that the topic has now."""
        topic = await outside.found(log, self.broker.topic.name)
        bounds = await outside.bounds_since(log, topic, self._since)
        self.there = sum(one.end - one.start for one in bounds.values())
        bounds = newest(bounds, self._limit)
        covered = self.covered = Covered(bounds)
        total, began = sum(one.end - one.start for one in bounds.values()), time.perf_counter()
        with Meter(partial(typer.echo, err=True), counted="records") as meter:
            async for records in outside.batches(log, bounds):
                covered.tell(records)
                for test in self._tests:
                    test.tell(records)
                self.seconds = time.perf_counter() - began
                meter("reading", covered.offsets, total)
        covered.whole()


def _print(
    reading: _Reading, tests: Mapping[NamespacedName, Backtest], wishes: Wishes, new: Container[NamespacedName]
) -> None:
    if wishes.output is Output.JSON:
        typer.echo(json.dumps(as_data(reading, tests, new), indent=2, ensure_ascii=False))
        return
    for name, test in tests.items():
        typer.echo("\n".join(as_text(name, test, new=name in new)) + "\n")
    typer.echo(coverage(reading))


def as_text(name: NamespacedName, test: Backtest, *, new: bool) -> Iterator[str]:
    """What came of it for one Trigger, for people."""
    found = test.found
    was = "it is not at this Broker yet" if new else f"its filter takes {found.before:,} events as it is"
    yield f"Trigger {name}: {was}, changed {found.after:,}: {found.gained:,} gained, {found.lost:,} lost"
    rows = [(sign, *_cells(one)) for sign, listed in (("+", found.gains), ("-", found.losses)) for one in listed]
    if rows:
        yield from (f"  {line}" for line in table(COLUMNS, rows).replace("<none>", "      ").splitlines())
    left = found.gained + found.lost - len(rows)
    if left:
        yield f"  and {left:,} more, which --show would list"


def _cells(change: Change) -> Sequence[object]:
    return f"{change.partition}/{change.offset}", _moment(change.time), change.type, change.source, change.id


def _moment(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def coverage(reading: _Reading) -> str:
    """Which offsets were covered: the last line."""
    covered, topic = reading.covered, reading.broker.topic.name
    if covered is None or not reading.there:
        return f"covered nothing: {topic} holds no event that was stored since then"
    if not covered.offsets:
        return f"covered nothing: none of the {reading.there:,} that were stored in {topic} since then was read"
    parts = ", ".join(f"[{partition}] {start}–{end - 1}" for partition, start, end in covered.stretches())
    rest = reading.there - covered.offsets
    left = f"; {rest:,} more that were stored since then were not read" if rest else ""
    pace = f"in {reading.seconds:.1f} s" if reading.seconds >= 0.1 else "at once"
    return f"covered {covered.records:,} records of {topic} {pace}: {parts}{left}"


def as_data(
    reading: _Reading, tests: Mapping[NamespacedName, Backtest], new: Container[NamespacedName]
) -> dict[str, object]:
    """All of it, for programs."""
    covered = reading.covered
    return {
        "broker": str(reading.broker.name),
        "topic": reading.broker.topic.name,
        "triggers": [
            {
                "name": str(name),
                "new": name in new,
                "before": test.found.before,
                "after": test.found.after,
                "gained": test.found.gained,
                "lost": test.found.lost,
                "gains": [one._asdict() for one in test.found.gains],
                "losses": [one._asdict() for one in test.found.losses],
            }
            for name, test in tests.items()
        ],
        "records": covered.records if covered else 0,
        "seconds": reading.seconds,
        "covered": [{"partition": at, "from": start, "to": end - 1} for at, start, end in covered.stretches()]
        if covered
        else [],
        "notRead": reading.there - (covered.offsets if covered else 0),
    }
