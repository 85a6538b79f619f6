"""The dialect `cel`: what expressions say of attributes and data, what they may not do, and when data are read."""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import any_filter
from tradewind.errors import InvalidCel
from tradewind.events.model import Event
from tradewind.filters import cel
from tradewind.filters.cel import document, library
from tradewind.filters.cel.bounds import MAX_LISTED, MAX_MATCHED_BYTES, MAX_REPEATED_BYTES, MAX_WORK, bounds
from tradewind.filters.cel.patterns import states
from tradewind.filters.compiling import compiled, compiled_with_data
from tradewind.filters.explain import explain
from tradewind.filters.matching import Matching
from tradewind.filters.sample import sample
from tradewind.filters.terms import terms
from tradewind.filters.tree import AllOf, AnyOf, Cel, Filter, Not, by_attributes, digest, read, sees_data, written
from tradewind.resources.dialects import MAX_NESTING, doubts, faults, unportable

MOST = 256 * 1024
EVENT = {"id": "1", "source": "/s", "type": "com.example.order", "specversion": "1.0", "n": "5"}
DATA = {"amount": 150, "items": [{"name": "a", "price": 3}, {"name": "b", "price": 30}], "no": None}


def asked(text: str, data: object = DATA, **attributes: str) -> tuple[bool, str | None]:
    """Whether an event with these data passes, and what went wrong."""
    body = data if isinstance(data, bytes) or data is None else json.dumps(data).encode()
    activation = cel.Activation({**EVENT, **attributes}, body, max_data_bytes=MOST)
    return cel.expression(text).matches(activation), activation.errors.get(text)


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("event.type == 'com.example.order' && data.amount > 100", True),
        ("event.type.startsWith('com.') && data.amount > 1000", False),
        ("data.items.exists(i, i.price > 20)", True),
        ("data.items.all(i, i.price > 20)", False),
        ("data.items.filter(i, i.name in ['a', 'c']).size() == 1", True),
        ("data.items.all(i, i.price - -1 > 3)", True),
        ("data.items.map(i, i.name)[0] == 'a'", True),
        ("int(event.n) + 1 == 6", True),
        ("has(event.subject) && event.subject == 'x'", False),
        ("!has(data.absent) && data.no == null", True),
        ("event.n == '5' || data.absent == 1", True),
        ("data.amount == 150.0", True),
    ],
)
def test_what_an_expression_says(text: str, matches: bool) -> None:
    assert asked(text) == (matches, None)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("event.subject == 'x'", 'NOT_FOUND: Key not found in map : "subject"'),
        ("data.absent == 1", 'NOT_FOUND: Key not found in map : "absent"'),
        ("1 / (data.amount - 150) == 1", "INVALID_ARGUMENT: divide by zero"),
        ("data.amount", "a value of type INT, where BOOL says whether an event passes"),
        ("data.items.all(a, data.items.all(b, [0,1,2,3,4,5,6,7,8,9].all(c, [0,1,2,3,4,5,6,7,8,9].all(d, "
         "[0,1,2,3,4,5,6,7,8,9].all(e, [0,1,2,3,4,5,6,7,8,9].all(f, true))))))", "INTERNAL: Iteration budget exceeded"),
    ],
)  # fmt: skip
def test_an_error_is_no_match(text: str, error: str) -> None:
    found, said = asked(text)
    assert found is False
    assert said is not None
    assert said.startswith(error)


