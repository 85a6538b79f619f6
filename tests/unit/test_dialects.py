"""What is a valid `filters`: every fault has its path, and no tree is too large, too deep or too long."""

from typing import Any

import pytest
from hypothesis import given

from tests import any_filter
from tradewind.filters.cesql import MAX_TEXT_BYTES
from tradewind.filters.compiling import compiled
from tradewind.filters.tree import AllOf, AnyOf, Cesql, Filter, Not, read, written
from tradewind.resources.dialects import MAX_DEPTH, MAX_NESTING, MAX_NODES, doubts, faults

LEAF = {"exact": {"type": "a"}}
ONE_OF = "exact, prefix, suffix, all, any, not, cesql, cel"


def found(filters: list[Any]) -> list[str]:
    return [str(fault) for fault in faults(filters, "spec.filters")]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], []),
        ([LEAF, {"not": {"any": [LEAF, {"cesql": "EXISTS n"}]}}], []),
        ([{"exact": {"type": "a"}, "not": None}], []),
        (
            [{}],
            [f"spec.filters[0]: found no dialect, expected exactly one of {ONE_OF}; `all` joins several"],
        ),
        (
            [{"exact": None}],
            [f"spec.filters[0]: found no dialect, expected exactly one of {ONE_OF}; `all` joins several"],
        ),
        (
            [{**LEAF, "prefix": {"type": "a"}}],
            [
                f"spec.filters[0]: found 2 dialects (exact, prefix), expected exactly one of {ONE_OF}; "
                "`all` joins several"
            ],
        ),
        (
            [{"sql": "TRUE"}],
            [
                "spec.filters[0].sql: found an unknown field, expected one of all, any, cel, cesql, exact, not, "
                "prefix, suffix; is cesql meant?"
            ],
        ),
        ([{"exact": {"type": "a"}, 5: 1}], ["spec.filters[0].5: found an unknown field, expected one of all, any,"]),
        (["x"], [f'spec.filters[0]: found "x", expected a mapping of one dialect: {ONE_OF}']),
        ([None], [f"spec.filters[0]: found nothing, expected a mapping of one dialect: {ONE_OF}"]),
        (
            [{"exact": {}}],
            ["spec.filters[0].exact: found an empty mapping, expected at least one attribute and its value"],
        ),
        ([{"prefix": []}], ["spec.filters[0].prefix: found an empty list, expected a mapping"]),
        ([{"suffix": {"type": ""}}], ['spec.filters[0].suffix.type: found "", expected a non-empty string']),
        ([{"suffix": {"type": None}}], ['spec.filters[0].suffix.type: found "", expected a non-empty string']),
        ([{"exact": {"n": 5}}], ["spec.filters[0].exact.n: found 5 (a number), expected a string: put it in quotes"]),
        (
            [{"exact": {"Type": "a"}}],
            [
                'spec.filters[0].exact.Type: found the key "Type", expected an attribute name that matches '
                "^[a-z][a-z0-9]*$"
            ],
        ),
        ([{"all": []}], ["spec.filters[0].all: found an empty list, expected a list of at least one filter"]),
        ([{"any": LEAF}], ["spec.filters[0].any: found a mapping of exact, expected a list of at least one filter"]),
        ([{"any": ["x"]}], ['spec.filters[0].any[0]: found "x", expected a mapping of one dialect']),
        ([{"not": [LEAF]}], ["spec.filters[0].not: found a list, expected a mapping: one filter"]),
        ([{"not": {}}], ["spec.filters[0].not: found no dialect"]),
        ([{"cesql": 5}], ["spec.filters[0].cesql: found 5 (a number), expected a string: put it in quotes"]),
        ([{"cesql": ""}], ["spec.filters[0].cesql, character 1: found "]),
        ([{"all": [LEAF, LEAF, {"cesql": "type = = 'a'"}]}], ["spec.filters[0].all[2].cesql, character 8: found "]),
        ([{"cesql": "type = FOO(n)"}], ["spec.filters[0].cesql, character 8: found FOO(…), expected one of ABS"]),
        (
            [{"exact": {"A": 1}}, {"any": []}, {"not": {"cesql": "("}}, {"prefix": {"b": ""}}],
            ["[0].exact.A: ", "[0].exact.A: ", "[1].any: ", "[2].not.cesql, character 2: ", "[3].prefix.b: "],
        ),
    ],
)
def test_every_fault_is_named_with_its_path(filters: list[Any], expected: list[str]) -> None:
    told = found(filters)
    assert len(told) == len(expected), told
    for fault, words in zip(told, expected, strict=True):
        assert words in fault


@given(any_filter.dialects)
def test_what_may_be_built_is_admitted_where_its_functions_are_there(wanted: Filter) -> None:
    assert found([written(wanted)]) == []


def nested(levels: int, leaf: dict[str, Any], *words: str) -> dict[str, Any]:
    """A leaf below so many levels, of these dialects in turn."""
    tree = leaf
    for level in range(levels):
        word = words[level % len(words)]
        tree = {word: tree} if word == "not" else {word: [tree, LEAF]}
    return tree


