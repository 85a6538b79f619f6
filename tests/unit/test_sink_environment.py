"""What a program that sends events is told."""

import json

from tradewind.resources.sink_environment import environment


def test_it_says_where_the_sink_is_and_what_to_add() -> None:
    made = environment("http://sink/ns/b", {"b": "ü", "a": "1"})
    assert made["K_SINK"] == "http://sink/ns/b"
    assert made["K_CE_OVERRIDES"] == '{"extensions":{"a":"1","b":"ü"}}'
    assert json.loads(made["K_CE_OVERRIDES"]) == {"extensions": {"a": "1", "b": "ü"}}


def test_the_same_extensions_are_the_same_text() -> None:
    assert environment("s", {"a": "1", "b": "2"}) == environment("s", {"b": "2", "a": "1"})


def test_nothing_to_add_is_said_by_nothing_as_knative_says_it() -> None:
    assert environment("s", {}) == {"K_SINK": "s", "K_CE_OVERRIDES": ""}
