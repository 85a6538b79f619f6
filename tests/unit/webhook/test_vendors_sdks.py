"""What the vendors' own libraries sign is taken, and what they refuse is refused."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe
from hypothesis import given as examples
from hypothesis import strategies as st
from slack_sdk.signature import Clock, SignatureVerifier
from standardwebhooks import Webhook as StandardWebhook

from tests.unit.webhook.requests import NOW, event, outcome, request, signed
from tradewind.resources.webhooks import Preset, StandardWebhooks, Webhook
from tradewind.sources.webhook.outcomes import Accepted, Refused, Told
from tradewind.sources.webhook.request import Request

STRIPE = "whsec_test_secret"
SLACK = "8f742231b10e8888abcd99yyyzzz85a5"
STANDARD = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes ...").decode()
CHARGE = {
    "id": "evt_1",
    "object": "event",
    "type": "charge.succeeded",
    "created": 1_699_999_990,
    "account": "acct_1",
    "data": {"object": {"id": "ch_1", "object": "charge"}},
}
MESSAGE = {
    "type": "event_callback",
    "event_id": "Ev1",
    "event_time": 1_699_999_990,
    "team_id": "T1",
    "api_app_id": "A1",
    "event": {"type": "message", "channel": "C1"},
}


class At(Clock):
    """Slack's library at our moment."""

    def now(self) -> float:
        return NOW


def by_stripe(body: str, secret: str = STRIPE, at: float = NOW) -> Request:
    """Signed as Stripe's own tests and fixtures do."""
    timestamp = int(at)
    signature = stripe.WebhookSignature._compute_signature(f"{timestamp}.{body}", secret)
    return request(body.encode(), stripe_signature=f"t={timestamp},v1={signature},v0=ignored")


def by_slack(body: str, secret: str = SLACK, at: float = NOW, content_type: str = "application/json") -> Request:
    verifier, timestamp = SignatureVerifier(secret, At()), str(int(at))
    signature = verifier.generate_signature(timestamp=timestamp, body=body)
    assert signature is not None
    return request(
        body.encode(), content_type=content_type, x_slack_signature=signature, x_slack_request_timestamp=timestamp
    )


def by_standard(body: str, secret: str = STANDARD, at: float = NOW) -> Request:
    signature = StandardWebhook(secret).sign("msg_1", datetime.fromtimestamp(at, UTC), body)
    return request(
        body.encode(),
        content_type="application/json",
        webhook_id="msg_1",
        webhook_timestamp=str(int(at)),
        webhook_signature=f"v1a,other v1,AAAA {signature}",
    )


SENDERS: list[Any] = [
    pytest.param(by_stripe, signed(Preset.STRIPE), STRIPE, CHARGE, id="stripe"),
    pytest.param(by_slack, signed(Preset.SLACK), SLACK, MESSAGE, id="slack"),
    pytest.param(by_standard, Webhook(check=StandardWebhooks()), STANDARD, {"type": "a.b"}, id="standard"),
]


@pytest.mark.parametrize(("sign", "webhook", "secret", "payload"), SENDERS)
def test_what_the_vendors_library_signs_is_taken(sign: Any, webhook: Webhook, secret: str, payload: Any) -> None:
    body = json.dumps(payload)
    assert event(sign(body), webhook, secret.encode()).data == body.encode()
    assert isinstance(outcome(sign(body), webhook, b"old", secret.encode()), Accepted), "of two secrets either is right"


@pytest.mark.parametrize(("sign", "webhook", "secret", "payload"), SENDERS)
def test_what_another_signs_is_not(sign: Any, webhook: Webhook, secret: str, payload: Any) -> None:
    other = STANDARD.replace("whsec_Y", "whsec_Z") if secret == STANDARD else "another"
    found = outcome(sign(json.dumps(payload), other), webhook, secret.encode())
    assert isinstance(found, Refused)
    assert found.status == 401


