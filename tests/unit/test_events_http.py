"""The HTTP protocol binding: each row is a rule of bindings/http-protocol-binding.md or of RFC 9110."""

import pytest

from tests.builders import event, http_headers
from tradewind.errors import InvalidEvent, UnsupportedFormat
from tradewind.events import http
from tradewind.events.model import Event

STRUCTURED = b'{"specversion":"1.0","id":"1","source":"/tests","type":"tests.happened"}'


def paths(headers: http.RawHeaders, body: bytes = b"") -> list[str]:
    """The faults' paths of a message that is none."""
    with pytest.raises(InvalidEvent) as raised:
        http.read(headers, body)
    return [fault.path for fault in raised.value.faults]


@pytest.mark.parametrize(
    "rule, raw, value",
    [
        ("as it is", b"plain", "plain"),
        ("printable ASCII", b"!#$&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~", "!#$&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~"),
        ("white space around is none of it (RFC 9110 5.5)", b" \ta\t ", "a"),
        ("white space inside is", b"a b", "a b"),
        ("percent", b"%41", "A"),
        ("an encoded space at the end", b"a%20", "a "),
        ("lower-case hex", b"%c3%a9", "é"),
        ("upper-case hex", b"%C3%A9", "é"),
        ("mixed hex", b"%c3%A9", "é"),
        ("four octets", b"%F0%9F%98%80", "\U0001f600"),
        ("exactly one round", b"%2541", "%41"),
        ("no escape stays as it is", b"100%", "100%"),
        ("half an escape stays as it is", b"%4", "%4"),
        ("no hex stays as it is", b"%zz", "%zz"),
        ("quotes", b'"a b"', "a b"),
        ("an escape in quotes", rb'"a\"b\\c\d"', 'a"b\\cd'),
        ("a backslash outside quotes stays", rb"a\b", r"a\b"),
        ("quotes inside a value", b'a"b c"d', "ab cd"),
        ("quotes first, then percent", b'"%22"', '"'),
        ("a quote from a percent opens nothing", b"%22a", '"a'),
        ("an escaped percent in quotes is decoded", rb'"\%41"', "A"),
        ("empty quotes", b'x""', "x"),
        ("raw UTF-8 (Go and Java senders)", "é€".encode(), "é€"),
        ("empty", b"", ""),
    ],
)
def test_values_are_decoded(rule: str, raw: bytes, value: str) -> None:
    read = http.read([*http_headers(), (b"ce-ext", raw)], b"")
    assert read.attributes["ext"] == value, rule


@pytest.mark.parametrize(
    "rule, raw",
    [
        ("overlong UTF-8", b"%C0%A0"),
        ("encoded surrogate", b"%ED%A0%80"),
        ("lone continuation", b"%80"),
        ("cut short", b"%C3"),
        ("beyond Unicode", b"%F4%90%80%80"),
        ("raw latin-1", b"\xe9"),
        ("encoded NUL", b"%00"),
        ("encoded line feed", b"%0A"),
        ("encoded CR and LF", b"%0d%0aX:%20y"),
        ("encoded DEL", b"%7F"),
        ("encoded U+0085", b"%C2%85"),
        ("encoded noncharacter", b"%EF%BF%BE"),
        ("raw tab", b"a\tb"),
        ("quote left open", b'"a'),
        ("quote left open by an escape", rb'"a\"'),
        ("a quote within", b'a"b'),
    ],
)
def test_values_are_refused(rule: str, raw: bytes) -> None:
    assert paths([*http_headers(), (b"ce-ext", raw)]) == ["ce-ext"], rule


