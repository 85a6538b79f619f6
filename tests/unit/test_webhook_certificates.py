"""Certificates: made, told from what a Secret holds, and taken by TLS."""

import base64
import ssl
import time
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.control.webhook import certificates, keeper
from tradewind.control.webhook.rotation import LIFE, SKEW, Kept, Pair

NAMES = ("tradewind-webhook.tradewind-system.svc", "127.0.0.1")
NOW = round(time.time())
PAIR, OTHER = certificates.make(NAMES, NOW), certificates.make(NAMES, NOW)
WHOLE = Kept(PAIR, OTHER, certificates.make(NAMES, NOW).authority, since=NOW)


def shaken(server: ssl.SSLContext, bundle: str, name: str) -> bytes:
    """The certificate that a client gets that trusts this bundle and asks for this name.  Raises ssl.SSLError."""
    client = ssl.create_default_context(cadata=bundle)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname=name)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (near, far, near, far):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    found = near.getpeercert(binary_form=True)
    assert found is not None
    return found


def serving(pair: Pair) -> ssl.SSLContext:
    tls = keeper.context()
    keeper.load(tls, pair)
    return tls


def test_a_pair_says_its_names_and_times() -> None:
    assert PAIR.names == set(NAMES)
    assert (PAIR.begins, PAIR.ends) == (NOW - SKEW, NOW + LIFE)
    assert PAIR.valid(NOW - SKEW + 1)


@pytest.mark.parametrize("name", NAMES)
def test_tls_takes_a_pair_for_each_of_its_names(name: str) -> None:
    assert shaken(serving(PAIR), PAIR.authority, name) == ssl.PEM_cert_to_DER_cert(PAIR.certificate)


def test_tls_takes_it_for_no_other_name_and_from_no_other_authority() -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shaken(serving(PAIR), PAIR.authority, "tradewind-webhook.other.svc")
    with pytest.raises(ssl.SSLCertVerificationError, match="verify failed"):
        shaken(serving(PAIR), OTHER.authority, NAMES[0])


def test_old_and_new_are_taken_with_both_in_the_bundle_and_a_context_changes_while_it_serves() -> None:
    tls = serving(PAIR)
    bundle = Kept(OTHER, previous=PAIR.authority).bundle
    assert shaken(tls, bundle, NAMES[0]) == ssl.PEM_cert_to_DER_cert(PAIR.certificate)
    keeper.load(tls, OTHER)
    assert shaken(tls, bundle, NAMES[0]) == ssl.PEM_cert_to_DER_cert(OTHER.certificate)


def test_nothing_older_than_tls_1_2_is_spoken() -> None:
    assert keeper.context().minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("kept", [Kept(), Kept(PAIR), replace(WHOLE, next=None), replace(WHOLE, previous=""), WHOLE])
def test_a_secret_holds_everything(kept: Kept) -> None:
    assert certificates.kept(certificates.data(kept)) == kept


def test_the_keys_of_the_secret_are_knatives() -> None:
    assert {"ca-cert.pem", "server-cert.pem", "server-key.pem"} <= certificates.data(Kept(PAIR)).keys()


def rsa_key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    shape = serialization.PrivateFormat.PKCS8
    return made.private_bytes(serialization.Encoding.PEM, shape, serialization.NoEncryption()).decode()


@pytest.mark.parametrize(
    "wrong",
    [
        replace(PAIR, key=OTHER.key),
        replace(PAIR, key=rsa_key()),
        replace(PAIR, key=""),
        replace(PAIR, authority=OTHER.authority),
        replace(PAIR, authority=""),
        replace(PAIR, certificate=OTHER.certificate),
        replace(PAIR, authority=PAIR.certificate, certificate=PAIR.certificate),
        replace(PAIR, certificate=PAIR.authority),
    ],
)
def test_a_pair_that_does_not_belong_together_is_none(wrong: Pair) -> None:
    assert certificates.kept(certificates.data(Kept(wrong))).current is None


def test_a_pair_of_a_curve_that_is_not_ours_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL would not serve this one: its key is too short."""
    with monkeypatch.context() as patched:
        patched.setattr(ec, "SECP256R1", ec.SECP192R1)
        short = certificates.make(NAMES, NOW)
    with pytest.raises(ssl.SSLError):
        serving(short)
    assert certificates.kept(certificates.data(Kept(short))).current is None


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (certificates.SINCE, "%%", replace(WHOLE, since=0.0)),
        (certificates.SINCE, "/w==", replace(WHOLE, since=0.0)),
        (certificates.SINCE, certificates.encoded("yesterday"), replace(WHOLE, since=0.0)),
        (certificates.SINCE, certificates.encoded("9" * 400), replace(WHOLE, since=0.0)),
        (certificates.PREVIOUS, certificates.encoded("none"), replace(WHOLE, previous="")),
        (certificates.NEXT + certificates.KEY, "", replace(WHOLE, next=None)),
        (certificates.KEY, "%%", replace(WHOLE, current=None)),
    ],
)
def test_what_is_damaged_counts_as_nothing_and_harms_nothing_else(name: str, value: str, expected: Kept) -> None:
    assert certificates.kept({**certificates.data(WHOLE), name: value}) == expected


def test_a_key_that_openssl_would_not_read_as_it_is_written_is_served() -> None:
    data = certificates.data(WHOLE)
    key = base64.b64decode(data[certificates.KEY]).decode()
    odd = key[:-1] + "!"
    with pytest.raises(ssl.SSLError):
        serving(replace(PAIR, key=odd))
    found = certificates.kept({**data, certificates.KEY: certificates.encoded(odd)}).current
    assert found == PAIR
    serving(found)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_whatever_a_secret_holds_is_read_without_failing_and_what_is_read_can_be_served(draw: st.DataObject) -> None:
    data = certificates.data(WHOLE)
    name = draw.draw(st.sampled_from(sorted(data)))
    text = bytearray(base64.b64decode(data[name]))
    for place in draw.draw(st.lists(st.integers(0, len(text) - 1), max_size=3)):
        text[place] = draw.draw(st.integers(0, 255))
    found = certificates.kept({**data, name: base64.b64encode(bytes(text)).decode()})
    for pair in (found.current, found.next):
        if pair:
            keeper.load(keeper.context(), pair)
