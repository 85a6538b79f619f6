"""Conditions: what Ready follows from, what is kept, and that nothing is written twice."""

import copy
from itertools import product
from typing import Any

import pytest

from tradewind.api_server import Object
from tradewind.control import conditions
from tradewind.control.conditions import (
    LONGEST,
    Condition,
    Status,
    difference,
    false,
    held,
    listed,
    ready,
    status_patch,
    true,
    unknown,
)
from tradewind.errors import Fault

THEN, NOW = 1_700_000_000.0, 1_700_000_060.9
AT_THEN, AT_NOW = "2023-11-14T22:13:20Z", "2023-11-14T22:14:20Z"


def broker(**status: Any) -> Object:
    return {"metadata": {"name": "b", "uid": "u", "resourceVersion": "7", "generation": 3}, "status": status}


def applied(holder: Object, patch: Object | None) -> Object:
    """The object after the merge patch."""

    def merge(before: Any, change: Any) -> Any:
        if not isinstance(change, dict):
            return change
        whole = dict(before) if isinstance(before, dict) else {}
        for name, value in change.items():
            if value is None:
                whole.pop(name, None)
            else:
                whole[name] = merge(whole.get(name), value)
        return whole

    return {**holder, "status": merge(holder.get("status", {}), (patch or {}).get("status", {}))}


@pytest.mark.parametrize("statuses", list(product(Status, repeat=3)))
def test_ready_is_false_before_unknown_before_true(statuses: tuple[Status, ...]) -> None:
    found = ready([Condition(f"C{i}", status, f"R{i}", f"m{i}") for i, status in enumerate(statuses)])
    worst = Status.FALSE if Status.FALSE in statuses else Status.UNKNOWN if Status.UNKNOWN in statuses else Status.TRUE
    first = statuses.index(worst)
    expected = true("Ready") if worst is Status.TRUE else Condition("Ready", worst, f"R{first}", f"m{first}")
    assert found == expected


def test_a_condition_with_a_severity_decides_nothing() -> None:
    warns = Condition("Durable", Status.FALSE, "FewInSync", "one replica is enough", conditions.WARNING)
    assert ready([warns, true("TopicReady")]) == true("Ready")


def test_nothing_that_decides_is_ready() -> None:
    assert ready([]) == true("Ready")


def test_a_new_status_has_everything() -> None:
    patch = status_patch(broker(), [true("B"), unknown("A", "Waits", "wait")], {"address": {"url": "u"}}, now=THEN)
    assert patch == {
        "metadata": {"uid": "u", "resourceVersion": "7"},
        "status": {
            "address": {"url": "u"},
            "observedGeneration": 3,
            "conditions": [
                {"type": "A", "status": "Unknown", "reason": "Waits", "message": "wait", "lastTransitionTime": AT_THEN},
                {"type": "B", "status": "True", "lastTransitionTime": AT_THEN},
                {
                    "type": "Ready",
                    "status": "Unknown",
                    "reason": "Waits",
                    "message": "wait",
                    "lastTransitionTime": AT_THEN,
                },
            ],
        },
    }


def test_an_identical_status_is_never_written() -> None:
    told = [true("A", "Fine", "as ever"), Condition("W", Status.FALSE, "R", "m", conditions.WARNING)]
    fields = {"address": {"url": "u"}, "annotations": {"a": "1", "gone": None}, "addresses": None}
    holder = broker()
    holder = applied(holder, status_patch(holder, told, fields, now=THEN))
    assert holder["status"]["annotations"] == {"a": "1"}
    assert status_patch(holder, told, fields, now=NOW) is None


def test_a_transition_has_its_time_and_the_others_keep_theirs() -> None:
    holder = broker()
    holder = applied(holder, status_patch(holder, [true("A"), true("B")], {}, now=THEN))
    patch = status_patch(holder, [true("A", "Other", "words"), false("B", "Gone", "it is gone")], {}, now=NOW)
    assert patch is not None
    times = {one["type"]: one["lastTransitionTime"] for one in patch["status"]["conditions"]}
    assert times == {"A": AT_THEN, "B": AT_NOW, "Ready": AT_NOW}


def test_the_whole_list_is_replaced_so_that_a_condition_of_old_goes() -> None:
    holder = broker(conditions=[{"type": "Old", "status": "True"}, {"type": "A", "status": "True"}])
    patch = status_patch(holder, [true("A")], {}, now=NOW)
    assert patch is not None
    assert [one["type"] for one in patch["status"]["conditions"]] == ["A", "Ready"]


def test_a_new_generation_is_written_though_nothing_else_differs() -> None:
    holder = broker()
    holder = applied(holder, status_patch(holder, [true("A")], {}, now=THEN))
    changed = copy.deepcopy(holder)
    changed["metadata"]["generation"] = 4
    patch = status_patch(changed, [true("A")], {}, now=NOW)
    assert patch is not None and patch["status"] == {"observedGeneration": 4}


@pytest.mark.parametrize(
    "found",
    [
        None,
        {},
        {"conditions": None},
        {"conditions": ["x", {"type": 1}, {"status": "True"}]},
        {"conditions": [{"type": "A", "status": "Perhaps"}]},
        {"conditions": [{"type": "A"}]},
        {"conditions": 2},
    ],
)
def test_a_status_that_cannot_be_read_is_none(found: Any) -> None:
    holder = {"metadata": {"uid": "u", "resourceVersion": "7"}, "status": found}
    assert held(holder, "A") is None
    patch = status_patch(holder, [true("A")], {}, now=NOW)
    assert patch is not None and patch["status"]["conditions"][0]["lastTransitionTime"] == AT_NOW


def test_a_held_condition_is_as_it_was_written() -> None:
    told = Condition("A", Status.UNKNOWN, "R", "m", "Info")
    holder = broker()
    assert held(applied(holder, status_patch(holder, [told], {}, now=THEN)), "A") == told


@pytest.mark.parametrize(
    ("before", "wanted", "expected"),
    [
        ({}, {}, {}),
        ({"a": 1, "b": 2}, {"a": 1}, {}),
        ({"a": 1}, {"a": None}, {"a": None}),
        ({}, {"a": None}, {}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1, "y": 3}}, {"a": {"y": 3}}),
        ({"a": 1}, {"a": {"x": 1}}, {"a": {"x": 1}}),
        ({}, {"a": {}}, {}),
        ({"a": [1, 2]}, {"a": [1, 3]}, {"a": [1, 3]}),
    ],
)
def test_a_difference_is_the_least_merge_patch(before: Any, wanted: Any, expected: Any) -> None:
    assert difference(before, wanted) == expected


def test_a_message_says_every_fault() -> None:
    assert listed([Fault("a", "1", "2"), Fault("b", "3", "4")]) == "a: found 1, expected 2; b: found 3, expected 4"


def test_a_message_of_very_many_faults_stays_short_enough_to_be_stored() -> None:
    found = listed([Fault(f"spec.delivery.f{number}", "1", "2") for number in range(50_000)])
    assert len(found) < LONGEST + 20
    whole, more = found.rsplit("; and ", 1)
    assert whole.endswith("found 1, expected 2")
    assert more == f"{50_000 - len(whole.split('; ')):,} more"


def test_a_message_of_one_endless_fault_is_cut() -> None:
    endless, other = Fault("f" * 1_000_000, "1", "2"), Fault("b", "3", "4")
    assert listed([endless]) == "f" * LONGEST
    assert listed([endless, other]) == "f" * LONGEST + "; and 1 more"
