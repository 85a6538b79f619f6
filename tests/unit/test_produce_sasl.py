"""What is said to be let in, by the examples of the RFCs."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind.adapters.kafka_log.produce.sasl import Conversation, oauthbearer, plain, scram
from tradewind.errors import LogDenied

NONCE = "fyko+d2lbbFgONRv9qkxdawL"
EXAMPLES = [
    (  # RFC 5802, 5
        ("sha1", "user", "pencil", NONCE),
        b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    (  # RFC 7677, 3
        ("sha256", "user", "pencil", "rOprNGfwEbeRWgbNEkqO"),
        b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
]
FIRST = EXAMPLES[0][2]
TEXT = st.text(st.characters(codec="utf-8"), min_size=1)


def over(talk: Conversation, said: bytes) -> bool:
    """Whether nothing more is to be sent."""
    try:
        talk.send(said)
    except StopIteration:
        return True
    return False


@pytest.mark.parametrize(("who", "first", "challenge", "final", "end"), EXAMPLES)
def test_the_examples_of_the_rfcs(
    who: tuple[str, str, str, str], first: bytes, challenge: bytes, final: bytes, end: bytes
) -> None:
    talk = scram(*who)
    assert next(talk) == first
    assert talk.send(challenge) == final
    assert over(talk, end)


def test_plain_is_one_message() -> None:
    talk = plain("adá", "sécret")
    assert next(talk) == b"\0ad\xc3\xa1\0s\xc3\xa9cret"
    assert over(talk, b"")


def test_a_token_is_taken() -> None:
    talk = oauthbearer("abc.def.")
    assert next(talk) == b"n,,\1auth=Bearer abc.def.\1\1"
    assert over(talk, b"")


def test_a_token_is_refused() -> None:
    talk = oauthbearer("abc.def.")
    next(talk)
    assert talk.send(b'{"status":"invalid_token"}') == b"\1"
    with pytest.raises(LogDenied, match=r'^the token is refused: {"status":"invalid_token"}$'):
        talk.send(b"")


@pytest.mark.parametrize(
    ("challenge", "why"),
    [
        (b"", "^its challenge cannot be read$"),
        (b"\xff\xff", "^its challenge cannot be read$"),
        (b"e=unknown-user", r"^its challenge cannot be read \(unknown-user\)$"),
        (FIRST.replace(b"i=4096", b"i=many"), "^its challenge cannot be read$"),
        (FIRST.replace(b"s=QS", b"s=*S"), "^its challenge cannot be read$"),
        (FIRST.replace(b"r=f", b"r=g"), "^its challenge is not for us: the nonce is another one$"),
        (f"r={NONCE},s=QSXCR+Q6sek8bf92,i=4096".encode(), "^its challenge is not for us: the nonce is another one$"),
        (FIRST.replace(b"4096", b"4095"), "^it asks for 4095 iterations, expected 4096 to 1000000$"),
        (FIRST.replace(b"4096", b"1000001"), "^it asks for 1000001 iterations, expected 4096 to 1000000$"),
    ],
)
def test_a_challenge_that_is_none(challenge: bytes, why: str) -> None:
    talk = scram("sha1", "user", "pencil", NONCE)
    next(talk)
    with pytest.raises(LogDenied, match=why):
        talk.send(challenge)


@pytest.mark.parametrize(
    ("end", "more"),
    [
        (b"v=rmF9pqV8S7suAoZWja4dJRkFsKR=", ""),
        (b"", ""),
        (b"v=\xff", ""),
        (b"e=invalid-proof", r" \(invalid-proof\)"),
    ],
)
def test_a_server_that_does_not_know_the_password(end: bytes, more: str) -> None:
    talk = scram("sha1", "user", "pencil", NONCE)
    next(talk)
    talk.send(FIRST)
    with pytest.raises(LogDenied, match=f"^it does not know the password itself: its signature is wrong{more}$"):
        talk.send(end)


@settings(max_examples=20)
@given(user=TEXT, password=TEXT, salt=st.binary(min_size=1, max_size=32))
def test_a_server_that_knows_the_password_is_convinced_and_convinces(user: str, password: str, salt: bytes) -> None:
    """The server's side of RFC 5802, 3, by the text of it."""
    talk = scram("sha512", user, password, NONCE)
    bare = next(talk).removeprefix(b"n,,")
    name = bare.removesuffix(b",r=" + NONCE.encode()).removeprefix(b"n=")
    assert b"," not in name
    assert name.replace(b"=2C", b",").replace(b"=3D", b"=").decode() == user
    first = f"r={NONCE}more,s={base64.b64encode(salt).decode()},i=4096".encode()
    final = talk.send(first)
    without, proof = final.rsplit(b",p=", 1)
    salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 4096)
    signed = bare + b"," + first + b"," + without
    stored = hashlib.sha512(hmac.digest(salted, b"Client Key", "sha512")).digest()
    signature = hmac.digest(stored, signed, "sha512")
    key = bytes(a ^ b for a, b in zip(base64.b64decode(proof), signature, strict=True))
    assert hashlib.sha512(key).digest() == stored
    own = hmac.digest(hmac.digest(salted, b"Server Key", "sha512"), signed, "sha512")
    assert over(talk, b"v=" + base64.b64encode(own))
