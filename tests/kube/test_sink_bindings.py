"""SinkBindings on a real API server: workloads are told of the sink, told again, and left as they were."""

import asyncio
from pathlib import Path

import pytest

from tests.kube.api import Json
from tests.kube.cluster import Cluster
from tests.kube.connected import started, until
from tests.kube.proxy import Proxy
from tests.kube.workload_side import SINK, WorkloadSide
from tradewind.control import finalizers

pytestmark = pytest.mark.process

SERVING = Path(__file__).with_name("serving.yaml")
BROKER = {"ref": {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "b"}}
OWN = {"name": "OWN", "value": "1"}
AVAILABLE = "SinkBindingAvailable"


@pytest.fixture
def side(cluster: Cluster, namespace: str) -> WorkloadSide:
    return WorkloadSide(cluster, namespace)


def labelled(**labels: str) -> Json:
    return {"selector": {"matchLabels": labels}}


def without(one: Json) -> Json:
    """An object without what every write changes; the API server counts for a DaemonSet in an annotation, too."""
    moved = ("resourceVersion", "generation", "managedFields", *(["annotations"] if one["kind"] == "DaemonSet" else []))
    return {**one, "metadata": {key: held for key, held in one["metadata"].items() if key not in moved}}


async def test_every_kind_of_workload_is_told_of_the_sink_and_left_as_it_was(side: WorkloadSide) -> None:
    side.cluster.apply_crds(SERVING)
    kinds = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "CronJob", "Service")
    for kind in kinds:
        side.run(kind, "w", OWN, initContainers=[{"name": "first", "image": "i"}])
    before = {kind: without(side.get(kind, "w")) for kind in kinds}
    async with side.controller():
        for kind in kinds:
            side.bind(f"to-{kind.lower()}", {"name": "w"}, kind=kind, ceOverrides={"extensions": {"team": "a"}})
        for kind in kinds:
            await side.said(f"to-{kind.lower()}", "True")
            told = {"K_SINK": SINK, "K_CE_OVERRIDES": '{"extensions":{"team":"a"}}'}
            assert side.env(kind, "w") == {"OWN": "1", **told}
            assert side.env(kind, "w", lists="initContainers") == told
            side.delete("SinkBinding", f"to-{kind.lower()}")
        for kind in kinds:
            await until(lambda kind=kind: side.find("SinkBinding", f"to-{kind.lower()}") is None, "its end")  # type: ignore
            assert without(side.get(kind, "w")) == before[kind]


async def test_all_with_these_labels_are_bound_and_those_that_come_or_leave(side: WorkloadSide) -> None:
    side.run("Deployment", "one", labels={"tier": "a"})
    side.run("Deployment", "other", labels={"tier": "b"})
    side.run("Deployment", "out", labels={"tier": "a", "bindings.knative.dev/exclude": "true"})
    async with side.controller():
        side.bind("s", labelled(tier="a"))
        await side.said("s", "True")
        side.run("Deployment", "two", labels={"tier": "a"})
        await side.until_sink("Deployment", "two", SINK)
        side.change("Deployment", "one", {"metadata": {"labels": {"tier": "b"}}})
        await side.until_sink("Deployment", "one", None)
        await side.settled()
        assert side.env("Deployment", "one") == side.env("Deployment", "other") == side.env("Deployment", "out") == {}
        side.change("SinkBinding", "s", {"spec": {"subject": labelled(tier="b")}})
        await side.until_sink("Deployment", "one", SINK)
        await side.until_sink("Deployment", "other", SINK)
        await side.until_sink("Deployment", "two", None)


async def test_a_sink_that_comes_later_moves_and_goes(side: WorkloadSide) -> None:
    side.run("Deployment", "w", OWN)
    async with side.controller():
        side.bind("s", {"name": "w"}, sink=BROKER)
        assert "create it" in await side.said("s", "False", "NotFound", type="SinkProvided")
        await side.said("s", "Unknown", "SinkNotProvided", type=AVAILABLE)
        side.create("Broker", "b", {})
        await side.said("s", "False", "AddressNotSet", type="SinkProvided")
        assert side.env("Deployment", "w") == {"OWN": "1"}
        side.address("b", "http://ingress/ns/b")
        await side.said("s", "True")
        assert side.sink("Deployment", "w") == "http://ingress/ns/b"
        assert side.get("SinkBinding", "s")["status"]["sinkUri"] == "http://ingress/ns/b"
        side.address("b", "https://elsewhere/b")
        await side.until_sink("Deployment", "w", "https://elsewhere/b")
        side.address("b", None)
        await side.said("s", "False", "AddressNotSet")
        await side.settled()
        assert side.sink("Deployment", "w") == "https://elsewhere/b"  # what is started anew still finds it there
        side.change("SinkBinding", "s", {"spec": {"sink": {"uri": "/x", "ref": BROKER["ref"]}}})
        side.address("b", "http://back/b/")
        await side.until_sink("Deployment", "w", "http://back/x")


