"""Text → documents, or faults with line and column; and what a file may grow to."""

from typing import Any

import pytest

from tradewind.resources import documents
from tradewind.resources.documents import parse


def only(text: str, name: str = "a.yaml") -> Any:
    parsed = parse(name, text)
    assert not parsed.faults
    ((_, value),) = parsed.documents
    return value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("12:30:00", "12:30:00"),
        ("=", "="),
        ("1.5.2", "1.5.2"),
        ("7", 7),
        ("-7", -7),
        ("0x1F", 31),
        ("010", 8),
        ("0o17", 15),
        ("1_000", 1000),
        ("0", 0),
        ("1.5", 1.5),
        ("-.5e+1", -5.0),
        (".inf", float("inf")),
        ("yes", True),
        ("off", False),
        ("~", None),
        ("'7'", "7"),
        ("!!str 7", "7"),
    ],
)
def test_scalars_are_read_as_kubectl_reads_them(text: str, value: object) -> None:
    read = only(f"a: {text}")["a"]
    assert (read, type(read)) == (value, type(value))


def test_each_document_has_its_origin() -> None:
    assert parse("a.yaml", "a: 1").documents == [("a.yaml", {"a": 1})]
    assert parse("a.yaml", "# nothing").documents == []
    several = parse("a.yaml", "---\na: 1\n---\n---\nb: 2\n").documents
    assert several == [("a.yaml, document 1", {"a": 1}), ("a.yaml, document 2", None), ("a.yaml, document 3", {"b": 2})]
    assert parse("a.json", '{"a": 1}').documents == [("a.json", {"a": 1})]


def test_a_document_that_cannot_be_read_hides_no_other() -> None:
    parsed = parse("a.yaml", "a: 1\na: 2\n---\nb: [1\n---\nc: 3\n--- {d: d: d}\n---\ne: 5\ne: 6\n")
    assert parsed.documents == [
        ("a.yaml, document 1", {"a": 2}),
        ("a.yaml, document 3", {"c": 3}),
        ("a.yaml, document 5", {"e": 6}),
    ]
    assert [fault.path for fault in parsed.faults] == [
        "a.yaml: line 2, column 1",
        "a.yaml: line 5, column 1",
        "a.yaml: line 7, column 10",
        "a.yaml: line 10, column 1",
    ]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a: |\n  x\n  ---\n  y\n---\nb: --- 1\n", [{"a": "x\n---\ny\n"}, {"b": "--- 1"}]),
        ("---x: 1\n", [{"---x": 1}]),
        ("--- 1\n---\t2\n---", [1, 2, None]),
        ("# one\n\n---\na: 1\n...\n# none\n---\nb: 2\n", [{"a": 1}, {"b": 2}]),
        ("a: 1\n...\nb: 2\n", [{"a": 1}, {"b": 2}]),
        ("%YAML 1.1\n# so\n\n---\na: 1\n...\n%TAG ! tag:yaml.org,2002:\n---\nb: !str 1\n", [{"a": 1}, {"b": "1"}]),
        ("a: 1\r\n---\r\nb: 2\r\n", [{"a": 1}, {"b": 2}]),
        ("a: 1\r---\rb: 2", [{"a": 1}, {"b": 2}]),
        ("a: 1\x85---\x85b: 2", [{"a": 1}, {"b": 2}]),
    ],
)
def test_a_document_ends_where_yaml_says(text: str, values: list[object]) -> None:
    parsed = parse("a.yaml", text)
    assert ([value for _, value in parsed.documents], parsed.faults) == (values, [])


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\x85", "\u2028"])
def test_lines_are_counted_through_the_whole_file(ending: str) -> None:
    parsed = parse("a.yaml", ending.join(["a: 1", "b: ä", "---", "---", "c: [", "---", "d: 1", "d: 2"]))
    assert [fault.path for fault in parsed.faults] == ["a.yaml: line 6, column 1", "a.yaml: line 8, column 1"]


@pytest.mark.timeout(5)
@pytest.mark.parametrize("document", ["---\n[\n", "%\n", "---\n"])
def test_a_file_of_nothing_but_documents_takes_no_time_of_its_own(document: str) -> None:
    assert parse("a.yaml", document * 30_000)


