"""EventTypes on a real API server: made of what flows, within bounds, and Ready while their Broker is there."""

import pytest

from tests.kube.cluster import Cluster
from tests.kube.connected import until
from tests.kube.event_type_side import Types
from tests.kube.trigger_side import Side
from tradewind.control import catalogue
from tradewind.resources import event_types

pytestmark = pytest.mark.process

POLICIES = "/apis/admissionregistration.k8s.io/v1"


@pytest.fixture
def types(cluster: Cluster, namespace: str) -> Types:
    side = Side(cluster, namespace)
    side.create_broker()
    side.take_broker()
    made = Types(side, f"controller-{namespace}")
    made.switch("enabled")
    return made


async def test_what_flows_is_made_once_and_is_ready(types: Types) -> None:
    async with types.controller():
        await types.note("a", "b")
        await types.until_ready("a", "b")
        await types.note("c", "a")
        await types.until_ready("a", "b", "c")
        assert await types.settled() == 6
    owner = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "b", "uid": types.uid}
    found = types.all()["a"]
    assert found["metadata"]["ownerReferences"] == [owner]
    assert found["metadata"]["name"] == f"et-b-{event_types.digest(types.broker, 'a', '/s')}"
    assert found["spec"] == {
        "type": "a",
        "source": "/s",
        "description": "Event Type auto-created by controller",
        "reference": {
            "apiVersion": "eventing.knative.dev/v1",
            "kind": "Broker",
            "name": "b",
            "namespace": types.side.namespace,
        },
    }
    types.side.cluster.audit.mark()
    async with types.controller():  # another finds all as it should be
        await types.note("a", "b")
        assert await types.settled() == 0


async def test_no_more_are_made_than_a_bound(types: Types) -> None:
    await types.note(*(f"t{number}" for number in range(3 * catalogue.MOST)))
    async with types.controller():
        await until(lambda: len(types.ready()) == catalogue.MOST, "as many as are made")
        await until(lambda: len(types.counts.types_left_out[types.broker]) == 2 * catalogue.MOST, "the others")
        assert await types.settled() == 2 * catalogue.MOST
        types.declare("declared")
        await until(lambda: "declared" in types.ready(), "what a user declares")
        types.delete(next(type for type in types.all() if type != "declared"))
        await until(lambda: len(types.all()) == catalogue.MOST + 1, "another in its place")


async def test_the_switch_makes_no_more_and_leaves_what_is_there(types: Types) -> None:
    async with types.controller():
        await types.note("a")
        await types.until_ready("a")
        types.switch("disabled")
        await types.settled()
        await types.note("b")
        await types.settled()
        assert set(types.all()) == {"a"}
        types.switch("enabled")
        await types.until_ready("a", "b")


async def test_one_that_was_deleted_comes_back_after_a_rest_if_it_flows(types: Types) -> None:
    async with types.controller():
        await types.note("a", "b")
        await types.until_ready("a", "b")
        types.delete("a")
        await until(lambda: types.noted()[-1] is None, "its being forgotten")
        await types.settled()
        assert set(types.all()) == {"b"}
        await types.note("a")  # it flows
        await types.settled()
        assert set(types.all()) == {"b"}
        types.clock = catalogue.REST
        await types.note("a", "c")
        await types.until_ready("b", "c", "a")
        types.delete("b")
        await until(lambda: types.noted()[-1] is None, "its being forgotten")
        before = await types.settled()
    async with types.controller():
        assert await types.settled() == before
        assert set(types.all()) == {"a", "c"}


async def test_what_is_of_others_is_left_alone(types: Types) -> None:
    side = types.side
    side.create_broker("others", broker_class="Other")
    side.create_broker("theirs")
    side.take_broker("theirs", installation="elsewhere")
    types.declare("of-others", "others")
    types.declare("of-theirs", "theirs")
    types.declare("ours")
    types.declare("of-nobody", "gone")
    side.cluster.api.create(
        types.path(),
        {
            "apiVersion": "eventing.knative.dev/v1beta2",
            "kind": "EventType",
            "metadata": {"name": "alone"},
            "spec": {"type": "alone"},
        },
    )
    before = types.all()
    async with types.controller():
        missing = ("False", "ResourceDoesNotExist")
        await until(lambda: types.ready() == {"ours": ("True", ""), "of-nobody": missing}, "what is said of ours")
        await types.settled()
        after = types.all()
        assert [name for name in before if after[name] == before[name]] == ["alone", "of-others", "of-theirs"]
        assert all(after[name]["spec"] == before[name]["spec"] for name in before)
        side.delete("brokers", "b")
        await until(lambda: types.ready()["ours"] == missing, "what is said without the Broker")
        side.create_broker()
        await until(lambda: types.ready()["ours"] == ("True", ""), "what is said of one that is there again")


async def test_one_of_the_name_that_somebody_made_stays_as_it_is(types: Types) -> None:
    name = event_types.name_of(types.broker, event_types.digest(types.broker, "a", "/s")).name
    types.declare(name)
    async with types.controller():
        await types.note("a")
        await until(lambda: len(types.ready()) == 1, "its status")
        await types.settled()
        assert types.all()[name]["spec"]["source"] == "/declared"
        assert "ownerReferences" not in types.all()[name]["metadata"]


async def test_what_is_refused_is_asked_for_once(types: Types, caplog: pytest.LogCaptureFixture) -> None:
    api, name = types.side.cluster.api, f"refuses-{types.side.namespace}"
    rule = {
        "apiGroups": ["eventing.knative.dev"],
        "apiVersions": ["*"],
        "operations": ["CREATE"],
        "resources": ["eventtypes"],
    }
    policy = {
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": "object.spec.type != 'refused'", "message": "not this one"}],
        },
    }
    api.create(f"{POLICIES}/validatingadmissionpolicies", policy)
    binding = {"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}}
    api.create(f"{POLICIES}/validatingadmissionpolicybindings", binding)
    try:
        await until(lambda: _refuses(types), "the policy to be in force")
        async with types.controller():
            await types.note("refused", "a", "bad source")
            await types.note("bad source", source="a b")
            await types.until_ready("a", "bad source")
            await types.note("refused")
            types.switch("disabled")
            types.switch("enabled")
            await types.settled()
            made = [one for one in types.side.cluster.audit.writes(user=types.user) if one.verb == "create"]
            assert sorted(one.status for one in made) == [201, 201, 422]
            told = [one for one in caplog.records if one.message == "what flows cannot be an EventType"]
            assert len(told) == 2
    finally:
        api.delete(f"{POLICIES}/validatingadmissionpolicybindings/{name}")
        api.delete(f"{POLICIES}/validatingadmissionpolicies/{name}")


def _refuses(types: Types) -> bool:
    try:
        types.declare("refused")
    except Exception:
        return True
    types.side.cluster.api.delete(types.path("refused"))
    return False


async def test_without_the_right_to_create_it_is_said_once(types: Types, caplog: pytest.LogCaptureFixture) -> None:
    user, groups = f"weak-{types.side.namespace}", ["eventing.knative.dev"]
    types.side.grant(user, groups, ["brokers", "eventtypes"], ["get", "list", "watch"])
    types.user = user
    async with types.controller(types.side.cluster.kubeconfig_for(user)):
        await types.note("a", "b", "c")
        await until(lambda: len(types.side.cluster.audit.writes(user=user)) == 3, "all to be tried")
        assert await types.settled() == 3
    told = [one for one in caplog.records if one.message == "EventTypes cannot be made"]
    assert len(told) == 1
