"""What became of a stored event for a Trigger, and how it is told: never by a filter that did not decide."""

from dataclasses import replace

import pytest

from tests.builders import trigger_plan
from tradewind.cli.telling import sentences
from tradewind.delivery.journey import Failure, Journey
from tradewind.filters.tree import Cel, digest
from tradewind.plan import Target
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.cursors import CursorRecord, PauseRecord
from tradewind.trigger_dispatcher.fate import Fate, What, fate
from tradewind.trigger_dispatcher.ledger import Owed
from tradewind.trigger_dispatcher.view import State

TRIGGER = trigger_plan()
OTHER = NamespacedName("default", "b")
NOW_THERE = digest(TRIGGER.filter, max_data_bytes=1000)
NOW = 1000.0
FAILED = Failure("http://a", "status 503", 503)


def state(next_offset: int = 50, *owed: Owed, first: int = 10, filter: str = NOW_THERE, decided: int = 30) -> State:
    record = CursorRecord(next_offset, "me", "topic", 1, first=first, filter=filter, decided=decided)
    return State(next_offset, owed, record)


def found(
    offset: int,
    standing: State | None,
    *,
    to: NamespacedName | None = None,
    letter: What | None = None,
    matches: bool = True,
) -> Fate:
    return fate(TRIGGER, offset, state=standing, to=to, letter=letter, matches=matches, digest=NOW_THERE)


def told(one: Fate, offset: int, paused: PauseRecord | None = None) -> list[str]:
    return list(sentences(TRIGGER, one, offset, paused, NOW))


THEN = "the Trigger had another filter then: what follows is the one it has now, which is no reason for that"
NOT_YET = "the dispatchers do not decide by the filter of these manifests (yet), which is what follows"
UNKNOWN = "settled, or filtered out by the filter that the Trigger had then; which of them is not known any more"


@pytest.mark.parametrize(
    ("offset", "standing", "besides", "what", "expected"),
    [
        (40, None, {}, What.UNSERVED, ["no dispatcher has given the Trigger a place on this partition yet"]),
        (40, state(), {"to": OTHER}, What.ADDRESSED,
         ["not for it: the event was redriven for default/b alone",
          "no filter was asked: the event was redriven, and a match binds"]),
        (40, state(), {}, What.SETTLED,
         ["settled: it matched, and the subscriber or the dead-letter sink accepted it"]),
        (40, state(), {"matches": False}, What.FILTERED, ["filtered out"]),
        (30, state(), {}, What.SETTLED, None),
        (29, state(), {}, What.UNKNOWN, [UNKNOWN, THEN]),
        (29, state(), {"matches": False}, What.UNKNOWN, [UNKNOWN, THEN]),
        (40, state(filter="then"), {"matches": False}, What.UNKNOWN, [UNKNOWN, THEN]),
        (40, state(filter="", decided=-1), {}, What.UNKNOWN, [UNKNOWN, THEN]),
        (40, state(), {"to": TRIGGER.name, "matches": False}, What.SETTLED,
         ["settled: it matched, and the subscriber or the dead-letter sink accepted it",
          "no filter was asked: the event was redriven, and a match binds"]),
        (9, state(), {}, What.BEFORE,
         ["before the Trigger's start on this partition, at offset 10: it was never its own"]),
        (50, state(), {}, What.BEHIND, ["not looked at yet: it is the next"]),
        (57, state(), {"matches": False}, What.BEHIND, ["not looked at yet: the Trigger stands 7 offsets before it"]),
        (50, state(filter="then"), {}, What.BEHIND, ["not looked at yet: it is the next", NOT_YET]),
        (40, state(50, Owed(40)), {}, What.OWED, ["owed: it matched, and its delivery runs or waits for its turn"]),
        (20, state(50, Owed(20), Owed(40)), {"matches": False}, What.OWED,
         ["owed: it matched, and its delivery runs or waits for its turn", THEN]),
        (55, state(50, Owed(55)), {}, What.OWED, None),
        (40, state(50, Owed(40, Journey(attempts=2, failure=FAILED), due=1065.0)), {}, What.WAITING,
         ["owed: it matched, and waits for a retry, due in 1m, after 2 failed; http://a said: status 503"]),
        (40, state(50, Owed(40, Journey(attempts=1), due=999.0)), {}, What.WAITING,
         ["owed: it matched, and waits for a retry, due in 0s, after 1 failed"]),
        (40, state(), {"letter": What.DEAD}, What.DEAD,
         ["a dead letter: it matched and was not accepted; `tradewind dead-letters show` says why"]),
        (40, state(), {"letter": What.REDRIVEN}, What.REDRIVEN,
         ["it matched, became a dead letter and was redriven"]),
        (20, state(), {"letter": What.DISCARDED}, What.DISCARDED,
         ["it matched, became a dead letter and was discarded", THEN]),
        (40, state(50, Owed(40)), {"letter": What.DEAD}, What.OWED, None),  # buried, and not settled yet
    ],
)  # fmt: skip
def test_what_became_of_it(
    offset: int, standing: State | None, besides: dict[str, object], what: What, expected: list[str] | None
) -> None:
    one = found(offset, standing, **besides)  # type: ignore[arg-type]
    assert one.what is what
    if expected is not None:
        assert told(one, offset) == expected


def test_what_holds_it_is_told_too() -> None:
    paused = PauseRecord("me@here", NOW - 120, "the database moves")
    lost = replace(TRIGGER, subscriber=Target(None, "nobody knows"))
    behind = found(60, state())
    assert told(behind, 60, paused)[1] == "the Trigger is paused, since 2m, by me@here: the database moves"
    assert told(behind, 60, replace_why(paused))[1] == "the Trigger is paused, since 2m, by me@here"
    assert len(told(found(40, state()), 40, paused)) == 1  # what is settled is held by nothing
    assert list(sentences(lost, behind, 60, None, NOW))[1] == "its subscriber has no address (nobody knows)"


def replace_why(paused: PauseRecord) -> PauseRecord:
    return PauseRecord(paused.who, paused.since)


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        (40, "the Trigger had another filter, or --max-data-bytes, then: what follows is the one it has now, which is "
             "no reason for that"),
        (50, "the dispatchers do not decide by the filter of these manifests and this --max-data-bytes (yet), which is "
             "what follows"),
    ],
)  # fmt: skip
def test_a_filter_that_looks_at_data_decides_by_how_many_it_may_look_at_too(offset: int, expected: str) -> None:
    trigger = replace(TRIGGER, filter=Cel("data.a"))
    *_, last = sentences(trigger, found(offset, state(filter="then")), offset, None, NOW)
    assert last == expected
