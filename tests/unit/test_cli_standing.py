"""What `get triggers` says of a Trigger."""

from dataclasses import replace

import pytest

from tests.shell.dispatching import TOPIC, trigger
from tradewind.cli.standing import as_text, row
from tradewind.delivery.journey import Phase
from tradewind.ports import Bounds
from tradewind.trigger_dispatcher import cursors as c
from tradewind.trigger_dispatcher.cursors import (
    AlarmStatus,
    BlockedKey,
    CursorRecord,
    OpenCircuit,
    OwedRecord,
    PartitionId,
    PauseRecord,
    ReaderRecord,
    StatusRecord,
)
from tradewind.trigger_dispatcher.view import View

A = trigger("a")
ONE, TWO = PartitionId("id", 0), PartitionId("id", 1)
HERE = {ONE: Bounds(0, 10), TWO: Bounds(5, 20)}
DOWN = OpenCircuit(Phase.SUBSCRIBER, "http://a", 100.0, "status 503")
SINK = OpenCircuit(Phase.SINK, "http://sink", 940.0, "connection refused")
MEMBERS = {"d-0", "d-1"}


def view(*records: tuple[bytes, c.Value]) -> View:
    known = View()
    standing: list[tuple[bytes, c.Value]] = [
        (c.cursor_key(A.name, ONE), CursorRecord(8, "d-0:1", TOPIC, 2, owed=(3,))),
        (c.cursor_key(A.name, TWO), CursorRecord(2, "d-1:1", TOPIC, 2)),
        (c.owed_key(A.name, ONE, 4), OwedRecord(1, 500.0, "d-0:1")),
        (c.reader_key(ONE), ReaderRecord(8, "d-0:1", 0)),
        (c.reader_key(TWO), ReaderRecord(20, "d-1:1", 0)),
    ]
    for at, (key, value) in enumerate((*standing, *records)):
        known.apply(key, c.encode(value), at)
    return known


def said(circuits: tuple[OpenCircuit, ...] = (), **others: object) -> StatusRecord:
    return StatusRecord("d-0:1", circuits, **others)  # type: ignore[arg-type]


def test_counts_add_up_over_the_partitions() -> None:
    found = row(A, view(), HERE, MEMBERS)
    assert (found["state"], found["owed"], found["retrying"], found["behind"]) == ("Ready", 2, 1, 2 + 15)
    assert as_text([found], 1000.0).splitlines() == [
        "NAMESPACE   NAME   BROKER    STATE   OWED   RETRYING   BEHIND   ALARMS",
        "default     a      default   Ready   2      1          17       0",
    ]


@pytest.mark.parametrize(
    ("records", "state"),
    [
        ([(c.pause_key(A.name), PauseRecord("me", 0.0)), (c.status_key(A.name, ONE), said((DOWN,)))], "Paused"),
        ([(c.status_key(A.name, ONE), said((DOWN,), blocked=BlockedKey("k", 1.0)))], "Blocked"),
        ([(c.status_key(A.name, ONE), said((DOWN, SINK)))], "Probing"),
        ([(c.status_key(A.name, ONE), said((SINK,)))], "Ready"),
        ([(c.status_key(A.name, TWO), said((DOWN,)))], "Ready"),  # another owns that partition
    ],
)
def test_one_word_says_how_it_is(records: list[tuple[bytes, c.Value]], state: str) -> None:
    assert row(A, view(*records), HERE, MEMBERS)["state"] == state


def test_without_a_topic_or_a_place_on_one_of_its_partitions_it_is_not_served() -> None:
    assert row(A, view(), {}, MEMBERS)["state"] == "Unserved"
    more = {**HERE, PartitionId("id", 2): Bounds(0, 0)}
    assert row(A, view(), more, MEMBERS)["state"] == "Unserved"
    assert row(replace(A, name=trigger("b").name), view(), HERE, MEMBERS)["owed"] == 0


def test_each_address_is_named_once_with_the_earliest_moment() -> None:
    later = OpenCircuit(Phase.SUBSCRIBER, "http://a", 200.0, "status 500")
    known = view(
        (c.status_key(A.name, ONE), said((later, SINK))),
        (c.status_key(A.name, TWO), StatusRecord("d-1:1", (DOWN,))),
    )
    found = row(A, known, HERE, MEMBERS)
    assert [(one["target"], one["since"], one["why"]) for one in found["circuits"]] == [
        ("sink", 940.0, "connection refused"),
        ("subscriber", 100.0, "status 503"),
    ]
    earlier_first = view(
        (c.status_key(A.name, ONE), said((DOWN,))), (c.status_key(A.name, TWO), StatusRecord("d-1:1", (later,)))
    )
    assert [one["since"] for one in row(A, earlier_first, HERE, MEMBERS)["circuits"]] == [100.0]


def test_what_else_there_is_to_say_has_a_line_each() -> None:
    overtaken = "retention has overtaken the cursor"
    alarms = {overtaken: AlarmStatus(640.0, 2, 412), "cursor is missing": AlarmStatus(999.0)}
    known = view(
        (c.pause_key(A.name), PauseRecord("me@here", 880.0, "the database moves")),
        (c.status_key(A.name, ONE), said((DOWN, SINK), blocked=BlockedKey("k", 990.0))),
        (c.status_key(A.name, TWO), StatusRecord("d-1:1", (), BlockedKey(None, 400.0), alarms)),
    )
    assert as_text([row(A, known, HERE, MEMBERS)], 1000.0).splitlines()[1:] == [
        "default     a      default   Paused   2      1          17       3",
        "",
        "default/a: paused for 2m by me@here: the database moves",
        "default/a: circuit to the dead-letter sink open for 1m, http://sink: connection refused",
        "default/a: circuit open for 15m, http://a: status 503",
        "default/a: key k waits for a retry and holds up all of partition 0, for 10s",
        "default/a: an event without a key waits for a retry and holds up all of partition 1, for 10m",
        "default/a: cursor is missing on partition 1, last 1s ago",
        f"default/a: {overtaken} on partition 1, 2 times, last 6m ago: 412 events gone, at the most",
    ]
    silent = view((c.pause_key(A.name), PauseRecord("me", 880.0)))
    assert as_text([row(A, silent, HERE, MEMBERS)], 1000.0).endswith("default/a: paused for 2m by me")
