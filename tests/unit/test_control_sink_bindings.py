"""What a SinkBinding does to workloads, and what its status says."""

from collections.abc import Mapping
from typing import Any

import pytest

from tradewind.control import conditions, finalizers, sink_bindings
from tradewind.control.addresses import Lack, Why
from tradewind.control.destinations import Found
from tradewind.control.sink_bindings import AVAILABLE, BOUND, Work
from tradewind.control.subjects import Claim, Shared
from tradewind.errors import Fault
from tradewind.resources import stamps
from tradewind.resources.containers import LabelSelector, Subject
from tradewind.resources.model import KReference, NamespacedName
from tradewind.resources.sink_environment import environment
from tradewind.resources.stamps import Stamp

URL = "http://sink"
ENV = environment(URL, {})
HAVE = [{"name": "K_SINK", "value": URL}, {"name": "K_CE_OVERRIDES"}]
DEPLOYMENT = Subject("apps/v1", "Deployment", "n", "w")
LABELLED = Subject("apps/v1", "Deployment", "n", "", LabelSelector())
JOB = Subject("batch/v1", "Job", "n", "", LabelSelector())
AT = NamespacedName("n", "w")
VERSION = {"uid": "u", "resourceVersion": "7"}


def workload(*env: Any, name: str = "w", **status: Any) -> dict[str, Any]:
    spec = {"template": {"spec": {"containers": [{"name": "c", "env": list(env)}]}}}
    return {"metadata": {"name": name, "namespace": "n", **VERSION}, "spec": spec, "status": status}


def ref(name: str = "w", kind: str = "Deployment", version: str = "apps/v1") -> KReference:
    return KReference(version, kind, name, "n")


def binding(status: Mapping[str, Any] | None = None, /, **annotations: Any) -> dict[str, Any]:
    held = {**(status or {}), **({"annotations": annotations} if annotations else {})}
    return {"metadata": {"name": "s", "namespace": "n", "generation": 3, **VERSION}, "status": held}


def patch(*env: Any) -> dict[str, Any]:
    return {"metadata": VERSION, "spec": {"template": {"spec": {"containers": [{"name": "c", "env": list(env)}]}}}}


def test_what_is_not_as_it_should_be_is_patched() -> None:
    other = NamespacedName("n", "x")
    own = {AT: workload(), other: workload(*HAVE, name="x")}
    done = sink_bindings.work(LABELLED, own, frozenset(), ENV)
    assert done == Work(patches={AT: patch(*HAVE)}, bound=frozenset({ref(), ref("x")}))


def test_what_is_no_longer_its_own_is_undone() -> None:
    done = sink_bindings.work(DEPLOYMENT, {AT: workload(*HAVE)}, frozenset({ref(), ref("gone")}), ENV)
    assert done == Work(bound=frozenset({ref()}), undone=frozenset({ref("gone")}))
    moved = frozenset({ref(kind="StatefulSet"), ref(version="apps/v1beta1"), ref(version="v1")})
    done = sink_bindings.work(DEPLOYMENT, {AT: workload(*HAVE)}, moved, ENV)
    assert done.undone == {ref(kind="StatefulSet"), ref(version="v1")}


def test_without_an_address_what_is_bound_stays_as_it_is() -> None:
    own = {AT: workload(*HAVE), NamespacedName("n", "x"): workload(name="x")}
    done = sink_bindings.work(LABELLED, own, frozenset({ref(), ref("gone")}), None)
    assert done == Work(bound=frozenset({ref()}), undone=frozenset({ref("gone")}))


@pytest.mark.parametrize(
    ("job", "late"),
    [
        (workload(), ("w",)),
        (workload({"name": "K_SINK", "value": "http://old"}), ()),
        (workload(conditions=[{"type": "Complete", "status": "True"}]), ()),
        (workload(conditions=["odd", {"type": "Failed", "status": "True"}]), ()),
        (workload(conditions=[{"type": "Failed", "status": "False"}, {"type": "Suspended", "status": "True"}]), ("w",)),
        (workload(conditions="odd"), ("w",)),
    ],
)
def test_a_job_is_never_patched(job: dict[str, Any], late: tuple[str, ...]) -> None:
    for env in (ENV, None):
        assert sink_bindings.work(JOB, {AT: job}, frozenset(), env) == Work(late=late)


