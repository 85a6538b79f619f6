"""What a Trigger's status says, by what is seen around it."""

from dataclasses import replace
from typing import Any

import pytest

from tests import api_objects
from tests.api_objects import DISPLAY, Object
from tests.builders import trigger_plan
from tradewind.control import conditions
from tradewind.control.addresses import Address
from tradewind.control.conditions import Condition
from tradewind.control.triggers import Seen, decide, destinations, is_ours
from tradewind.errors import Fault
from tradewind.plan import Target, TriggerPlan
from tradewind.ports import InForce
from tradewind.resources import manifests, stamps
from tradewind.resources.model import Destination, KReference, Trigger

NOW = 1_800_000_000.0
URL = "http://display.default.svc.cluster.local"
DEAD = Destination(KReference("v1", "Service", "dead", "default"))
PLAN = trigger_plan(url=URL)
INDEPENDENT = conditions.true("DependencyReady")
HAS: InForce = {"dispatcher-0": {"default/a": PLAN.generation}}


def resource(trigger: Object) -> Trigger:
    (read,) = manifests.judge(trigger).resources
    assert isinstance(read, Trigger)
    return read


def ready_broker(status: str = "True", **texts: str) -> Object:
    made = api_objects.taken(api_objects.broker())
    made["status"]["conditions"] = [{"type": "Ready", "status": status, **texts}]
    return made


def seen(
    trigger: Object | None = None,
    *,
    broker: Object | None = None,
    at: dict[Destination, Address] | None = None,
    plan: TriggerPlan | None = PLAN,
    in_force: InForce | None = HAS,
    faults: tuple[Fault, ...] = (),
    dependency: Condition = INDEPENDENT,
) -> Seen:
    trigger = trigger or api_objects.trigger()
    return Seen(
        trigger=trigger,
        resource=None if faults else resource(trigger),
        faults=faults,
        broker=broker,
        addresses=at if at is not None else {DISPLAY: Address(URL)},
        dependency=dependency,
        planned=lambda _: plan,
        in_force=in_force,
        group="dispatchers",
    )


def status(one: Seen) -> dict[str, Any]:
    """What is written of a status that says nothing yet."""
    patch = decide(one, now=NOW).patch
    assert patch is not None
    assert patch["metadata"] == {"uid": "t", "resourceVersion": "1"}
    held: dict[str, Any] = patch["status"]
    return held


def said(one: Seen, type: str) -> tuple[str, str, str]:
    """Status, reason and message of a condition."""
    (found,) = (each for each in status(one)["conditions"] if each["type"] == type)
    return found["status"], found.get("reason", ""), found.get("message", "")


def test_a_trigger_that_is_in_force_is_ready() -> None:
    made = status(seen(broker=ready_broker()))
    assert {one["type"]: one["status"] for one in made["conditions"]} == dict.fromkeys(
        (
            "BrokerReady",
            "DeadLetterSinkResolved",
            "DependencyReady",
            "OIDCIdentityCreated",
            "Ready",
            "SubscriberResolved",
            "SubscriptionReady",
        ),
        "True",
    )
    assert made["subscriberUri"] == URL
    assert "deadLetterSinkUri" not in made
    assert made["observedGeneration"] == 1
    stamp = stamps.Stamp("t", 1, {stamps.digest(DISPLAY): URL})
    assert made["annotations"] == {
        "tradewind.dev/resolved": stamps.encode(stamp),
        "group.id": "knative-trigger-default-a",
        "tradewind.dev/in-force": PLAN.generation,
    }


def test_what_is_written_once_is_not_written_again() -> None:
    trigger = api_objects.trigger()
    patch = decide(seen(trigger, broker=ready_broker()), now=NOW).patch
    assert patch is not None
    written = {**trigger, "status": patch["status"]}
    silent: tuple[InForce | None, ...] = (HAS, {}, None, {"another": {}})
    for later in silent:  # nor does it fall when dispatchers come, go or keep silent
        again = decide(seen(written, broker=ready_broker(), in_force=later), now=NOW + 60)
        assert (again.patch, again.awaited) == (None, None)