@pytest.mark.parametrize(
    ("data", "attributes", "why"),
    [
        (None, {}, "the event has no data"),
        (b"{}", {"datacontenttype": "text/plain"}, "its data are text/plain, not JSON"),
        (b'"' + b"a" * MOST + b'"', {}, "its data are 262,146 bytes, more than 262,144"),
        (b'{"a": "\xff"}', {}, "its data are no UTF-8 at byte 7"),
        (b'"\xed\xa0\x80"', {}, "its data are no UTF-8 at byte 1"),
        (b'"\\ud800"', {}, "its data are no JSON: "),
        (b"{", {}, "its data are no JSON: "),
        (b"1e999", {}, "its data are no JSON: "),
        (b"1" * 400, {}, "its data are no JSON: "),
        (b"[" * 129 + b"]" * 129, {}, "its data nest more than 128 levels deep"),
        (b"[" * 6000 + b"]" * 6000, {}, "its data nest more than 128 levels deep"),
    ],
)
def test_data_that_no_expression_may_see(data: bytes | None, attributes: dict[str, str], why: str) -> None:
    found, said = asked("data == 1", data, **attributes)
    assert found is False
    assert said is not None
    assert said.startswith(why)
    assert asked("event.n == '5'", data, **attributes) == (True, None)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (b"9223372036854775807", 2**63 - 1),
        (b"9223372036854775808", 2.0**63),
        (b"[-9223372036854775809, true, 1.5, null]", [-(2.0**63), True, 1.5, None]),
        (b'{"a": [18446744073709551616, "1234567890123456789"]}', {"a": [2.0**64, "1234567890123456789"]}),
        (b"[" * 128 + b"]" * 128, None),
    ],
)
def test_integers_beyond_int64_are_doubles(text: bytes, seen: object) -> None:
    found = document.read(text, "application/cloudevents+json; charset=utf-8", max_bytes=MOST)
    assert seen is None or (found, type(found)) == (seen, type(seen))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (rb'{"a\u0000b": ["c\u0000", 1]}', {"a\ufffdb": ["c\ufffd", 1]}),
        (rb'"a\\u0000b"', r"a\u0000b"),
    ],
)
def test_the_library_gets_no_nul(text: bytes, seen: object) -> None:
    """It would cut the text there, and another one would be equal to it."""
    assert document.read(text, None, max_bytes=MOST) == seen


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("1 +", "line 1, character 4: found Syntax error: mismatched input"),
        ("event.n == '5' &&\n  foo", "line 2, character 3: found undeclared reference to 'foo'"),
        ("event.n == 5", "line 1, character 9: found no matching overload"),
        ("'a'", "line 1: found a value of type STRING, expected one of type BOOL"),
        ("", "line 1, character 1: found Syntax error"),
        ("(" * 100 + "true" + ")" * 100, "line 1: found CANCELLED: Expression recursion limit exceeded"),
        ("\ud800", "line 1: found "),
        (f"event.n == '{'a' * 9000}'", "line 1: found an expression of 9,013 bytes, expected at most 8,192"),
        ("['x'].map(s, s + s).size() == 1", "line 1, character 16: found + inside of all, exists, exists_one,"),
        ("data.all(a, [a, a] == data)", "line 1, character 14: found a, expected constants alone in a list or map"),
        ("[data, data].all(a, a == a)", "line 1, character 2: found data, expected constants alone in a list or map"),
        (
            "data.map(x, data) == data",
            "line 1, character 13: found data inside of map, expected its own variable alone",
        ),
        ("data.all(a, {'x': a} == data)", "line 1, character 19: found a, expected constants alone"),
        ("data.all(a, data in [1, (2)])", "line 1, character 25: found (, expected constants alone"),
        ("data.all(a,\n data.map(b, b) == a)", "line 2, character 7: found map inside of all,"),
        ("data.a + " * 9 + "data.b == 1", "line 1, character 80: found more than 8 +, expected at most 8"),
        ("event.type.matches(event.n)", "line 1, character 27: found no literal as the pattern of matches"),
        ("matches(event.n, 'a' + 'b')", "line 1, character 27: found no literal as the pattern of matches"),
        (
            "data.all(a, " + "data == a || " * 5 + "true)",
            "line 1, character 65: found more than 4 times something else",
        ),
        (")matches(", "line 1, character 1: found Syntax error"),
        ("data.all(a, ", "line 1, character "),
    ],
)
def test_what_may_not_run_is_named_with_its_position(text: str, fault: str) -> None:
    with pytest.raises(InvalidCel) as raised:
        cel.expression(text)
    assert str(raised.value.faults[0]).startswith(fault)


@pytest.mark.parametrize(
    "text",
    [
        "data.all(a, a in ['+', \"+\\\"+\", r'+', '''+\n'+''', b'+', -1, 1.5e+3, null, [true]])",
        "data.all(a, a.b[0].c['x'] != 1 // + comment\n)",
        "data.all(a, a.`b-c//d` == 1)",
        "matches(event.n, r'\\d') && event.type.matches('a+')",
        "[data, data] == {'x': data} || 1e+5 + .5 > 0x1f",
    ],
)
def test_what_only_looks_like_building_is_none(text: str) -> None:
    assert bounds(text).faults == ()