async def test_a_concurrent_edit_is_not_lost(side: WorkloadSide) -> None:
    """Others write the same workload all the while, whole, as controllers do."""
    side.run("Deployment", "w", OWN)
    side.create("Broker", "b", {})
    side.address("b", "http://ingress/0")
    edits = 40

    def edit(number: int) -> None:
        while True:
            held = side.get("Deployment", "w")
            (container,) = held["spec"]["template"]["spec"]["containers"]
            container["env"].insert(0, {"name": f"E{number}", "value": str(number)})
            try:
                side.cluster.api.replace(side.path("Deployment", "w"), held)
                return
            except Exception as refused:
                assert "409" in str(refused)

    async with side.controller():
        side.bind("s", {"name": "w"}, sink=BROKER)
        for number in range(edits):
            await asyncio.to_thread(edit, number)
            side.address("b", f"http://ingress/{number}")
        await side.until_sink("Deployment", "w", f"http://ingress/{edits - 1}")
        await side.said("s", "True")
        env = side.env("Deployment", "w")
        assert {f"E{number}": str(number) for number in range(edits)}.items() <= env.items()
        assert env["OWN"] == "1"


async def test_what_somebody_takes_out_is_put_back_and_nothing_else_is_written(side: WorkloadSide) -> None:
    side.run("Deployment", "w")
    async with side.controller():
        side.bind("s", {"name": "w"})
        await side.said("s", "True")
        (container,) = side.get("Deployment", "w")["spec"]["template"]["spec"]["containers"]
        patch = {"spec": {"template": {"spec": {"containers": [{**container, "env": [OWN]}]}}}}
        side.change("Deployment", "w", patch)
        await side.until_sink("Deployment", "w", SINK)
        assert side.env("Deployment", "w") == {"OWN": "1", "K_SINK": SINK, "K_CE_OVERRIDES": ""}
        await side.settled()
        before = side.counts.api_writes.total()
        side.change("Deployment", "w", {"spec": {"replicas": 3}})
        side.change("Deployment", "w", {"status": {"replicas": 3}}, status=True)
        await side.settled()
        assert side.counts.api_writes.total() == before
    writes = side.counts.api_writes.total()
    async with side.controller():
        await side.settled()
    assert side.counts.api_writes.total() == writes


async def test_of_two_one_binds_and_the_other_says_who(side: WorkloadSide) -> None:
    """Of two that were made within a second the one whose name comes first is the older."""
    side.run("Deployment", "w", labels={"app": "w"})
    async with side.controller():
        side.bind("all", labelled(app="w"), sink={"uri": "http://all"})
        await side.until_sink("Deployment", "w", "http://all")
        side.bind("named", {"name": "w"}, sink={"uri": "http://named"})
        await side.until_sink("Deployment", "w", "http://named")
        assert "SinkBinding named, which names it" in await side.said("all", "True", "BoundByName", type=AVAILABLE)
        side.bind("younger", {"name": "w"}, sink={"uri": "http://younger"})
        message = await side.said("younger", "False", "SubjectBoundByAnother")
        assert "Deployment w is bound by SinkBinding named" in message
        await side.settled()
        assert side.sink("Deployment", "w") == "http://named"
        side.delete("SinkBinding", "named")
        await side.until_sink("Deployment", "w", "http://younger")
        await side.said("younger", "True")
        side.delete("SinkBinding", "younger")
        await side.until_sink("Deployment", "w", "http://all")


async def test_a_job_that_runs_is_not_touched(side: WorkloadSide) -> None:
    side.run("Job", "w", labels={"app": "w"})
    side.run("Job", "bound", {"name": "K_SINK", "value": "http://as-it-was-made"}, labels={"app": "w"})
    async with side.controller():
        side.bind("s", labelled(app="w"), kind="Job")
        message = await side.said("s", "False", "BindingFailed", type=AVAILABLE)
        assert "Job w was made before it could be bound" in message
        ended = [{"type": "Complete", "status": "True"}, {"type": "SuccessCriteriaMet", "status": "True"}]
        moment = "2026-01-01T00:00:00Z"
        side.change(
            "Job",
            "w",
            {"status": {"conditions": ended, "startTime": moment, "completionTime": moment}},
            status=True,
        )
        await side.said("s", "True", type=AVAILABLE)
        assert side.env("Job", "w") == {}