@pytest.mark.parametrize(
    "rule, headers, expected",
    [
        ("nothing at all", [], ["ce-specversion", "ce-id", "ce-source", "ce-type"]),
        ("id", http_headers(id=None), ["ce-id"]),
        ("source", http_headers(source=None), ["ce-source"]),
        ("type", http_headers(type=None), ["ce-type"]),
        ("specversion", http_headers(specversion=None), ["ce-specversion"]),
        ("specversion 0.3", http_headers(specversion="0.3"), ["ce-specversion"]),
        ("empty id", http_headers(id=""), ["ce-id"]),
        ("empty subject", http_headers(subject=""), ["ce-subject"]),
        ("ce-datacontenttype", http_headers(datacontenttype="a/b"), ["ce-datacontenttype"]),
        ("ce-data", http_headers(data1="", **{"dataschema": ""}), ["ce-dataschema"]),
        ("underscore", http_headers(my_ext="1"), ['"ce-my_ext"']),
        ("no name", [*http_headers(), (b"ce-", b"1")], ['"ce-"']),
        ("reserved name", [*http_headers(), (b"ce-data", b"1")], ["ce-data"]),
        ("an attribute twice", [*http_headers(), (b"CE-ID", b"1")], ["ce-id"]),
        ("an extension twice", [*http_headers(a="1"), (b"ce-a", b"2")], ["ce-a"]),
        (
            "Content-Type twice",
            [*http_headers(), (b"content-type", b"a/b"), (b"Content-Type", b"a/b")],
            ["Content-Type"],
        ),
        (
            "Content-Types that name two modes",
            [*http_headers(), (b"content-type", b"a/b"), (b"content-type", b"application/cloudevents+json")],
            ["Content-Type"],
        ),
        ("Content-Type is no media type", [*http_headers(), (b"content-type", b"json")], ["Content-Type"]),
        ("Content-Type beyond ASCII", [*http_headers(), (b"content-type", "a/é".encode())], ["Content-Type"]),
        ("Content-Type is no UTF-8", [*http_headers(), (b"content-type", b"a/\xe9")], ["Content-Type"]),
        ("Content-Type is empty", [*http_headers(), (b"content-type", b"")], ["Content-Type"]),
        ("time", http_headers(time="yesterday"), ["ce-time"]),
        ("unreadable is not missing", [*http_headers(id=None), (b"ce-id", b"%80")], ["ce-id"]),
    ],
)
def test_binary_faults(rule: str, headers: http.RawHeaders, expected: list[str]) -> None:
    assert paths(headers) == expected, rule


@pytest.mark.parametrize(
    "rule, headers, body, expected",
    [
        ("no body is no data", [], b"", event()),
        ("data as it came", [], b"\x00\xff", event(data=b"\x00\xff")),
        ("no Content-Type is no datacontenttype", [], b"{}", event(data=b"{}")),
        ("Content-Type", [(b"Content-Type", b"a/b")], b"x", event(data=b"x", datacontenttype="a/b")),
        ("Content-Type without data", [(b"content-type", b"a/b")], b"", event(datacontenttype="a/b")),
        (
            "Content-Type as it came, quotes and percent included",
            [(b"content-type", b'a/B; c="%41"')],
            b"x",
            event(data=b"x", datacontenttype='a/B; c="%41"'),
        ),
        ("names in any case", [(b"CE-MyExt", b"Value")], b"", event(myext="Value")),
        ("other headers are none", [(b"x-ce-a", b"1"), (b"cea", b"2"), (b"parent", b"3")], b"", event()),
        ("JSON is not touched", [], b'{"a": 1.10, "a": NaN', event(data=b'{"a": 1.10, "a": NaN')),
        ("a long value", [(b"ce-big", b"x" * 30_000)], b"", event(big="x" * 30_000)),
        ("a long name", [(b"ce-" + b"x" * 100, b"1")], b"", event(data=None, **{"x" * 100: "1"})),
    ],
)
def test_binary_mode(rule: str, headers: http.RawHeaders, body: bytes, expected: Event) -> None:
    assert http.read([*http_headers(), *headers], body) == expected, rule
    assert http.read_all([*http_headers(), *headers], body) == (expected,), rule


def test_two_hundred_extensions() -> None:
    many = {f"ext{number}": str(number) for number in range(200)}
    read = http.read([*http_headers(), *((f"ce-{k}".encode(), v.encode()) for k, v in many.items())], b"")
    assert read == event(data=None, **many)


