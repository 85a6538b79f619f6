"""The client-credentials flow (RFC 6749, 4.4), by which Kafka's clients get tokens (KIP-768).  Pure: what is asked, and
what an answer says."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tradewind.resources.kafka_auth import KafkaAuth

LIFETIME = 300.0
"""Seconds that a token counts where nobody says."""

FRESH = 0.75
"""Of a token's life, after which another is got."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token, when it was got and until when it counts (seconds since 1970)."""

    text: str = field(repr=False)
    since: float
    until: float

    def fresh(self, now: float) -> bool:
        """Whether it need not be replaced."""
        return now < self.since + FRESH * (self.until - self.since)


def question(auth: KafkaAuth) -> tuple[dict[str, str], bytes]:
    """Headers and body of what is POSTed.  Id and secret stand as they are, as with librdkafka and Kafka's own clients;
    RFC 6749, 2.3.1, would have them URL-encoded first."""
    pair = f"{auth.user}:{auth.password}".encode()
    headers = {
        "Authorization": f"Basic {base64.b64encode(pair).decode()}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }
    scope = {"scope": auth.scope} if auth.scope else {}
    return headers, urlencode({"grant_type": "client_credentials", **scope}).encode()


def token(answer: bytes, now: float) -> Token | None:
    """The token in an answer; None where there is none."""
    said = _object(answer)
    text = said.get("access_token")
    if not isinstance(text, str) or not text or not text.isascii() or not text.isprintable() or " " in text:
        return None
    seconds, until = _number(said.get("expires_in")), _number(_claims(text).get("exp"))
    if seconds is not None:
        until = now + seconds
    return Token(text, now, now + LIFETIME if until is None else until)


def fault(answer: bytes) -> str:
    """Why there is no token, in the endpoint's words; empty where it does not say."""
    said = _object(answer)
    words = [said[key] for key in ("error", "error_description") if isinstance(said.get(key), str)]
    return ": ".join(words)[:200]


def _claims(text: str) -> dict[str, Any]:  # Any: what JSON holds
    """What a token says of itself, if it is a JWT."""
    parts = text.split(".")
    if len(parts) != 3:
        return {}
    try:
        return _object(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}


def _object(text: bytes) -> dict[str, Any]:  # Any: what JSON holds
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: object) -> float | None:
    """A number of seconds that may be one."""
    there = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e12
    return float(value) if there else None  # type: ignore[arg-type]  # as has just been looked at