@pytest.mark.parametrize(
    ("text", "repeated"),
    [
        ("data.all(a, a == a.data && a.b.event in ['data'] && data2)", False),
        ("data == data && data.all(a, a.all(b, b == 1))", False),
        ("data.all(a, a.data['x'].event == f(a).data && 'x'.data == 1)", False),
        ("data.all(a, data.b == a)", True),
        ("data.a.all(data, .data == .data)", True),
        ("data.all(a, a == event.n)", True),
        ("data.all(a, a in .data)", True),
        ("data.all(a, (.data) == a)", True),
        ("data.all(a, a.all(b, b == a))", True),
        ("data.all(a, a.all(a, a == 1))", False),
        ("data.all(a, a == 1 ? data : 2)", True),
    ],
)
def test_what_is_looked_at_for_every_element_is_known(text: str, repeated: bool) -> None:
    assert (bounds(text).max_bytes is not None) is repeated


def test_only_a_small_event_is_looked_at_for_every_element() -> None:
    text = "data.ids.exists(i, i == data.wanted)"
    assert asked(text, {"ids": [1, 2], "wanted": 2}) == (True, None)
    found, said = asked(text, {"ids": [1, 2], "wanted": 2, "x": "x" * MAX_REPEATED_BYTES})
    assert (found, str(said).partition(", more")[2]) == (
        False,
        " than the 16,384 that this expression may look at",
    )
    assert asked("data.ids.exists(i, i == 2)", {"ids": [1, 2], "x": "x" * MAX_REPEATED_BYTES}) == (True, None)


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("'abc'", 5),
        ("r'a|b*'", 7),
        ("'a{10}'", 12),
        ("'a{2,10}b{3,}'", 15),
        ("'(ab{3}){5}c'", 23),
        ("'((a{10}){10}){10}'", 1002),
        ("'[]{9}(]{4}[^\u00e9]'", 14),
        ("'[^a]'", 10),
        (r"r'\p{L}{5}'", 323),
        (r"r'\({5}'", 8),
        (r"'a\x7b900}'", 10000),
        (r"r'a\x7b900}'", 11),
        ("')(a(b'", 5),
        ("'a{99999999999}'", 100_001),
        ("'{0}'", 2),
        (r"'\\pN{2}[\\PL]'", 194),
    ],
)
def test_states_of_a_pattern_are_counted(pattern: str, count: int) -> None:
    assert states(pattern) == count


