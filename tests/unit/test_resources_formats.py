"""What texts in manifests must look like."""

import pytest

from tradewind.resources import formats, schedules
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
    (schedules.schedule_fault, ["* * * * *", "*/5 0-3 1,2 JAN MON-FRI", "@hourly", "@Daily", "0 8 ? * 1", "? * * * *"]),
    (schedules.schedule_fault, ["*/10 * * * * *", "0 30 8 * * *"]),
    (schedules.timezone_fault, ["UTC", "Europe/Berlin"]),
]

WRONG: list[tuple[Rule, list[str]]] = [
    (formats.dns_label, ["", "A", "a_b", "-a", "a-", "a.b", "a" * 64, "a\n", "ä"]),
    (formats.dns_name, ["", "A", "a..b", ".a", "a.", "a" * 254, "-a.b", "a\n"]),
    (formats.service_name, ["", "1a", "a.b"]),
    (formats.host_name, ["", "a b", "http://a", "a:1", "."]),
    (formats.attribute_name, ["", "1x", "Type", "a-b", "a\n"]),
    (formats.extension_name, ["", "A", "data", "id", "datacontenttype", "a_b"]),
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
    (schedules.schedule_fault, ["", "* * * *", "* * * * * * *", "60 * * * *", "@every 5m", "@reboot", "a b c d e"]),
    (schedules.schedule_fault, ["CRON_TZ=UTC * * * * *", "TZ=UTC * * * * *", "60 * * * * *"]),
    (schedules.schedule_fault, ["0 0 32 2 *", "0 0 31 13 *", "0 0 31 2 8", "0 0 31 2 *", "0 0 */30 2 6#5"]),
    (schedules.timezone_fault, ["", "Mars/Base", "../etc/passwd", "/etc/localtime", "Europe"]),
]


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in RIGHT for text in texts])
def test_what_is_right(rule: Rule, text: str) -> None:
    assert rule(text) is None


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in WRONG for text in texts])
def test_what_is_wrong_says_what_was_expected(rule: Rule, text: str) -> None:
    assert rule(text)


@pytest.mark.parametrize("text", ["0 0 31 2 *", "0 0 30-31 feb ?", "5 0 0 31 4,6,9,11 *", "0 0 */30 2 6#5"])
def test_a_schedule_that_never_fires_says_why(text: str) -> None:
    assert schedules.schedule_fault(text) == (
        "a schedule that fires: none of its months ever has a day that it asks for"
    )


@pytest.mark.parametrize(
    ("text", "field"), [("0 0 32 2 *", "day-of-month"), ("0 0 31 13 *", "month"), ("0 0 31 2 8", "day-of-week")]
)
def test_a_field_that_cannot_be_is_named(text: str, field: str) -> None:
    assert str(schedules.schedule_fault(text)).endswith(f" (Bad {field})")


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
