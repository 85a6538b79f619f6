"""Who a request comes from, where no vendor's library says so."""

import base64
import hmac

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from tests.unit.webhook.requests import NOW, SECRET, outcome, request
from tradewind.resources.webhooks import (
    Algorithm,
    Basic,
    Bearer,
    Check,
    Encoding,
    Hmac,
    Sns,
    StandardWebhooks,
    Stripe,
    Token,
    Webhook,
)
from tradewind.sources.webhook import verify
from tradewind.sources.webhook.outcomes import Accepted, Refused
from tradewind.sources.webhook.request import Request
from tradewind.sources.webhook.verify import usable

BODY = b'{"a": 1}'


def taken(of: Request, check: Check, *secrets: bytes) -> bool:
    found = outcome(of, Webhook(check=check), *secrets)
    assert isinstance(found, Accepted) or (isinstance(found, Refused) and found.status == 401)
    return isinstance(found, Accepted)


@pytest.mark.parametrize("algorithm", Algorithm)
@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("prefix", ["", "sha256=", "v0:"])
def test_an_hmac_of_the_raw_body(algorithm: Algorithm, encoding: Encoding, prefix: str) -> None:
    check = Hmac("x-signature", algorithm, encoding, prefix)
    made = hmac.digest(SECRET, BODY, algorithm.value)
    written = prefix + (made.hex() if encoding is Encoding.HEX else base64.b64encode(made).decode())
    assert taken(request(BODY, x_signature=written), check)
    assert taken(request(BODY, x_signature=f"{prefix}00, {written}"), check), "several signatures, one is right"
    assert taken(request(BODY, x_signature=written), check, b"new", SECRET)
    assert not taken(request(BODY + b" ", x_signature=written), check)
    assert not taken(request(BODY, x_signature=written[:-2]), check)
    assert not taken(request(BODY, x_signature=f"x{written}"), check)
    assert not taken(request(BODY, x_signature="?" * len(prefix) + written[len(prefix) :]), check) or not prefix
    assert not taken(request(BODY, x_other=written), check)
    assert not taken(request(BODY, x_signature=written), check, b"new")


def test_hexadecimal_may_be_in_capitals_and_base64_may_not() -> None:
    made = hmac.digest(SECRET, BODY, "sha256")
    assert taken(request(BODY, s=made.hex().upper()), Hmac("s"))
    assert not taken(request(BODY, s=base64.b64encode(made).upper()), Hmac("s", encoding=Encoding.BASE64))


def test_a_signature_twice_is_none() -> None:
    made = hmac.digest(SECRET, BODY, "sha256").hex().encode()
    twice = outcome(Request([(b"s", made), (b"s", made)], b"", BODY), Webhook(check=Hmac("s")))
    assert isinstance(twice, Refused)
    assert str(twice.faults[0]).startswith("s: found 2 of them")


def test_more_signatures_than_anybody_makes_are_not_looked_at() -> None:
    made = hmac.digest(SECRET, BODY, "sha256").hex()
    assert taken(request(BODY, s=",".join(["0"] * 7 + [made])), Hmac("s"))
    assert not taken(request(BODY, s=",".join(["0"] * 8 + [made])), Hmac("s"))


def test_what_is_wrong_is_never_shown() -> None:
    refused = outcome(request(BODY, authorization="Bearer almost-the-secret"), Webhook(check=Bearer()))
    assert isinstance(refused, Refused)
    assert "almost" not in str(refused)


@pytest.mark.parametrize("header", ["s", "authorization", "webhook-signature"])
@pytest.mark.parametrize("value", [b"\xff\xfe\x80", "Bearer é".encode(), b"Basic \xff", b"v1,\xff", b""])
def test_a_signature_beyond_ascii_is_another(header: str, value: bytes) -> None:
    of = Request([(header.encode(), value), (b"webhook-id", b"1"), (b"webhook-timestamp", b"%d" % NOW)], b"", BODY)
    for check in (Hmac("s"), Token("s"), Bearer(), Basic("u"), StandardWebhooks()):
        assert not taken(of, check)


def test_a_bearer_comes_in_a_field_or_in_the_url() -> None:
    assert taken(request(BODY, authorization=b"Bearer " + SECRET), Bearer())
    assert taken(request(BODY, authorization=b"bearer " + SECRET), Bearer())
    assert taken(request(BODY, b"access_token=It%27s+a+Secret+to+Everybody"), Bearer())
    assert taken(request(BODY, b"access_token=%C3%A9"), Bearer(), "é".encode())
    assert taken(request(BODY, b"k=It%27s+a+Secret+to+Everybody"), Bearer("k"))
    assert not taken(request(BODY, b"k=It%27s+a+Secret+to+Everybody"), Bearer())
    assert not taken(request(BODY, b"access_token=x&access_token=It%27s+a+Secret+to+Everybody"), Bearer())
    assert not taken(request(BODY, authorization=b"Basic " + SECRET), Bearer())
    assert not taken(request(BODY, b"&".join([b"a=1"] * 201) + b"&access_token=x"), Bearer(), b"x")


