"""What a request's head alone shows to be wrong, before anything of its body is read."""

from tradewind.errors import Fault, Rejected
from tradewind.events.attributes import shown
from tradewind.events.http import RawHeaders
from tradewind.web import framing, handshakes

MAX_FIELDS = 200
"""Header fields of one request."""

_LENGTH = b"content-length"
_FRAMES = frozenset({_LENGTH, b"transfer-encoding", b"content-encoding"})
"""Header fields that say how a body is framed and coded."""


def wrong(method: str, headers: RawHeaders, version: str, *, most: int, head: int) -> Rejected | None:
    """Why a request is refused; None where nothing is wrong with its head.

    `version` is that of HTTP (`1.1`); `most` are the bytes that its body may have, `head` those of its header fields.
    """
    if method != "POST":
        fault = Fault("method", shown(method), "POST", "RFC 9110 15.5.6")
        return Rejected(405, "Webhooks come by POST.", faults=(fault,), headers={"Allow": handshakes.ALLOWED})
    size, judged = 0, []
    for name, value in headers:
        size += len(name) + len(value) + 4
        if name in _FRAMES:
            judged.append((name, value))
    if len(headers) > MAX_FIELDS or size > head:
        expected = f"at most {MAX_FIELDS} fields and {head} bytes"
        return Rejected(431, "The head is too large.", faults=(Fault("headers", "more", expected),))
    if len(judged) == 1 and judged[0][0] == _LENGTH and judged[0][1].isdigit():  # which is as plain as it gets
        announced = int(judged[0][1])
    else:
        if (found := framing.misframed(judged, version) or framing.coded(judged)) is not None:
            return found
        announced = framing.announced(judged)
    return too_large(f"Content-Length {announced}", most) if announced > most else None


def too_large(found: str, most: int) -> Rejected:
    """A body that is larger than it may be."""
    fault = Fault("body", found, f"at most {most} bytes (maxBodyBytes, --max-event-bytes)", "RFC 9110 15.5.14")
    return Rejected(413, "The body is too large.", faults=(fault,))
