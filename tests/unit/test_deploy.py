"""deploy/tradewind.yaml: what every Pod has, what no manifest may have, and that the RBAC names only what there is."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tradewind import config
from tradewind.config import Settings
from tradewind.control.webhook import configurations

DEPLOY = Path(__file__).parents[2] / "deploy"

Node = dict[str, Any]  # an object of the manifest


def objects() -> list[Node]:
    return list(yaml.safe_load_all((DEPLOY / "tradewind.yaml").read_text()))


def of(kind: str) -> dict[str, Node]:
    return {one["metadata"]["name"]: one for one in objects() if one["kind"] == kind}


WORKLOADS = {**of("Deployment"), **of("StatefulSet")}
WRITING = {"create", "update", "patch", "delete", "deletecollection"}


def test_the_workloads_are_the_processes() -> None:
    assert set(of("Deployment")) == {f"tradewind-{name}" for name in ("controller", "webhook", "ingress", "sources")}
    assert set(of("StatefulSet")) == {"tradewind-dispatcher"}
    for name, workload in WORKLOADS.items():
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        assert container["args"] == [name.removeprefix("tradewind-")]


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_pod_is_confined_probed_and_bounded(name: str) -> None:
    pod = WORKLOADS[name]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (
        pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    )
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} == set(container["resources"]["requests"])
    probes = {probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")}
    assert probes == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    assert pod["terminationGracePeriodSeconds"] > Settings().stop_deadline
    assert pod["enableServiceLinks"] is False, "a Service's variables would look like settings"


def test_a_disruption_takes_one_pod_at_a_time() -> None:
    budgets = of("PodDisruptionBudget")
    assert set(budgets) == set(WORKLOADS)
    assert all(budget["spec"]["maxUnavailable"] == 1 for budget in budgets.values())


def test_what_is_scaled_has_no_replicas_that_applying_again_would_reset() -> None:
    (scaled,) = of("HorizontalPodAutoscaler").values()
    assert scaled["spec"]["scaleTargetRef"]["name"] == "tradewind-ingress"
    for name in ("tradewind-ingress", "tradewind-dispatcher", "tradewind-sources"):
        assert "replicas" not in WORKLOADS[name]["spec"]
    assert of("StatefulSet")["tradewind-dispatcher"]["spec"]["podManagementPolicy"] == "Parallel"


def test_no_definition_lies_beside_what_is_uninstalled() -> None:
    assert not of("CustomResourceDefinition")
    assert "caBundle" not in (DEPLOY / "tradewind.yaml").read_text()


def variables() -> Iterator[str]:
    for one in objects():
        if one["kind"] == "ConfigMap":
            yield from (name for name in one["data"] if name.startswith(config.PREFIX))
    for workload in WORKLOADS.values():
        yield from (each["name"] for each in workload["spec"]["template"]["spec"]["containers"][0]["env"])


def test_every_variable_is_a_setting() -> None:
    assert set(variables()) <= {config.variable(name) for name in config.kinds()}


def test_the_webhook_configurations_are_generated() -> None:
    file = DEPLOY / "base" / "webhook-configurations.yaml"
    assert file.read_text() == configurations.written("tradewind-system"), "run `make deploy`"


def rules(kind: str, name: str) -> list[Node]:
    found: list[Node] = of(kind)[name]["rules"]
    return found


def written(roles: Iterable[Node], verb: str) -> set[str]:
    """The resources for which these roles have this verb."""
    return {one for role in roles for rule in role["rules"] if verb in rule["verbs"] for one in rule["resources"]}


def test_rbac_asks_for_no_more_than_is_used() -> None:
    for kind in ("ClusterRole", "Role"):
        for name, role in of(kind).items():
            for rule in role["rules"]:
                assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"]), name
    for reading in ("tradewind-data-plane", "tradewind-sources", "tradewind-sources-secrets"):
        assert not any(WRITING & set(rule["verbs"]) for rule in rules("ClusterRole", reading)), reading
    updated = {name for role in (of("ClusterRole"), of("Role")) for name in written(role.values(), "update")}
    assert updated == {"leases", "secrets", "deployments", "containersources/finalizers"}, "all else is patched"
    everywhere = {name: [one for one in rules("ClusterRole", name) if "secrets" in one["resources"]]
                  for name in of("ClusterRole")}  # fmt: skip
    of_sources = everywhere.pop("tradewind-sources-secrets")
    assert [one["verbs"] for one in of_sources] == [["get"]], "by name, in the namespaces of their sources"
    assert not any(everywhere.values()), "all other Secrets are read by name, in one namespace"
    for name in of("Role"):
        for rule in rules("Role", name):
            if "secrets" in rule["resources"]:
                assert not {"list", "watch"} & set(rule["verbs"])