def test_what_has_no_pod_template_is_odd() -> None:
    odd = {"metadata": {"name": "w", "namespace": "n", **VERSION}}
    assert sink_bindings.work(DEPLOYMENT, {AT: odd}, frozenset(), ENV) == Work(odd=("w",))


def test_undoing() -> None:
    assert sink_bindings.undoing(ref(), workload(*HAVE)) == {
        "metadata": VERSION,
        "spec": {"template": {"spec": {"containers": [{"name": "c"}]}}},
    }
    assert sink_bindings.undoing(ref(), workload()) is None
    other = Claim(NamespacedName("n", "other"), "", DEPLOYMENT)
    assert sink_bindings.undoing(ref(), workload(*HAVE), [other]) is None
    assert sink_bindings.undoing(ref(kind="StatefulSet"), workload(*HAVE), [other]) is not None


def test_what_is_bound_is_noted_before() -> None:
    first = sink_bindings.noting(binding(), frozenset({ref("b"), ref("a"), ref(kind="StatefulSet")}))
    text = '{"apps/v1 Deployment":["a","b"],"apps/v1 StatefulSet":["w"]}'
    assert first == {"metadata": VERSION, "status": {"annotations": {BOUND: text}}}
    noted = binding(**{BOUND: text})
    assert sink_bindings.bound(noted) == {ref("a"), ref("b"), ref(kind="StatefulSet")}
    assert sink_bindings.noting(noted, frozenset({ref("a")})) is None
    more = sink_bindings.noting(noted, frozenset({ref("c", "DaemonSet")}))
    assert more is not None
    assert more["status"]["annotations"][BOUND].startswith('{"apps/v1 DaemonSet":["c"],"apps/v1 Deployment":["a","b"]')
    assert sink_bindings.written(()) is None


@pytest.mark.parametrize(
    "text", ["", "odd", "[]", "7", '{"apps/v1": ["a"]}', '{"apps/v1 Deployment": 7}', '{"a b": [7]}', "[" * 100_000]
)
def test_a_note_that_cannot_be_read_is_none(text: str) -> None:
    assert sink_bindings.bound(binding(**{BOUND: text})) == frozenset()


@pytest.mark.parametrize(
    ("status", "annotations", "ours"),
    [
        ({}, {}, True),
        ({}, {stamps.INSTALLATION: "here"}, True),
        ({"conditions": [{}]}, {stamps.INSTALLATION: "here"}, True),
        ({}, {stamps.INSTALLATION: "there"}, False),
        ({"conditions": [{}]}, {}, False),
        ({}, {BOUND: "{}"}, True),
    ],
)
def test_whose_it_is(status: Any, annotations: Any, ours: bool) -> None:
    assert sink_bindings.is_ours(binding(status, **annotations), installation="here") is ours


@pytest.mark.parametrize(("annotations", "ours"), [({}, True), ({stamps.INSTALLATION: "there"}, False)])
def test_one_that_was_taken_stays_so_whatever_is_taken_out_of_its_status(annotations: Any, ours: bool) -> None:
    wiped = binding({"conditions": [{}]}, **annotations)
    wiped["metadata"]["finalizers"] = [finalizers.BINDING]
    assert sink_bindings.is_ours(wiped, installation="here") is ours


def available(
    subject: Subject, shared: Shared | Lack, *, provided: bool = True, failed: Any = None, **work: Any
) -> Any:
    found = sink_bindings.available(subject, shared, Work(**work), failed or {}, provided=provided)
    assert found.type == AVAILABLE
    return found


OWN = Shared(own={AT: workload()})


