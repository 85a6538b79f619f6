"""How dead letters leave: each on its way first, then the record of who and why, then the tombstone (`letterbox.py`).

Letters go in the order in which they came, so many at once; between two lots one may stop, and within one everything
that has begun is brought to its end.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from tradewind.delivery.verdicts import NoAnswer, Verdict, verdict
from tradewind.errors import LogRefused, LogUnavailable
from tradewind.events import http
from tradewind.plan import Plan
from tradewind.ports import EventLog, NewRecord, Sender, TopicInfo
from tradewind.trigger_dispatcher import letterbox
from tradewind.trigger_dispatcher.letterbox import (
    GoneRecord,
    Letter,
    Letterbox,
    Redrive,
    Url,
    end,
    gone,
    tombstone,
    way,
)

LOT = 100
"""Letters that are on their way at once: what a kill -9 in between repeats at most."""

LOTS_A_SECOND = 10
"""Into how many lots a second's worth of letters is cut where there is a rate."""


@dataclass(frozen=True, slots=True)
class Stays:
    """A letter cannot leave: why."""

    why: str


@dataclass(slots=True)
class Left:
    """What came of it."""

    gone: int = 0
    stayed: int = 0
    unavailable: LogUnavailable | None = None
    """Why it ended early."""


Outcome = str | Stays | LogRefused | LogUnavailable
"""Where an event went, or why it did not; of another record, nothing, or why it is not stored."""

Leave = Callable[[Letter], Awaitable[str | Stays]]
"""Puts a letter's event on its way: where it went.  Raises LogRefused, LogUnavailable."""


def to_trigger(log: EventLog, terms: Redrive) -> Leave:
    """Through the Broker's topic, to the letter's Trigger again."""

    async def leave(letter: Letter) -> str | Stays:
        record = way(letter, terms)
        return Stays(record) if isinstance(record, str) else await _appended(log, record)

    return leave


def to_url(sender: Sender, url: str, *, timeout: float) -> Leave:
    """To this URL, once; whoever is there must accept it."""

    async def leave(letter: Letter) -> str | Stays:
        if letter.event is None:
            return Stays("found no whole event, expected one that can be sent")
        headers, body = http.write_binary(letter.event)
        outcome = await sender.post(url, headers, body, timeout=timeout)
        if verdict(outcome) is not Verdict.ACCEPTED:
            said = outcome.reason if isinstance(outcome, NoAnswer) else f"status {outcome.status}"
            return Stays(f"{url}: found {said}, expected a 2xx")
        return url

    return leave


def to_sink(log: EventLog, sender: Sender, plan: Plan, *, timeout: float) -> Leave:
    """To the sink of the letter's source, as it is now; a URL must accept it at the first attempt."""

    async def leave(letter: Letter) -> str | Stays:
        match letterbox.to_sink(letter, plan):
            case str() as why:
                return Stays(why)
            case Url(url):
                return await to_url(sender, url, timeout=timeout)(letter)
            case record:
                return await _appended(log, record)

    return leave


async def _appended(log: EventLog, record: NewRecord) -> str:
    position = await log.append(record)
    return f"{record.topic}[{position.partition}]@{position.offset}"


async def nowhere(_: Letter) -> str:
    """Discarded."""
    return ""


async def finish(log: EventLog, topic: TopicInfo, box: Letterbox) -> None:
    """Write the tombstones that an earlier command did not come to."""
    for key in box.unfinished():
        await log.append(tombstone(topic.name, key, box.partition(key)))


async def leave(
    log: EventLog,
    letters: AsyncIterator[Letter],
    by: Leave,
    told: Callable[[str], GoneRecord],
    *,
    rate: float | None,
    stop: asyncio.Event,
    say: Callable[[Letter, str, bool], None],
) -> Left:
    """Let these letters go, at most `rate` a second, until `stop`; `say` hears of each where it went, or why not."""
    left, begun, loop = Left(), asyncio.get_running_loop().time(), asyncio.get_running_loop()
    size = LOT if rate is None else max(1, min(LOT, int(rate / LOTS_A_SECOND)))
    async for lot in _lots(letters, size):
        if stop.is_set():
            break
        await _lot(log, lot, by, told, left, say)
        if left.unavailable:
            break
        if rate is not None:
            with contextlib.suppress(TimeoutError):
                due = begun + (left.gone + left.stayed) / rate
                await asyncio.wait_for(stop.wait(), max(0.0, due - loop.time()))
    return left


async def _lots(letters: AsyncIterator[Letter], size: int) -> AsyncIterator[Sequence[Letter]]:
    lot: list[Letter] = []
    async for letter in letters:
        lot.append(letter)
        if len(lot) == size:
            yield lot
            lot = []
    if lot:
        yield lot


async def _lot(
    log: EventLog,
    lot: Sequence[Letter],
    by: Leave,
    told: Callable[[str], GoneRecord],
    left: Left,
    say: Callable[[Letter, str, bool], None],
) -> None:
    async with asyncio.TaskGroup() as tasks:
        ways = [tasks.create_task(_outcome(by(letter))) for letter in lot]
    outcomes = [(letter, task.result()) for letter, task in zip(lot, ways, strict=True)]
    away = [(letter, to) for letter, to in outcomes if isinstance(to, str)]
    failures: dict[str, Outcome] = {letter.key: to for letter, to in outcomes if not isinstance(to, str)}
    failures |= await _unwritten(log, {letter.key: gone(letter, told(to)) for letter, to in away})
    ends = {letter.key: end(letter) for letter, _ in away if letter.key not in failures}
    failures |= await _unwritten(log, ends)
    for letter, to in outcomes:
        went = isinstance(to, str)
        left.gone, left.stayed = left.gone + went, left.stayed + (not went)
        why = failures.get(letter.key)
        said = why.why if isinstance(why, Stays) else str(why)
        say(letter, str(to) if why is None else f"{to}, but its letter is still there: {said}" if went else said, went)
    left.unavailable = next((why for why in failures.values() if isinstance(why, LogUnavailable)), None)


async def _outcome(going: Awaitable[str | Stays]) -> Outcome:
    try:
        return await going
    except (LogRefused, LogUnavailable) as why:
        return why


async def _unwritten(log: EventLog, records: Mapping[str, NewRecord]) -> dict[str, Outcome]:
    """Which of these could not be stored, and why."""

    async def write(record: NewRecord) -> Outcome:
        async def stored() -> str:
            await log.append(record)
            return ""

        return await _outcome(stored())

    async with asyncio.TaskGroup() as tasks:
        writes = {key: tasks.create_task(write(record)) for key, record in records.items()}
    return {key: task.result() for key, task in writes.items() if task.result() != ""}
