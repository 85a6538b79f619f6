"""What the status of an EventType says, and of which."""

import pytest

from tests import api_objects
from tests.api_objects import Object, deleting
from tradewind.control import event_type_status
from tradewind.control.catalogue import Standing
from tradewind.control.event_type_status import is_ours
from tradewind.resources import stamps

OURS, OTHERS = Standing("b", ours=True, on=False), Standing("b", ours=False, on=False)
TO_BROKER = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "hello"}


def event_type(status: Object | None = None) -> Object:
    made = api_objects.event_type(reference=TO_BROKER)
    return made if status is None else {**made, "status": status}


def patched(one: Object, broker: Standing | None) -> Object | None:
    return event_type_status.patch(one, broker, installation="here", now=0.0)


def conditions(patch: Object | None) -> dict[str, tuple[str, str, str]]:
    assert patch is not None
    told = patch["status"]["conditions"]
    return {one["type"]: (one["status"], one.get("reason", ""), one.get("message", "")) for one in told}


def test_it_is_ready_where_its_broker_is_there() -> None:
    patch = patched(event_type(), OURS)
    assert conditions(patch) == {"ReferenceExists": ("True", "", ""), "Ready": ("True", "", "")}
    assert patch is not None
    assert patch["metadata"] == {"uid": "seen", "resourceVersion": "1"}
    assert patch["status"]["observedGeneration"] == 1
    assert patched(event_type(patch["status"]), OURS) is None


def test_it_is_not_where_its_broker_is_gone() -> None:
    before = patched(event_type(), OURS)
    assert before is not None
    patch = patched(event_type(before["status"]), None)
    said = ("False", "ResourceDoesNotExist", "Resource in spec.reference does not exist")
    assert conditions(patch) == {"ReferenceExists": said, "Ready": said}


def owned(one: Object) -> Object:
    """It goes with a Broker."""
    return {**one, "metadata": {**one["metadata"], "ownerReferences": [{"kind": "Broker", "uid": "b"}]}}


SAID = {"conditions": [{"type": "Ready", "status": "True"}]}


@pytest.mark.parametrize(
    ("one", "broker", "ours"),
    [
        (event_type(), OURS, True),
        (event_type(SAID), OURS, True),
        (event_type(), OTHERS, False),
        (deleting(event_type()), OURS, False),
        (event_type(), None, True),
        (event_type(SAID), None, False),
        (event_type({**SAID, "annotations": {stamps.INSTALLATION: "here"}}), None, True),
        (event_type({**SAID, "annotations": {stamps.INSTALLATION: "there"}}), None, False),
        (owned(event_type()), OURS, True),
        (owned(event_type()), None, False),
    ],
)
def test_whose_it_is(one: Object, broker: Standing | None, ours: bool) -> None:
    assert is_ours(one, broker, installation="here") is ours