@pytest.mark.parametrize("away", [-301, 301])
@pytest.mark.parametrize(("sign", "webhook", "secret", "payload"), SENDERS)
def test_an_old_one_is_not(sign: Any, webhook: Webhook, secret: str, payload: Any, away: int) -> None:
    found = outcome(sign(json.dumps(payload), secret, NOW + away), webhook, secret.encode())
    assert isinstance(found, Refused)
    assert "301 seconds" in str(found.faults[0])
    assert isinstance(outcome(sign(json.dumps(payload), secret, NOW + away // 2), webhook, secret.encode()), Accepted)


@pytest.mark.parametrize(("sign", "webhook", "secret", "payload"), SENDERS)
def test_a_changed_body_is_not(sign: Any, webhook: Webhook, secret: str, payload: Any) -> None:
    made = sign(json.dumps(payload))
    assert isinstance(outcome(Request(made.headers, b"", made.body + b" "), webhook, secret.encode()), Refused)


@examples(st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_text_the_libraries_sign_is_verified(text: str) -> None:
    body = json.dumps({"type": "t", "id": "1", "text": text}, ensure_ascii=False)
    for sign, webhook, secret in (
        (by_stripe, signed(Preset.STRIPE), STRIPE),
        (by_slack, signed(Preset.SLACK), SLACK),
        (by_standard, Webhook(check=StandardWebhooks()), STANDARD),
    ):
        assert isinstance(outcome(sign(body), webhook, secret.encode()), Accepted)


@examples(st.binary(), st.binary(max_size=40))
def test_what_we_verify_the_libraries_verify(signature: bytes, timestamp: bytes) -> None:
    """And neither takes what nobody signed."""
    made = request(b"{}", stripe_signature=signature, x_slack_signature=signature, x_slack_request_timestamp=timestamp)
    assert isinstance(outcome(made, signed(Preset.STRIPE), STRIPE.encode()), Refused)
    assert isinstance(outcome(made, signed(Preset.SLACK), SLACK.encode()), Refused)


def test_stripes_attributes() -> None:
    made = event(by_stripe(json.dumps(CHARGE)), signed(Preset.STRIPE), STRIPE.encode()).attributes
    assert made == {
        "specversion": "1.0",
        "id": "evt_1",
        "type": "com.stripe.charge.succeeded",
        "source": "https://api.stripe.com/v1/accounts/acct_1",
        "subject": "ch_1",
        "time": "2023-11-14T22:13:10Z",
        "datacontenttype": "application/json",
    }


def test_a_thin_event_of_stripe_has_its_object_elsewhere() -> None:
    thin = {
        "id": "evt_2",
        "object": "v2.core.event",
        "type": "v1.billing.meter.error_report_triggered",
        "created": "2024-09-17T06:20:52.246Z",
        "related_object": {"id": "mtr_1", "type": "billing.meter"},
    }
    made = event(by_stripe(json.dumps(thin)), signed(Preset.STRIPE), STRIPE.encode())
    assert (made.attributes["subject"], made.attributes["time"]) == ("mtr_1", "2024-09-17T06:20:52.246Z")
    assert made.source == "https://api.stripe.com"
    of_account = event(by_stripe(json.dumps({**thin, "context": "acct_2"})), signed(Preset.STRIPE), STRIPE.encode())
    assert of_account.source == "https://api.stripe.com/v1/accounts/acct_2"


def test_slacks_attributes() -> None:
    made = event(by_slack(json.dumps(MESSAGE)), signed(Preset.SLACK), SLACK.encode()).attributes
    assert made == {
        "specversion": "1.0",
        "id": "Ev1",
        "type": "com.slack.message",
        "source": "https://slack.com/T1/A1",
        "subject": "C1",
        "time": "2023-11-14T22:13:10Z",
        "datacontenttype": "application/json",
    }


FORM = "application/x-www-form-urlencoded"


def test_slacks_forms_are_events_as_they_came() -> None:
    command = by_slack("command=%2Fdeploy&team_id=T1&channel_id=C1&text=now", content_type=FORM)
    made = event(command, signed(Preset.SLACK), SLACK.encode())
    assert (made.type, made.attributes["subject"], made.attributes["datacontenttype"]) == (
        "com.slack.command",
        "C1",
        FORM,
    )
    assert made.data == command.body
    interaction = by_slack('payload={"type":"block_actions","team":{"id":"T1"}}', content_type=FORM)
    made = event(interaction, signed(Preset.SLACK), SLACK.encode())
    assert (made.type, made.source) == ("com.slack.block_actions", "https://slack.com/T1")


def test_slacks_challenge_is_answered_only_after_its_signature() -> None:
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw"})
    told = outcome(by_slack(body), signed(Preset.SLACK), SLACK.encode())
    assert told == Told(200, b"3eZbrw", "text/plain; charset=utf-8")
    assert isinstance(outcome(by_slack(body, "another"), signed(Preset.SLACK), SLACK.encode()), Refused)
    assert isinstance(outcome(request(body.encode()), signed(Preset.SLACK), SLACK.encode()), Refused)


def test_standard_webhooks_give_the_id() -> None:
    made = event(by_standard('{"type": "user.created"}'), Webhook(check=StandardWebhooks()), STANDARD.encode())
    assert (made.id, made.type) == ("msg_1", "dev.tradewind.webhook.received")