def test_the_generation_is_of_the_object_as_it_is_about_to_be_stamped() -> None:
    asked = []

    def planned(stamped: Object) -> TriggerPlan:
        asked.append(stamped)
        return PLAN

    trigger = {**api_objects.trigger(), "status": {"annotations": {"other": "kept"}}}
    decide(replace(seen(trigger), planned=planned), now=NOW)
    stamp = stamps.encode(stamps.Stamp("t", 1, {stamps.digest(DISPLAY): URL}))
    assert [one["status"] for one in asked] == [{"annotations": {"other": "kept", "tradewind.dev/resolved": stamp}}]


def test_a_changed_trigger_is_unknown_until_all_have_it() -> None:
    trigger = api_objects.trigger()
    before = decide(seen(trigger, broker=ready_broker()), now=NOW).patch
    assert before is not None
    new = replace(PLAN, generation="2")
    changed = {**trigger, "metadata": {**trigger["metadata"], "generation": 2}, "status": before["status"]}
    decided = decide(seen(changed, broker=ready_broker(), plan=new), now=NOW + 1)
    assert decided.awaited is new
    assert decided.patch is not None
    after = decided.patch["status"]
    assert after["annotations"]["tradewind.dev/in-force"] is None
    assert after["observedGeneration"] == 2
    by_type = {one["type"]: one for one in after["conditions"]}
    assert by_type["SubscriptionReady"]["message"] == "not yet in force at dispatcher-0"
    assert (by_type["Ready"]["status"], by_type["Ready"]["reason"]) == ("Unknown", "NotYetInForce")


@pytest.mark.parametrize("in_force", [None, {}, {"dispatcher-0": {}}])
def test_what_the_dispatchers_lack_is_awaited(in_force: InForce | None) -> None:
    assert decide(seen(in_force=in_force, broker=ready_broker()), now=NOW).awaited is PLAN


def test_faults_are_all_told_and_nothing_runs() -> None:
    faults = (Fault("a", "b", "c"), Fault("d", "e", "f"))
    one = seen(api_objects.stamped(api_objects.trigger(), {DISPLAY: URL}), broker=ready_broker(), faults=faults, at={})
    told = "False", "InvalidTrigger", "a: found b, expected c; d: found e, expected f"
    assert said(one, "SubscriptionReady") == said(one, "Ready") == told
    for type in ("SubscriberResolved", "DeadLetterSinkResolved"):
        assert said(one, type) == ("Unknown", "InvalidTrigger", "the Trigger has faults: SubscriptionReady tells them")
    assert status(one)["annotations"] == {"group.id": "knative-trigger-default-a"}  # it keeps what stamp it has


@pytest.mark.parametrize(
    ("broker", "told"),
    [
        (None, ("False", "BrokerDoesNotExist", "Broker default/hello does not exist: create it")),
        (api_objects.deleting(ready_broker()), ("False", "BrokerDeleted", "the Broker is being deleted")),
        (api_objects.broker(), ("Unknown", "BrokerNotConfigured", "the Broker has not been reconciled yet")),
        (ready_broker("False", reason="R", message="m"), ("False", "R", "m")),
        (ready_broker("Unknown", reason="R", message="m"), ("Unknown", "R", "m")),
    ],
)
def test_the_broker(broker: Object | None, told: tuple[str, str, str]) -> None:
    assert said(seen(broker=broker, plan=None), "BrokerReady") == told
    assert said(seen(broker=broker, plan=None), "SubscriptionReady")[:2] == ("Unknown", "BrokerNotReady")


