"""Which requests are plain: what the front may serve itself."""

import pytest

from tradewind.broker import heads

START = b"POST /default/hello HTTP/1.1\r\nHost: x\r\n"
LENGTH = b"Content-Length: 5"


def test_a_plain_head() -> None:
    head = heads.plain(START + b"ce-id:\t 1 \r\nConnection: Keep-Alive\r\ncontent-length: 005")
    assert head is not None
    assert head.target == b"/default/hello"
    assert head.headers == [
        (b"Host", b"x"),
        (b"ce-id", b"1"),
        (b"Connection", b"Keep-Alive"),
        (b"content-length", b"005"),
    ]
    assert head.length == 5


@pytest.mark.parametrize(
    ("field", "usual"),
    [
        (b"ce-subject: a b", True),
        (b"ce-subject:", True),
        (b"ce-subject: 100%", False),
        (b'ce-subject: "a"', False),
        (b"ce-subject: \xc3\xa9", False),
        (b"ce-subject: a\tb", False),
        (b"x" * 64 + b": 1", True),
        (b"x" * 65 + b": 1", True),
    ],
)
def test_a_head_is_usual_where_every_value_is_as_it_stands(field: bytes, usual: bool) -> None:
    head = heads.plain(START + field + b"\r\n" + LENGTH)
    assert head is not None
    assert head.usual is usual


