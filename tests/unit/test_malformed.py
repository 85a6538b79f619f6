"""What is no HTTP/1.1 is refused in words that are no library's: h11 itself, as we use it, says them here."""

import h11
import pytest

from tradewind.broker import malformed
from tradewind.broker.h11_connection import Connection
from tradewind.errors import Rejected

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LIMIT = 500


def refusal(sent: bytes, *, ends: bool) -> Rejected:
    """What is answered to these bytes, after which the connection may end."""
    connection = Connection(h11.SERVER, LIMIT)
    connection.receive_data(sent)
    if ends:
        connection.receive_data(b"")
    with pytest.raises(h11.RemoteProtocolError) as raised:
        while connection.next_event() not in (h11.NEED_DATA, h11.PAUSED):
            pass
    return malformed.refusal(str(raised.value), raised.value.error_status_hint, LIMIT)


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
        (HEAD + b"Content-Length: +5\r\n\r\n", "Content-Length", "something else"),
        (HEAD + b"Content-Length: 5, 6\r\n\r\n", "Content-Length", '"5, 6"'),
        (HEAD + 2 * b"Content-Length: 5\r\n" + b"\r\n", "Content-Length", '"5, 5"'),
        (HEAD + b"Content-Length: 5, '\xff\r\n\r\n", "Content-Length", r'''"5, '\xff"'''),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n", "Transfer-Encoding", "another"),
        (HEAD + 2 * b"Transfer-Encoding: chunked\r\n" + b"\r\n", "Transfer-Encoding", "more than one"),
        (CHUNKED + b"zz\r\n", "body", '"zz"'),
        (CHUNKED + b"1\r\naXX", "body", '"XX"'),
    ],
)
def test_what_h11_refuses_is_told_in_plain_words(sent: bytes, path: str, found: str) -> None:
    refused = refusal(sent, ends=False)
    (fault,) = refused.faults
    assert (fault.path, fault.found) == (path, found)
    assert fault.expected and fault.rule.startswith("RFC 911")
    assert refused.status == (501 if path == "Transfer-Encoding" else 400)
    assert refused.headers == {"Connection": "close"}


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
    (fault,) = malformed.refusal("role=<class 'h11.SERVER'>", 400, LIMIT).faults
    assert (fault.path, fault.found, fault.expected) == ("request", "something else", "HTTP/1.1")
