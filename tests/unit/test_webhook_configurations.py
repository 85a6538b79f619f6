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
    assert webhook["rules"][0]["operations"] == ["CREATE", "UPDATE"]
    assert all("/" not in resource for resource in webhook["rules"][0]["resources"])
    assert webhook["sideEffects"] == "None"


@pytest.mark.parametrize("one", BOTH)
def test_only_what_may_be_anothers_passes_a_webhook_that_is_down(one: Any) -> None:
    policies = {webhook["name"].partition(".")[0]: webhook["failurePolicy"] for webhook in one["webhooks"]}
    assert policies == {"brokers": "Fail", "stamped-triggers": "Fail", "triggers": "Ignore"}


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