async def test_what_it_says_of_a_subject_that_cannot_be_bound(side: WorkloadSide) -> None:
    side.run("Deployment", "w")
    async with side.controller():
        side.bind("missing", {"name": "nothing"})
        assert "does not exist" in await side.said("missing", "False", "SubjectMissing")
        side.bind("nobody", labelled(app="nothing"))
        await side.said("nobody", "True", "NoSubject", type=AVAILABLE)
        side.bind("unknown", {"name": "w", "kind": "Nothing"})
        assert "install what defines it" in await side.said("unknown", "False", "SubjectUnavailable")
        side.bind("plain", {"name": "kube-root-ca.crt", "kind": "ConfigMap", "apiVersion": "v1"})
        root = {"metadata": {"name": "kube-root-ca.crt"}}
        side.cluster.api.create(f"/api/v1/namespaces/{side.namespace}/configmaps", root)
        assert "spec.template.spec" in await side.said("plain", "False", "SubjectNotPodSpecable")
        side.change("SinkBinding", "missing", {"spec": {"subject": {"namespace": "another"}}})
        message = await side.said("missing", "False", "InvalidSinkBinding", type=AVAILABLE)
        assert 'spec.subject.namespace: found "another"' in message


async def test_what_one_controller_bound_another_undoes(side: WorkloadSide) -> None:
    side.run("Deployment", "w")
    side.run("StatefulSet", "w")
    async with side.controller():
        side.bind("s", {"name": "w"})
        await side.said("s", "True")
    whole = {"subject": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "w"}}
    side.change("SinkBinding", "s", {"spec": whole})
    async with side.controller():
        await side.until_sink("StatefulSet", "w", SINK)
        await side.until_sink("Deployment", "w", None)
        await side.said("s", "True")
    side.delete("SinkBinding", "s")
    assert side.get("SinkBinding", "s")["metadata"]["finalizers"] == [finalizers.BINDING]
    async with side.controller():
        await until(lambda: side.find("SinkBinding", "s") is None, "its end")
        assert side.env("StatefulSet", "w") == {}


async def test_it_is_noted_before_it_is_bound(side: WorkloadSide) -> None:
    """So that a controller that dies in between leaves nothing that nobody would undo."""
    side.run("Deployment", "w")
    kubeconfig = side.cluster.kubeconfig_for(side.user, ["system:masters"])
    async with side.controller(kubeconfig):
        side.bind("s", {"name": "w"})
        await side.said("s", "True")
        await side.settled()
        asked = [one.resource for one in side.cluster.audit.writes(user=side.user)]
    assert asked.index("sinkbindings/status") < asked.index("deployments")


async def test_another_ones_is_left_alone(side: WorkloadSide) -> None:
    side.run("Deployment", "w")
    side.bind("theirs", {"name": "w"})
    ready = {"type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    side.change("SinkBinding", "theirs", {"status": {"conditions": [ready]}}, status=True)
    async with side.controller():
        await side.settled()
        assert not side.counts.api_writes
        assert side.env("Deployment", "w") == {}


async def test_one_whose_status_somebody_emptied_goes_all_the_same(side: WorkloadSide) -> None:
    side.run("Deployment", "w")
    async with side.controller():
        side.bind("s", {"name": "w"})
        await side.said("s", "True")
        side.change("SinkBinding", "s", {"status": {"annotations": None}}, status=True)
        await until(lambda: "annotations" in side.get("SinkBinding", "s")["status"], "its marks")
        side.delete("SinkBinding", "s")
        await until(lambda: side.find("SinkBinding", "s") is None, "its end")
        assert side.env("Deployment", "w") == {}


async def test_an_outage_of_the_api_server_harms_nothing(side: WorkloadSide, proxy: Proxy) -> None:
    side.run("Deployment", "w", OWN)
    side.create("Broker", "b", {})
    side.address("b", "http://ingress/b")
    behind = side.cluster.kubeconfig_for(side.user, ["system:masters"], server=proxy.url)
    async with side.controller(behind, deadline=0.5):
        side.bind("s", {"name": "w"}, sink=BROKER)
        await side.said("s", "True")
        proxy.freeze()
        side.address("b", "http://moved/b")
        proxy.forward()
        await side.until_sink("Deployment", "w", "http://moved/b")
        await asyncio.to_thread(side.cluster.plane.api_server.kill)
        await started(side.cluster)
        side.address("b", "http://again/b")
        await side.until_sink("Deployment", "w", "http://again/b")
        assert side.env("Deployment", "w")["OWN"] == "1"