@pytest.mark.parametrize(
    ("found", "status", "reason", "says"),
    [
        (available(DEPLOYMENT, OWN), "True", "", ""),
        (available(DEPLOYMENT, OWN, provided=False), "Unknown", "SinkNotProvided", "SinkProvided says why"),
        (available(DEPLOYMENT, Shared()), "False", "SubjectMissing", "Deployment n/w does not exist"),
        (available(LABELLED, Shared()), "True", "NoSubject", "what comes is bound"),
        (available(LABELLED, Shared(), provided=False), "True", "NoSubject", "what comes is bound"),
        (
            available(LABELLED, Shared(named={AT: "SinkBinding a"})),
            "True",
            "BoundByName",
            "Deployment w is bound by SinkBinding a, which names it",
        ),
        (available(LABELLED, Shared(own=OWN.own, named={NamespacedName("n", "x"): "a"})), "True", "", ""),
        (
            available(LABELLED, Shared(own=OWN.own, others={NamespacedName("n", "x"): "SinkBinding a"})),
            "False",
            "SubjectBoundByAnother",
            "Deployment x is bound by SinkBinding a: let one",
        ),
        (available(DEPLOYMENT, OWN, odd=("w",)), "False", "SubjectNotPodSpecable", "w has no containers in spec.temp"),
        (available(DEPLOYMENT, OWN, failed={AT: "no"}), "False", "BindingFailed", "Deployment w: no"),
        (available(JOB, OWN, late=("w",)), "False", "BindingFailed", "Job w was made before"),
        (available(JOB, OWN, late=tuple("abcde")), "False", "BindingFailed", "Job a, b, c, d, e was made before"),
        (
            available(JOB, OWN, late=tuple("abcdefgh")),
            "False",
            "BindingFailed",
            "Job a, b, c, d, e and 3 more was made before",
        ),
        (available(DEPLOYMENT, Lack(Why.NO_KIND)), "False", "SubjectUnavailable", "serves no Deployment of apps/v1"),
        (
            available(DEPLOYMENT, Lack(Why.DENIED, "deployments.v1.apps")),
            "False",
            "SubjectUnavailable",
            "may not read deployments.v1.apps: grant it",
        ),
        (available(DEPLOYMENT, Lack(Why.UNREACHABLE, "no answer")), "Unknown", "SubjectUnavailable", "no answer"),
    ],
)
def test_what_is_said_of_workloads(found: conditions.Condition, status: str, reason: str, says: str) -> None:
    assert (found.status, found.reason) == (status, reason)
    assert says in found.message
    assert bool(found.message) is bool(says)


FOUND = Found(conditions.true("SinkProvided"), URL, Stamp("u", 3, {"d": URL}))


def test_the_status_of_one_that_is_bound_is_written_once() -> None:
    said = sink_bindings.valid(
        binding(), FOUND, conditions.true(AVAILABLE), frozenset({ref()}), installation="here", now=0.0
    )
    assert said is not None
    status = said["status"]
    assert status["sinkUri"] == URL
    assert status["annotations"] == {
        stamps.INSTALLATION: "here",
        stamps.RESOLVED: stamps.encode(FOUND.stamp),
        BOUND: '{"apps/v1 Deployment":["w"]}',
    }
    told = {one["type"]: one["status"] for one in status["conditions"]}
    assert told == dict.fromkeys(("OIDCIdentityCreated", "Ready", AVAILABLE, "SinkProvided"), "True")
    held = binding(status)
    assert (
        sink_bindings.valid(held, FOUND, conditions.true(AVAILABLE), frozenset({ref()}), installation="here", now=9.0)
        is None
    )
    gone = Found(conditions.false("SinkProvided", "NotFound", "?"), None, Stamp("u", 3, {}))
    said = sink_bindings.valid(held, gone, conditions.true(AVAILABLE), frozenset(), installation="here", now=9.0)
    assert said is not None
    assert said["status"]["sinkUri"] is None
    assert said["status"]["annotations"][BOUND] is None


def test_faults_are_told_and_what_is_bound_stays_noted() -> None:
    fault = Fault("spec.subject", "nothing", "a subject")
    said = sink_bindings.invalid(binding(**{BOUND: "{}"}), [fault], installation="here", now=0.0)
    assert said is not None
    told = {one["type"]: (one["status"], one.get("message", "")) for one in said["status"]["conditions"]}
    assert told["Ready"] == told[AVAILABLE] == ("False", str(fault))
    assert told["SinkProvided"][0] == "Unknown"
    assert said["status"]["annotations"] == {stamps.INSTALLATION: "here"}
