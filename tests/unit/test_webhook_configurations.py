"""What must hold of the webhook configurations whoever installs them.  The API server tries them in tests/kube."""

from typing import Any

import pytest

from tradewind.control.webhook import configurations
from tradewind.control.webhook.configurations import server_names

BOTH = (configurations.mutating("sys", {"Tradewind"}), configurations.validating("sys", {"Tradewind"}))
EACH = [(one["kind"], webhook) for one in BOTH for webhook in one["webhooks"]]


def test_they_are_called_after_knatives() -> None:
    assert {one["metadata"]["name"] for one in BOTH} == {configurations.NAME}
    assert configurations.NAME > "webhook.eventing.knative.dev"


@pytest.mark.parametrize(("kind", "webhook"), EACH)
def test_no_webhook_holds_what_is_being_deleted_nor_names_whom_to_trust(kind: str, webhook: Any) -> None:
    assert webhook["matchConditions"][0]["expression"].startswith("!has(object.metadata.deletionTimestamp) && ")
    assert "caBundle" not in webhook["clientConfig"]
    for rule in webhook["rules"]:
        assert rule["operations"] == ["CREATE"] if "jobs" in rule["resources"] else ["CREATE", "UPDATE"]
        assert all("/" not in resource for resource in rule["resources"])
    assert webhook["sideEffects"] == "None"


@pytest.mark.parametrize("one", BOTH)
def test_only_what_may_be_anothers_passes_a_webhook_that_is_down(one: Any) -> None:
    policies = {webhook["name"].partition(".")[0]: webhook["failurePolicy"] for webhook in one["webhooks"]}
    assert policies.pop("sinkbindings", "Ignore") == "Ignore"
    assert policies == {"brokers": "Fail", "stamped-triggers": "Fail", "triggers": "Ignore", "sources": "Ignore"}


def test_workloads_are_shown_to_the_mutating_webhook_but_those_of_the_cluster_and_the_excluded() -> None:
    names = [[webhook["name"].partition(".")[0] for webhook in one["webhooks"]] for one in BOTH]
    assert [("sinkbindings" in each) for each in names] == [True, False]
    (binding,) = [webhook for kind, webhook in EACH if webhook["name"].startswith("sinkbindings.")]
    excluded = {"key": "bindings.knative.dev/exclude", "operator": "NotIn", "values": ["true"]}
    system = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", "sys"]}
    assert binding["namespaceSelector"] == {"matchExpressions": [excluded, system]}
    assert binding["objectSelector"] == {"matchExpressions": [excluded]}
    assert binding["clientConfig"]["service"]["path"] == "/binding"
    assert binding["timeoutSeconds"] == 2
    resources = {resource for rule in binding["rules"] for resource in rule["resources"]}
    assert resources == {"deployments", "statefulsets", "daemonsets", "replicasets", "cronjobs", "jobs", "services"}


def test_every_kind_of_source_is_judged() -> None:
    (sources,) = [one for one in BOTH[0]["webhooks"] if one["name"].startswith("sources.")]
    rules = {rule["apiGroups"][0] + "/" + rule["apiVersions"][0]: rule["resources"] for rule in sources["rules"]}
    assert {"pingsources", "containersources", "sinkbindings"} <= set(rules["sources.knative.dev/v1"])
    assert rules["sources.tradewind.dev/v1alpha1"] == ["webhooksources"]


def test_each_is_called_at_its_path_of_the_service() -> None:
    services = [one["webhooks"][0]["clientConfig"]["service"] for one in BOTH]
    assert services == [
        {"name": "tradewind-webhook", "namespace": "sys", "path": path, "port": 443}
        for path in ("/defaulting", "/validation")
    ]


def test_a_broker_without_a_class_is_asked_about_only_where_one_is_given() -> None:
    def expression(**settings: bool) -> str:
        text: str = configurations.mutating("s", {"b", "a"}, **settings)["webhooks"][0]["matchConditions"][1][
            "expression"
        ]
        return text

    assert "in ['a', 'b']" in expression()
    assert " || !(" in expression() and " || !(" not in expression(default_class=False)


def test_a_certificate_is_for_the_service_and_for_the_one_address_that_is_listened_on() -> None:
    service = {"tradewind-webhook.sys.svc", "tradewind-webhook.sys.svc.cluster.local"}
    assert server_names("sys", "cluster.local", "0.0.0.0") == service
    assert server_names("sys", "cluster.local", "::") == service
    assert server_names("sys", "cluster.local", "127.0.0.1") == {*service, "127.0.0.1"}
