"""Shopify, Docker Hub and Alertmanager, by payloads of the shape that they record in their documentation."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from tests.unit.webhook.requests import (
    CHANCE,
    NOW,
    SECRET,
    STAMP,
    URI,
    event,
    given,
    outcome,
    request,
    signed,
    unsigned,
)
from tradewind.resources.webhooks import Basic, Preset, Webhook
from tradewind.sources.webhook import convert
from tradewind.sources.webhook.outcomes import Accepted, Kept, Refused
from tradewind.sources.webhook.reading import at, stamp, text, time, timestamp

ORDER = {"id": 820982911946154508, "admin_graphql_api_id": "gid://shopify/Order/820982911946154508", "email": "j@e.com"}
PUSH = {
    "callback_url": "https://registry.hub.docker.com/u/svendowideit/testhook/hook/2141b/",
    "push_data": {"pushed_at": 1417566161, "pusher": "trustedbuilder", "tag": "latest"},
    "repository": {
        "name": "testhook",
        "repo_name": "svendowideit/testhook",
        "repo_url": "https://registry.hub.docker.com/u/svendowideit/testhook/",
    },
}
FIRING = {
    "status": "firing",
    "labels": {"alertname": "HighLatency", "severity": "page"},
    "annotations": {},
    "startsAt": "2023-11-14T22:00:00.123Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus:9090/graph",
    "fingerprint": "5ef77f1f8a3ecf8d",
}
RESOLVED = {**FIRING, "status": "resolved", "endsAt": "2023-11-14T22:10:00Z", "fingerprint": "aa"}


def notification(*alerts: Any) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": '{}:{alertname="HighLatency"}',
        "status": "firing",
        "receiver": "tradewind",
        "externalURL": "http://alertmanager:9093",
        "alerts": list(alerts),
    }


def test_shopifys_attributes() -> None:
    body = json.dumps(ORDER).encode()
    signature = base64.b64encode(hmac.digest(SECRET, body, hashlib.sha256))
    made = request(
        body,
        content_type="application/json",
        x_shopify_topic="orders/create",
        x_shopify_hmac_sha256=signature,
        x_shopify_shop_domain="e.myshopify.com",
        x_shopify_webhook_id="b54557e4",
        x_shopify_triggered_at="2023-03-29T18:00:27.877041743Z",
    )
    assert event(made, signed(Preset.SHOPIFY)).attributes == {
        "specversion": "1.0",
        "id": "b54557e4",
        "type": "com.shopify.orders.create",
        "source": "https://e.myshopify.com",
        "subject": "gid://shopify/Order/820982911946154508",
        "time": "2023-03-29T18:00:27.877041743Z",
        "datacontenttype": "application/json",
    }
    assert isinstance(outcome(made, signed(Preset.SHOPIFY), b"another"), Refused)


def test_docker_hubs_attributes() -> None:
    assert event(request(PUSH), unsigned(Preset.DOCKERHUB)).attributes == {
        "specversion": "1.0",
        "id": "svendowideit/testhook:latest@1417566161",
        "type": "com.docker.image.pushed",
        "source": "https://registry.hub.docker.com/u/svendowideit/testhook/",
        "subject": "svendowideit/testhook:latest",
        "time": "2014-12-03T00:22:41Z",
        "datacontenttype": "application/json",
    }


def test_a_push_of_docker_hub_without_a_time_has_a_random_id() -> None:
    bare = {"push_data": {"tag": "t"}, "repository": {"repo_name": "a/b"}}
    assert event(request(bare), unsigned(Preset.DOCKERHUB)).id == CHANCE
    untagged = event(request({**bare, "push_data": {"pushed_at": 1}}), unsigned(Preset.DOCKERHUB))
    assert (untagged.id, "subject" in untagged.attributes) == (CHANCE, False)


def test_what_is_no_push_of_docker_hub_is_no_event() -> None:
    assert isinstance(outcome(request({"repository": {"repo_name": "a/b"}}), unsigned(Preset.DOCKERHUB)), Refused)


def test_shopifys_older_identity_is_one() -> None:
    made = request(b"{}", x_shopify_topic="orders/create", x_shopify_event_id="e")
    assert event(made, unsigned(Preset.SHOPIFY)).id == "e"


def test_each_alert_is_an_event_of_its_own_bytes() -> None:
    first, second = json.dumps(FIRING, indent=1), json.dumps(RESOLVED)
    body = json.dumps(notification("@1", "@2")).replace('"@1"', first).replace('"@2"', second).encode()
    found = outcome(request(body), unsigned(Preset.ALERTMANAGER))
    assert isinstance(found, Accepted)
    assert [one.data for one in found.events] == [first.encode(), second.encode()]
    firing, resolved = (one.attributes for one in found.events)
    assert firing == {
        "specversion": "1.0",
        "id": "5ef77f1f8a3ecf8d/firing/2023-11-14T22:00:00.123Z",
        "type": "io.prometheus.alert.firing",
        "source": "http://alertmanager:9093",
        "subject": "HighLatency",
        "time": "2023-11-14T22:00:00.123Z",
        "receiver": "tradewind",
        "groupkey": '{}:{alertname="HighLatency"}',
        "datacontenttype": "application/json",
    }
    assert (resolved["id"], resolved["type"], resolved["time"]) == (
        "aa/resolved/2023-11-14T22:00:00.123Z/2023-11-14T22:10:00Z",
        "io.prometheus.alert.resolved",
        "2023-11-14T22:10:00Z",
    )


def test_alerts_without_a_fingerprint_have_ids_of_their_own() -> None:
    bare = {"status": "firing"}
    found = outcome(request(notification(bare, bare)), unsigned(Preset.ALERTMANAGER))
    assert isinstance(found, Accepted)
    assert [one.id for one in found.events] == [f"{CHANCE}/0", f"{CHANCE}/1"]


@pytest.mark.parametrize("body", [b"{}", b"[]", b"1", b'{"alerts": 1}', b'{"alerts": []}'])
def test_what_is_no_notification_is_kept_or_refused(body: bytes) -> None:
    refused = outcome(request(body), unsigned(Preset.ALERTMANAGER))
    assert isinstance(refused, Refused)
    known = Webhook(check=Basic("u"), preset=Preset.ALERTMANAGER)
    sent = request(body, authorization="Basic " + base64.b64encode(b"u:" + SECRET).decode())
    assert isinstance(outcome(sent, known), Kept)


def test_too_many_alerts_are_too_many() -> None:
    assert isinstance(outcome(request(notification(*[FIRING] * 1000)), unsigned(Preset.ALERTMANAGER)), Accepted)
    assert isinstance(outcome(request(notification(*[FIRING] * 1001)), unsigned(Preset.ALERTMANAGER)), Refused)


def test_one_alert_that_is_none_holds_up_the_notification() -> None:
    found = outcome(request(notification(FIRING, {})), unsigned(Preset.ALERTMANAGER))
    assert isinstance(found, Refused), "all of it or nothing, as a batch"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2015-05-17 18:08:09 UTC", "2015-05-17T18:08:09Z"),
        ("2016-08-12 15:23:28 +0200", "2016-08-12T15:23:28+02:00"),
        ("2016-08-12 15:23:28 -02:30", "2016-08-12T15:23:28-02:30"),
        ("2016-13-12 15:23:28 UTC", ""),
        ("2015-05-17T18:08:09.123456789Z", "2015-05-17T18:08:09.123456789Z"),
        ("yesterday", ""),
        (0, "1970-01-01T00:00:00Z"),
        (-1, ""),
        (253402300800, ""),
        (True, ""),
        (1.5, ""),
        (None, ""),
        ([], ""),
    ],
)
def test_times_as_senders_write_them(value: object, expected: str) -> None:
    assert timestamp(value) == expected


def test_values_that_are_not_as_expected_are_nothing() -> None:
    document = {"a": {"b": 1, "t": True, "e": "", "l": [], "n": None, "long": "x" * 5000}, "c": "d"}
    assert text(document, "a.b") == "1"
    assert [text(document, path) for path in ("a.t", "a.e", "a.l", "a.n", "a.long", "a.b.c", "z")] == [""] * 7
    assert text(document, "a.t", "c") == text(document, "a.e", "c") == "d"
    assert time(document, "a.b.x", "c") == ""
    assert at([], "a") is None


def test_a_moment_is_written_with_its_fraction() -> None:
    assert stamp(NOW) == STAMP
    assert stamp(NOW + 0.25) == "2023-11-14T22:13:20.250Z"
    made = convert.outcome(request(b"x"), Webhook(), given(now=NOW + 0.25))
    assert isinstance(made, Accepted)
    assert (made.events[0].attributes["time"], made.events[0].source) == ("2023-11-14T22:13:20.250Z", URI)
