"""What a plain request is; the bytes of whole requests are held equal to aiohttp's by the sender's contract."""

import pytest

from tradewind.adapters.http_sender.requests import Target, fields, target

HEAD = b"POST %b HTTP/1.1\r\nHost: %b\r\nUser-Agent: tradewind\r\nAccept-Encoding: identity\r\n"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.b", Target(("a.b", 80), True, HEAD % (b"/", b"a.b"))),
        ("http://a.b:80/", Target(("a.b", 80), True, HEAD % (b"/", b"a.b"))),
        ("http://a-1.b_c:8080/x/?y=%2C", Target(("a-1.b_c", 8080), True, HEAD % (b"/x/?y=%2C", b"a-1.b_c:8080"))),
        ("http://a?b", Target(("a", 80), True, HEAD % (b"/?b", b"a"))),
        ("http://127.0.0.1:65535/", Target(("127.0.0.1", 65535), False, HEAD % (b"/", b"127.0.0.1:65535"))),
        ("http://[::1]/a", Target(("::1", 80), False, HEAD % (b"/a", b"[::1]"))),
        ("http://[fd00::1]:81", Target(("fd00::1", 81), False, HEAD % (b"/", b"[fd00::1]:81"))),
    ],
)
def test_plain_urls(url: str, expected: Target) -> None:
    assert target(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://a/",
        "HTTP://a/",
        "http://",
        "http://A/",
        "http://a./",
        "http://user@a/",
        "http://user:word@a/",
        "http://a:0/",
        "http://a:08/",
        "http://a:65536/",
        "http://a:/",
        "http://a/#b",
        "http://a/?",
        "http://a/ b",
        "http://a/\r\nb",
        "http://a/\x7f",
        "http://a/é",
        "http://é/",
        "http://127.1/",
        "http://0127.0.0.1/",
        "http://a.1/",
        "http://[::1/",
        "http://[1]/",
        "http://[0::1]/",
        "http://[fe80::1%25eth0]/",
    ],
)
def test_other_urls_are_not_plain(url: str) -> None:
    assert target(url) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], b""),
        ([("ce-id", "1")], b"ce-id: 1\r\n"),
        ([("a", ""), ("A", " b "), ("a", "~")], b"a: \r\nA:  b \r\na: ~\r\n"),
    ],
)
def test_plain_fields(headers: list[tuple[str, str]], expected: bytes) -> None:
    assert fields(headers) == expected


@pytest.mark.parametrize("value", ["é", "a\tb", "a\x00", "a\x7f", "a\nb", "a\rb", "a\r\nb: c", "a\n\r"])
def test_fields_with_odd_values_are_not_plain(value: str) -> None:
    assert fields([("a", "b"), ("ce-id", value)]) is None


@pytest.mark.parametrize(
    "name",
    ["", "a b", "a:", "a\r\nb", "é", "Host", "content-length", "Transfer-Encoding", "TE", "User-Agent", "cookie"],
)
def test_fields_with_odd_names_or_about_the_request_are_not_plain(name: str) -> None:
    assert fields([("a", "b"), (name, "1")]) is None
