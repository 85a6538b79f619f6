"""What is refused for its head alone."""

import pytest

from tradewind.sources.webhook import heads

LENGTH = (b"content-length", b"10")
CHUNKED = (b"transfer-encoding", b"chunked")


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", [LENGTH], None),
        ("POST", [CHUNKED], None),
        ("GET", [LENGTH], 405),
        ("post", [LENGTH], 405),
        ("POST", [(b"content-length", b"100")], None),
        ("POST", [(b"content-length", b"101")], 413),
        ("POST", [(b"content-length", b"+10")], 400),
        ("POST", [LENGTH, (b"content-length", b"101")], 400),
        ("POST", [LENGTH, CHUNKED], 400),
        ("POST", [LENGTH, (b"content-encoding", b"gzip")], 415),
        ("POST", [LENGTH, *[(b"x", b"")] * (heads.MAX_FIELDS - 1)], None),
        ("POST", [LENGTH, *[(b"x", b"")] * heads.MAX_FIELDS], 431),
        ("POST", [LENGTH, (b"x", b"y" * (2000 - 20 - 5))], None),
        ("POST", [LENGTH, (b"x", b"y" * (2000 - 20 - 4))], 431),
    ],
)
def test_what_a_head_shows_to_be_wrong(method: str, headers: list[tuple[bytes, bytes]], status: int | None) -> None:
    found = heads.wrong(method, headers, "1.1", most=100, head=2000)
    assert (found and found.status) == status


def test_it_says_what_is_expected() -> None:
    refused = heads.wrong("GET", [], "1.1", most=100, head=2000)
    assert refused is not None
    assert refused.headers["Allow"] == "POST, OPTIONS"
    large = heads.wrong("POST", [(b"content-length", b"101")], "1.1", most=100, head=2000)
    assert large is not None
    assert str(large.faults[0]).startswith("body: found Content-Length 101, expected at most 100 bytes")
