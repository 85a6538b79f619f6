"""SNS: messages signed by a key of our own, whose certificate stands for Amazon's."""

import base64
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from tests.unit.webhook.requests import NOW, given, request
from tradewind.resources.webhooks import Preset, Sns, Webhook
from tradewind.sources.webhook import convert
from tradewind.sources.webhook.outcomes import Accepted, Confirms, NeedsCertificate, Outcome, Refused

ARN = "arn:aws:sns:us-west-2:123456789012:MyTopic"
URL = "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem"
SUBSCRIBE = f"https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&TopicArn={ARN}&Token=2336412f37"
WEBHOOK = Webhook(check=Sns((ARN,)), preset=Preset.SNS)
SUBSCRIPTION = f"{ARN}:c9135db0-26c4-47ec-8998-413945fb5a96"

SIGNED = {"Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(key: Key | None = None, *, days: int = 1, since: int = -1) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now, own = datetime.fromtimestamp(NOW, UTC), key or rsa_key()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(own.public_key())
        .serial_number(1)
        .not_valid_before(now + timedelta(days=since))
        .not_valid_after(now + timedelta(days=days) if days > 0 else now - timedelta(hours=1))
        .sign(own, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def message(kind: str = "Notification", **changes: Any) -> dict[str, Any]:
    """Signed as Amazon says: name and value of each word, each with a line end, in the order of the alphabet."""
    words = {
        "Type": kind,
        "MessageId": "22b80b92",
        "TopicArn": ARN,
        "Message": "Hello\n",
        "Timestamp": "2012-05-02T00:54:06.655Z",
    }
    words |= {"Subject": "My First"} if kind == "Notification" else {"SubscribeURL": SUBSCRIBE, "Token": "2336412f37"}
    words |= {"SignatureVersion": "1", "SigningCertURL": URL} | changes
    words = {name: held for name, held in words.items() if held is not None}
    names = sorted(
        {"Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"} & words.keys()
    )
    text = "".join(f"{name}\n{words[name]}\n" for name in names)
    algorithm = hashes.SHA1() if words["SignatureVersion"] == "1" else hashes.SHA256()
    signature = rsa_key().sign(text.encode(), padding.PKCS1v15(), algorithm)
    return {**words, "Signature": base64.b64encode(signature).decode()}


def outcome(body: Any, pem: bytes | None = None, /, **headers: str) -> Outcome:
    made = request(body, content_type="text/plain; charset=UTF-8", **headers)
    return convert.outcome(made, WEBHOOK, given(certificates={URL: pem or certificate()}))


def attributes(body: Any, /, **headers: str) -> dict[str, str]:
    found = outcome(body, **headers)
    assert isinstance(found, Accepted), found
    return dict(found.events[0].attributes)


def test_a_notification_by_the_document() -> None:
    found = attributes(message(), x_amz_sns_subscription_arn=SUBSCRIPTION)
    assert found == {
        "specversion": "1.0",
        "id": "22b80b92",
        "source": SUBSCRIPTION,
        "type": "com.amazonaws.sns.Notification",
        "datacontenttype": "application/json",
        "subject": "My First",
        "time": "2012-05-02T00:54:06.655Z",
    }


def test_an_unsubscribe_confirmation_by_the_document() -> None:
    found = attributes(message("UnsubscribeConfirmation"), x_amz_sns_subscription_arn=SUBSCRIPTION)
    assert (found["type"], found["source"]) == ("com.amazonaws.sns.UnsubscribeConfirmation", SUBSCRIPTION)
    assert "subject" not in found
    forged = {**message("UnsubscribeConfirmation"), "Subject": "of which no signature speaks"}
    assert "subject" not in attributes(forged)


def test_a_field_that_nobody_signed_gives_no_other_source() -> None:
    assert attributes(message(), x_amz_sns_subscription_arn="arn:aws:sns:us-west-2:6:Other:1")["source"] == ARN
    assert attributes(message())["source"] == ARN


def test_both_versions_of_signatures_are_taken() -> None:
    assert isinstance(outcome(message(SignatureVersion="2")), Accepted)
    assert isinstance(outcome(message(Subject=None)), Accepted)
    assert isinstance(outcome({**message(Subject=None), "Subject": None}), Accepted)


def test_a_word_that_must_be_there_is_missed_however_well_the_rest_is_signed() -> None:
    for word in ("Message", "MessageId", "Timestamp"):
        assert isinstance(outcome(message("Notification", **dict[str, Any].fromkeys((word,)))), Refused)


def test_the_other_spelling_of_the_certificates_url_is_read() -> None:
    made = request(message(SigningCertURL=None, SigningCertUrl=URL))
    assert convert.outcome(made, WEBHOOK, given()) == NeedsCertificate(URL)


def test_years_later_it_is_still_taken() -> None:
    """SNS tries for weeks, and its time is that of the publication."""
    assert isinstance(outcome(message(Timestamp="2001-01-01T00:00:00.000Z")), Accepted)


@pytest.mark.parametrize(
    "change",
    [
        {"Message": "another"},
        {"MessageId": "another"},
        {"Subject": "another"},
        {"Signature": "AAAA"},
        {"Signature": "é"},
        {"Signature": None},
        {"Signature": "!" + message()["Signature"]},
        {"SignatureVersion": "2"},
        {"SignatureVersion": "3"},
        {"Type": "SubscriptionConfirmation"},
        {"Type": "Other"},
        {"Message": 1},
    ],
)
def test_what_amazon_did_not_sign_is_refused(change: dict[str, Any]) -> None:
    refused = outcome({**message(), **change})
    assert isinstance(refused, Refused)
    assert refused.status == 401


@pytest.mark.parametrize(
    "pem",
    [
        certificate(days=0),
        certificate(days=3, since=2),
        certificate(ec.generate_private_key(ec.SECP256R1())),
        b"",
        b"-----BEGIN CERTIFICATE-----",
    ],
    ids=["expired", "not valid yet", "no RSA", "empty", "torn"],
)
def test_a_certificate_that_is_none(pem: bytes) -> None:
    made = request(message())
    refused = convert.outcome(made, WEBHOOK, given(certificates={URL: pem}))
    assert isinstance(refused, Refused)
    assert refused.status == 401


@pytest.mark.parametrize("arn", ["arn:aws:sns:us-west-2:999999999999:MyTopic", ARN + "2", "", None])
def test_the_topic_of_anybody_else_is_refused_however_well_it_is_signed(arn: str | None) -> None:
    refused = outcome(message(TopicArn=arn))
    assert isinstance(refused, Refused)
    assert refused.status == 403


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.us-west-2.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.us-west-2.amazonaws.com.evil.com/SimpleNotificationService-1.pem",
        "https://evil.com/sns.us-west-2.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.us-west-2.amazonaws.com@evil.com/SimpleNotificationService-1.pem",
        "https://sns.us-west-2.amazonaws.com:444/SimpleNotificationService-1.pem",
        "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-1.pem?x",
        "https://sns.us-west-2.amazonaws.com/../SimpleNotificationService-1.pem",
        "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-1.pem\n",
        "https://bucket.s3.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.us_west.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.us-west-2.amazonaws.comxcn/SimpleNotificationService-1.pem",
        "https://169.254.169.254/SimpleNotificationService-1.pem",
        "",
        None,
    ],
)
def test_no_other_certificate_is_asked_for(url: str | None) -> None:
    refused = outcome(message(SigningCertURL=url))
    assert isinstance(refused, Refused)
    assert refused.status == 401


