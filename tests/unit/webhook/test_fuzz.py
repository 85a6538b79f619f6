"""Nothing that anybody sends raises, whatever the source."""

import json
from typing import Any

import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from tests.unit.webhook.requests import given
from tradewind.events import attributes as rules
from tradewind.resources.webhooks import OWN_CHECKS, Basic, Bearer, Preset, Sns, StandardWebhooks, Webhook
from tradewind.sources.webhook import convert
from tradewind.sources.webhook.outcomes import Accepted, Refused
from tradewind.sources.webhook.request import Request

ARN = "arn:aws:sns:us-east-1:123456789012:topic"
SOURCES = [
    Webhook(),
    Webhook(attributes={"type": "body.type", "subject": "headers['x-a']", "id": "query.id", "a": "body.a.b[0]"}),
    *(Webhook(check=check) for check in (Bearer(), Basic("u"), StandardWebhooks(), Sns((ARN,)))),
    *(Webhook(preset=preset) for preset in Preset if preset is not Preset.SNS),
    *(Webhook(preset=preset, check=check, event_types=("push",)) for preset, check in OWN_CHECKS.items()),
]
NAMES = st.sampled_from(
    [
        "content-type",
        "ce-type",
        "ce-id",
        "ce-source",
        "ce-specversion",
        "x-github-event",
        "x-hub-signature-256",
        "x-gitlab-event",
        "x-gitlab-token",
        "stripe-signature",
        "x-slack-signature",
        "x-slack-request-timestamp",
        "x-shopify-topic",
        "x-shopify-hmac-sha256",
        "authorization",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "x-a",
    ]
).map(str.encode)
TYPES = st.sampled_from(
    [b"application/json", b"application/cloudevents+json", b"application/cloudevents-batch+json",
     b"application/x-www-form-urlencoded", b"text/plain"]
)  # fmt: skip
KEYS = st.sampled_from(
    [
        "type",
        "id",
        "action",
        "repository",
        "url",
        "sender",
        "object_kind",
        "object_attributes",
        "event",
        "alerts",
        "status",
        "labels",
        "payload",
        "push_data",
        "Type",
        "TopicArn",
        "SigningCertURL",
        "Message",
        "Signature",
        "data",
        "object",
        "created",
        "a",
        "b",
        "challenge",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([ARN, "url_verification"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=6),
    max_leaves=12,
)
BODIES = st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode())
HEADERS = st.lists(st.tuples(NAMES, st.binary(max_size=60) | TYPES), max_size=8)


def judged(found: Any) -> None:
    match found:
        case Accepted(events):
            for event in events:
                assert not rules.faults(event.attributes)
        case Refused(status, why, faults):
            assert 400 <= status < 500
            assert why
            assert [str(fault) for fault in faults]
        case _:
            assert found


@pytest.mark.parametrize("webhook", SOURCES, ids=lambda one: f"{one.preset}-{type(one.check).__name__}")
@settings(max_examples=60)
@examples(HEADERS, st.binary(max_size=40) | st.just(b"id=%C3%A9&%ff=%FF"), BODIES)
def test_nothing_raises(webhook: Webhook, headers: list[tuple[bytes, bytes]], query: bytes, body: bytes) -> None:
    judged(convert.outcome(Request(headers, query, body), webhook, given()))


@pytest.mark.parametrize("webhook", SOURCES, ids=lambda one: f"{one.preset}-{type(one.check).__name__}")
@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"id": ' + b"9" * 5000 + b"}",
        b'{"type": "\\ud800", "id": "\\u0000"}',
        b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(50_000)) + b"}",
        b'"' + b"x" * 10_000_000 + b'"',
    ],
    ids=["invalid UTF-8", "deep list", "deep map", "long number", "half a pair", "wide map", "10 MB"],
)
def test_hostile_bodies(webhook: Webhook, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"x-github-event", b"push")]
    judged(convert.outcome(Request(headers, b"", body), webhook, given()))