@pytest.mark.parametrize(
    "rule, media_type",
    [
        ("plain", b"application/cloudevents+json"),
        ("upper case", b"Application/CloudEvents+JSON"),
        ("charset", b"application/cloudevents+json; charset=UTF-8"),
        ("space before the semicolon", b"application/cloudevents+json ;charset=utf-8"),
    ],
)
def test_structured_mode(rule: str, media_type: bytes) -> None:
    assert http.read([(b"Content-Type", media_type)], STRUCTURED) == event(), rule


def test_content_type_alone_decides_the_mode() -> None:
    """3.2.3: ce- headers on a structured message are copies; the body is authoritative."""
    copies = [*http_headers(id="other"), (b"ce-id", b"%80"), (b"content-type", b"application/cloudevents+json")]
    assert http.read(copies, STRUCTURED) == event()
    assert "ce-id" in paths([(b"content-type", b"application/json")], STRUCTURED)


@pytest.mark.parametrize(
    "media_type", ["application/cloudevents", "application/cloudevents+avro", "application/cloudevents-batch+xml"]
)
def test_unknown_formats(media_type: str) -> None:
    with pytest.raises(UnsupportedFormat):
        http.read([(b"content-type", media_type.encode())], b"")
    with pytest.raises(UnsupportedFormat):
        http.read_all([(b"content-type", media_type.encode())], b"")


def test_batches() -> None:
    headers = [(b"content-type", b"application/cloudevents-batch+json")]
    assert http.read_all(headers, b"[" + STRUCTURED + b"]") == (event(),)
    assert http.read_all(headers, b"[]") == ()
    assert paths(headers, b"[" + STRUCTURED + b"]") == ["Content-Type"]
    assert http.read_all(http_headers(), b"x") == (event(data=b"x"),)


@pytest.mark.parametrize(
    "headers, means",
    [
        ([], False),
        ([(b"content-type", b"application/json")], False),
        ([(b"content-type", b" Application/CloudEvents+json")], True),
        ([(b"Ce-Id", b"1")], True),
    ],
)
def test_whether_a_message_means_to_be_an_event(headers: http.RawHeaders, means: bool) -> None:
    assert http.is_event(headers) is means


@pytest.mark.parametrize(
    "rule, value, encoded",
    [
        ("as it is", "a/b?c=d&e#f", "a/b?c=d&e#f"),
        ("all that stays", "!#$&'()*+,-./:;<=>?@[\\]^_`{|}~", "!#$&'()*+,-./:;<=>?@[\\]^_`{|}~"),
        ("space", "a b", "a%20b"),
        ("quote", '"', "%22"),
        ("percent", "100%", "100%25"),
        ("UTF-8, upper-case hex", "é€\U0001f600", "%C3%A9%E2%82%AC%F0%9F%98%80"),
        ("no-break space", "\u00a0", "%C2%A0"),
        ("empty", "", ""),
    ],
)
def test_values_are_encoded(rule: str, value: str, encoded: str) -> None:
    assert http.encode_value(value) == encoded, rule


def test_written_in_binary_mode() -> None:
    headers, body = http.write_binary(event(data=b"\xff", datacontenttype='a/b; c="d"', subject="é"))
    assert ("Content-Type", 'a/b; c="d"') in headers
    assert ("ce-subject", "%C3%A9") in headers
    assert not any(name == "ce-datacontenttype" for name, _ in headers)
    assert body == b"\xff"


def test_written_without_data() -> None:
    headers, body = http.write_binary(event())
    assert body == b""
    assert not any(name == "Content-Type" for name, _ in headers)


def test_an_event_within_an_event_is_written_structured() -> None:
    """In binary mode its Content-Type would be read as that of the message."""
    nested = event(data=STRUCTURED, datacontenttype="application/cloudevents+json")
    headers, body = http.write_binary(nested)
    assert headers == [("Content-Type", "application/cloudevents+json")]
    assert http.read([(name.encode(), value.encode()) for name, value in headers], body) == nested
