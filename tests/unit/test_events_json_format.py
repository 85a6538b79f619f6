"""The JSON event format: each row is a rule of formats/json-format.md or of RFC 8259."""

import json

import pytest

from tests.builders import event
from tradewind.errors import InvalidEvent
from tradewind.events import json_format
from tradewind.events.model import Event

BASE = '"specversion":"1.0","id":"1","source":"/tests","type":"tests.happened"'
TEXT = '"datacontenttype":"text/plain",'
DEEP = "[" * 200_000 + "]" * 200_000


def json_event(*members: str) -> bytes:
    """A valid event's text with more members."""
    return ("{" + ",".join([BASE, *members]) + "}").encode("utf-8", "surrogatepass")


def paths(body: bytes) -> list[str]:
    """The faults' paths of what is none."""
    with pytest.raises(InvalidEvent) as raised:
        json_format.read(body)
    return [fault.path for fault in raised.value.faults]


@pytest.mark.parametrize(
    "rule, member, value",
    [
        ("string", '"e":"x"', "x"),
        ("escapes", r'"e":"\"\\\/\u00e9\ud83d\ude00"', '"\\/é\U0001f600'),
        ("true", '"e":true', "true"),
        ("false", '"e":false', "false"),
        ("a string that says true", '"e":"true"', "true"),
        ("integer", '"e":42', "42"),
        ("negative integer", '"e":-42', "-42"),
        ("zero", '"e":0', "0"),
        ("minus zero", '"e":-0', "0"),
        ("largest integer", '"e":2147483647', "2147483647"),
        ("smallest integer", '"e":-2147483648', "-2147483648"),
        ("empty string", '"e":""', ""),
        ("null is unset", '"e":null', None),
        ("a name with escapes", r'"\u0065":"x"', "x"),
    ],
)
def test_attributes(rule: str, member: str, value: str | None) -> None:
    assert json_format.read(json_event(member)) == event(e=value), rule


@pytest.mark.parametrize(
    "rule, members, expected",
    [
        ("too large", ['"e":2147483648'], ["e"]),
        ("too small", ['"e":-2147483649'], ["e"]),
        ("far too large", ['"e":' + "9" * 5000], ["e"]),
        ("fraction", ['"e":1.0'], ["e"]),
        ("exponent", ['"e":1e2'], ["e"]),
        ("object", ['"extensions":{}'], ["extensions"]),
        ("array", ['"e":[]'], ["e"]),
        ("time is no number", ['"time":5'], ["time"]),
        ("subject is no boolean", ['"subject":true'], ["subject"]),
        ("upper case", ['"myExt":"x"'], ['"myExt"']),
        ("empty name", ['"":"x"'], ['""']),
        ("control character", [r'"e":"\u0000"'], ["e"]),
        ("CR and LF in datacontenttype", [r'"datacontenttype":"a/b\r\nX: y"'], ["datacontenttype"]),
        ("lone surrogate", [r'"e":"\ud800"'], ["e"]),
        ("lone surrogate in a name", [r'"\ud800":"x"'], [r'"\ud800"']),
        ("noncharacter", ['"e":"\uffff"'], ["e"]),
        ("a name twice", ['"e":"x"', '"e":"x"'], ["e"]),
        ("a required name twice", ['"id":"1"'], ["id"]),
        ("a name twice, once in escapes", ['"e":"x"', r'"\u0065":"y"'], ["e"]),
        ("a name twice, once null", ['"e":null', '"e":"x"'], ["e"]),
        ("data twice", ['"data":1', '"data":1'], ["data"]),
        ("data and data_base64", ['"data":1', '"data_base64":""'], ["data_base64"]),
        ("null data and data_base64", ['"data":null', '"data_base64":""'], ["data_base64"]),
        ("Base64: no alphabet", ['"data_base64":"Q!=="'], ["data_base64"]),
        ("Base64: URL alphabet", ['"data_base64":"-_-_"'], ["data_base64"]),
        ("Base64: no padding", ['"data_base64":"QQ"'], ["data_base64"]),
        ("Base64: padding behind whole groups", ['"data_base64":"QUJD="'], ["data_base64"]),
        ("Base64: a group of padding", ['"data_base64":"QUJD===="'], ["data_base64"]),
        ("Base64: something behind it", ['"data_base64":"QQ==QQ=="'], ["data_base64"]),
        ("Base64: a line end", [r'"data_base64":"QQ==\n"'], ["data_base64"]),
        ("Base64: no string", ['"data_base64":5'], ["data_base64"]),
        ("Base64: beyond ASCII", ['"data_base64":"é"'], ["data_base64"]),
        ("of no type, data has no fault", ['"datacontenttype":"json","data":{}'], ["datacontenttype"]),
        ("text is no object", [TEXT + '"data":{}'], ["data"]),
        ("text is not null", [TEXT + '"data":null'], ["data"]),
        ("text with a lone surrogate", [TEXT + r'"data":"\ud800"'], ["data"]),
        ("a wrong name of a wrong value", ['"F":{}'], ['"F"', '"F"']),
        ("several", ['"e":1.5', '"time":"now"', '"F":1'], ["e", '"F"', "time"]),
    ],
)
def test_faults(rule: str, members: list[str], expected: list[str]) -> None:
    assert sorted(paths(json_event(*members))) == sorted(expected), rule


