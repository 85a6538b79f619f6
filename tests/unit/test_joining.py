"""A `ref` and a `uri` make one URL (RFC 3986, §5.4 for the examples)."""

import pytest

from tradewind.resources.joining import is_usable, joined


@pytest.mark.parametrize(
    ("address", "uri", "url"),
    [
        ("http://a.b.svc.cluster.local", "", "http://a.b.svc.cluster.local"),
        ("", "https://a/b?c=d", "https://a/b?c=d"),
        ("http://a", "x", "http://a/x"),
        ("http://a", "?q=1", "http://a/?q=1"),
        ("http://a/b/c", "x", "http://a/b/x"),
        ("http://a/b/c", "/x", "http://a/x"),
        ("http://a/b/c/", "../x", "http://a/b/x"),
        ("http://a/b", "//elsewhere/x", "http://elsewhere/x"),
        ("http://a/b", "https://elsewhere", "https://elsewhere"),
        ("", "", ""),
    ],
)
def test_joined(address: str, uri: str, url: str) -> None:
    assert joined(address, uri) == url


@pytest.mark.parametrize("url", ["http://a", "https://a.b:8443/c?d"])
def test_usable(url: str) -> None:
    assert is_usable(url)


@pytest.mark.parametrize("url", ["", "/x", "a", "ftp://a", "http://", "http://a:0", "http://a:99999", "http://a b"])
def test_not_usable(url: str) -> None:
    assert not is_usable(url)
