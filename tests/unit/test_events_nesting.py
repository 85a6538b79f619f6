"""How deep JSON text nests."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import event
from tradewind.errors import InvalidEvent
from tradewind.events import json_format
from tradewind.events.nesting import MOST, depth, is_within

JSON = st.recursive(
    st.none() | st.text('[]{}"\\\n\u00e9', max_size=5) | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('[{"\\', max_size=3), inner, max_size=4),
)


def levels(value: object) -> int:
    """The levels of what JSON text stands for."""
    if isinstance(value, dict):
        return 1 + max(map(levels, value.values()), default=0)
    return 1 + max(map(levels, value), default=0) if isinstance(value, list) else 0


@given(JSON, st.integers(1, 8), st.booleans())
def test_levels_are_counted_whatever_strings_hold(value: object, most: int, escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped).encode()
    assert depth(text) == levels(value)
    assert is_within(text, most) == (levels(value) <= most)


def lists(deep: int) -> str:
    return "[" * deep + "]" * deep


@pytest.mark.parametrize(
    "rule, text, deep",
    [
        ("lists", lists(MOST), MOST),
        ("one more", lists(MOST + 1), MOST + 1),
        ("objects", '{"a":' * MOST + "1" + "}" * MOST, MOST),
        ("both", '[{"[[":' * (MOST // 2) + "1" + "}]" * (MOST // 2), MOST),
        ("many side by side", f"[{'[],{},' * 5000}1]", 2),
        ("a list within many", f'[{"[]," * 5000}{{"a":{lists(MOST)}}}]', MOST + 2),
        ("a name twice, the deeper one first", f'{{"a":{lists(MOST)},"a":{lists(5)}}}', MOST + 1),
        ("beyond how often text is taken apart", f"{'[' * 9}{'[],' * 2000}1{']' * 9}", 10),
        ("in a string", f'"{lists(5000)}"', 0),
        ("in a string of a list", f'["{lists(5000)}"]', 1),
        ("behind an escaped quote", rf'["\"{lists(5000)}\\",[]]', 2),
        ("half of a surrogate pair, where it cannot be taken apart", f'["\\ud800",{"[]," * 2000}1]', 2),
    ],
)
def test_depths(rule: str, text: str, deep: int) -> None:
    assert depth(text.encode()) == deep, rule
    assert is_within(text.encode()) is (deep <= MOST), rule


def test_what_no_parser_takes_apart_is_counted() -> None:
    assert not is_within(lists(200_000).encode())


@pytest.mark.parametrize("deep", [MOST + 1, 800, 5000, 200_000])
@pytest.mark.parametrize("member", ["data", "ext"])
def test_the_fault_names_what_was_found_and_the_limit(deep: int, member: str) -> None:
    """The event itself is the first level."""
    minimal = json_format.write(event())[:-1]
    body = minimal + f',"{member}":{lists(deep - 1)}}}'.encode()
    with pytest.raises(InvalidEvent) as raised:
        json_format.read(body)
    (fault,) = (fault for fault in raised.value.faults if fault.path == "body")
    assert (fault.found, fault.expected, fault.rule) == (
        f"JSON nested {deep} levels deep",
        f"at most {MOST} levels",
        "RFC 8259 9",
    )
    with pytest.raises(InvalidEvent) as raised:
        json_format.read_batch(b"[%s,%s]" % (json_format.write(event()), body))
    told = {(fault.path, fault.found, fault.expected) for fault in raised.value.faults}
    within = ("[1].body", f"JSON nested {deep} levels deep", f"at most {MOST} levels")
    whole = ("body", f"JSON nested {deep + 1} levels deep", f"at most {MOST + 1} levels")
    assert told & {within, whole}


def test_other_faults_are_named_beside_it() -> None:
    body = f'{{"specversion":"1.0","id":"","source":"/tests","data":{lists(MOST)}}}'
    with pytest.raises(InvalidEvent) as raised:
        json_format.read(body.encode())
    assert [fault.path for fault in raised.value.faults] == ["body", "type", "id"]


def test_as_deep_as_it_may_be() -> None:
    data = lists(MOST - 1).encode()
    deep = event(data=data, datacontenttype="application/json")
    text = json_format.write(deep)
    assert b'"data":[[' in text and json_format.read(text) == deep
    assert json_format.read_batch(b"[" + text + b"]") == (deep,)


def test_deeper_data_is_written_so_that_it_can_be_read() -> None:
    deep = event(data=lists(MOST).encode(), datacontenttype="application/json")
    text = json_format.write(deep)
    assert b'"data_base64"' in text and json_format.read(text) == deep


def test_the_limit_is_within_what_the_parsers_take_far_down_the_stack() -> None:
    def called(from_below: int) -> bool:
        return called(from_below - 1) if from_below else is_within(lists(MOST).encode())

    assert called(200)