@pytest.mark.parametrize(
    ("why", "head"),
    [
        ("nothing", b""),
        ("an empty line before it", b"\r\n" + START + LENGTH),
        ("another method", b"GET /default/hello HTTP/1.1\r\nHost: x\r\n" + LENGTH),
        ("a method in lower case", b"post /default/hello HTTP/1.1\r\nHost: x\r\n" + LENGTH),
        ("HTTP/1.0", b"POST /default/hello HTTP/1.0\r\nHost: x\r\n" + LENGTH),
        ("absolute form", b"POST http://x/default/hello HTTP/1.1\r\nHost: x\r\n" + LENGTH),
        ("a query", b"POST /default/hello?a HTTP/1.1\r\nHost: x\r\n" + LENGTH),
        ("a fragment", b"POST /default/hello#a HTTP/1.1\r\nHost: x\r\n" + LENGTH),
        ("an escape in the path", b"POST /default/hell%6F HTTP/1.1\r\nHost: x\r\n" + LENGTH),
        ("two spaces", b"POST  /default/hello HTTP/1.1\r\nHost: x\r\n" + LENGTH),
        ("no host", b"POST /default/hello HTTP/1.1\r\n" + LENGTH),
        ("two hosts", START + b"host: x\r\n" + LENGTH),
        ("no length", START + b"ce-id: 1"),
        ("two lengths", START + LENGTH + b"\r\n" + LENGTH),
        ("an empty length", START + b"Content-Length:"),
        ("a length with a sign", START + b"Content-Length: +5"),
        ("a list of lengths", START + b"Content-Length: 5, 5"),
        ("a length beyond all measure", START + b"Content-Length: " + b"9" * 16),
        ("a transfer coding", START + LENGTH + b"\r\nTransfer-Encoding: chunked"),
        ("a content coding", START + LENGTH + b"\r\nContent-Encoding: gzip"),
        ("an expectation", START + LENGTH + b"\r\nExpect: 100-continue"),
        ("an upgrade", START + LENGTH + b"\r\nUpgrade: h2c"),
        ("a trailer", START + LENGTH + b"\r\nTrailer: x"),
        ("a connection that closes", START + LENGTH + b"\r\nConnection: close"),
        ("a connection with options", START + LENGTH + b"\r\nConnection: keep-alive, Upgrade"),
        ("no colon", START + LENGTH + b"\r\nce-id"),
        ("a space before the colon", START + LENGTH + b"\r\nce-id : 1"),
        ("no name", START + LENGTH + b"\r\n: 1"),
        ("a folded line", START + LENGTH + b"\r\nce-id: 1\r\n 2"),
        ("a bare line feed", START + LENGTH + b"\r\nce-id: 1\nce-type: x"),
        ("a bare carriage return", START + LENGTH + b"\r\nce-id: 1\rx"),
        ("a null", START + LENGTH + b"\r\nce-id: \x00"),
        ("a control character", START + LENGTH + b"\r\nce-id: \x1f"),
        ("a delete", START + LENGTH + b"\r\nce-id: \x7f"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_plain(why: str, head: bytes) -> None:
    assert heads.plain(head) is None, why


PLAIN = b"POST /default/hello HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nce-id: 1"


@pytest.mark.parametrize("cut", range(len(PLAIN + heads.END)))
def test_no_part_of_a_plain_head_is_hopeless(cut: int) -> None:
    part = (PLAIN + heads.END)[:cut]
    assert not any(heads.hopeless(part, looked) for looked in range(cut + 1))


@pytest.mark.parametrize(
    "part",
    [b"G", b"\r\n", b"\x16\x03\x01", b"POST x", b"post /", PLAIN + b"\n\n", PLAIN + b"\n\r\n", PLAIN + b"\r\n\n"],
)
def test_a_part_that_is_hopeless(part: bytes) -> None:
    assert heads.hopeless(part, 0)
    assert heads.hopeless(bytearray(part), len(part) - 1)


@pytest.mark.parametrize(
    ("part", "octets"),
    [(b"", 0), (b"POST", 0), (b"\r", 0), (b"\r\n", 2), (b"\r\n\r\n\r", 4), (b"\r\n\nPOST", 2), (b"\n\r\n", 0)],
)
def test_empty_lines_before_a_request(part: bytes, octets: int) -> None:
    assert heads.empty(part) == octets
    assert heads.empty(bytearray(part)) == octets


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        (b"", []),
        (b"Content-Length: 5", [b"5"]),
        (b"content-length:\t5 \r\nx: y\r\nCONTENT-LENGTH:", [b"5", b""]),
        (b"Content-Length: 5, 5,", [b"5", b"5", b""]),
        (b"Content-Length: 5\r\n\t, 6\r\n 7\r\nx: y", [b"5", b"6\r\n 7"]),
        (b"x: Content-Length: 5\r\n Content-Length: 5\r\nx-Content-Length: 5\r\nContent-Length-x: 5", []),
    ],
)
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_the_lengths_of_a_head(fields: bytes, found: list[bytes], line_end: bytes) -> None:
    whole = b"POST / HTTP/1.1\r\nHost: x\r\n" + fields
    assert heads.lengths(whole.replace(b"\r\n", line_end)) == [one.replace(b"\r\n", line_end) for one in found]


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n", b"\n\r\n"])
def test_where_a_head_ends(end: bytes) -> None:
    part = PLAIN + end + PLAIN + end
    place = len(PLAIN) + end.startswith(b"\r")
    assert all(heads.end(part, looked) == place for looked in range(len(PLAIN + end)))
    assert heads.end(bytearray(PLAIN + end[:-1])) == -1


def test_the_fields_of_a_head() -> None:
    head = b"POST / HTTP/1.1\r\nHost:x\r\nA: b\r\n\t c: d\r\n e\nF:\r"
    assert heads.fields(head) == [(b"Host", b"x"), (b"A", b"b c: d e"), (b"F", b"")]
    assert heads.fields(b"GET / HTTP/1.0\r") == []
    assert heads.fields(b"GET / HTTP/1.0\r\n a: b\r") == [(b" a", b"b")]


@pytest.mark.parametrize("line", [b"Host", b"Content-Length", b"Connection", b"ce-id", b"x" * 1000, b"", b": 1"])
def test_lines_without_a_name_or_a_colon_are_not_plain(line: bytes) -> None:
    rest = {b"Host": b"Content-Length: 0", b"Content-Length": b"Host: x"}.get(line, b"Host: x\r\nContent-Length: 0")
    assert heads.plain(b"POST /default/hello HTTP/1.1\r\n" + rest + b"\r\n" + line) is None
    assert heads.plain(b"POST /default/hello HTTP/1.1\r\n" + rest + b"\r\n" + line + b"\r\nce-id: 1") is None