def test_aliases_and_merges_are_written_out() -> None:
    assert only("a: &x {p: 1, q: 2}\nb: *x\nc: {<<: *x, q: 3}") == {
        "a": {"p": 1, "q": 2},
        "b": {"p": 1, "q": 2},
        "c": {"p": 1, "q": 3},
    }


@pytest.mark.parametrize(
    ("name", "text", "path", "found"),
    [
        ("a.yaml", "a: 1\nb: [1\nc: 2\n", "a.yaml: line 3, column 2", "did not find expected"),
        ("a.yaml", "a:\n\t- b\n", "a.yaml: line 2, column 1", "cannot start any token"),
        ("a.yaml", "a: \x01", "a.yaml: line 1, column 4", "control characters"),
        ("a.yaml", "# a\n\n b: \x01", "a.yaml: line 3, column 5", "control characters"),
        ("a.yaml", "a: !!python/name:os.system x", "a.yaml: line 1, column 4", "constructor"),
        ("a.yaml", "? [a, b]\n: 1", "a.yaml: line 1, column 3", "a key that is a list"),
        ("a.yaml", "? &x [a, b]\n: *x", "a.yaml: line 1, column 3", "a key that is a list"),
        ("a.yaml", "a: 1\nb: {{ .Values.x }}", "a.yaml: line 2, column 5", "a key that is a mapping"),
        ("a.yaml", "a: 1" + "0" * 5000, "a.yaml: line 1, column 1", "digits"),
        ("a.yaml", "a: &a [*a]", "a.yaml: line 1, column 4", "an alias of what it stands in"),
        ("a.yaml", "[" * 500 + "]" * 500, "a.yaml: line 1, column 101", "levels"),
        ("a.yaml", "- " * 300_000, "a.yaml: line 1, column 1999", "nesting"),
        ("a.json", '{"a": 1 2}', "a.json: line 1, column 9", "no JSON"),
        ("a.json", '{"a": NaN}', "a.json", "NaN"),
        ("a.json", '{"a": 1' + "0" * 5000 + "}", "a.json", "digits"),
        ("a.json", "[" * 500 + "]" * 500, "a.json", "levels"),
        ("a.json", "[" * 200_000, "a.json", "recursion"),
        ("a.json", r'{"a": "\ud800"}', "a.json", "surrogate"),
        ("a.json", r'{"\ud800": 1}', "a.json", "surrogate"),
        ("a.yaml", "#" * (documents.MAX_CHARACTERS + 1), "a.yaml", "characters"),
    ],
)
def test_what_cannot_be_read_says_where(name: str, text: str, path: str, found: str) -> None:
    parsed = parse(name, text)
    assert [fault.path for fault in parsed.faults] == [path]
    assert found in parsed.faults[0].found
    assert not parsed.documents


def test_templates_are_not_read() -> None:
    (fault,) = parse("a.yaml", "{{ .Values.x }}").faults
    assert fault.expected == "keys that are text; templates, such as Helm's, are not read"


def test_every_key_given_twice_is_a_fault() -> None:
    faults = parse("a.yaml", "a: 1\nb: {c: 1, c: 2}\na: 3\n---\nd: 1\nd: 1\n").faults
    assert [str(fault) for fault in faults] == [
        'a.yaml: line 2, column 11: found the key "c" twice in one mapping, expected each key once',
        'a.yaml: line 3, column 1: found the key "a" twice in one mapping, expected each key once',
        'a.yaml: line 6, column 1: found the key "d" twice in one mapping, expected each key once',
    ]
    in_json = parse("a.json", '{"a": {"b": 1, "b": 2}, "a": 3}').faults
    assert [fault.found for fault in in_json] == ['the key "b" twice in one object', 'the key "a" twice in one object']


@pytest.mark.timeout(5)
@pytest.mark.parametrize("entry", ["[{}]", "{{<<: [{}]}}"])
def test_an_alias_bomb_is_refused_before_it_goes_off(entry: str) -> None:
    lines = ["a: &a {k: 1}"]
    for index in range(1, 20):
        aliases = ",".join([f"*{chr(96 + index)}"] * 9)
        lines.append(f"{chr(97 + index)}: &{chr(97 + index)} {entry.format(aliases)}")
    (fault,) = parse("a.yaml", "\n".join(lines)).faults
    assert "aliases written out" in fault.found