@pytest.mark.parametrize(
    "rule, body, expected",
    [
        ("empty object", b"{}", ["specversion", "id", "source", "type"]),
        ("null id", json_event().replace(b'"1"', b"null"), ["id"]),
        ("id is no number", json_event().replace(b'"1"', b"1"), ["id"]),
        ("specversion is no number", json_event().replace(b'"1.0"', b"1.0"), ["specversion"]),
        ("empty", b"", ["body"]),
        ("white space", b" \n", ["body"]),
        ("array", b"[]", ["body"]),
        ("string", b'"x"', ["body"]),
        ("no JSON", b"id: 1", ["body"]),
        ("left open", b'{"id":"1"', ["body"]),
        ("name left open", b'{"id', ["body"]),
        ("no colon", b'{"id" "1"}', ["body"]),
        ("no comma", b'{"id":"1" "type":"t"}', ["body"]),
        ("comma at the end", json_event()[:-1] + b",}", ["body"]),
        ("comma at the start", b'{,"id":"1"}', ["body"]),
        ("name without quotes", b"{id:1}", ["body"]),
        ("something behind it", json_event() + b"x", ["body"]),
        ("two of them", json_event() + json_event(), ["body"]),
        ("byte order mark", b"\xef\xbb\xbf" + json_event(), ["body"]),
        ("no UTF-8 in an attribute", json_event('"e":"?"').replace(b"?", b"\xff"), ["body"]),
        ("no UTF-8 in data", json_event('"data":"?"').replace(b"?", b"\xff"), ["body"]),
        ("UTF-16", json_event().decode().encode("utf-16"), ["body"]),
        ("NaN in data", json_event('"data":NaN'), ["body"]),
        ("Infinity in data", json_event('"data":[-Infinity]'), ["body"]),
        ("leading zero in data", json_event('"data":01'), ["body"]),
        ("a raw control character in data", json_event('"data":"\x01"'), ["body"]),
        ("comma at the end of data", json_event('"data":[1,]'), ["body"]),
        ("data too deep", json_event(f'"data":{DEEP}'), ["body"]),
        ("an attribute too deep", json_event(f'"e":{DEEP}'), ["body"]),
    ],
)
def test_no_events(rule: str, body: bytes, expected: list[str]) -> None:
    assert paths(body) == expected, rule


@pytest.mark.parametrize(
    "rule, members, data, media_type",
    [
        ("none", "", None, None),
        ("without a type it is JSON, explicitly", '"data":{}', b"{}", "application/json"),
        (
            "numbers as they came",
            '"data":[1.10,1e5,12345678901234567890]',
            b"[1.10,1e5,12345678901234567890]",
            "application/json",
        ),
        ("white space as it came", '"data": { "a" :\n1 } ', b'{ "a" :\n1 }', "application/json"),
        ("names twice within data as they came", '"data":{"a":1,"a":2}', b'{"a":1,"a":2}', "application/json"),
        ("a string stays JSON", '"data":"abc"', b'"abc"', "application/json"),
        ("escapes as they came", r'"data":"\u00e9\/"', rb'"\u00e9\/"', "application/json"),
        ("a lone surrogate's escape as it came", r'"data":["\ud800"]', rb'["\ud800"]', "application/json"),
        ("a huge number as it came", '"data":1' + "0" * 5000, b"1" + b"0" * 5000, "application/json"),
        ("null is data", '"data":null', b"null", "application/json"),
        ("true", '"data":true', b"true", "application/json"),
        ("a JSON suffix", '"datacontenttype":"a/b+json","data":"x"', b'"x"', "a/b+json"),
        ("in any case", '"datacontenttype":"TEXT/JSON","data":"x"', b'"x"', "TEXT/JSON"),
        ("with a parameter", '"datacontenttype":"a/json ; c=d","data":"x"', b'"x"', "a/json ; c=d"),
        ("type behind the data", '"data":"x","datacontenttype":"text/plain"', b"x", "text/plain"),
        ("text is its UTF-8", TEXT + r'"data":"\u00e9\u0000"', "é\0".encode(), "text/plain"),
        ("empty text", TEXT + '"data":""', b"", "text/plain"),
        ("JSON's name in another", '"datacontenttype":"a/jsonx","data":"x"', b"x", "a/jsonx"),
        ("JSON as a parameter", r'"datacontenttype":"a/b; c=\"x/json\"","data":"x"', b"x", 'a/b; c="x/json"'),
        ("Base64 invents no type", '"data_base64":"AP8="', b"\0\xff", None),
        ("Base64 of nothing", '"data_base64":""', b"", None),
        ("Base64 with a JSON type", '"datacontenttype":"a/json","data_base64":"e30="', b"{}", "a/json"),
        ("Base64 in escapes", r'"data_base64":"\u0041P8="', b"\0\xff", None),
        ("null Base64 is unset", '"data":1,"data_base64":null', b"1", "application/json"),
        ("a null type is unset", '"datacontenttype":null,"data":1', b"1", "application/json"),
    ],
)
def test_data(rule: str, members: str, data: bytes | None, media_type: str | None) -> None:
    body = json_event(*([members] if members else []))
    assert json_format.read(body) == event(data=data, datacontenttype=media_type), rule


