"""The test kit of CloudEvents SQL (cesql_tck/, see NOTICE there), whole: evaluated, and compiled as a filter."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tradewind.filters import cesql
from tradewind.filters.cesql import Kind

KIT = Path(__file__).parent / "cesql_tck"
KINDS = {
    "parse": Kind.PARSE,
    "math": Kind.MATH,
    "cast": Kind.CAST,
    "missingAttribute": Kind.MISSING_ATTRIBUTE,
    "missingFunction": Kind.MISSING_FUNCTION,
    "functionEvaluation": Kind.FUNCTION_EVALUATION,
    "generic": Kind.GENERIC,
}
VALID = {"specversion": "1.0", "id": "1", "source": "/kit", "type": "kit"}


class Loader(yaml.SafeLoader):
    """Times stay strings, and so do expressions such as `TRUE` and `-10`."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # as in the class it is from
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # whatever YAML holds
        """As it is, but for what is text whatever it looks like."""
        found: dict[Any, Any] = super().construct_mapping(node, deep=True)
        return found | {key.value: value.value for key, value in node.value if key.value in ("expression", "name")}


@dataclass(frozen=True, slots=True)
class Case:
    """One case of the kit."""

    expression: str
    attributes: dict[str, str | int | bool]
    result: str | int | bool | None
    error: str | None


def cases() -> Iterator[Any]:  # pytest's own type for a row is not public
    for file in sorted(KIT.glob("*.yaml")):
        suite = yaml.load(file.read_text(), Loader)
        for number, test in enumerate(suite["tests"], 1):
            attributes = {**(test.get("event") or VALID), **test.get("eventOverrides", {})}
            case = Case(test["expression"], attributes, test.get("result"), test.get("error"))
            yield pytest.param(case, id=f"{file.stem} {number}: {test['name']}")


CASES = list(cases())


def test_the_kit_is_whole() -> None:
    assert len(CASES) == 275


@pytest.mark.parametrize("case", CASES)
def test_evaluated(case: Case) -> None:
    value, errors = cesql.evaluate(case.expression, case.attributes)
    assert {error.kind for error in errors} == ({KINDS[case.error]} if case.error else set())
    if case.result is not None:
        assert (type(value), value) == (type(case.result), case.result)


@pytest.mark.parametrize("case", CASES)
def test_as_a_filter(case: Case) -> None:
    if case.error == "parse":
        with pytest.raises(cesql.InvalidExpression):
            cesql.parse(case.expression)
        return
    strings = {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in case.attributes.items()
    }
    passes = case.result is True and case.error is None and strings == case.attributes
    assert cesql.parse(case.expression).matches(strings) is passes
