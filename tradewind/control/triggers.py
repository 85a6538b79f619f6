"""What a Trigger's status must say, by what is seen of it and around it: Knative's conditions of a Trigger.

    BrokerReady               as the Broker's own Ready has it
    SubscriberResolved        the subscriber's URL is known        ──► subscriberUri, and the stamp
    DeadLetterSinkResolved    that of the dead-letter sink, its own or the Broker's ──► deadLetterSinkUri, and the stamp
    DependencyReady           control.dependencies
    SubscriptionReady         control.subscriptions: no faults, and in force at every dispatcher
    OIDCIdentityCreated       nothing is asked, as in Knative with that feature off

The generation that must be in force is computed from the object with the stamp as it is about to be written: what the
data plane computes once it sees it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tradewind.api_server import Object
from tradewind.control import conditions, stamping, subscriptions
from tradewind.control.addresses import Address
from tradewind.control.conditions import READY, Condition, Status
from tradewind.errors import Fault
from tradewind.plan import TriggerPlan
from tradewind.ports import InForce
from tradewind.resources import names, stamps
from tradewind.resources.model import Destination, NamespacedName, Trigger
from tradewind.resources.untyped import fields

BROKER_READY = "BrokerReady"
SUBSCRIBER = "SubscriberResolved"
SINK = "DeadLetterSinkResolved"
OIDC = "OIDCIdentityCreated"
"""Conditions of a Trigger, in Knative's words."""

INVALID = "InvalidTrigger"
"""Reason: it has faults, all of which are told."""

Planned = Callable[[Object], TriggerPlan | None]
"""What the data plane runs of a Trigger's object; None where its Broker is not served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A Trigger and what is around it."""

    trigger: Object
    resource: Trigger | None
    faults: tuple[Fault, ...]
    broker: Object | None
    addresses: Mapping[Destination, Address]
    """Of its own Destinations."""
    dependency: Condition
    planned: Planned
    in_force: InForce | None
    group: str
    """The dispatchers' group."""


class Decision(NamedTuple):
    """What to write of its status, if anything, and the state that is awaited to be in force, if one is."""

    patch: Object | None
    awaited: TriggerPlan | None


def is_ours(trigger: Object, broker: Object | None, *, served: bool, faulty: bool, installation: str) -> bool:
    """Whether its status is ours to write; `served` says that its Broker is of a class that is ours, or, where that is
    gone, was so (`objects.judge`).

    A Trigger without a Broker is told so as long as nobody else has said anything of it; what is wrong with it besides
    is told by whoever serves its Broker.
    """
    if trigger["metadata"].get("deletionTimestamp"):
        return False
    if broker is None:
        return served or not (faulty or fields(trigger, "status").get("conditions"))
    return served and stamps.may_serve(stamping.annotation(broker, stamps.INSTALLATION) or "", installation)


def destinations(resource: Trigger | None) -> tuple[Destination, ...]:
    """What must be resolved for it."""
    if resource is None:
        return ()
    sink = resource.delivery.dead_letter_sink
    return (resource.subscriber,) if sink is None else (resource.subscriber, sink)


def decide(seen: Seen, *, now: float) -> Decision:
    """What its status must say; `now` is wall-clock seconds."""
    trigger = seen.trigger
    metadata = trigger["metadata"]
    stamp = stamping.stamp(trigger, seen.addresses)
    resolved: dict[str, str] = {}
    if seen.resource is not None:  # a stamp says that it was right once, and so has a place to keep
        resolved[stamps.RESOLVED] = stamps.encode(stamp)
    plan = seen.planned(_annotated(trigger, resolved)) if seen.resource is not None else None
    subscriber, sink = _subscriber(seen, stamp), _sink(seen, stamp, plan)
    subscription = _subscription(seen, plan)
    in_force = plan.generation if plan is not None and subscription.status is Status.TRUE else None
    fields = {
        "subscriberUri": subscriber.url,
        "deadLetterSinkUri": sink.url,
        "annotations": {
            **resolved,
            stamps.GROUP: names.trigger_group(NamespacedName(metadata["namespace"], metadata["name"])),
            stamps.IN_FORCE: in_force,
        },
    }
    told = (
        _broker(seen),
        subscriber.condition,
        sink.condition,
        seen.dependency,
        subscription,
        conditions.true(OIDC, "authentication-oidc feature disabled"),
    )
    awaited = plan if subscription.reason in subscriptions.AWAITED else None
    return Decision(conditions.status_patch(trigger, told, fields, now=now), awaited)