def test_a_tree_may_be_as_deep_as_this_and_no_deeper() -> None:
    for words in (("not",), ("all", "any"), ("not", "any")):
        assert found([nested(MAX_DEPTH - 1, LEAF, *words)]) == []
        deepest, *_ = found([nested(MAX_DEPTH, LEAF, *words)])
        assert deepest.endswith(f"exact: found {MAX_DEPTH + 1} levels, expected at most {MAX_DEPTH}")
    assert compiled(read([nested(MAX_DEPTH - 1, LEAF, "all", "any")]))({"type": "a"}) is True


def test_all_in_all_is_one_level_and_so_is_what_has_one_member() -> None:
    assert found([nested(60, LEAF, "all")]) == []
    assert found([nested(60, LEAF, "any")]) == []
    alone: dict[str, Any] = LEAF
    for level in range(60):
        alone = {("all", "any")[level % 2]: [alone]}
    assert found([alone]) == []
    between: dict[str, Any] = LEAF
    for _ in range(MAX_NESTING // 2 - 1):
        between = {"any": [{"all": [between]}, LEAF]}  # an `all` of one member is that member: `any` in `any`
    assert found([between]) == []
    assert found([nested(MAX_DEPTH - 2, LEAF, "all", "any"), LEAF]) == []  # `filters` itself is a level of two members
    assert len(found([nested(MAX_DEPTH, LEAF, "any", "not"), LEAF])) > 0


def test_the_levels_of_an_expression_count() -> None:
    four = {"cesql": "NOT (NOT (NOT EXISTS n))"}
    assert found([nested(MAX_DEPTH - 4, four, "not")]) == []
    (fault,) = found([nested(MAX_DEPTH - 3, four, "not")])
    levels = f"{MAX_DEPTH + 1} levels ({MAX_DEPTH - 3} of the filters, 4 of the expression)"
    assert fault.endswith(f"cesql: found {levels}, expected at most {MAX_DEPTH}")


def test_what_is_written_may_not_nest_without_end() -> None:
    def alone(levels: int) -> dict[str, Any]:
        tree: dict[str, Any] = LEAF
        for _ in range(levels):
            tree = {"all": [tree]}
        return tree

    assert found([alone(MAX_NESTING - 1)]) == []
    for levels in (MAX_NESTING, 5000):
        (fault,) = found([alone(levels)])
        assert fault.endswith(f"found more than {MAX_NESTING} filters in one another, expected at most {MAX_NESTING}")


def test_a_tree_has_a_bound_of_nodes_that_is_told_once() -> None:
    half = MAX_NODES // 2
    assert found([LEAF] * half) == []
    assert found([*[LEAF] * (half - 1), *[{"cesql": "TRUE"}] * 2]) == []
    expected = f"spec.filters: found more than {MAX_NODES} filters and attributes, expected at most {MAX_NODES}"
    assert found([LEAF] * (half + 1)) == [expected]
    assert found([{"any": [LEAF] * MAX_NODES}, {"not": LEAF}]) == [expected]
    assert found([{"exact": {f"n{number}": "a" for number in range(MAX_NODES)}}]) == [expected]


def test_all_expressions_together_have_a_bound() -> None:
    part = {"cesql": f"type = '{'a' * (MAX_TEXT_BYTES // 2)}'"}
    assert found([part]) == []
    (fault,) = found([part, part])
    assert fault.startswith(
        "spec.filters[1].cesql: found with those before it 8,210 bytes of expressions, expected at most 8,192"
    )
    wide = {"cesql": f"type = '{'ä' * (MAX_TEXT_BYTES // 4)}'"}
    assert found([wide]) == []
    assert len(found([wide, wide])) == 1  # it is bytes that count
    (alone,) = found([{"cesql": f"type = '{'a' * MAX_TEXT_BYTES}'"}])
    assert alone.startswith("spec.filters[0].cesql, character 8193: found an expression of 8,201 bytes")


def test_half_of_a_surrogate_pair_is_text_like_any_other() -> None:
    """JSON may hold one, so a webhook may be sent one."""
    assert faults([{"cesql": "id = '\ud83d'"}], "spec.filters") == []
    assert len(faults([{"cesql": "id = \ud83d"}], "spec.filters")) == 1


def test_doubts_of_expressions_have_their_paths_too() -> None:
    odd = Cesql("NOT type = 'a'")
    tree = AllOf((odd, Not(odd), AnyOf((Cesql("TRUE"), odd)), AllOf((odd, AnyOf((odd,))))))
    assert [fault.path for fault in doubts(tree, "spec.filters")] == [
        "spec.filters[0].cesql, character 1",
        "spec.filters[1].not.cesql, character 1",
        "spec.filters[2].any[1].cesql, character 1",
        "spec.filters[3].all[0].cesql, character 1",
        "spec.filters[3].all[1].any[0].cesql, character 1",
    ]
