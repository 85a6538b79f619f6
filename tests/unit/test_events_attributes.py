"""Names and values of context attributes: each row is a rule of the specification."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import event
from tradewind.errors import InvalidEvent
from tradewind.events import attributes as rules

RULE = "rule"


@pytest.mark.parametrize(
    RULE + ", name, good",
    [
        ("letters", "myext", True),
        ("digits", "123", True),
        ("mixed, digit first", "1a", True),
        ("one character", "x", True),
        ("20 characters is only a SHOULD", "a" * 21, True),
        ("long names too", "a" * 500, True),
        ("long and wrong", "a" * 500 + "_", False),
        ("empty", "", False),
        ("`data` is reserved", "data", False),
        ("`data` inside a name is not", "data1", True),
        ("upper case", "myExt", False),
        ("underscore", "my_ext", False),
        ("hyphen", "my-ext", False),
        ("space", "my ext", False),
        ("line end behind it", "ext\n", False),
        ("letters beyond ASCII", "é", False),
        ("digits beyond ASCII", "٣", False),
    ],
)
def test_names(rule: str, name: str, good: bool) -> None:
    assert rules.is_name(name) is good, rule


@pytest.mark.parametrize(
    RULE + ", text, good",
    [
        ("empty", "", True),
        ("space", " ", True),
        ("quotes and percent", '"%"', True),
        ("no-break space", "\u00a0", True),
        ("byte order mark", "\ufeff", True),
        ("replacement character", "\ufffd", True),
        ("beyond the first plane", "\U0001f600", True),
        ("last code point that is none", "\U0010ffff", False),
        ("the one before", "\U0010fffe", False),
        ("and before that", "\U0010fffd", True),
        ("U+0000", "a\0", False),
        ("tab", "a\tb", False),
        ("line feed", "a\nb", False),
        ("carriage return", "a\rb", False),
        ("U+001F", "\x1f", False),
        ("U+007E", "~", True),
        ("U+007F", "\x7f", False),
        ("U+0080", "\x80", False),
        ("U+0085", "\x85", False),
        ("U+009F", "\x9f", False),
        ("U+FDCF", "\ufdcf", True),
        ("U+FDD0", "\ufdd0", False),
        ("U+FDEF", "\ufdef", False),
        ("U+FDF0", "\ufdf0", True),
        ("U+FFFE", "\ufffe", False),
        ("U+FFFF", "\uffff", False),
        ("U+1FFFE", "\U0001fffe", False),
        ("lone high surrogate", "\ud800", False),
        ("lone low surrogate", "\udfff", False),
    ],
)
def test_strings(rule: str, text: str, good: bool) -> None:
    assert rules.is_text(text) is good, rule


@pytest.mark.parametrize(
    RULE + ", time, good",
    [
        ("plain", "2026-01-31T12:00:00Z", True),
        ("lower case", "2026-01-31t12:00:00z", True),
        ("one digit of a second", "2026-01-31T12:00:00.1Z", True),
        ("nanoseconds", "2026-01-31T12:00:00.123456789Z", True),
        ("more digits", "2026-01-31T12:00:00.1234567890123456789Z", True),
        ("an offset", "2026-01-31T12:00:00+05:30", True),
        ("the unknown offset", "2026-01-31T12:00:00-00:00", True),
        ("the largest offset", "2026-01-31T12:00:00+23:59", True),
        ("leap day", "2024-02-29T00:00:00Z", True),
        ("leap day of a 400th year", "2000-02-29T00:00:00Z", True),
        ("leap second", "2016-12-31T23:59:60Z", True),
        ("leap second with a fraction", "2016-12-31T23:59:60.5Z", True),
        ("leap second behind UTC", "1990-12-31T15:59:60-08:00", True),
        ("leap second ahead of UTC", "2017-01-01T01:59:60+02:00", True),
        ("year 0", "0000-01-01T00:00:00Z", True),
        ("no leap day", "2023-02-29T00:00:00Z", False),
        ("no leap day of a 100th year", "1900-02-29T00:00:00Z", False),
        ("leap second in no last minute", "2016-12-31T23:58:60Z", False),
        ("leap second on no last day", "2016-12-30T23:59:60Z", False),
        ("leap second elsewhere than in UTC", "2016-12-31T23:59:60+01:00", False),
        ("second 61", "2016-12-31T23:59:61Z", False),
        ("hour 24", "2026-01-31T24:00:00Z", False),
        ("minute 60", "2026-01-31T12:60:00Z", False),
        ("month 0", "2026-00-31T12:00:00Z", False),
        ("month 13", "2026-13-01T12:00:00Z", False),
        ("day 0", "2026-01-00T12:00:00Z", False),
        ("day 31 of April", "2026-04-31T12:00:00Z", False),
        ("offset hour 24", "2026-01-31T12:00:00+24:00", False),
        ("offset minute 60", "2026-01-31T12:00:00+01:60", False),
        ("offset without a colon", "2026-01-31T12:00:00+0200", False),
        ("offset of an hour only", "2026-01-31T12:00:00+02", False),
        ("no offset", "2026-01-31T12:00:00", False),
        ("no seconds", "2026-01-31T12:00Z", False),
        ("no time", "2026-01-31", False),
        ("basic format", "20260131T120000Z", False),
        ("comma", "2026-01-31T12:00:00,5Z", False),
        ("a point without digits", "2026-01-31T12:00:00.Z", False),
        ("a space between", "2026-01-31 12:00:00Z", False),
        ("a week date", "2026-W05-6T12:00:00Z", False),
        ("digits beyond ASCII", "２026-01-31T12:00:00Z", False),
        ("something behind it", "2026-01-31T12:00:00Z\n", False),
        ("a number", "1769860800", False),
        ("empty", "", False),
    ],
)
def test_time(rule: str, time: str, good: bool) -> None:
    assert rules.is_time(time) is good, rule


@pytest.mark.parametrize(
    RULE + ", media_type, good",
    [
        ("plain", "application/json", True),
        ("upper case", "APPLICATION/JSON", True),
        ("suffix", "application/vnd.a-b.c+json", True),
        ("parameter", "text/plain; charset=utf-8", True),
        ("parameter without a space", "text/plain;charset=utf-8", True),
        ("space before the semicolon", "text/plain ; charset=utf-8", True),
        ("two parameters", "a/b; c=d; e=f", True),
        ("quoted parameter", 'a/b; c="d e;,/"', True),
        ("escape in a quoted parameter", r'a/b; c="d\"e"', True),
        ("semicolon at the end", "a/b;", True),
        ("no subtype", "application", False),
        ("empty subtype", "application/", False),
        ("empty type", "/json", False),
        ("two slashes", "a/b/c", False),
        ("a space inside", "a /b", False),
        ("parameter without a value", "a/b; c", False),
        ("parameter with an empty value", "a/b; c=", False),
        ("space around the equals sign", "a/b; c = d", False),
        ("quote left open", 'a/b; c="d', False),
        ("two in one", "a/b, c/d", False),
        ("line end", "a/b\r\nX: y", False),
        ("beyond ASCII", "a/é", False),
        ("empty", "", False),
    ],
)
def test_media_types(rule: str, media_type: str, good: bool) -> None:
    assert rules.is_media_type(media_type) is good, rule


def test_a_hostile_media_type_costs_no_time() -> None:
    assert not rules.is_media_type("a/b" + "; " * 20_000 + "!")
    assert not rules.is_media_type("a/b" + " ;" * 20_000 + "\x00")
    assert not rules.is_media_type('a/b; c="' + "\\a" * 20_000)


@pytest.mark.parametrize(
    RULE + ", changes, paths",
    [
        ("valid", {}, []),
        ("id is required", {"id": None}, ["id"]),
        ("source is required", {"source": None}, ["source"]),
        ("type is required", {"type": None}, ["type"]),
        ("specversion is required", {"specversion": None}, ["specversion"]),
        ("id is not empty", {"id": ""}, ["id"]),
        ("source is not empty", {"source": ""}, ["source"]),
        ("type is not empty", {"type": ""}, ["type"]),
        ("a space is not empty", {"id": " "}, []),
        ("0.3 is not taken", {"specversion": "0.3"}, ["specversion"]),
        ("nor is 1.0.2: a patch never appears", {"specversion": "1.0.2"}, ["specversion"]),
        ("nor is 1", {"specversion": "1"}, ["specversion"]),
        ("subject is not empty", {"subject": ""}, ["subject"]),
        ("dataschema is not empty", {"dataschema": ""}, ["dataschema"]),
        ("datacontenttype is a media type", {"datacontenttype": "json"}, ["datacontenttype"]),
        ("time is a timestamp", {"time": "now"}, ["time"]),
        ("URI syntax is not enforced", {"source": "a b|c", "dataschema": "#x"}, []),
        ("an extension may be empty", {"myext": ""}, []),
        ("a wrong name of a wrong value", {"my_ext": "\0"}, ["my_ext", "my_ext"]),
        ("all at once", {"id": None, "time": "now", "my_ext": "x", "e": "\0"}, ["id", "time", "my_ext", "e"]),
    ],
)
def test_sets_of_attributes(rule: str, changes: dict[str, str | None], paths: list[str]) -> None:
    found = rules.faults(event(**changes).attributes)  # type: ignore[arg-type]
    assert [fault.path for fault in found] == paths, rule
    assert all(fault.found and fault.expected and fault.rule for fault in found)


def test_check_raises_every_fault_at_once() -> None:
    rules.check(event().attributes)
    with pytest.raises(InvalidEvent) as raised:
        rules.check({"id": "", "time": "now"})
    assert len(raised.value.faults) == 5


def test_a_path_is_what_the_caller_calls_it() -> None:
    found = rules.faults(event(id="").attributes, lambda name: f"ce-{name}")
    assert [fault.path for fault in found] == ["ce-id"]


def test_what_could_not_be_read_is_not_called_missing() -> None:
    assert rules.faults(event(id=None).attributes, unreadable={"id"}) == []


def test_the_name_of_what_could_not_be_read_is_judged() -> None:
    found = rules.faults(event().attributes, unreadable=["my_ext", "ext", "id"])
    assert [fault.path for fault in found] == ["my_ext"]


@pytest.mark.parametrize(
    "value, shown",
    [
        ("a", '"a"'),
        ("a\nb", r'"a\nb"'),
        (b"\xff", r'"\xff"'),
        ("x" * 61, '"' + "x" * 60 + '…"'),
        ("\ud800", r'"\ud800"'),
        (5, '"5"'),
    ],
)
def test_wrong_values_are_shown_readably(value: object, shown: str) -> None:
    assert rules.shown(value) == shown


@given(
    st.dictionaries(
        st.sampled_from(["id", "source", "type", "subject", "time", "datacontenttype", "ext", "Ext", "data"]),
        st.sampled_from(["a", "", "é", "a\n", "2026-01-31T12:00:00Z", "2026-02-30T12:00:00Z", "text/plain", "text/"]),
    ),
    st.sampled_from(["1.0", "0.3", None]),
)
def test_what_is_usual_has_no_faults(attributes: dict[str, str], version: str | None) -> None:
    made = attributes if version is None else {"specversion": version, **attributes}
    assert not rules.are_usual(made) or rules.faults(made) == []


def test_nearly_every_event_is_usual() -> None:
    assert rules.are_usual(event(time="2026-01-31T12:00:00Z", datacontenttype="application/json").attributes)
    assert rules.are_usual(event().attributes)
    assert not rules.are_usual(event(subject="").attributes)
    assert not rules.are_usual(event(subject="é").attributes)
