"""What the status of an EventType says: Knative's one condition, of those that refer to a Broker of ours.

    the Broker is there  ──► ReferenceExists, Ready
    it is not            ──► False, ResourceDoesNotExist

Others are not ours to speak of: EventTypes of other Brokers, of Channels, or of nothing.
"""

from tradewind.api_server import Object
from tradewind.control import conditions
from tradewind.control.catalogue import Standing, owner
from tradewind.control.stamping import annotation
from tradewind.resources import stamps
from tradewind.resources.untyped import fields

REFERENCE_EXISTS = "ReferenceExists"
"""Condition of an EventType."""
NOT_THERE = conditions.false(
    REFERENCE_EXISTS, "ResourceDoesNotExist", "Resource in spec.reference does not exist"
)  # Knative's own words, so that its controller, where it runs as well, finds nothing to change


def is_ours(event_type: Object, broker: Standing | None, *, installation: str) -> bool:
    """Whether its status is ours to write; `broker` is the one that it refers to, where that is there.

    Where it is gone, the EventType is ours that we spoke of before, or that nobody did.  One that goes with its Broker
    is about to go.
    """
    if event_type["metadata"].get("deletionTimestamp"):
        return False
    if broker is not None:
        return broker.ours
    if owner(event_type):
        return False
    spoken = annotation(event_type, stamps.INSTALLATION)
    return spoken == installation or not fields(event_type, "status").get("conditions")


def patch(event_type: Object, broker: Standing | None, *, installation: str, now: float) -> Object | None:
    """What to write of its status, if anything; `now` is wall-clock seconds."""
    condition = conditions.true(REFERENCE_EXISTS) if broker is not None else NOT_THERE
    fields = {"annotations": {stamps.INSTALLATION: installation}}
    return conditions.status_patch(event_type, (condition,), fields, now=now)