def test_a_subscriber_without_an_address() -> None:
    plan = replace(PLAN, subscriber=Target(None, "no stamp"))
    one = seen(broker=ready_broker(), at={DISPLAY: Address(None, "NotFound", "create it")}, plan=plan)
    assert said(one, "SubscriberResolved") == said(one, "Ready") == ("False", "NotFound", "create it")
    assert said(one, "SubscriptionReady")[:2] == ("Unknown", "AddressNotResolved")
    assert "subscriberUri" not in status(one)
    assert decide(one, now=NOW).awaited is None


def with_sink() -> Object:
    return api_objects.trigger(
        delivery={"deadLetterSink": {"ref": {"apiVersion": "v1", "kind": "Service", "name": "dead"}}}
    )


def test_its_own_dead_letter_sink() -> None:
    at = {DISPLAY: Address(URL), DEAD: Address("http://dead")}
    plan = replace(PLAN, dead_letter_sink=Target("http://dead"))
    one = seen(with_sink(), broker=ready_broker(), at=at, plan=plan)
    assert said(one, "DeadLetterSinkResolved") == ("True", "", "")
    assert status(one)["deadLetterSinkUri"] == "http://dead"
    at = {DISPLAY: Address(URL), DEAD: Address(None, "NotFound", "create it")}
    one = seen(with_sink(), broker=ready_broker(), at=at, plan=replace(plan, dead_letter_sink=Target(None, "why")))
    assert said(one, "DeadLetterSinkResolved") == ("False", "NotFound", "create it")
    assert said(one, "SubscriptionReady")[:2] == ("Unknown", "AddressNotResolved")


@pytest.mark.parametrize(
    ("sink", "told", "uri"),
    [
        (None, ("True", "DeadLetterSinkNotConfigured", "No dead letter sink is configured."), None),
        (Target("http://b"), ("True", "", ""), "http://b"),
        (
            Target(None, "why"),
            (
                "Unknown",
                "DeadLetterSinkNotResolved",
                "the Broker's dead-letter sink has no address yet: its condition DeadLetterSinkResolved says why",
            ),
            None,
        ),
    ],
)
def test_the_dead_letter_sink_of_its_broker(sink: Target | None, told: tuple[str, str, str], uri: str | None) -> None:
    one = seen(broker=ready_broker(), plan=replace(PLAN, dead_letter_sink=sink))
    assert said(one, "DeadLetterSinkResolved") == told
    assert status(one).get("deadLetterSinkUri") == uri


def test_a_dependency_that_is_not_ready() -> None:
    one = seen(broker=ready_broker(), dependency=conditions.false("DependencyReady", "R", "m"))
    assert said(one, "Ready") == ("False", "R", "m")


def test_what_must_be_resolved() -> None:
    assert destinations(None) == ()
    assert destinations(resource(api_objects.trigger())) == (DISPLAY,)
    assert destinations(resource(with_sink())) == (DISPLAY, DEAD)


FOREIGN = {**api_objects.trigger(), "status": {"conditions": [{"type": "Ready", "status": "True"}]}}


@pytest.mark.parametrize(
    ("trigger", "broker", "served", "faulty", "ours"),
    [
        (api_objects.trigger(), api_objects.broker(), True, False, True),
        (api_objects.trigger(), api_objects.broker(), True, True, True),
        (api_objects.trigger(), api_objects.taken(api_objects.broker()), True, False, True),
        (api_objects.trigger(), api_objects.taken(api_objects.broker(), installation="other"), True, False, False),
        (api_objects.trigger(), api_objects.broker(), False, False, False),
        (FOREIGN, api_objects.broker(), True, False, True),
        (api_objects.trigger(), None, False, False, True),
        (api_objects.trigger(), None, False, True, False),
        (FOREIGN, None, False, False, False),
        (FOREIGN, None, True, True, True),
        (api_objects.deleting(api_objects.trigger()), api_objects.broker(), True, False, False),
    ],
)
def test_whose_it_is(trigger: Object, broker: Object | None, served: bool, faulty: bool, ours: bool) -> None:
    assert is_ours(trigger, broker, served=served, faulty=faulty, installation="here") is ours
