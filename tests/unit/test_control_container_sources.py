"""What a ContainerSource's status says."""

from typing import Any

import pytest

from tradewind.control import conditions, container_sources
from tradewind.control.addresses import Lack, Why
from tradewind.control.destinations import Found
from tradewind.errors import Fault
from tradewind.resources import stamps
from tradewind.resources.model import NamespacedName
from tradewind.resources.stamps import Stamp

AT = NamespacedName("n", "c-deployment")
FOUND = Found(conditions.true("SinkProvided"), "http://sink", Stamp("u", 1, {}))


def source(status: dict[str, Any] | None = None) -> dict[str, Any]:
    metadata = {"name": "c", "namespace": "n", "uid": "u", "resourceVersion": "7", "generation": 1}
    return {"metadata": metadata, "status": status or {}}


def deployment(*conditions: tuple[str, str], observed: int = 2) -> dict[str, Any]:
    told = [{"type": type, "status": status, "reason": f"R{type}", "message": "m"} for type, status in conditions]
    metadata = {"name": "c-deployment", "generation": 2}
    return {"metadata": metadata, "status": {"observedGeneration": observed, "conditions": told}}


@pytest.mark.parametrize(
    ("held", "status", "reason"),
    [
        (deployment(("Available", "True")), "True", ""),
        (deployment(("Available", "True"), ("Progressing", "True")), "True", ""),
        (deployment(("Available", "True"), ("Progressing", "False")), "False", "RProgressing"),
        (deployment(("Available", "False"), ("Progressing", "True")), "False", "RAvailable"),
        (deployment(("Available", "False"), ("Progressing", "False")), "False", "RProgressing"),
        (deployment(("Available", "Unknown")), "Unknown", "DeploymentUnavailable"),
        (deployment(), "Unknown", "DeploymentUnavailable"),
        (deployment(("Available", "True"), observed=1), "Unknown", "DeploymentUnavailable"),
        ({"metadata": {"name": "c-deployment", "generation": 1}}, "Unknown", "DeploymentUnavailable"),
    ],
)
def test_a_deployment_s_status_decides(held: dict[str, Any], status: str, reason: str) -> None:
    found = container_sources.ready(held)
    assert (found.type, found.status, found.reason) == ("ReceiveAdapterReady", status, reason)


@pytest.mark.parametrize(
    ("found", "status", "reason", "says"),
    [
        (container_sources.absent(), "Unknown", "SinkNotProvided", "SinkProvided says why"),
        (container_sources.foreign(AT), "False", "DeploymentNotOwned", "delete that Deployment"),
        (container_sources.former(AT), "Unknown", "DeploymentNotOwned", "made anew then"),
        (
            container_sources.refused(AT, "no"),
            "False",
            "DeploymentFailed",
            "n/c-deployment cannot be made as declared: no",
        ),
        (container_sources.lacking(Lack(Why.DENIED, "deployments.v1.apps")), "False", "Forbidden", "grant it"),
        (container_sources.lacking(Lack(Why.UNREACHABLE, "no answer")), "Unknown", "ApiServerUnavailable", "no answer"),
    ],
)
def test_what_else_is_said(found: conditions.Condition, status: str, reason: str, says: str) -> None:
    assert (found.type, found.status, found.reason) == ("ReceiveAdapterReady", status, reason)
    assert says in found.message


def test_a_status_is_written_once() -> None:
    ready = conditions.true("ReceiveAdapterReady")
    said = container_sources.valid(source(), FOUND, ready, "d a b", installation="here", now=0.0)
    assert said is not None
    status = said["status"]
    assert status["sinkUri"] == "http://sink"
    assert status["annotations"][stamps.INSTALLATION] == "here"
    assert container_sources.before(source(status)) == "d a b"
    told = {one["type"]: one["status"] for one in status["conditions"]}
    assert told == dict.fromkeys(("OIDCIdentityCreated", "Ready", "ReceiveAdapterReady", "SinkProvided"), "True")
    again = container_sources.valid(source(status), FOUND, ready, "d a b", installation="here", now=9.0)
    assert again is None


def test_faults_are_told_and_what_runs_stays() -> None:
    fault = Fault("spec.template", "nothing", "a template")
    held = source({"annotations": {container_sources.DEPLOYED: "d a b"}})
    said = container_sources.invalid(held, (fault,), installation="here", now=0.0)
    assert said is not None
    told = {one["type"]: (one["status"], one.get("message", "")) for one in said["status"]["conditions"]}
    assert told["Ready"] == told["ReceiveAdapterReady"] == ("False", str(fault))
    assert said["status"]["annotations"] == {stamps.INSTALLATION: "here"}
