"""`tradewind audit`: what came in is settled, a dead letter, filtered out, owed or behind; or which offsets are not."""

import json
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict

import typer

from tradewind import runtime
from tradewind.cli import naming
from tradewind.cli.failures import ERROR
from tradewind.cli.output import Output
from tradewind.cli.tables import age, table
from tradewind.cli.triggers import plan_of
from tradewind.config import Settings
from tradewind.plan import BrokerPlan
from tradewind.ports import EventLog
from tradewind.trigger_dispatcher.auditing import Tally
from tradewind.trigger_dispatcher.auditor import Report
from tradewind.trigger_dispatcher.auditor import audit as audited

COLUMNS = (
    "TRIGGER", "IN", "BEFORE", "SETTLED/FILTERED", "FILTERED", "SETTLED", "REDRIVEN/DISCARDED", "DEAD", "OWED",
    "WAITING", "OLDEST", "DUE", "BEHIND",
)  # fmt: skip

ADDS_UP = "adds up: in = before + settled/filtered + filtered + settled + redriven/discarded + dead + owed + behind"


def audit(settings: Settings, namespace: str, brokers: Sequence[str] | None, output: Output) -> None:
    """Print the equation of each Trigger; exit code 1 where it does not add up."""
    plan = plan_of(settings)
    wanted = naming.brokers(plan, namespace, brokers or ())

    async def work(log: EventLog) -> list[Report]:
        made = await log.topics({broker.topic.name for broker in wanted})
        for broker in (waiting := unmade(wanted, made)):
            typer.echo(f"warning: Broker {broker.name} has no topic yet: {broker.waits}", err=True)
        there = [broker for broker in wanted if broker not in waiting]
        return await audited(log, plan, there, settings.cursors_topic, max_data_bytes=settings.max_data_bytes)

    reports = runtime.once(settings, work)
    if output is Output.JSON:
        typer.echo(json.dumps([as_json(report) for report in reports], indent=2))
    else:
        typer.echo("\n\n".join(as_text(report, time.time()) for report in reports))
    if any(report.faults for report in reports):
        raise typer.Exit(ERROR)


def unmade(brokers: Sequence[BrokerPlan], made: Collection[str]) -> Sequence[BrokerPlan]:
    """Those that wait for a topic, so that there is nothing to audit; one whose topic vanished is none of them."""
    return [broker for broker in brokers if broker.waits and broker.topic.name not in made]


def as_json(report: Report) -> dict[str, object]:
    """A report as JSON; times are seconds since the epoch."""
    return {
        "broker": str(report.broker),
        "topic": report.topic,
        "records": report.records,
        "noEvents": report.unreadable,
        "takenByRetention": report.taken,
        "deadLetters": report.letters,
        "addsUp": not report.faults,
        "faults": report.faults,
        "triggers": [
            {
                "name": str(name),
                "unservedPartitions": report.unserved.get(name, []),
                "deadLetters": report.letters_of.get(name, 0),
                **asdict(tally),
            }
            for name, tally in sorted(report.triggers.items())
        ],
    }


def as_text(report: Report, now: float) -> str:
    """A report for people."""
    head = f"Broker {report.broker}: {report.records} records in {report.topic}, {report.letters} dead letters"
    lines = [head]
    if report.unreadable:
        lines.append(f"{report.unreadable} of the records are no events")
    if report.taken:
        lines.append(f"retention has taken {report.taken} offsets: nothing is known of these")
    rows = [(name, *_cells(tally, now)) for name, tally in sorted(report.triggers.items())]
    if rows:
        lines += ["", table(COLUMNS, rows), ""]
    for name, partitions in sorted(report.unserved.items()):
        where = ", ".join(map(str, partitions))
        lines.append(f"{name}: no dispatcher has given it a place on partition {where} yet")
    lines += [f"error: {fault}" for fault in report.faults]
    lines.append("does not add up" if report.faults else ADDS_UP)
    return "\n".join(lines)


def _cells(tally: Tally, now: float) -> Sequence[object]:
    oldest = "" if tally.oldest is None else age(now - tally.oldest)
    due = "" if tally.due is None else age(tally.due - now)
    behind = f"{tally.behind} ({tally.matching} match)" if tally.behind else "0"
    return (
        tally.read, tally.before, tally.unknown, tally.filtered, tally.settled, tally.left, tally.dead, tally.owed,
        tally.waiting, oldest, due, behind,
    )  # fmt: skip