@pytest.mark.parametrize("url", [URL, URL.replace("us-west-2.amazonaws.com", "cn-north-1.amazonaws.com.cn")])
def test_a_certificate_is_asked_for_once_it_is_amazons(url: str) -> None:
    made = request(message(SigningCertURL=url))
    assert convert.outcome(made, WEBHOOK, given()) == NeedsCertificate(url)


def test_a_subscription_is_confirmed_where_amazon_says() -> None:
    assert outcome(message("SubscriptionConfirmation")) == Confirms(SUBSCRIBE)


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.us-west-2.amazonaws.com.evil.com/?Action=ConfirmSubscription",
        "http://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription",
        "https://sns.us-west-2.amazonaws.com/other?Action=ConfirmSubscription",
        "https://sns.us-west-2.amazonaws.com/?Action=Confirm#@evil.com",
        "https://sns.us-west-2.amazonaws.com\\@evil.com/?a",
        "http://127.0.0.1/?a",
    ],
)
def test_no_other_url_is_asked(url: str) -> None:
    refused = outcome(message("SubscriptionConfirmation", SubscribeURL=url))
    assert isinstance(refused, Refused)
    assert refused.status == 400


@pytest.mark.parametrize("body", [b"", b"raw message", b"[]", b"\xff"])
def test_what_is_no_message_is_refused(body: bytes) -> None:
    assert isinstance(outcome(body), Refused)
