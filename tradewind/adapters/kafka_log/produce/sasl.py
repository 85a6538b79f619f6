"""What a client says to be let in, by mechanism.  Pure: a conversation yields what to send and is sent what came back.

PLAIN         user and password                                                          RFC 4616
SCRAM         a nonce ► salt, iterations ► a proof ► the server's own signature          RFC 5802, 7677
OAUTHBEARER   a token; what comes back is empty, or says why it is refused               RFC 7628

It ends when nothing more is to be sent, or raises LogDenied.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Generator

from tradewind.errors import LogDenied

Conversation = Generator[bytes, bytes, None]

HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
"""Python's names."""

ITERATIONS = range(4096, 1_000_001)
"""Kafka's own least; and more than a million would keep us for a second."""

GS2 = b"n,,"
"""No channel binding, and nobody else's name."""


def plain(user: str, password: str) -> Conversation:
    """PLAIN."""
    yield f"\0{user}\0{password}".encode()


def oauthbearer(token: str) -> Conversation:
    """OAUTHBEARER."""
    refused = yield GS2 + f"\1auth=Bearer {token}\1\1".encode()
    if refused:
        yield b"\1"  # RFC 7628, 3.2.3: only then does the server say that it has failed
        raise LogDenied(f"the token is refused: {refused[:200].decode(errors='replace')}")


def scram(hash_name: str, user: str, password: str, nonce: str) -> Conversation:
    """SCRAM, with a nonce of the client's (printable, no comma).  Name and password are taken as UTF-8, as Kafka does,
    and not prepared further (RFC 4013)."""
    bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={nonce}".encode()
    challenge = yield GS2 + bare
    said = _attributes(challenge)
    try:
        salt = base64.b64decode(said["s"], validate=True)
        iterations = int(said["i"])
        whole = said["r"]
    except (KeyError, ValueError, binascii.Error):
        raise LogDenied(f"its challenge cannot be read{_error(said)}") from None
    if not whole.startswith(nonce) or whole == nonce:
        raise LogDenied("its challenge is not for us: the nonce is another one")
    if iterations not in ITERATIONS:
        raise LogDenied(f"it asks for {iterations} iterations, expected {ITERATIONS[0]} to {ITERATIONS[-1]}")
    salted = hashlib.pbkdf2_hmac(hash_name, password.encode(), salt, iterations)
    key = _hmac(hash_name, salted, b"Client Key")
    stored = hashlib.new(hash_name, key).digest()
    final = b"c=" + base64.b64encode(GS2) + b",r=" + whole.encode()
    signed = b",".join((bare, challenge, final))
    proof = bytes(a ^ b for a, b in zip(key, _hmac(hash_name, stored, signed), strict=True))
    end = _attributes((yield final + b",p=" + base64.b64encode(proof)))
    signature = base64.b64encode(_hmac(hash_name, _hmac(hash_name, salted, b"Server Key"), signed))
    if not hmac.compare_digest(end.get("v", "").encode(), signature):
        raise LogDenied(f"it does not know the password itself: its signature is wrong{_error(end)}")


def _hmac(hash_name: str, key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, hash_name)


def _attributes(message: bytes) -> dict[str, str]:
    """A message's `name=value` pairs; what is no ASCII is none."""
    pairs = (part.split("=", 1) for part in message.decode("ascii", "replace").split(","))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def _error(said: dict[str, str]) -> str:
    return f" ({said['e']})" if "e" in said else ""
