"""Requests that are no HTTP/1.1: what h11 says of them, in words that a sender can use.

h11 tells faults as text for programmers (`illegal header line: bytearray(b'…')`).  Here each becomes a Fault with its
path and what was expected; the bytes that h11 quotes are shown as all other faults show theirs.
"""

import ast
import re

from tradewind.broker import admission, heads
from tradewind.broker.limits import Limits
from tradewind.errors import Fault, Rejected
from tradewind.events.attributes import shown
from tradewind.web import framing

_QUOTED = re.compile(r"""b(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")
"""Bytes as Python writes them."""

_CHUNK = Fault("body", "something else", "chunks, each with its size in hexadecimal and an end of line", "RFC 9112 7.1")

_KNOWN = {
    "illegal request line": Fault("request line", "something else", "METHOD target HTTP/1.1", "RFC 9112 3"),
    "no request line": Fault("request line", "nothing", "METHOD target HTTP/1.1", "RFC 9112 3"),
    "illegal header line": Fault("headers", "something else", "lines of `name: value`", "RFC 9112 5"),
    "continuation line": Fault("headers", "a continued line at their start", "lines of `name: value`", "RFC 9112 5"),
    "Missing mandatory Host": Fault("Host", "nothing", "exactly one", "RFC 9112 3.2"),
    "Found multiple Host": Fault("Host", "more than one", "exactly one", "RFC 9112 3.2"),
    "illegal chunk header": _CHUNK,
    "malformed chunk footer": _CHUNK,
}
"""How h11's words begin, and what is told instead."""

_FRAMING = (
    "bad Content-Length",
    "conflicting Content-Length",
    "multiple Transfer-Encoding",
    "Only Transfer-Encoding",
)
"""How they begin where a head is well-formed, and does not say where its body ends."""

_CUT = "peer "
"""How h11's words begin where a request ends too early."""
_COUNTED = re.compile(r"received ([0-9]+) bytes, expected ([0-9]+)")

_OTHER = Fault("request", "something else", "HTTP/1.1", "RFC 9112")


def refusal(words: str, status: int, head: bytes, limits: Limits) -> Rejected:
    """The refusal for what h11 said of this head or its body, with the status it hinted at: 400, 431."""
    if status == 431:
        most = limits.header_bytes
        return admission.head_too_large([admission.head_bytes(f"more than {most} bytes", most)])
    if words.startswith(_FRAMING) and (rejected := _misframed(head, limits)):
        return rejected
    if words.startswith(_CUT):
        return _cut_short(words)
    known = next((fault for start, fault in _KNOWN.items() if words.startswith(start)), _OTHER)
    quoted = _QUOTED.search(words)
    found = shown(ast.literal_eval(quoted[0]).rstrip(b"\r\n")) if quoted else known.found
    fault = Fault(known.path, found, known.expected, known.rule)
    return Rejected(status, "This is not HTTP/1.1.", faults=[fault], headers=framing.CLOSING)


def _misframed(head: bytes, limits: Limits) -> Rejected | None:
    """Who posts hears of his event, too."""
    fields = heads.fields(head)
    return admission.unreadable(fields, limits) if head.startswith(b"POST ") else framing.misframed(fields, "1.1")


def _cut_short(words: str) -> Rejected:
    """h11 counts a body whose length is known."""
    if counted := _COUNTED.search(words):
        return admission.cut_short("body", came=int(counted[1]), announced=int(counted[2]))
    return admission.cut_short("body" if "message body" in words else "request")
