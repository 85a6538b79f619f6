"""What texts in manifests must look like."""

import pytest

from tradewind.resources import formats
from tradewind.resources.schema import Rule

RIGHT: list[tuple[Rule, list[str]]] = [
    (formats.dns_label, ["a", "a-1", "0", "a" * 63]),
    (formats.dns_name, ["a", "a.b-c.0", "a" * 253]),
    (formats.service_name, ["a", "a-1"]),
    (formats.host_name, ["a", "a.b.", "Host.Docker.Internal", "127.0.0.1"]),
    (formats.attribute_name, ["type", "x1"]),
    (formats.extension_name, ["x", "1x", "a" * 40]),
    (formats.topic_name, ["a", "A.b_c-1", "a" * 249]),
    (
        formats.uri,
        ["http://a", "https://a:1/b?c=d#e", "http://[::1]:8080/", "/a/b", "a", "?x=1", "http://a/%20", "//b"],
    ),
    (formats.uri, ["http://a:", "http://a:65535"]),
    (formats.uri_reference, ["/a", "urn:x", "https://a/b", "ä"]),
    (formats.strict_base64, ["", "YQ==", "+/+/"]),
    (formats.secret_base64, ["YWJj\nZGVm\n", "YQ=="]),
    (formats.media_type, ["application/json", "text/plain; charset=utf-8"]),
    (formats.optional(formats.dns_label), ["", "a"]),
]

WRONG: list[tuple[Rule, list[str]]] = [
    (formats.dns_label, ["", "A", "a_b", "-a", "a-", "a.b", "a" * 64, "a\n", "ä"]),
    (formats.dns_name, ["", "A", "a..b", ".a", "a.", "a" * 254, "-a.b", "a\n"]),
    (formats.service_name, ["", "1a", "a.b"]),
    (formats.host_name, ["", "a b", "http://a", "a:1", "."]),
    (formats.attribute_name, ["", "1x", "Type", "a-b", "a\n"]),
    (formats.extension_name, ["", "A", "data", "id", "datacontenttype", "a_b", "knativebrokerttl"]),
    (formats.topic_name, ["", ".", "..", "a b", "a" * 250, "a/b", "a\n"]),
    (
        formats.uri,
        ["", "ftp://a", "http://", "http:///a", "mailto:a@b", "http://a b", "http://a:x", "http://[::1", "%zz"],
    ),
    (formats.uri, ["http://a:99999", "http://a:0", "//a:65536", "localhost:8080", "http://ä"]),
    (formats.uri_reference, ["", "a b", "a\n"]),
    (formats.strict_base64, ["a", "YQ", "Y Q==", "YQ==\n", "_w==", "ä"]),
    (formats.secret_base64, ["hunter2!", "Y Q=="]),
    (formats.media_type, ["", "json"]),
    (formats.optional(formats.dns_label), ["A"]),
]


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in RIGHT for text in texts])
def test_what_is_right(rule: Rule, text: str) -> None:
    assert rule(text) is None


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in WRONG for text in texts])
def test_what_is_wrong_says_what_was_expected(rule: Rule, text: str) -> None:
    assert rule(text)


@pytest.mark.parametrize("text", ["http://a:99999", "https://[::1]:65536/x", "http://a:0", "http://a:x", "//a:99999"])
def test_a_port_that_cannot_be_says_which_can(text: str) -> None:
    assert formats.uri(text) == "a port from 1 to 65535 behind the host"


@pytest.mark.parametrize(
    ("text", "encoded", "right"),
    [
        ('{"a": [1, null]}', None, True),
        ("1", "", True),
        (None, "eyJhIjoxfQ==", True),
        (None, None, True),
        ("{a: 1}", None, False),
        ("NaN", None, False),
        (None, "/w==", False),
        ("[" * 100_000, None, False),
    ],
)
def test_json_data(text: str | None, encoded: str | None, right: bool) -> None:
    assert (formats.json_data(text, encoded) is None) == right