@pytest.mark.parametrize(
    "rule, data, media_type, member",
    [
        ("JSON as it is", b'{"a": 1.10}', "application/json", b'"data":{"a": 1.10}'),
        ("JSON in any case", b"1", "Text/JSON; a=b", b'"data":1'),
        ("no JSON in spite of its type", b"{", "application/json", b'"data_base64":"ew=="'),
        ("white space before it", b" 1", "application/json", b'"data_base64":"IDE="'),
        ("white space behind it", b"1\n", "application/json", b'"data_base64":"MQo="'),
        ("JSON of no UTF-8", b'"\xff"', "application/json", b'"data_base64":"Iv8i"'),
        ("JSON too deep", DEEP.encode(), "application/json", b'"data_base64":"W1tb'),
        ("empty with a JSON type", b"", "application/json", b'"data_base64":""'),
        ("text", "é".encode(), "text/plain", '"data":"é"'.encode()),
        ("text in a charset that is UTF-8", b"x", "text/plain; charset=UTF-8", b'"data":"x"'),
        ("text in another charset", b"x", "text/plain; charset=latin-1", b'"data_base64":"eA=="'),
        ("text of no UTF-8", b"\xff", "text/plain", b'"data_base64":"/w=="'),
        ("XML", b"<a/>", "application/a+xml", b'"data":"<a/>"'),
        ("anything else", b"x", "image/png", b'"data_base64":"eA=="'),
        ("no type: `data` would make it JSON", b"{}", None, b'"data_base64":"e30="'),
    ],
)
def test_written_data(rule: str, data: bytes, media_type: str | None, member: bytes) -> None:
    original = event(data=data, datacontenttype=media_type)
    body = json_format.write(original)
    assert member in body, rule
    assert json_format.read(body) == original


def test_batches() -> None:
    one = json_event('"data":"\\ud800"')
    assert json_format.read_batch(b"[" + one + b" , " + json_event() + b"]") == (
        event(data=b'"\\ud800"', datacontenttype="application/json"),
        event(),
    )
    assert json_format.read_batch(b" [ ] ") == ()


@pytest.mark.parametrize(
    "rule, body, expected",
    [
        ("each fault under its place", b"[" + json_event() + b',{"id":1},5]', {"[1].id", "[1].type", "[2].body"}),
        ("one event is no batch", json_event(), {"body"}),
        ("no JSON", b"[1,]", {"body"}),
        ("no UTF-8", b'["\xff"]', {"body"}),
        ("too deep", DEEP.encode(), {"body"}),
    ],
)
def test_no_batches(rule: str, body: bytes, expected: set[str]) -> None:
    with pytest.raises(InvalidEvent) as raised:
        json_format.read_batch(body)
    assert {fault.path for fault in raised.value.faults} >= expected, rule


def test_a_batch_too_long() -> None:
    with pytest.raises(json_format.BatchTooLong):
        json_format.read_batch(b"[1,2,3]", 2)


def test_an_event_without_attributes_of_its_own_is_still_written() -> None:
    assert json_format.read(json_format.write(Event(event().attributes))) == event()


def test_an_event_of_too_many_members_is_refused_as_one_fault() -> None:
    members = ",".join(f'"a{number}":1' for number in range(json_format.MAX_MEMBERS + 1))
    with pytest.raises(InvalidEvent) as raised:
        json_format.read(f"{{{members}}}".encode())
    (fault,) = raised.value.faults
    assert (fault.path, fault.found) == ("event", f"{json_format.MAX_MEMBERS + 1} members")


def test_the_faults_of_a_batch_that_are_told_are_bounded() -> None:
    bad = json.dumps({f"BAD{number}": 1 for number in range(300)})
    with pytest.raises(InvalidEvent) as raised:
        json_format.read_batch(f"[{','.join([bad] * 100)}]".encode())
    *told, last = raised.value.faults
    assert json_format.MAX_FAULTS <= len(told) < json_format.MAX_FAULTS + 310
    assert (last.path, last.found) == ("[4]", "96 more events, which were not judged")
