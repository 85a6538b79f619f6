"""EventTypes on a real API server: made of what flows, within bounds, and Ready while their Broker is there."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.kube.api import Json
from tests.kube.cluster import Cluster
from tests.kube.connected import connected, until
from tests.kube.trigger_side import HERE, SETTINGS, Side, alone
from tradewind.control import catalogue
from tradewind.control.controller import Controller
from tradewind.control.counting import Counted
from tradewind.control.counts import Counts
from tradewind.control.doors import Doors
from tradewind.control.event_type_reconciler import EventTypeReconciler
from tradewind.observe.health import Health
from tradewind.ports import NewRecord
from tradewind.resources import event_types
from tradewind.resources.model import EVENT_TYPES, NamespacedName
from tradewind.topics import cursors_spec
from tradewind.trigger_dispatcher.cursors import GENERAL, TypeRecord, encode, type_key
from tradewind.trigger_dispatcher.noted import NotedTypes

pytestmark = pytest.mark.process

BETA = "/apis/eventing.knative.dev/v1beta2/namespaces"
QUIET = 1.0
"""Seconds in which nothing may be written for all to be settled."""
POLICIES = "/apis/admissionregistration.k8s.io/v1"


@dataclass(slots=True)
class Types:
    """Broker `b`, what dispatchers noted of it, and a controller that comes and goes."""

    side: Side
    user: str
    clock: float = 0.0
    """Seconds that the controller's clock is ahead."""
    counts: Counts = field(default_factory=Counts)

    @property
    def broker(self) -> NamespacedName:
        return NamespacedName(self.side.namespace, "b")

    @property
    def uid(self) -> str:
        return str(self.side.cluster.api.get(self.side.path("brokers", "b"))["metadata"]["uid"])

    def switch(self, text: str) -> None:
        patch = {"metadata": {"annotations": {EVENT_TYPES: text}}}
        self.side.cluster.api.patch(self.side.path("brokers", "b"), patch)

    async def note(self, *types: str, source: str = "/s", uid: str = "") -> None:
        """As a dispatcher does."""
        log, owner = self.side.store.client(), uid or self.uid
        await log.ensure_topics([cursors_spec(SETTINGS)])
        for one in types:
            key = type_key(self.broker, event_types.digest(self.broker, one, source))
            record = TypeRecord(one, source, uid=owner)
            await log.append(NewRecord(SETTINGS.cursors_topic, encode(record), (), key, GENERAL))

    def noted(self) -> list[bytes | None]:
        """The values of all that was ever written of types."""
        records = self.side.store.records(SETTINGS.cursors_topic)
        return [one.value for one in records if (one.key or b"").startswith(b"type/")]

    @contextlib.asynccontextmanager
    async def controller(self, kubeconfig: Path | None = None) -> AsyncIterator[None]:
        """A controller that leads, until the end of `with`."""
        path = kubeconfig or self.side.cluster.kubeconfig_for(self.user, ["system:masters"])
        async with connected(path) as api:
            log, self.counts = self.side.store.client(), Counts()
            controller = Controller(api, health=Health("objects"), counts=self.counts, chance=lambda: 0.5)
            doors = Doors(
                api=Counted(api, self.counts),
                log=log,
                objects=controller.watched.objects,
                sure=controller.sure,
                settings=SETTINGS,
                clock=lambda: time.time() + self.clock,
                counts=self.counts,
            )
            reconciler = EventTypeReconciler(doors, NotedTypes(log, SETTINGS), installation=HERE)
            stop = asyncio.Event()
            running = asyncio.ensure_future(controller.run([reconciler], alone, stop))
            try:
                yield
                assert not running.done(), running
            finally:
                stop.set()
                await running

    # --- what there is

    def path(self, name: str = "") -> str:
        return f"{BETA}/{self.side.namespace}/eventtypes" + (f"/{name}" if name else "")

    def all(self) -> dict[str, Json]:
        """By their type."""
        return {one["spec"]["type"]: one for one in self.side.cluster.api.get(self.path())["items"]}

    def declare(self, name: str, broker: str = "b") -> None:
        """A user applies an EventType."""
        ref = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": broker}
        made = {
            "apiVersion": "eventing.knative.dev/v1beta2",
            "kind": "EventType",
            "metadata": {"name": name},
            "spec": {"type": name, "source": "/declared", "reference": ref},
        }
        self.side.cluster.api.create(self.path(), made)

    def delete(self, type: str) -> None:
        self.side.cluster.api.delete(self.path(self.all()[type]["metadata"]["name"]))

    def ready(self) -> dict[str, tuple[str, str]]:
        """Status and reason of Ready, by type; of those that have it."""
        said = {}
        for type, one in self.all().items():
            for condition in one.get("status", {}).get("conditions", ()):
                if condition["type"] == "Ready":
                    said[type] = (condition["status"], condition.get("reason", ""))
        return said

    async def until_ready(self, *types: str) -> None:
        """Wait until there are these, Ready, and no others."""
        await until(lambda: self.ready() == {type: ("True", "") for type in types}, f"{types}")

    async def settled(self) -> int:
        """Wait until nothing is written any more; how much was."""
        audit, count, since = self.side.cluster.audit, -1, time.monotonic()
        while time.monotonic() - since < QUIET:
            found = len(audit.writes(user=self.user))
            if found != count:
                count, since = found, time.monotonic()
            await asyncio.sleep(0.02)
        return count


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
