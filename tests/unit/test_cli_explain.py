"""`tradewind explain` and `tradewind test` on files as people have them, without a Kafka."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tradewind.cli import cases
from tradewind.cli.failures import UNMET
from tradewind.cli.main import app
from tradewind.cli.trees import lines
from tradewind.errors import Faulty, InvalidEvent, InvalidManifest
from tradewind.filters.explain import explain
from tradewind.filters.tree import read
from tradewind.plan import Plan

RUNNER = CliRunner()

BROKER = """---
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default}
"""
TRIGGERS = """---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: orders}
spec:
  broker: default
  subscriber: {uri: 'http://127.0.0.1:1'}
  filters:
  - exact: {type: com.example.order}
  - any:
    - prefix: {source: /shop/}
    - cesql: EXISTS level AND level > 3
  - not: {suffix: {subject: .test}}
---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: everything}
spec: {broker: default, subscriber: {uri: 'http://127.0.0.1:1'}}
"""
ORDER = {"specversion": "1.0", "id": "7", "source": "/shop/1", "type": "com.example.order"}


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "all.yaml").write_text(BROKER + TRIGGERS)
    return folder


def ran(*words: str, given: str | None = None, code: int = 0) -> str:
    """What a command prints that exits with this code."""
    done = RUNNER.invoke(app, words, input=given)
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def refused(*words: str, given: str | None = None) -> Faulty:
    """What a command raises, which `told` prints."""
    raised = RUNNER.invoke(app, words, input=given).exception
    assert isinstance(raised, Faulty), raised
    return raised


def test_why_an_event_matches_and_why_not(manifests: Path, tmp_path: Path) -> None:
    told = ran("explain", json.dumps(ORDER), "--trigger", "orders", "-f", str(manifests))
    assert told.splitlines() == [
        "Trigger default/orders matches event 7 of /shop/1",
        "  ✓ filters",
        "    ✓ exact type: com.example.order",
        "    ✓ any",
        "      ✓ prefix source: /shop/  is /shop/1",
        "      ✗ cesql: EXISTS level AND level > 3",
        "        ✗ EXISTS level",
        "        · level > 3  not asked: what came before it decided",
        "    ✓ not",
        "      ✗ suffix subject: .test  the event has no subject",
    ]
    file = tmp_path / "event.json"
    file.write_text(json.dumps({**ORDER, "type": "other", "level": 2, "source": "/x", "subject": "a.test"}))
    told = ran("explain", f"@{file}", "--trigger", "trigger/orders", "-f", str(manifests), code=UNMET)
    assert told.splitlines() == [
        "Trigger default/orders does not match event 7 of /x",
        "  ✗ filters",
        "    ✗ exact type: com.example.order  is other",
        "    ✗ any",
        "      ✗ prefix source: /shop/  is /x",
        "      ✗ cesql: EXISTS level AND level > 3",
        "        ✓ EXISTS level",
        "        ✗ level > 3",
        "          · level  = '2'",
        "    ✗ not",
        "      ✓ suffix subject: .test  is a.test",
    ]


def test_without_a_trigger_all_are_explained_and_json_is_for_programs(manifests: Path) -> None:
    given = json.dumps({**ORDER, "source": "/x"})
    found = json.loads(ran("explain", "-", "-o", "json", "-f", str(manifests), given=given))
    assert [(one["trigger"], one["matches"]) for one in found] == [
        ("default/everything", True),
        ("default/orders", False),
    ]
    assert found[1]["event"]["source"] == "/x"
    assert found[1]["filter"]["parts"][1]["parts"][0] == {
        "path": "spec.filters[1].any[0].prefix.source",
        "filter": "prefix source: /shop/",
        "verdict": False,
        "attribute": "source",
        "saw": "/x",
        "errors": [],
        "parts": [],
    }


def test_a_broker_without_triggers_is_said(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(BROKER)
    assert (
        ran("explain", json.dumps(ORDER), "-f", str(tmp_path), code=UNMET)
        == "\nBroker default/default has no Trigger.\n"
    )


def test_what_cannot_be_explained(manifests: Path, tmp_path: Path) -> None:
    flags = ("-f", str(manifests))
    invalid = refused("explain", "-", *flags, given='{"specversion": "1.0"}')
    assert isinstance(invalid, InvalidEvent)
    assert [fault.path for fault in invalid.faults] == [f"standard input: {name}" for name in ("id", "source", "type")]
    assert isinstance(refused("explain", '{"id": 1}', *flags), InvalidEvent)
    words = "found x, expected an event in the JSON format, @FILE, - for standard input, PARTITION/OFFSET, or SOURCE ID"
    assert words in str(refused("explain", "x", *flags))
    assert "found a b c" in str(refused("explain", "a", "b", "c", *flags))
    assert "No such file" in str(refused("explain", f"@{tmp_path / 'none'}", *flags))
    assert "found default/x, expected a Trigger of" in str(refused("explain", "0/1", "--trigger", "x", *flags))
    (tmp_path / "large").write_bytes(b" " * (16 * 1024 * 1024 + 1))
    assert "more than 16777216 bytes" in str(refused("explain", f"@{tmp_path / 'large'}", *flags))
    assert str(refused("explain", "/a", "1", "--since", "x", *flags)).startswith("--since: found 'x'")


def test_of_several_brokers_one_must_be_meant(manifests: Path) -> None:
    other = (BROKER + TRIGGERS).replace("default", "other").replace("orders", "others").replace("everything", "all")
    (manifests / "other.yaml").write_text(other)
    flags = ("-f", str(manifests))
    assert "expected one of the Brokers (default/default, default/other)" in str(refused("explain", "0/1", *flags))
    two = ("--trigger", "orders", "--trigger", "others")
    assert "expected one of the Brokers (default/default" in str(refused("explain", "0/1", *two, *flags))
    wrong = refused("explain", "0/1", *two, "--broker", "other", *flags)
    assert str(wrong) == "--trigger: found default/orders, expected a Trigger of Broker default/other"
    assert "default/others matches" in ran("explain", json.dumps(ORDER), "--broker", "other", *flags)


def test_colours_are_for_terminals() -> None:
    tree = explain(read([{"exact": {"type": "a\x1b[31m" + "b" * 200}}, {"cesql": "n"}]), {"n": "5"})
    plain = list(lines(tree, colour=False))
    assert plain[1].startswith("  ✗ exact type: a�[31mbbb")
    assert plain[1].endswith("b…  the event has no type")
    assert plain[2] == "  ✗ cesql: n  = '5'"
    painted = list(lines(tree, colour=True))
    assert painted[2] == "  \x1b[31m✗\x1b[0m cesql: n  \x1b[2m= '5'\x1b[0m"


def test_an_expression_of_several_lines_is_shown_in_one() -> None:
    tree = explain(read([{"cesql": "EXISTS n\n\tAND n = 5"}]), {"n": "5"})
    assert list(lines(tree, colour=False))[1] == "  ✓ cesql: EXISTS n  AND n = 5"


CASES = """
cases:
- name: an order of the shop
  event: {type: com.example.order, source: /shop/1, data: {n: 1}, time: 2026-01-01T00:00:00Z}
  expect: [orders, default/everything]
