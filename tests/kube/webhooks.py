"""Webhook configurations for a webhook on loopback, as envtest changes them: a `url` instead of a Service."""

import base64
from collections.abc import Mapping

from tests.kube.api import Json


def called_at(configuration: Mapping[str, object], url: str, authority: bytes) -> Json:
    """A copy of a Validating- or MutatingWebhookConfiguration whose webhooks are called at `url` plus the path that
    their Service had, and trusted by this authority's certificate (PEM)."""
    changed: Json = dict(configuration)
    changed["webhooks"] = [
        {**webhook, "clientConfig": _client(webhook["clientConfig"], url, authority)} for webhook in changed["webhooks"]
    ]
    return changed


def _client(config: Json, url: str, authority: bytes) -> Json:
    path = config.get("service", {}).get("path", "")
    return {"url": url.rstrip("/") + path, "caBundle": base64.b64encode(authority).decode()}