def test_basic_is_the_user_and_any_of_the_passwords() -> None:
    def by(text: str) -> Request:
        return request(BODY, authorization="Basic " + base64.b64encode(text.encode()).decode())

    assert taken(by("prometheus:p:w"), Basic("prometheus"), b"old", b"p:w")
    for wrong in ("prometheus:other", "other:p:w", "prometheus", ""):
        assert not taken(by(wrong), Basic("prometheus"), b"p:w")
    assert not taken(request(BODY, authorization="Basic !!!"), Basic("prometheus"), b"p:w")
    for scheme, right in (("Basic", True), ("basic", True), ("Bearer", False)):
        made = request(BODY, authorization=f"{scheme} {base64.b64encode(b'prometheus:p:w').decode()}")
        assert taken(made, Basic("prometheus"), b"p:w") is right


def test_standard_webhooks_take_keys_that_are_no_base64_as_they_are() -> None:
    signed = hmac.digest(b"not base64!", b"1.%d." % NOW + BODY, "sha256")
    of = request(
        BODY, webhook_id="1", webhook_timestamp=str(int(NOW)), webhook_signature=b"v1," + base64.b64encode(signed)
    )
    assert taken(of, StandardWebhooks(), b"not base64!")


def by_standard(*signatures: str, identity: str = "1", away: int = 0) -> Request:
    """Signed with `SECRET`, the signature in place of each `@`."""
    moment = str(int(NOW) + away)
    made = hmac.digest(SECRET, b".".join((identity.encode(), moment.encode(), BODY)), "sha256")
    written = " ".join(signatures).replace("@", base64.b64encode(made).decode())
    return request(BODY, webhook_id=identity, webhook_timestamp=moment, webhook_signature=written)


def test_a_signature_of_standard_webhooks_is_of_the_first_version_and_among_the_first_eight() -> None:
    check = StandardWebhooks()
    assert taken(by_standard("v1,@"), check)
    assert not taken(by_standard("v2,@"), check)
    assert taken(by_standard(*["v1,x"] * 7, "v1,@"), check)
    assert not taken(by_standard(*["v1,x"] * 8, "v1,@"), check)
    assert not taken(by_standard("v1,@", identity=""), check), "an identity that is empty is none"


@pytest.mark.parametrize("away", [-300, 300])
def test_the_edge_of_the_window_is_within_it(away: int) -> None:
    assert taken(by_standard("v1,@", away=away), StandardWebhooks())
    assert not taken(by_standard("v1,@", away=away + away // 300), StandardWebhooks())


def by_stripe(form: str) -> Request:
    """Signed with `SECRET` at this moment, the signature in place of `@`."""
    made = hmac.digest(SECRET, b"%d." % NOW + BODY, "sha256").hex()
    return request(BODY, stripe_signature=form.replace("@", made).replace("NOW", str(int(NOW))))


@pytest.mark.parametrize(
    ("form", "right"),
    [
        ("t=NOW,v1=@", True),
        ("t=NOW, v1=@", True),
        ("t=NOW,v1=x,v1=@", True),
        ("t=NOW,v0=@", False),
        ("t=NOW,v0=@,v1=x", False),
        ("t=NOW,t=1,v1=@", False),
        ("v1=@", False),
        ("t=NOW", False),
        ("t=NOW," + "v1=x," * 7 + "v1=@", True),
        ("t=NOW," + "v1=x," * 8 + "v1=@", False),
    ],
)
def test_what_stripes_field_must_hold(form: str, right: bool) -> None:
    assert taken(by_stripe(form), Stripe()) is right


@pytest.mark.parametrize("timestamp", ["", "-1", "1e9", "٣", "9" * 13, "9" * 5000, "1700000000.0"])
def test_a_timestamp_is_digits(timestamp: str) -> None:
    of = request(BODY, webhook_id="1", webhook_timestamp=timestamp.encode(), webhook_signature="v1,x")
    assert not taken(of, StandardWebhooks())


def test_standard_webhooks_need_an_identity_and_a_timestamp() -> None:
    assert not taken(request(BODY, webhook_timestamp=str(int(NOW))), StandardWebhooks())
    assert not taken(request(BODY, webhook_id="1"), StandardWebhooks())


def test_the_line_end_behind_a_secret_is_none_of_it() -> None:
    assert usable(b"secret\r\n") == usable(b"secret\n") == b"secret"
    assert usable(b"\n") == b""


@examples(st.lists(st.tuples(st.sampled_from([b"s", b"authorization", b"stripe-signature"]), st.binary())), st.binary())
def test_nothing_that_anybody_sends_is_taken_or_raises(headers: list[tuple[bytes, bytes]], query: bytes) -> None:
    for check in (Hmac("s"), Token("s"), Bearer(), Basic("u")):
        assert not taken(Request(headers, query, BODY), check, b"a secret that nobody guesses")


def test_of_sns_its_own_module_says() -> None:
    assert verify.fault(request(), Sns(()), (), NOW) is None
