"""URIs by their syntax, which a setting asks for."""

import pytest

from tests.builders import event, http_headers
from tradewind.errors import InvalidEvent
from tradewind.events import http, uris
from tradewind.events.attributes import STRICT_URIS


@pytest.mark.parametrize(
    ("text", "reference", "absolute"),
    [
        ("http://example.com/a/b?c=d", True, True),
        ("http://example.com/a#b", True, False),
        ("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", True, True),
        ("mailto:a@b.c", True, True),
        ("//host/path", True, False),
        ("/a/b", True, False),
        ("a/b", True, False),
        ("a%20b", True, False),
        ("http://u:p@[2001:db8::1]:80/", True, True),
        ("http://h:/", True, True),
        ("x:a-._~!$&'()*+,;=:@/b-._~!$&'()*+,;=:@", True, True),
        ("//u-._~!$&'()*+,;=:@h-._~!$&'()*+,;=/", True, False),
        ("?a", True, False),
        ("#a", True, False),
        ("", True, False),
        ("a:b", True, True),
        ("./a:b", True, False),
        ("1a:b", False, False),
        ("a b", False, False),
        ("http://example.com/ü", False, False),
        ("100%", False, False),
        ("%zz", False, False),
        ("http://[::1", False, False),
        ("a^b", False, False),
        ("a#b#c", False, False),
        ("http://h:x/", False, False),
        ("a\n", False, False),
    ],
)
def test_the_table(text: str, reference: bool, absolute: bool) -> None:
    assert uris.is_reference(text) is reference
    assert uris.is_absolute(text) is absolute


def test_no_text_takes_long() -> None:
    for start, repeated in (
        ("", "a"),
        ("", "/"),
        ("", "a:"),
        ("http://", "a@"),
        ("//", "a%20"),
        ("x:", "%20/"),
        ("?", "a"),
    ):
        text = start + repeated * 100_000 + "^"
        assert not uris.is_reference(text)


def test_every_fault_is_named_beside_others() -> None:
    headers = [*http_headers(source="a%20b", dataschema="/relative"), (b"ce-time", b"now")]
    with pytest.raises(InvalidEvent) as raised:
        http.read(headers, b"", asked=STRICT_URIS)
    assert sorted(fault.path for fault in raised.value.faults) == ["ce-dataschema", "ce-source", "ce-time"]
    batch = b'[{"specversion":"1.0","id":"1","source":"a b","type":"t"}]'
    with pytest.raises(InvalidEvent) as raised:
        http.read_all([(b"content-type", b"application/cloudevents-batch+json")], batch, asked=STRICT_URIS)
    assert [fault.path for fault in raised.value.faults] == ["[0].source"]


def test_without_the_setting_they_pass() -> None:
    headers = http_headers(source="a%20b", dataschema="/relative")
    assert http.read(headers, b"") == event(source="a b", dataschema="/relative")
