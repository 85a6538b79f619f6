"""What a workload is told of a sink as it is made or changed."""

from dataclasses import replace
from typing import Any

import pytest

from tests import reviewing
from tests.reviewing import known, request
from tradewind.control.webhook.binding import awaits, bind
from tradewind.control.webhook.reviews import Verdict
from tradewind.resources import stamps
from tradewind.resources.model import Destination, KReference

URL = "http://sink"
HAVE = [{"name": "K_SINK", "value": URL}, {"name": "K_CE_OVERRIDES"}]
REF = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "b"}
DIGEST = stamps.digest(Destination(KReference("eventing.knative.dev/v1", "Broker", "b", "ns")))
NOTHING = Verdict()
CONDITIONS = {"conditions": [{"type": "Ready", "status": "True"}]}


def workload(kind: str = "Deployment", version: str = "apps/v1", env: Any = None, **metadata: Any) -> dict[str, Any]:
    container = {"name": "c", **({"env": env} if env else {})}
    pod: dict[str, Any] = {"template": {"spec": {"containers": [container]}}}
    spec = {"jobTemplate": {"spec": pod}} if kind == "CronJob" else pod
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "w", "namespace": "ns", **metadata}, "spec": spec}


def binding(
    sink: Any = None, status: Any = None, kind: str = "Deployment", version: str = "apps/v1", **more: Any
) -> dict[str, Any]:
    subject = {"apiVersion": version, "kind": kind, **(more.pop("subject", None) or {"name": "w"})}
    metadata = {"name": "s", "namespace": "ns", "uid": "u", **more.pop("metadata", {})}
    spec = {"subject": subject, "sink": sink or {"uri": URL}, **more}
    return {
        "apiVersion": "sources.knative.dev/v1",
        "kind": "SinkBinding",
        "metadata": metadata,
        "spec": spec,
        "status": status or {},
    }


def stamped(uid: str = "u", digest: str = DIGEST) -> dict[str, Any]:
    stamp = stamps.encode(stamps.Stamp(uid, 1, {digest: URL}))
    return {**CONDITIONS, "annotations": {stamps.INSTALLATION: "here", stamps.RESOLVED: stamp}}


def told(asked: Any, *bindings: Any) -> Verdict:
    return bind(asked, known(*bindings), reviewing.RULES)


BOUND = Verdict(
    patch=({"op": "replace", "path": "/spec/template/spec/containers", "value": [{"name": "c", "env": HAVE}]},)
)


@pytest.mark.parametrize(
    ("one", "verdict"),
    [
        (binding(), BOUND),
        (binding(subject={"selector": {}}), BOUND),
        (binding(subject={"selector": {"matchLabels": {"a": "1"}}}), NOTHING),
        (binding(subject={"name": "other"}), NOTHING),
        (binding(metadata={"namespace": "other"}), NOTHING),
        (binding(kind="StatefulSet"), NOTHING),
        (binding(version="example.com/v1"), NOTHING),
        (binding(metadata={"deletionTimestamp": "2026"}), NOTHING),
        (binding({"uri": "relative"}), NOTHING),
        (binding({"ref": REF}), NOTHING),
        (binding({"ref": REF, "uri": "/path"}), NOTHING),
        (binding({"ref": REF}, stamped()), BOUND),
        (binding({"ref": REF}, stamped(uid="before")), NOTHING),
        (binding({"ref": REF}, stamped(digest="another")), NOTHING),
        (binding(status=CONDITIONS), NOTHING),
        (binding(status=CONDITIONS, metadata={"finalizers": ["tradewind.dev/sinkbinding"]}), BOUND),
        (binding(status={**CONDITIONS, "annotations": {stamps.INSTALLATION: "here"}}), BOUND),
    ],
)
def test_what_a_sink_binding_does(one: Any, verdict: Verdict) -> None:
    assert told(request(workload()), one) == verdict
    assert told(request(workload(), workload()), one) == verdict


@pytest.mark.parametrize(
    ("asked", "verdict"),
    [
        (request(workload(env=HAVE)), NOTHING),
        (request(workload(), operation="DELETE"), NOTHING),
        (request(None, workload(), operation="DELETE"), NOTHING),
        (request(workload(), subresource="scale"), NOTHING),
        (request(workload(deletionTimestamp="2026")), NOTHING),
        (request(workload(labels={"bindings.knative.dev/exclude": "true"})), NOTHING),
        (request({**workload(), "spec": {}}), NOTHING),
        (request(workload(namespace=None), namespace="ns"), BOUND),
        (request(workload(namespace=None), namespace="other"), NOTHING),
        (request(workload(name=None, generateName="w-"), name=""), NOTHING),
        (request(workload(name=None), name="w"), BOUND),
    ],
)
def test_what_is_bound_and_what_is_not(asked: Any, verdict: Verdict) -> None:
    assert told(asked, binding()) == verdict


def test_where_another_serves_sink_bindings_nothing_is_bound() -> None:
    rules = replace(reviewing.RULES, unserved={"SinkBinding"})
    assert bind(request(workload()), known(binding()), rules) == NOTHING


def test_a_job_is_bound_as_it_is_made_and_never_after() -> None:
    job = workload("Job", "batch/v1", name=None, generateName="w-", labels={"a": "1"})
    one = binding(kind="Job", version="batch/v1", subject={"selector": {"matchLabels": {"a": "1"}}})
    assert told(request(job, name=""), one) == BOUND
    assert told(request(job, job), one) == NOTHING


def test_a_cron_job_is_bound_in_the_template_of_its_jobs() -> None:
    one = binding(kind="CronJob", version="batch/v1", ceOverrides={"extensions": {"a": "1"}})
    (patch,) = told(request(workload("CronJob", "batch/v1")), one).patch
    assert patch["path"] == "/spec/jobTemplate/spec/template/spec/containers"
    assert patch["value"][0]["env"][1]["value"] == '{"extensions":{"a":"1"}}'


def test_the_controller_and_the_webhook_agree_which_of_two_binds() -> None:
    named, older = binding(metadata={"name": "z"}), binding({"uri": "http://x"}, subject={"selector": {}})
    assert told(request(workload()), older, named) == BOUND
    owner = {"apiVersion": "sources.knative.dev/v1", "kind": "ContainerSource", "name": "c", "controller": True}
    assert told(request(workload(ownerReferences=[owner])), older, named) == NOTHING


JOB = workload("Job", "batch/v1")
TAKEN = {"annotations": {stamps.INSTALLATION: "here"}}


@pytest.mark.parametrize(
    ("asked", "one", "worth"),
    [
        (request(JOB), binding({"ref": REF}, kind="Job", version="batch/v1"), True),
        (request(JOB), binding({"ref": REF}, TAKEN, kind="Job", version="batch/v1"), False),
        (request(JOB), binding({"ref": REF}, CONDITIONS, kind="Job", version="batch/v1"), False),
        (request(JOB), binding(kind="Job", version="batch/v1"), False),
        (request(JOB), binding({"ref": REF}, kind="Job", version="batch/v1", subject={"name": "other"}), False),
        (request(JOB, JOB), binding({"ref": REF}, kind="Job", version="batch/v1"), False),
        (request(JOB, subresource="status"), binding({"ref": REF}, kind="Job", version="batch/v1"), False),
        (request(workload()), binding({"ref": REF}), False),
    ],
)
def test_only_a_job_waits_and_only_for_what_nobody_has_spoken_of(asked: Any, one: Any, worth: bool) -> None:
    assert awaits(asked, known(one).bindings) is worth