class _Resolved(NamedTuple):
    condition: Condition
    url: str | None


def _broker(seen: Seen) -> Condition:
    if seen.broker is None:
        name = fields(seen.trigger, "spec").get("broker")
        namespace = seen.trigger["metadata"]["namespace"]
        message = f"Broker {namespace}/{name} does not exist: create it"
        return conditions.false(BROKER_READY, "BrokerDoesNotExist", message)
    if seen.broker["metadata"].get("deletionTimestamp"):
        return conditions.false(BROKER_READY, "BrokerDeleted", "the Broker is being deleted")
    ready = conditions.held(seen.broker, READY)
    if ready is None:
        message = "the Broker has not been reconciled yet"
        return conditions.unknown(BROKER_READY, "BrokerNotConfigured", message)
    return Condition(BROKER_READY, ready.status, ready.reason, ready.message)


def _subscriber(seen: Seen, stamp: stamps.Stamp) -> _Resolved:
    if seen.resource is None:
        return _Resolved(_not_looked_at(SUBSCRIBER), None)
    return _own(SUBSCRIBER, seen, seen.resource.subscriber, stamp)


def _sink(seen: Seen, stamp: stamps.Stamp, plan: TriggerPlan | None) -> _Resolved:
    if seen.resource is None:
        return _Resolved(_not_looked_at(SINK), None)
    own = seen.resource.delivery.dead_letter_sink
    if own is not None:
        return _own(SINK, seen, own, stamp)
    target = plan.dead_letter_sink if plan is not None else None
    if target is None:
        reason, message = "DeadLetterSinkNotConfigured", "No dead letter sink is configured."  # Knative's own
        return _Resolved(conditions.true(SINK, reason, message), None)
    if target.url is None:
        message = "the Broker's dead-letter sink has no address yet: its condition DeadLetterSinkResolved says why"
        return _Resolved(conditions.unknown(SINK, "DeadLetterSinkNotResolved", message), None)
    return _Resolved(conditions.true(SINK), target.url)


def _own(type: str, seen: Seen, destination: Destination, stamp: stamps.Stamp) -> _Resolved:
    address = seen.addresses[destination]
    url = stamping.url(destination, address, stamp)
    return _Resolved(stamping.condition(type, address, url), url)


def _not_looked_at(type: str) -> Condition:
    return conditions.unknown(type, INVALID, f"the Trigger has faults: {subscriptions.READY} tells them")


def _subscription(seen: Seen, plan: TriggerPlan | None) -> Condition:
    ready = subscriptions.READY
    if seen.resource is None:
        return conditions.false(ready, INVALID, conditions.listed(seen.faults))
    if plan is None:
        message = "the Broker is not served yet: BrokerReady says why"
        return conditions.unknown(ready, "BrokerNotReady", message)
    if plan.subscriber.url is None or (plan.dead_letter_sink is not None and plan.dead_letter_sink.url is None):
        message = f"an address is missing: {SUBSCRIBER} or {SINK} says why"
        return conditions.unknown(ready, "AddressNotResolved", message)
    before = stamping.annotation(seen.trigger, stamps.IN_FORCE)
    return subscriptions.condition(plan, seen.in_force, before=before, group=seen.group)


def _annotated(one: Object, annotations: Mapping[str, str]) -> Object:
    """The object with these annotations in its status."""
    before = fields(one, "status", "annotations")
    return {**one, "status": {**fields(one, "status"), "annotations": {**before, **annotations}}}
