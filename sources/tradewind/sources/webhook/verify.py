"""Who a request comes from: each check of `spec.verify` and of the presets, over the raw body.

Secrets and signatures are compared as bytes and in constant time: `compare_digest` raises on text beyond ASCII, and
anybody may send that.  Of several secrets, and of several signatures in one field, any one is enough, so that secrets
can be replaced without a gap.  A timestamp is looked at only where each attempt is signed anew; elsewhere a repetition
is honest, and brings the same id.  SNS has a module of its own (`senders/sns.py`).
"""

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence

from tradewind.errors import Fault
from tradewind.events.attributes import shown
from tradewind.resources.webhooks import (
    Basic,
    Bearer,
    Check,
    Encoding,
    Hmac,
    Slack,
    StandardWebhooks,
    Stripe,
    Token,
)
from tradewind.sources.webhook.request import Request

MAX_SIGNATURES = 8
"""Signatures of one request that are looked at, for each secret."""

_AUTHORIZATION = "authorization"


def fault(request: Request, check: Check, secrets: Sequence[bytes], now: float) -> Fault | None:
    """What is wrong with who sent it, or None where that is right; `now` in seconds since the epoch."""
    match check:
        case Hmac():
            return _hmac(request, check, secrets)
        case Token(header):
            found = request.one(header)
            return None if found is not None and _among(found, secrets) else _wanted(request, header, "the secret word")
        case Bearer():
            return _bearer(request, check, secrets)
        case Basic():
            return _basic(request, check, secrets)
        case StandardWebhooks():
            return _standard(request, check, secrets, now)
        case Stripe():
            return _stripe(request, check, secrets, now)
        case Slack():
            return _slack(request, check, secrets, now)
        case _:  # SNS, of which `convert` asks by itself
            return None


def _among(found: bytes, known: Iterable[bytes]) -> bool:
    """Whether it is one of these; all are looked at, so that the time says nothing."""
    return any([hmac.compare_digest(found, one) for one in known])


def _wanted(request: Request, header: str, expected: str) -> Fault:
    """The fault of a field that is not right.  What was found is not shown: it may be a secret."""
    number = len(request.values(header))
    return Fault(header, ("nothing", "another value")[number] if number < 2 else f"{number} of them", expected)


def _hmac(request: Request, check: Hmac, secrets: Sequence[bytes]) -> Fault | None:
    algorithm = check.algorithm.value
    right = [hmac.digest(secret, request.body, algorithm) for secret in secrets]
    known = [base64.b64encode(one) if check.encoding is Encoding.BASE64 else one.hex().encode() for one in right]
    prefix = check.prefix.encode()
    for given in (request.one(check.header) or b"").split(b",", MAX_SIGNATURES)[:MAX_SIGNATURES]:
        found = given.strip()
        if not found.startswith(prefix):
            continue
        found = found[len(prefix) :]
        if _among(found.lower() if check.encoding is Encoding.HEX else found, known):
            return None
    shape = f"{check.prefix}<{check.encoding} of the body's HMAC-{check.algorithm.upper()}>"
    return _wanted(request, check.header, f"{shape} by a secret of this source")


def _bearer(request: Request, check: Bearer, secrets: Sequence[bytes]) -> Fault | None:
    scheme, _, found = (request.one(_AUTHORIZATION) or b"").partition(b" ")
    if scheme.lower() == b"bearer" and _among(found.strip(), secrets):
        return None
    parameter = request.parameters.get(check.parameter.encode())
    if parameter is not None and _among(parameter, secrets):
        return None
    return _wanted(request, _AUTHORIZATION, f"Bearer and a secret of this source, or it as `{check.parameter}`")


def _basic(request: Request, check: Basic, secrets: Sequence[bytes]) -> Fault | None:
    scheme, _, found = (request.one(_AUTHORIZATION) or b"").partition(b" ")
    if scheme.lower() == b"basic":
        username, _, password = (_decoded(found.strip()) or b"").partition(b":")
        named, known = hmac.compare_digest(username, check.username.encode()), _among(password, secrets)
        if named and known:
            return None
    return _wanted(request, _AUTHORIZATION, f"Basic with the user {check.username} and a secret of this source")


def _standard(request: Request, check: StandardWebhooks, secrets: Sequence[bytes], now: float) -> Fault | None:
    identity, timestamp = request.one("webhook-id"), request.one("webhook-timestamp")
    if not identity:
        return _wanted(request, "webhook-id", "an identity")
    if wrong := _stale(timestamp, "webhook-timestamp", check.tolerance, now):
        return wrong
    signed = b".".join((identity, timestamp or b"", request.body))
    known = [base64.b64encode(hmac.digest(_key(secret), signed, "sha256")) for secret in secrets]
    for given in (request.one("webhook-signature") or b"").split(b" ", MAX_SIGNATURES)[:MAX_SIGNATURES]:
        version, _, found = given.partition(b",")
        if version == b"v1" and _among(found, known):
            return None
    return _wanted(request, "webhook-signature", "v1,<signature by a secret of this source>")


def _key(secret: bytes) -> bytes:
    """Of Standard Webhooks: `whsec_` and Base64; what is none is the key itself."""
    return _decoded(secret.removeprefix(b"whsec_")) or secret


def _stripe(request: Request, check: Stripe, secrets: Sequence[bytes], now: float) -> Fault | None:
    header = "stripe-signature"
    parts = [part.strip().partition(b"=") for part in (request.one(header) or b"").split(b",")]
    times = [value for name, _, value in parts if name == b"t"]
    signatures = [value for name, _, value in parts if name == b"v1"][:MAX_SIGNATURES]
    if len(times) != 1 or not signatures:
        return _wanted(request, header, "t=<seconds>,v1=<signature>")
    if wrong := _stale(times[0], header, check.tolerance, now):
        return wrong
    signed = times[0] + b"." + request.body
    known = [hmac.digest(secret, signed, "sha256").hex().encode() for secret in secrets]
    if any([_among(one, known) for one in signatures]):
        return None
    return _wanted(request, header, "a v1 signature by a secret of this source")


def _slack(request: Request, check: Slack, secrets: Sequence[bytes], now: float) -> Fault | None:
    header, timestamp = "x-slack-signature", request.one("x-slack-request-timestamp")
    if wrong := _stale(timestamp, "x-slack-request-timestamp", check.tolerance, now):
        return wrong
    signed = b":".join((b"v0", timestamp or b"", request.body))
    known = [b"v0=" + hmac.digest(secret, signed, "sha256").hex().encode() for secret in secrets]
    found = request.one(header)
    return (
        None if found is not None and _among(found, known) else _wanted(request, header, "v0=<signature by a secret>")
    )


def _stale(timestamp: bytes | None, path: str, tolerance: float, now: float) -> Fault | None:
    if timestamp is None or not timestamp.isdigit() or len(timestamp) > 12:
        return Fault(path, "nothing" if timestamp is None else shown(timestamp), "seconds since the epoch")
    if abs(now - int(timestamp)) > tolerance:
        away = f"{abs(now - int(timestamp)):.0f} seconds {'ago' if now > int(timestamp) else 'ahead'}"
        return Fault(path, away, f"within {tolerance:g} seconds of now, so that nobody repeats an old request")
    return None


def _decoded(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def usable(secret: bytes) -> bytes:
    """A Secret's value as it is compared: without the line end that editors and `echo` leave behind it."""
    return secret.rstrip(b"\r\n")
