"""Where Destinations lead on a cluster."""

from typing import Any

import pytest

from tradewind.api_server import Object
from tradewind.control.addresses import Address, Lack, Why, address, references
from tradewind.resources.model import Destination, KReference

SERVICE = KReference("v1", "Service", "web", "shop")
KSERVICE = KReference("serving.knative.dev/v1", "Service", "web", "shop")


def resolved(ref: KReference | None, found: Object | Lack, uri: str | None = None) -> Address:
    def find(asked: KReference) -> Object | Lack:
        assert asked == ref
        return found

    return address(Destination(ref, uri), find, cluster_domain="cluster.local")


def with_status(status: Any) -> Object:  # whatever a controller wrote
    return {"status": status}


@pytest.mark.parametrize(
    ("ref", "found", "uri", "url"),
    [
        (None, Lack(Why.PENDING), "https://a.example/b?c", "https://a.example/b?c"),
        (SERVICE, {"spec": {"ports": [{"port": 8080}]}}, None, "http://web.shop.svc.cluster.local"),
        (SERVICE, {}, "/in?x=1", "http://web.shop.svc.cluster.local/in?x=1"),
        (KSERVICE, with_status({"address": {"url": "http://web.shop"}}), None, "http://web.shop"),
        (KSERVICE, with_status({"address": {"url": "http://web.shop/a/b"}}), "c", "http://web.shop/a/c"),
        (KSERVICE, with_status({"addresses": [{"name": "x"}, {"url": "https://b"}]}), None, "https://b"),
        (KSERVICE, with_status({"address": {"url": "http://a"}, "addresses": [{"url": "https://b"}]}), "", "http://a"),
    ],
)
def test_what_has_an_address(ref: KReference | None, found: Object | Lack, uri: str | None, url: str) -> None:
    assert resolved(ref, found, uri) == Address(url)


NOT_YET = "Service shop/web has no status.address.url yet"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (None, NOT_YET),
        ({}, NOT_YET),
        ({"address": None, "addresses": None, "conditions": None}, NOT_YET),
        ({"address": {"url": ""}, "addresses": [1, {"url": 2}], "conditions": [3, {"type": "Other"}]}, NOT_YET),
        ({"conditions": [{"type": "Ready", "status": "True"}]}, NOT_YET),
        ({"conditions": [{"type": "Ready", "status": "Unknown"}]}, f"{NOT_YET}; it is not ready"),
        (
            {"conditions": [{"type": "Ready", "status": "False", "reason": "R"}]},
            f"{NOT_YET}; it is not ready: R",
        ),
        (
            {"conditions": [{"type": "Ready", "status": "False", "reason": "R", "message": "no image"}]},
            f"{NOT_YET}; it is not ready: no image",
        ),
    ],
)
def test_what_is_there_without_an_address(status: Any, message: str) -> None:
    assert resolved(KSERVICE, with_status(status)) == Address(None, "AddressNotSet", message)


@pytest.mark.parametrize(
    ("lack", "reason", "said", "settled"),
    [
        (Lack(Why.NOT_FOUND), "NotFound", "Service shop/web does not exist: create it", True),
        (Lack(Why.NO_KIND), "KindUnknown", "serves no Service of serving.knative.dev/v1: install", True),
        (
            Lack(Why.DENIED, "services.serving.knative.dev"),
            "Forbidden",
            "may not read services.serving.knative.dev: grant it get, list and watch by a ClusterRole with the label "
            'duck.knative.dev/addressable: "true"',
            False,
        ),
        (Lack(Why.UNREACHABLE, "refused"), "ApiServerUnavailable", "could not be looked up: refused", False),
        (Lack(Why.PENDING), "NotLookedUp", "Service shop/web is being looked up", False),
    ],
)
def test_what_cannot_be_found_says_what_to_do(lack: Lack, reason: str, said: str, settled: bool) -> None:
    found = resolved(KSERVICE, lack, "/x")
    assert (found.url, found.reason, found.settled) == (None, reason, settled)
    assert said in found.message
    assert found.pending is (lack.why is Why.PENDING)


@pytest.mark.parametrize(
    ("ref", "found", "uri", "message"),
    [
        (None, {}, "/relative", 'the uri is "/relative"'),
        (KSERVICE, with_status({"address": {"url": "ftp://a"}}), None, 'the address of Service shop/web is "ftp://a"'),
        (KSERVICE, with_status({"address": {"url": "a"}}), "b", 'the address of Service shop/web with the uri is "b"'),
    ],
)
def test_what_is_no_url(ref: KReference | None, found: Object, uri: str | None, message: str) -> None:
    assert resolved(ref, found, uri) == Address(
        None, "InvalidAddress", f"{message}, expected an absolute http:// or https:// URL"
    )


def test_references() -> None:
    assert references([Destination(SERVICE), Destination(uri="http://a"), Destination(KSERVICE, "/x")]) == {
        SERVICE,
        KSERVICE,
    }
