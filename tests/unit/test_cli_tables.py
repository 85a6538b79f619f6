"""Tables as kubectl prints them."""

import pytest

from tradewind.cli import tables
from tradewind.cli.audit import as_json, as_text, unmade
from tradewind.plan import BrokerPlan, TopicPlan
from tradewind.resources.model import NamespacedName
from tradewind.trigger_dispatcher.auditing import Tally
from tradewind.trigger_dispatcher.auditor import Report

A = NamespacedName("default", "a")


def test_columns_are_as_wide_as_they_must_be_and_a_cell_is_one_line() -> None:
    rows = [("a", 1, ""), ("much longer", 100, "x\n\x1b[31my"), (None, 0, "z")]
    assert tables.table(("NAME", "N", "WHY"), rows).splitlines() == [
        "NAME          N     WHY",
        "a             1     <none>",
        "much longer   100   x��[31my",
        "<none>        0     z",
    ]
    assert tables.table(("A", "B"), []) == "A   B"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-5, "0s"), (0.9, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (7200, "2h"), (86400 * 12.5, "12d")],
)
def test_ages(seconds: float, expected: str) -> None:
    assert tables.age(seconds) == expected


REPORT = Report(A, "topic", records=9, triggers={A: Tally(read=9, settled=5, owed=1, waiting=1, behind=3, matching=2,
                                                         oldest=10.0, due=160.0)})  # fmt: skip


def test_a_report_that_adds_up() -> None:
    lines = as_text(REPORT, 100.0).splitlines()
    assert lines[0] == "Broker default/a: 9 records in topic, 0 dead letters"
    assert lines[3].split() == [
        *["default/a", "9", "0", "0", "0", "5", "0", "0", "1", "1", "1m", "1m", "3", "(2", "match)"]
    ]
    assert lines[-1].startswith("adds up: in = ")
    assert as_json(REPORT)["addsUp"] is True


def test_a_report_that_does_not() -> None:
    report = Report(
        A, "topic", unreadable=1, taken=7, unserved={A: [0, 2]}, faults=["default/a on topic[0]: stands at 1"]
    )
    assert as_text(report, 0.0).splitlines() == [
        "Broker default/a: 0 records in topic, 0 dead letters",
        "1 of the records are no events",
        "retention has taken 7 offsets: nothing is known of these",
        "default/a: no dispatcher has given it a place on partition 0, 2 yet",
        "error: default/a on topic[0]: stands at 1",
        "does not add up",
    ]
    assert as_json(report)["faults"] == ["default/a on topic[0]: stands at 1"]


def test_an_audit_passes_over_brokers_that_have_no_topic_yet() -> None:
    """On Kubernetes one Broker that waits for its ConfigMap must not hide all others."""
    waiting, faulty, vanished = (
        BrokerPlan(NamespacedName("default", name), TopicPlan(name), f"{name}.dead-letters", waits=why)
        for name, why in (("waiting", "no topic was made"), ("faulty", "it has faults"), ("vanished", ""))
    )
    assert unmade([waiting, faulty, vanished], {"faulty"}) == [waiting]
