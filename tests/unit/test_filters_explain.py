"""Filters explained: each part with its verdict, its place and what it saw."""

from tradewind.filters.attributes import AttributesFilter
from tradewind.filters.explain import Explained, as_data, explain, nodes
from tradewind.filters.tree import AllOf, read


def shown(tree: Explained) -> list[tuple[int, str, bool | None, str | None]]:
    return [(level, node.text, node.verdict, node.saw) for level, node in nodes(tree)]


def test_a_filter_is_explained_part_by_part() -> None:
    tree = read(
        [
            {"exact": {"type": "a", "zone": "z"}},
            {"any": [{"prefix": {"source": "/b"}}, {"not": {"suffix": {"source": "x"}}}]},
            {"all": [{"cesql": "n > 3 OR type = 'b'"}]},
        ]
    )
    found = explain(tree, {"type": "a", "source": "/x", "n": "2"})
    assert shown(found) == [
        (0, "filters", False, None),
        (1, "exact", False, None),
        (2, "exact type: a", True, "a"),
        (2, "exact zone: z", False, None),
        (1, "any", False, None),
        (2, "prefix source: /b", False, "/x"),
        (2, "not", False, None),
        (3, "suffix source: x", True, "/x"),
        (1, "all", False, None),
        (2, "cesql: n > 3 OR type = 'b'", False, None),
        (3, "n > 3", False, None),
        (4, "n", None, "'2'"),
        (3, "type = 'b'", False, None),
        (4, "type", None, "'a'"),
    ]
    paths = [node.path for _, node in nodes(found)]
    assert paths[2] == "spec.filters[0].exact.type"
    assert paths[7] == "spec.filters[1].any[1].not.suffix.source"
    assert paths[9] == "spec.filters[2].all[0].cesql"
    assert paths[12] == "spec.filters[2].all[0].cesql, character 10"  # as faults have it


def test_an_error_of_an_expression_is_told_where_it_was_met() -> None:
    found = explain(read([{"cesql": "LENGTH(type) > 3 AND level = 1"}]), {"type": "abcd"})
    told = [(node.text, node.errors) for _, node in nodes(found) if node.errors]
    assert told == [("level", ("character 22: MissingAttributeError: the event has no attribute level",))]
    assert found.verdict is False


def test_literals_of_an_expression_are_left_out() -> None:
    found = explain(read([{"cesql": "TRUE AND 'b' = type AND n IN (-5, 'x' = 'x')"}]), {"type": "b", "n": "-5"})
    assert [node.text for _, node in nodes(found)][2:] == [
        "'b' = type",
        "type",
        "n IN (-5, 'x' = 'x')",
        "n",
        "'x' = 'x'",
    ]


def test_filter_attributes_are_explained_too() -> None:
    found = explain(AttributesFilter({"type": "a", "zone": ""}), {"zone": "z"})
    assert shown(found) == [
        (0, "filter.attributes", False, None),
        (1, "type: a", False, None),
        (1, "zone: '' (any value)", True, "z"),
    ]
    assert [node.looks_at for _, node in nodes(found)] == ["", "type", "zone"]
    assert shown(explain(AttributesFilter(), {})) == [(0, "no filter: every event matches", True, None)]
    below = explain(AllOf((AttributesFilter({"type": "a"}),)), {"type": "a"})
    assert shown(below) == [(0, "filters", True, None), (1, "filter.attributes", True, None), (2, "type: a", True, "a")]


def test_an_explanation_as_data() -> None:
    assert as_data(explain(read([{"exact": {"type": "a"}}]), {"type": "b"})) == {
        "path": "spec.filters",
        "filter": "filters",
        "verdict": False,
        "saw": None,
        "errors": [],
        "parts": [
            {
                "path": "spec.filters[0].exact.type",
                "filter": "exact type: a",
                "verdict": False,
                "attribute": "type",
                "saw": "b",
                "errors": [],
                "parts": [],
            }
        ],
    }
