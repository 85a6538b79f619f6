"""Requests and sources as the tests of webhooks make them."""

import json
from collections.abc import Mapping
from typing import Any

from tradewind.events.model import Event
from tradewind.resources.webhooks import OWN_CHECKS, Preset, Webhook
from tradewind.sources.webhook import convert
from tradewind.sources.webhook.outcomes import Accepted, Outcome
from tradewind.sources.webhook.request import Request

NOW = 1_700_000_000.0
STAMP = "2023-11-14T22:13:20Z"
SECRET = b"It's a Secret to Everybody"
URI = "/apis/sources.tradewind.dev/v1alpha1/namespaces/default/webhooksources/w"
CHANCE = "00000000-0000-4000-8000-000000000000"

ANYBODY = Webhook()


def request(body: bytes | Mapping[str, Any] = b"", query: bytes = b"", /, **headers: str | bytes) -> Request:
    """Names of header fields with `_` for `-`; a mapping is a body of JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = [
        (name.replace("_", "-").encode(), value if isinstance(value, bytes) else value.encode())
        for name, value in headers.items()
    ]
    return Request(fields, query, content)


def given(*secrets: bytes, now: float = NOW, certificates: Mapping[str, bytes] | None = None) -> convert.Given:
    return convert.Given(URI, secrets or (SECRET,), 1024 * 1024, now, CHANCE, certificates or {})


def outcome(of: Request, webhook: Webhook = ANYBODY, *secrets: bytes, now: float = NOW) -> Outcome:
    return convert.outcome(of, webhook, given(*secrets, now=now))


def event(of: Request, webhook: Webhook = ANYBODY, *secrets: bytes) -> Event:
    """The one event that it becomes."""
    found = outcome(of, webhook, *secrets)
    assert isinstance(found, Accepted), found
    (one,) = found.events
    return one


def unsigned(preset: Preset, **more: Any) -> Webhook:
    """A preset whose senders are not asked who they are."""
    return Webhook(preset=preset, **more)


def signed(preset: Preset, **more: Any) -> Webhook:
    return Webhook(check=OWN_CHECKS[preset], preset=preset, **more)
