"""What is answered to who only asks: senders that want to know whether they may, and probes of the network."""

import re

from tradewind.events.http import RawHeaders

ALLOWED = "POST, OPTIONS"
"""Methods a Broker's path answers."""

_PRINTABLE = re.compile(rb"[\t -~]*")
"""What may be given back in a field of an answer (RFC 9110 5.5)."""


def handshake(headers: RawHeaders) -> dict[str, str]:
    """The answer to OPTIONS: any sender may send at any rate (http-webhook.md 4.2)."""
    consent = {"Allow": ALLOWED}
    for name, value in headers:
        if name.lower() == b"webhook-request-origin":
            origin = value.decode() if _PRINTABLE.fullmatch(value) else "*"
            return {**consent, "WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"}
    return consent


def probe(headers: RawHeaders) -> dict[str, str] | None:
    """The answer to a probe of Knative's networking layer, or None where the request is none."""
    given = {name.lower(): value for name, value in headers if name[:9].lower() == b"k-network"}
    if given.get(b"k-network-probe") != b"probe":
        return None
    digest = given.get(b"k-network-hash")
    return {"K-Network-Hash": digest.decode()} if digest is not None and _PRINTABLE.fullmatch(digest) else {}