- name: what is loud
  event: {type: com.example.order, source: /x, level: 3}
  broker: default
  expect: [orders, everything]
- event: {type: com.example.order, source: /shop/1}
  expect: [orders]
"""


def test_cases_that_fail_are_told_with_the_filter_and_exit_code_4(manifests: Path, tmp_path: Path) -> None:
    file = tmp_path / "cases.yaml"
    file.write_text(CASES)
    told = ran("test", "-f", str(file), "--manifests", str(manifests), code=UNMET)
    assert told.splitlines() == [
        "ok    an order of the shop",
        "FAIL  what is loud (cases.yaml: cases[1])",
        "      Trigger default/orders does not get it, and was expected to",
        "        ✗ filters",
        "          ✓ exact type: com.example.order",
        "          ✗ any",
        "            ✗ prefix source: /shop/  is /x",
        "            ✗ cesql: EXISTS level AND level > 3",
        "              ✓ EXISTS level",
        "              ✗ level > 3",
        "                · level  = '3'",
        "          ✓ not",
        "            ✗ suffix subject: .test  the event has no subject",
        "FAIL  cases.yaml: cases[2]",
        "      Trigger default/everything gets it, and was not expected to",
        "        ✓ no filter: every event matches",
        "1 of 3 cases as expected",
    ]
    found = json.loads(ran("test", "-f", str(file), "--manifests", str(manifests), "-o", "json", code=UNMET))
    assert [one["ok"] for one in found] == [True, False, False]
    assert found[2]["wrong"][0]["trigger"] == "default/everything"
    file.write_text(CASES[: CASES.index("- name: what")])
    assert ran("test", "-f", str(file), "--manifests", str(manifests)).endswith("1 of 1 cases as expected\n")


def test_files_that_cannot_be_read_are_all_told(manifests: Path, tmp_path: Path) -> None:
    (tmp_path / "bytes.yaml").write_bytes(b"\xff")
    (tmp_path / "wrong.yaml").write_text("cases: [1]")
    files = [word for name in ("none", "bytes.yaml", "wrong.yaml") for word in ("-f", str(tmp_path / name))]
    wrong = refused("test", *files, "--manifests", str(manifests))
    assert [fault.found for fault in wrong.faults] == [
        "No such file or directory",
        "bytes at 0 that are not UTF-8",
        "1 (a number)",
    ]


def plan_of(manifests: Path) -> Plan:
    from tradewind import runtime
    from tradewind.config import Settings

    settings = Settings(manifests=str(manifests))
    return runtime.planned(settings, runtime.manifests(settings))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["cases.yaml: found no case, expected at least one"]),
        ("cases: []", ["cases.yaml: found no case, expected at least one"]),
        ("- 1", ["cases.yaml: found a list, expected a mapping with `cases`"]),
        ("cases: {a: 1}", ["cases.yaml: cases: found a mapping of a, expected a list"]),
        ("cases: [{event: {}}]", ["cases.yaml: cases[0].expect: found nothing, expected a list: it is required"]),
        (
            "cases: [{event: {type: a, source: b}, expect: [x, y/orders]}]",
            ["cases[0].expect: found default/x, expected a Trigger of Broker default/default in the", "found y/orders"],
        ),
        (
            "cases: [{event: {type: a, source: b}, expect: [orders], broker: x}]",
            ['cases[0].broker: found "x", expected one of the Brokers (default/default)'],
        ),
        (
            "cases: [{event: {type: '', n: 99999999999}, expect: []}]",
            ["cases[0].event.type: found", "cases[0].event.n: found", "cases[0].event.source: found nothing"],
        ),
        ("cases: [{event: {type: a, source: b}, expect: [x], a: 1}, {]", ["cases.yaml: line 1"]),
        (
            "cases: [{event: {type: a, source: b}, expect: [x]}, 1, {event: {type: a, source: b}, expect: 5}]",
            ["cases[0].expect: found default/x", "cases[1]: found 1", "cases[2].expect: found 5 (a number)"],
        ),
        (
            "cases: [{event: {type: a, source: b}, expect: [x]}]\n---\ncases: [1]",
            ["document 1: cases[0].expect", "[0]"],
        ),
    ],
)
def test_every_fault_of_cases_is_named(manifests: Path, text: str, expected: list[str]) -> None:
    with pytest.raises(InvalidManifest) as raised:
        cases.read("cases.yaml", text, plan_of(manifests))
    told = [str(fault) for fault in raised.value.faults]
    assert len(told) == len(expected), told
    for words in expected:
        assert any(words in fault for fault in told), (words, told)


def test_where_there_are_several_brokers_a_case_says_which_and_the_others_do_not_count(manifests: Path) -> None:
    text = "cases: [{event: {type: a, source: b}, expect: [everything]}]"
    with pytest.raises(InvalidManifest) as raised:
        cases.read("cases.yaml", text, Plan())
    assert "found nothing, expected one of the Brokers (none)" in str(raised.value)
    other = (BROKER + TRIGGERS).replace("default", "other").replace("orders", "others").replace("everything", "all")
    (manifests / "other.yaml").write_text(other)
    plan = plan_of(manifests)
    with pytest.raises(InvalidManifest):
        cases.read("cases.yaml", text, plan)
    (case,) = cases.read("cases.yaml", text.replace("expect", "broker: default, expect"), plan)
    assert cases.wrong(case, plan, max_data_bytes=1000) == []


def test_the_example_does_what_its_cases_say() -> None:
    example = Path(__file__).parents[2] / "examples" / "filters"
    told = ran("test", "-f", str(example / "cases" / "orders.yaml"), "--manifests", str(example))
    assert told.endswith("4 of 4 cases as expected\n")
