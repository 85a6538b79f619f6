"""Metrics: their names, what is counted, and the text form as Prometheus' own parser reads it."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.scraped import Scraped
from tradewind.broker import counts as broker
from tradewind.cli.main import app
from tradewind.delivery.verdicts import Answer, NoAnswer
from tradewind.observe.histogram import BOUNDS, Histogram
from tradewind.observe.metrics import (
    ALARMS,
    BACKLOG,
    LATENCY,
    METRICS,
    Kind,
    Metric,
    Reading,
    exposition,
    response_code_class,
)
from tradewind.resources.model import NamespacedName
from tradewind.sources.counts import resource_group
from tradewind.trigger_dispatcher.counts import Attempts, Counts

A, B = NamespacedName("default", "a"), NamespacedName("default", "b")


def test_a_histogram_counts_what_took_no_longer_than_each_bound() -> None:
    took = Histogram()
    for seconds in (0.0005, 0.001, 0.0011, 31.0, -0.5):
        took.add(seconds)
    summed = dict(took.summed())
    assert (summed[0.001], summed[0.002], summed[30.0], summed[float("inf")]) == (3, 4, 4, 5)
    assert list(summed) == [*BOUNDS, float("inf")]
    assert took.sum == pytest.approx(31.0026)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names(metric: Metric) -> None:
    """Prometheus' own rules: base units, and `_total` for what only grows."""
    assert re.fullmatch(r"tradewind_[a-z_]+[a-z]", metric.name)
    assert metric.name.endswith("_total") is (metric.kind is Kind.COUNTER)
    assert metric.name.endswith("_seconds") is (metric.kind is Kind.HISTOGRAM)
    assert metric.help.endswith(".")
    assert len(set(metric.labels)) == len(metric.labels)


def test_the_readme_names_no_other() -> None:
    named = set(re.findall(r"`(tradewind_[a-z_]+)`", (Path(__file__).parents[2] / "README.md").read_text()))
    assert named
    assert named <= {metric.name for metric in METRICS}


def test_the_command_lists_them_all() -> None:
    shown = CliRunner().invoke(app, ["metrics"]).output.splitlines()
    assert [line.split()[0] for line in shown[1:]] == [metric.name for metric in METRICS]
    listed = json.loads(CliRunner().invoke(app, ["metrics", "-o", "json"]).output)
    assert [one["name"] for one in listed] == [metric.name for metric in METRICS]


def test_there_are_no_two_of_a_name() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS) > 30


@pytest.mark.parametrize(("status", "expected"), [(202, "2xx"), (204, "2xx"), (503, "5xx"), (0, "none"), (799, "7xx")])
def test_response_code_classes(status: int, expected: str) -> None:
    assert response_code_class(status) == expected


def test_the_text_form_is_what_was_read() -> None:
    took = Histogram()
    took.add(0.004)
    odd = 'a "b"\n\\c'
    read = [
        Reading(BACKLOG, ("default", "default", "a"), 7),
        Reading(BACKLOG, ("default", "default", "b"), 8.5),
        Reading(LATENCY, ("default", "default", "a", "subscriber"), took),
        Reading(ALARMS, ("default", "default", odd, "cursor is missing"), 3),
    ]
    found = Scraped(exposition(read).decode())
    assert found.by("tradewind_trigger_backlog", "trigger_name") == {"a": 7, "b": 8.5}
    buckets = found.by("tradewind_trigger_delivery_latency_seconds_bucket", "le", trigger_name="a")
    assert (buckets["0.002"], buckets["0.005"], buckets["+Inf"]) == (0, 1, 1)
    assert found.value("tradewind_trigger_delivery_latency_seconds_count", target="subscriber") == 1
    assert found.value("tradewind_trigger_delivery_latency_seconds_sum") == 0.004
    assert found.value("tradewind_alarms_total", trigger_name=odd) == 3


def test_nothing_read_is_what_the_process_itself_says() -> None:
    assert not any(name.startswith("tradewind_") for name in Scraped(exposition([]).decode()).names)
    assert "python_gc_collections_total" in Scraped(exposition([]).decode()).names


def test_attempts_are_counted_by_status() -> None:
    attempts = Attempts()
    assert not attempts.any
    for outcome in (Answer(204), Answer(503), Answer(503), NoAnswer("refused")):
        attempts.ended(outcome, 0.01)
    assert attempts.any
    assert attempts.statuses == {204: 1, 503: 2, 0: 1}


def test_a_dispatcher_forgets_what_is_gone() -> None:
    counts = Counts()
    for topic in ("here", "gone"):
        counts.read[topic] += 1
        counts.no_events[topic] += 1
        counts.alarm(topic, None, "x", 4)
        counts.alarm(topic, A, "x")
        counts.alarm(topic, B, "x", 5)
    counts.keep({"here"}, {A})
    assert counts.alarms == {("here", None, "x"): 1, ("here", A, "x"): 1}
    assert counts.gone == {("here", None, "x"): 4}
    assert counts.read == counts.no_events == {"here": 1}


def test_an_ingress_forgets_what_is_gone() -> None:
    counts = broker.Counts()
    counts.stored("here", 2, 10, 0.01)
    counts.stored("here", 1, 5, 0.01)
    counts.stored("gone", 1, 5, 0.01)
    counts.keep(["here"])
    assert counts.taken.keys() == {"here"}
    assert (counts.taken["here"].events, counts.taken["here"].bytes) == (3, 15)
    assert counts.taken["here"].storing.summed()[-1][1] == 2


def test_a_kind_of_source_is_named_as_in_knative() -> None:
    assert resource_group("PingSource") == "pingsources.sources.knative.dev"
