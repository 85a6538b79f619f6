"""What is no HTTP/1.1 is refused in words that are no library's: h11 itself, as we use it, says them here."""

import h11
import pytest

from tradewind.broker import malformed
from tradewind.broker.h11_connection import Connection
from tradewind.broker.limits import Limits
from tradewind.errors import Rejected

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LIMITS = Limits(event_bytes=1000, header_bytes=500)


def refusal(sent: bytes, *, ends: bool) -> Rejected:
    """What is answered to these bytes, after which the connection may end."""
    connection = Connection(h11.SERVER, LIMITS.header_bytes)
    connection.receive_data(sent)
    if ends:
        connection.receive_data(b"")
    with pytest.raises(h11.RemoteProtocolError) as raised:
        while connection.next_event() not in (h11.NEED_DATA, h11.PAUSED):
            pass
    return malformed.refusal(str(raised.value), raised.value.error_status_hint, connection.head, LIMITS)


@pytest.mark.parametrize(
    "sent, path, found",
    [
        (b"\x16\x03\x01\x02", "request line", "something else"),
        (b"hello\r\n\r\n", "request line", '"hello"'),
        (b"\n\n", "request line", "nothing"),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", "request line", r'"GET /\xff HTTP/1.1"'),
        (b"POST / HTTP/1.1\r\n\r\n", "Host", "nothing"),
        (HEAD + b"Host: y\r\n\r\n", "Host", "more than one"),
        (b"POST / HTTP/1.1\r\n a: b\r\n\r\n", "headers", "a continued line at their start"),
        (HEAD + b"ce bad: a\r\n\r\n", "headers", '"ce bad: a"'),
        (HEAD + b'ce-bad: it\'s a\0 "b"\r\n\r\n', "headers", '"ce-bad: it\'s a\\x00 "b""'),
        (HEAD + b"it's bad\r\n\r\n", "headers", '"it\'s bad"'),
        (CHUNKED + b"zz\r\n", "body", '"zz"'),
        (CHUNKED + b"1\r\naXX", "body", '"XX"'),
    ],
)
def test_what_h11_refuses_is_told_in_plain_words(sent: bytes, path: str, found: str) -> None:
    refused = refusal(sent, ends=False)
    (fault,) = refused.faults
    assert (fault.path, fault.found) == (path, found)
    assert fault.expected and fault.rule.startswith("RFC 911")
    assert refused.status == 400
    assert refused.headers == {"Connection": "close"}


@pytest.mark.parametrize(
    "fields, status, found",
    [
        (b"Content-Length: +5", 400, ['"+5"']),
        (b"Content-Length: -1", 400, ['"-1"']),
        (b"Content-Length:", 400, ['""']),
        (b"Content-Length: 0x2", 400, ['"0x2"']),
        (b"Content-Length: 1234567890123456789012345", 400, ['"1234567890123456789012345"']),
        (b"Content-Length: 5, 6", 400, ['2 of them, "5, 6"']),
        (b"Content-Length: 5\r\n , 6", 400, ['2 of them, "5, 6"']),
        (b"Content-Length: 5, '\xff", 400, [r'''2 of them, "5, '\xff"''', r'''"'\xff"''']),
        (b"Content-Length: 5\r\nContent-Length: 5", 400, ['2 of them, "5, 5"']),
        (b"Content-Length: 5\r\nContent-Length: 6", 400, ['2 of them, "5, 6"']),
        (b"Content-Length: 5\r\nTransfer-Encoding: x", 400, ["it beside Transfer-Encoding", '"x"']),
        (b"Transfer-Encoding: gzip, chunked", 501, ['"gzip, chunked"']),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 501, ['"chunked, chunked"']),
    ],
)
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_a_head_that_does_not_say_where_its_body_ends_hides_no_fault_of_the_event(
    fields: bytes, status: int, found: list[str], line_end: bytes
) -> None:
    head = HEAD + fields + b"\r\nce-id: 1\r\nce-time: now\r\nContent-Encoding: br\r\n\r\n"
    refused = refusal(head.replace(b"\r\n", line_end), ends=False)
    *framing, coding, version, source, kind, time = refused.faults
    assert [fault.found for fault in framing] == found
    assert all(fault.path in ("Content-Length", "Transfer-Encoding") for fault in framing)
    assert [fault.path for fault in (coding, version, source, kind, time)] == [
        "Content-Encoding", "ce-specversion", "ce-source", "ce-type", "ce-time",
    ]  # fmt: skip
    assert (refused.status, refused.headers["Connection"]) == (status, "close")
    assert "HTTP" not in refused.why


def test_who_does_not_post_hears_of_no_event() -> None:
    (fault,) = refusal(HEAD.replace(b"POST", b"GET") + b"Content-Length: x\r\n\r\n", ends=False).faults
    assert (fault.path, fault.found) == ("Content-Length", '"x"')


def test_what_h11_says_of_a_head_in_which_we_find_nothing_wrong() -> None:
    refused = malformed.refusal("bad Content-Length", 400, HEAD, LIMITS)
    assert (refused.status, refused.faults[0].path) == (400, "request")


@pytest.mark.parametrize(
    "sent, path, found, expected",
    [
        (HEAD, "request", "the end of the connection", "all of the request"),
        (CHUNKED + b"5\r\na", "body", "the end of the connection", "all of the body"),
        (CHUNKED + b"5", "request", "the end of the connection", "all of the request"),
        (HEAD + b"Content-Length: 5\r\n\r\na", "body", "1 bytes, and no more", "5 bytes (Content-Length)"),
        (b"\r\n\r", "request", "the end of the connection", "all of the request"),
    ],
)
def test_a_request_cut_short(sent: bytes, path: str, found: str, expected: str) -> None:
    refused = refusal(sent, ends=True)
    (fault,) = refused.faults
    assert (fault.path, fault.found, fault.expected, fault.rule) == (path, found, expected, "RFC 9112 8")
    assert (refused.status, refused.headers) == (400, {"Connection": "close"})


def test_a_head_too_large_names_its_limit() -> None:
    refused = refusal(HEAD + b"x" * 600, ends=False)
    assert (refused.status, refused.faults[0].found) == (431, "more than 500 bytes")
    assert "at most 500 bytes (--max-header-bytes)" in refused.why


def test_words_that_are_not_known_are_not_passed_on() -> None:
    (fault,) = malformed.refusal("role=<class 'h11.SERVER'>", 400, b"", LIMITS).faults
    assert (fault.path, fault.found, fault.expected) == ("request", "something else", "HTTP/1.1")
