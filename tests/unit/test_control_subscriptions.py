"""When a Trigger is in force."""

import pytest

from tests.builders import trigger_plan
from tradewind.control.conditions import Status
from tradewind.control.subscriptions import condition, lacking
from tradewind.ports import InForce

PLAN = trigger_plan()  # default/a, generation 1
HAS, OLD = {"default/a": "1"}, {"default/a": "0"}


@pytest.mark.parametrize(
    ("in_force", "before", "status", "reason", "said"),
    [
        (None, None, Status.UNKNOWN, "DispatchersUnknown", "Kafka has not told the controller"),
        (None, "0", Status.UNKNOWN, "DispatchersUnknown", ""),
        (None, "1", Status.TRUE, "", ""),
        ({}, None, Status.UNKNOWN, "NoDispatcher", "no dispatcher is a member of the group dispatchers"),
        ({}, "1", Status.TRUE, "", ""),
        ({"one": HAS}, None, Status.TRUE, "", ""),
        ({"one": HAS, "two": HAS}, "0", Status.TRUE, "", ""),
        ({"one": HAS, "two": OLD}, "0", Status.UNKNOWN, "NotYetInForce", "not yet in force at two"),
        ({"one": {}, "two": OLD}, None, Status.UNKNOWN, "NotYetInForce", "not yet in force at one, two"),
        ({"one": {}, "two": OLD}, "1", Status.TRUE, "", ""),
        (
            {str(number): OLD for number in range(7)},
            None,
            Status.UNKNOWN,
            "NotYetInForce",
            "not yet in force at 0, 1, 2, 3, 4 and 2 more",
        ),
    ],
)
def test_in_force(in_force: InForce | None, before: str | None, status: Status, reason: str, said: str) -> None:
    told = condition(PLAN, in_force, before=before, group="dispatchers")
    assert (told.type, told.status, told.reason) == ("SubscriptionReady", status, reason)
    assert said in told.message


def test_who_lacks_it() -> None:
    assert lacking(PLAN, {"one": HAS, "two": OLD, "three": {}}) == ("two", "three")
    assert lacking(PLAN, {}) == ()
