"""Byte streams for the ingress: requests that mean one thing only, whole or mutated, and cut into pieces."""

import re
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.shell.ingress_clients import chunked, plain

# ── whole requests ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that means one thing only."""

    octets: bytes
    status: int = 202
    body: bytes | None = None
    """What is stored; None where nothing is, or an event without data."""


def structured(data: bytes) -> bytes:
    """An event in structured mode, of JSON data."""
    return b'{"specversion":"1.0","id":"1","source":"/tests","type":"t","data":' + data + b"}"


def json_post(media_type: bytes, body: bytes) -> bytes:
    """A plain POST in another mode."""
    return b"POST /default/hello HTTP/1.1\r\nhost: x\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n%s" % (
        media_type,
        len(body),
        body,
    )


OFFER = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAAA")
bodies = st.one_of(
    st.binary(min_size=1, max_size=30),
    st.sampled_from([b"\r\n\r\n", b"0\r\n\r\n", plain(b"inner"), chunked(b"inner"), b"x" * 1500]),
)
plain_ones = st.one_of(
    bodies.map(lambda body: Sent(plain(body), body=body)),
    bodies.map(lambda body: Sent(plain(body, "/default/hello/", 'ce-x: "q" %41', "X: \xe9"), body=body)),
    bodies.map(lambda body: Sent(plain(body, "/default/hello", "ce-time: today"), 400)),
    st.integers(0, 999).map(
        lambda n: Sent(json_post(b"application/cloudevents+json", structured(b"%d" % n)), body=b"%d" % n)
    ),
    st.just(Sent(json_post(b"application/cloudevents+json", b"{"), 400)),
)
"""What the front serves itself."""

sent = st.one_of(
    plain_ones,
    bodies.map(lambda body: Sent(plain(body, "/no/broker"), 404)),
    bodies.map(lambda body: Sent(b"\r\n" + plain(body), body=body)),
    bodies.map(lambda body: Sent(plain(body, "/default/hello?a=b"), body=body)),
    bodies.map(lambda body: Sent(plain(body, "/default/%68ello"), body=body)),
    bodies.map(lambda body: Sent(plain(body, "http://x/default/hello"), body=body)),
    bodies.map(lambda body: Sent(plain(body, "/default/hello", *OFFER), body=body)),
    bodies.map(lambda body: Sent(plain(body, "/default/hello", "Expect: 100-continue"), body=body)),
    bodies.map(lambda body: Sent(plain(body, "/default/hello", "Content-Encoding: br"), 415)),
    bodies.map(lambda body: Sent(plain(body).replace(b"POST", b"PUT", 1), 405)),
    st.lists(bodies, min_size=1, max_size=3)
    .filter(lambda parts: len(b"".join(parts)) < 1800)
    .map(lambda parts: Sent(chunked(*parts), body=b"".join(parts))),
    bodies.map(lambda body: Sent(chunked(body, trailers=b"ce-id: 2\r\n", lines=OFFER), body=body)),
    st.just(Sent(plain(b"x" * 2001), 413)),
    st.just(Sent(chunked(b"x" * 100)[:-5] + b"14\r\n" + b"y" * 20 + b"\r\n0\r\n\r\n", body=b"x" * 100 + b"y" * 20)),
    st.just(Sent(b"GET /healthz HTTP/1.1\r\nHost: [\r\n\r\n", 200)),
    st.just(Sent(b"OPTIONS /default/hello HTTP/1.1\r\nHost: x\r\nWebHook-Request-Origin: x\r\n\r\n", 200)),
)
"""And all others; behind the first of these a connection is no longer the front's."""

streams = st.builds(list.__add__, st.lists(plain_ones, max_size=8), st.lists(sent, min_size=1, max_size=6))


@st.composite
def cut(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    """The stream in pieces: whole, at some places, or at every place."""
    if draw(st.booleans()):
        places = draw(st.lists(st.integers(0, len(stream)), max_size=12))
    else:
        step = draw(st.sampled_from([1, 2, 3, 7, 50, 1000, 10**6]))
        places = list(range(step, len(stream), max(step, len(stream) // 300)))
    ends = sorted({*places, len(stream)})
    return [stream[start:end] for start, end in zip([0, *ends], ends, strict=False) if end > start]


# ── mutated ones ────────────────────────────────────────────────────────────────────────────────────────────────────

LINES = [
    b"Content-Length: 3", b"Content-Length: 0", b"content-length:5", b"Content-Length: 5, 5", b"Content-Length: +5",
    b"Content-Length: 0x5", b"Content-Length : 5", b"Content-Length: 5 ", b"Content-Length:\t5", b"Content-Length: 005",
    b"Content-Length: 1_0", b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Content-Length",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding:chunked", b"transfer-encoding: CHUNKED",
    b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked, gzip", b"Transfer-Encoding\t: chunked",
    b"Transfer-Encoding: \x0bchunked", b" Transfer-Encoding: chunked", b"Host: y", b"Host", b"Host:",
    b"Connection: close",
    b"Connection: keep-alive, close", b"Connection:", b"Upgrade: websocket", b"Expect: 100-continue", b"Expect: x",
    b"ce-x: \x01", b"ce-x: \x7f", b"ce-x: \xff\xfe", b"ce-x: a\rb", b"ce-x: a\nb", b"ce-x: %zz", b"ce-x: \"a", b"ce-x",
    b"ce-x: " + b"y" * 300, b"x" * 300, b"x" * 300 + b": 1", b": x", b"", b"\x00: a", b"ce-ID: 2", b"ce-id: 2",
    b"CE-X: 1",
    b"Content-Type: application/cloudevents+json", b"Content-Type: application/json", b"TE: trailers", b"ce-data: 1",
    b"ce-partitionkey: k", b"ce-partitionkey: ", b"ce-knativebrokerttl: 0", b"ce-time: 2026-01-01T00:00:00Z",
]  # fmt: skip
BITS = [
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\n\n",
    b" ",
    b"\t",
    b":",
    b"\x00",
    b"0",
    b"5",
    b"\xff",
    b";",
    b"HTTP/1.0",
    b"/",
    b"%",
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Requests of which some are wrong, in any way."""
    stream = b""
    for request in draw(streams)[-5:]:
        octets = request.octets
        lines = draw(st.lists(st.sampled_from(LINES), max_size=2))
        for line in lines:
            ends = [place.start() for place in re.finditer(rb"\r\n", octets.partition(b"\r\n\r\n")[0] + b"\r\n")]
            place = draw(st.sampled_from(ends))
            behind = octets.index(b"\r\n", place + 2) if draw(st.booleans()) and place != ends[-1] else place
            octets = octets[:place] + b"\r\n" + line + octets[behind:]
        stream += octets
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(stream)))
        size = draw(st.sampled_from([0, 0, 1, 1, 2, 4, 30]))
        stream = stream[:place] + draw(st.sampled_from([b"", *BITS]) | st.binary(max_size=3)) + stream[place + size :]
    if draw(st.integers(0, 3)) == 0:
        stream = stream.replace(b"\r\n", b"\n", draw(st.integers(1, 20)))
    return stream[: draw(st.integers(0, len(stream)))] if draw(st.integers(0, 3)) == 0 else stream