@pytest.mark.parametrize(
    ("text", "most"),
    [
        (" || ".join(["data == data"] * 8), None),
        (" || ".join(["data == data"] * 9), MAX_WORK // 18),
        ("data.a.all(x, " + " && ".join(["x == x"] * 100) + ")", MAX_WORK // 202),
        ("data.a.contains(data.b)", MAX_WORK // 18),
        ("event.x.matches('contains') || event.x.matches('b')", MAX_WORK // 34),
        (" || ".join(["'a'.data == 'data.data'"] * 90), None),
        ("data.a.all(x, x == event.n) || " + " || ".join(["data == data"] * 510), MAX_WORK // 1024),
        ("data.a.all(x, x == event.n && event.n.matches('a'))", MAX_MATCHED_BYTES),
        ("data.a.all(x, x == event.n && event.n.matches('a{126}'))", MAX_MATCHED_BYTES // 4),
        ("data.a.all(x, x == event.n) && event.n.matches('a')", MAX_REPEATED_BYTES),
        ("event.n.matches('a{798}')", MAX_WORK // 401),
    ],
)
def test_the_more_an_expression_does_the_smaller_is_what_it_may_look_at(text: str, most: int | None) -> None:
    assert bounds(text).max_bytes == most


@pytest.mark.parametrize(
    "text",
    [
        "data.items.filter(i, i == 1).size() > 3",
        "data.items.map(i, i).size() > 3",
        "event.n == '5' && data.items != 1 && data.items.all(i, i == 1) && data.items.map(i, true, i) != []",
    ],
)
def test_lists_that_are_built_element_by_element_are_short(text: str) -> None:
    assert asked(text, {"items": [1] * MAX_LISTED})[1] is None
    found, said = asked(text, {"items": [{"x": [1] * 501}, "x", None]})
    assert (found, said) == (
        False,
        "the event holds a list or map of 501 elements, more than the 500 for map and filter",
    )


def test_all_expressions_of_an_event_are_told_of_one_long_list() -> None:
    activation = cel.Activation(EVENT, json.dumps([1] * 501).encode(), max_data_bytes=MOST)
    texts = ("data.filter(i, i == 1) == []", "data.map(i, i) == []", "data.exists(i, i == 1)")
    assert [cel.expression(text).matches(activation) for text in texts] == [False, False, True]
    assert [*activation.errors] == [*texts[:2]]


def test_lists_of_an_expression_are_short_beside_map_and_filter() -> None:
    listed = ", ".join(["1"] * MAX_LISTED)
    assert bounds(f"[{listed}].map(i, i) == [{listed}]").faults == ()
    assert bounds(f"[{listed}, 1].exists(i, i == 1)").faults == ()
    (fault,) = bounds(f"[{listed}, 1].map(i, i) == []").faults
    assert (fault.found, fault.expected) == ("a list of more than 500 elements", "fewer, beside map and filter")
    assert bounds("(data.a + data.a).filter(i, i == 1) == []").max_listed == MAX_LISTED // 2


@given(st.text(alphabet="a.+([{}])'\"`/\\rb, \n1e", max_size=60))
def test_no_text_is_too_odd_to_be_looked_at(text: str) -> None:
    for fault in bounds(text).faults:
        assert fault.path.startswith("line ")


def test_data_are_read_once_for_all_and_only_where_attributes_leave_it_open(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[bytes | None] = []
    real = document.read

    def counted(data: bytes | None, content_type: str | None, *, max_bytes: int) -> object:
        reads.append(data)
        return real(data, content_type, max_bytes=max_bytes)

    monkeypatch.setattr(document, "read", counted)
    large = {"cel": "data.amount > 100"}
    filters = {
        "a": read([large, {"exact": {"type": "com.example.order"}}]),
        "b": read([{"not": large}]),
        "c": read([{"any": [{"cel": "data.amount > 1"}, {"exact": {"type": "com.example.order"}}]}]),
        "d": read([{"exact": {"n": "5"}}]),
        "e": read([{"exact": {"type": "other"}}, large]),
    }
    matching = Matching(filters, max_data_bytes=MOST)
    order = Event(EVENT, json.dumps(DATA).encode())
    assert sorted(matching.match(order)) == ["a", "c", "d"]
    assert len(reads) == 1
    alone = Matching({key: one for key, one in filters.items() if key in "ce"}, max_data_bytes=MOST)
    assert alone.match(order) == ["c"]
    assert len(reads) == 1  # attributes decided about both


@pytest.mark.parametrize(
    "wanted",
    [
        {"all": [{"cel": "data.absent"}, {"exact": {"type": "other"}}]},
        {"any": [{"cel": "data.absent"}, {"prefix": {"type": "com."}}]},
        {"not": {"any": [{"all": [{"cel": "data.absent"}]}, {"exact": {"type": "com.example.order"}}]}},
    ],
)
def test_data_are_not_asked_where_attributes_decide_whatever_comes_first(wanted: dict[str, Any]) -> None:
    activation = cel.Activation(EVENT, b"{}", max_data_bytes=MOST)
    tree = read([wanted])
    assert compiled_with_data(tree)(EVENT, activation) is compiled(by_attributes(tree))(EVENT)
    assert not activation.errors


def test_every_trigger_is_told_of_its_errors() -> None:
    told: list[tuple[str, str]] = []
    wrong = read([{"cel": "data.absent > 1"}])
    matching = Matching(
        {"a": wrong, "b": wrong, "c": Not(wrong), "d": read([{"cel": "true"}])},
        max_data_bytes=MOST,
        failed=lambda key, error: told.append((key, error)),
    )
    assert sorted(matching.match(Event(EVENT, b"{}"))) == ["c", "d"]
    assert sorted(key for key, _ in told) == ["a", "b", "c"]
    assert Matching({"a": wrong}, max_data_bytes=MOST).match(Event(EVENT)) == []


SAYS: Mapping[str, bool] = {"has(event.n)": True, "data.amount > 1": True, "data.amount > 1000": False, "data.x": False}
with_data = st.recursive(any_filter.dialects | st.sampled_from(sorted(SAYS)).map(Cel), any_filter.nested, max_leaves=6)


def oracle(wanted: Filter, attributes: Mapping[str, str]) -> bool:
    match wanted:
        case AllOf(members):
            return all(oracle(one, attributes) for one in members)
        case AnyOf(members):
            return any(oracle(one, attributes) for one in members)
        case Not(member):
            return not oracle(member, attributes)
        case Cel(text):
            return "n" in attributes if text.startswith("has") else SAYS[text]
        case _:
            return compiled(wanted)(attributes)


@given(with_data, any_filter.attributes)
def test_what_is_matched_compiled_and_explained_are_one(wanted: Filter, attributes: Mapping[str, str]) -> None:
    body = json.dumps(DATA).encode()
    activation = cel.Activation(attributes, body, max_data_bytes=MOST)
    expected = oracle(wanted, attributes)
    assert compiled_with_data(wanted)(attributes, activation) is expected
    assert explain(wanted, attributes, activation).verdict is expected
    assert Matching({"k": wanted}, max_data_bytes=MOST).match(Event(attributes, body)) == ["k"] * expected
    if expected:
        assert compiled(by_attributes(wanted))(attributes)
    assert sees_data(wanted) or by_attributes(wanted) is wanted


def test_the_tree_holds_it_like_any_other_dialect() -> None:
    tree = read([{"cel": "data.a > 1"}])
    assert tree == AllOf((Cel("data.a > 1"),))
    assert written(tree) == {"all": [{"cel": "data.a > 1"}]}
    assert digest(tree, max_data_bytes=1) != digest(read([{"cesql": "data.a > 1"}]), max_data_bytes=1)
    assert (sample(tree), terms(tree), list(doubts(tree, "spec.filters"))) == ({}, None, [])
    found = explain(tree, EVENT)
    assert (found.parts[0].path, found.parts[0].text) == ("spec.filters[0].cel", "cel: data.a > 1")
    assert found.parts[0].errors == ("the event has no data",)
    assert explain(read([{"cel": "true"}]), EVENT).parts[0].errors == ()


def test_faults_stand_at_their_place_in_the_filters() -> None:
    told = [str(fault) for fault in faults([{"any": [{"cel": "data.a >"}, {"cel": 5}]}], "spec.filters")]
    assert told[0].startswith("spec.filters[0].any[0].cel, line 1, character 9: found Syntax error")
    assert told[1] == "spec.filters[0].any[1].cel: found 5 (a number), expected a string: put it in quotes"
    assert faults([{"not": {"cel": "data.a > 1"}}], "spec.filters") == []
    deep: dict[str, object] = {"cel": "true"}
    for _ in range(32):
        deep = {"not": deep}
    assert str(faults([deep], "spec.filters")[-1]).endswith("found 33 levels, expected at most 32")


@pytest.fixture
def without_the_extra(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)
    library._library.cache_clear()
    yield
    monkeypatch.undo()
    library._library.cache_clear()


@pytest.mark.usefixtures("without_the_extra")
def test_without_the_extra_it_is_said_how_to_install_it() -> None:
    assert [str(fault) for fault in faults([{"cel": "true"}], "spec.filters")] == [
        "spec.filters[0].cel: found the dialect cel, whose library is not installed, "
        "expected it: `pip install 'tradewind[cel]'`"
    ]


def test_what_is_to_be_portable_has_no_cel_anywhere() -> None:
    held = [{"cel": "("}, {"all": [{"not": {"cel": "true"}}, 5]}, {"any": 3}, {"cel": None}, {"exact": {"cel": "x"}}, 7]
    assert [fault.path for fault in unportable(held, "spec.filters")] == [
        "spec.filters[0].cel",
        "spec.filters[1].all[0].not.cel",
    ]
    assert list(unportable(None, "spec.filters")) == []
    deep: object = {"cel": "true"}
    for _ in range(2 * MAX_NESTING):
        deep = {"not": deep}
    assert list(unportable([deep], "spec.filters")) == []  # too deep is a fault of its own
