"""JSON of which nothing is known."""

import pytest

from tradewind.resources.model import NamespacedName
from tradewind.resources.untyped import fields, name_of


@pytest.mark.parametrize("one", [None, 1, {}, {"a": None}, {"a": []}, {"a": {"b": 1}}, {"a": {"b": {}}}])
def test_a_mapping_that_is_not_there_is_an_empty_one(one: object) -> None:
    assert fields(one, "a", "b") == {}


def test_a_mapping_that_is_there() -> None:
    assert fields({"a": {"b": {"c": 1}}}, "a", "b") == {"c": 1}


def test_names() -> None:
    assert name_of({"metadata": {"namespace": "a", "name": "b"}}) == NamespacedName("a", "b")
    assert name_of({"metadata": {"generateName": "b-"}}) == NamespacedName("", "")
