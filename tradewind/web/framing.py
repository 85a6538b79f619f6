"""How a request's body is framed and coded: what its head must say of it, so that what is stored is what was sent."""

import re

from tradewind.errors import Fault, Rejected
from tradewind.events.attributes import shown
from tradewind.events.http import RawHeaders

CLOSING = {"Connection": "close"}
"""What an answer carries after which nothing more is read."""

_ANNOUNCED = re.compile(rb"[0-9]{1,20}")
"""What h11 takes, too.  More digits tell no number of bytes that anybody has."""


def misframed(headers: RawHeaders, version: str) -> Rejected | None:
    """400, 411 or 501 where nobody can say for sure where the body ends; `version` is that of HTTP."""
    lengths, codings = _lengths(headers), _values(headers, b"transfer-encoding")
    faults = []
    if lengths and codings:
        expected = "one of Content-Length and Transfer-Encoding"
        faults.append(Fault("Content-Length", "it beside Transfer-Encoding", expected, "RFC 9112 6.1"))
    if len(lengths) > 1:
        found = f"{len(lengths)} of them, {shown(b', '.join(lengths))}"
        faults.append(Fault("Content-Length", found, "at most one", "RFC 9112 6.3"))
    wrong = [length for length in lengths if not _ANNOUNCED.fullmatch(length)]
    expected = "a number of bytes, in at most 20 digits"
    faults += [Fault("Content-Length", shown(length), expected, "RFC 9110 8.6") for length in wrong]
    ambiguous = bool(faults)
    if [coding.lower() for coding in codings] not in ([], [b"chunked"]):
        faults.append(Fault("Transfer-Encoding", shown(b", ".join(codings)), "chunked, or none", "RFC 9112 6.1"))
    if ambiguous:
        return Rejected(400, "Where the request's body ends is ambiguous.", faults=faults, headers=CLOSING)
    if faults:
        return Rejected(501, "The body has a transfer coding that is not read here.", faults=faults, headers=CLOSING)
    if lengths or version != "1.0":
        return None
    fault = Fault("Content-Length", "nothing", "a number of bytes: HTTP/1.0 knows no other framing", "RFC 1945 8.3")
    return Rejected(411, "Where the request's body ends is not said.", faults=[fault], headers=CLOSING)


def announced(headers: RawHeaders) -> int:
    """Bytes of body that the head of a request announces which is not misframed; none where it announces nothing."""
    lengths = _lengths(headers)
    return int(lengths[0]) if lengths else 0


def coded(headers: RawHeaders) -> Rejected | None:
    """415 for a body that is compressed: an event's attributes have no place for its coding, so none is taken.

    RFC 9110 15.5.16: the answer says by Accept-Encoding that the coding was at fault, and not the type.
    """
    values = [value.decode("latin-1") for value in _values(headers, b"content-encoding")]
    named = [coding.strip() for value in values for coding in value.split(",")]
    codings = [coding for coding in named if coding.lower() not in ("", "identity")]  # which is none (RFC 9110 8.4)
    if not codings:
        return None
    found, expected = shown(", ".join(codings)), "identity, or none"
    why = f"The body has the content coding {found}; only identity is accepted."
    fault = Fault("Content-Encoding", found, expected, "RFC 9110 15.5.16")
    return Rejected(415, why, faults=[fault], headers={"Accept-Encoding": "identity"})


def _lengths(headers: RawHeaders) -> list[bytes]:
    """The members of a list are told apart, since that is what several fields mean (RFC 9110 5.3)."""
    return [length.strip() for value in _values(headers, b"content-length") for length in value.split(b",")]


def _values(headers: RawHeaders, field: bytes) -> list[bytes]:
    return [value.strip() for name, value in headers if name.lower() == field]
