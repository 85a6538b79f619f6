"""What both ways of sending keep to: bounds of answers and of connections, and the words for errors."""

import errno
import os

from tradewind.config import KIB

ERROR_BYTES = 64 * KIB
"""Bytes of an answer's body that are read where it cannot be a reply; a dead letter keeps 1 KiB of them."""

MAX_HEAD_BYTES = 128 * KIB
"""Bytes of one line or field of an answer's head: a reply may lie wholly in its headers, as at the ingress."""

KEEP_ALIVE = 4.0
"""Seconds an idle connection is kept.  Below the 5 s after which uvicorn's and Node's servers close theirs."""

PER_HOST = 1024
"""Connections to one host and port.  Above any Trigger's width, which is what bounds deliveries; there is no bound
over all hosts, so that one slow subscriber takes no other's place."""

REPLIES = frozenset({200, 201})
"""Only these may carry a reply (knative-eventing §2.3)."""

HEAD_START = 0.25
"""Seconds that one address of a name has before the next is tried beside it (RFC 8305)."""


def words(error: OSError) -> str:
    """The system's own words for an error, in lower case; of several addresses tried the last one's."""
    if error.errno is None:
        return str(error) or type(error).__name__
    if error.errno in (errno.ECONNRESET, errno.EPIPE):
        return "connection reset"
    return os.strerror(error.errno).lower()
