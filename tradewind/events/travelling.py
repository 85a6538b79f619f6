"""Header fields that travel with an event to its subscribers, though they are none of its attributes.

What Knative's data plane passes on: `x-request-id`, `knative-…`, and the sender's trace, W3C's and B3's
(knative-eventing §2.1).  That nothing else does keeps credentials, cookies and what belongs to one hop where they are;
Knative's `retry-after` is left out, because a request says nothing by it.

A field stays behind, and its event does not, where the message's own Connection names it (RFC 9110 7.6.1), where its
value is no text that an attribute might hold, and where it would make them larger than MOST_BYTES.
"""

import re
from collections.abc import Sequence

from tradewind.events import attributes as rules
from tradewind.events.model import Headers

CONNECTION = "connection"

MOST_BYTES = 8 * 1024
"""Bytes of all of them, on the wire.  Each event of a batch gets them, and a topic's records leave room for them
beside the largest event (`topics.ENVELOPE_BYTES`)."""

_NAMES = frozenset({"x-request-id", "traceparent", "tracestate", "b3"})
_FAMILY = re.compile(r"(?:knative|x-b3)-[!#$%&'*+\-.^_`|~0-9a-z]++")
_BESIDE = len(": \r\n")


def travels(name: str) -> bool:
    """Whether a field of this name, in lower case, is for the subscriber."""
    return name in _NAMES or _FAMILY.fullmatch(name) is not None


def kept(found: Sequence[tuple[str, bytes]]) -> Headers:
    """The fields that travel, out of those that may (`travels`), in their order; a Connection among them is heeded."""
    of_this_hop = {
        option.strip().lower()
        for name, raw in found
        if name == CONNECTION
        for option in raw.decode("latin-1").split(",")
    }
    taken: list[tuple[str, str]] = []
    left = MOST_BYTES
    for name, raw in found:
        text = _text(raw.strip(b" \t"))
        size = len(name) + len(raw) + _BESIDE
        if name != CONNECTION and name not in of_this_hop and text is not None and size <= left:
            taken.append((name, text))
            left -= size
    return tuple(taken)


def _text(raw: bytes) -> str | None:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    return text if rules.is_text(text) else None
