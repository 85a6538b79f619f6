"""Each setting has a flag on each command that takes settings, and the documentation of its field."""

import io
import shlex
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from tradewind.cli import settings_table
from tradewind.cli.flags import documentation
from tradewind.cli.main import app
from tradewind.cli.progress import Meter
from tradewind.config import flag, kinds, load
from tradewind.errors import InvalidSettings

RUNNER = CliRunner()


def test_every_field_is_documented_in_sentences() -> None:
    assert documentation().keys() == kinds().keys()
    for name, text in documentation().items():
        assert text[0].isupper() or text[0].isdigit(), name
        assert text.endswith("."), name


COMMANDS = (
    "up",
    "ingress",
    "dispatcher",
    "sources",
    "validate",
    "config",
    "pause",
    "resume",
    "get",
    "audit",
    "explain",
)
LETTERS = tuple(f"dead-letters {command}" for command in ("list", "show", "redrive", "discard"))


@pytest.mark.parametrize("command", [*COMMANDS, *LETTERS])
def test_every_setting_is_a_flag_of_every_command_that_has_settings(command: str) -> None:
    shown = RUNNER.invoke(app, [*command.split(), "--help"], env={"COLUMNS": "300", "TERMINAL_WIDTH": "300"}).output
    for name in kinds():
        assert flag(name) in shown


def test_a_command_that_has_an_f_of_its_own_names_the_manifests_in_full() -> None:
    shown = RUNNER.invoke(app, ["test", "--help"], env={"COLUMNS": "300", "TERMINAL_WIDTH": "300"}).output
    lines = {line.split()[1]: line for line in shown.splitlines() if "--" in line and len(line.split()) > 2}
    assert "-f" not in lines["--manifests"].split()
    assert all(flag(name) in shown for name in kinds())


def test_the_last_flag_counts_and_services_add_up() -> None:
    words = ["config", "-o", "json", "--port", "1", "--port", "2", "--service", "a/b=c:1", "--service", "a/d=e:2"]
    done = RUNNER.invoke(app, words)
    assert done.exit_code == 0
    assert '"value": 2' in done.output
    assert '"value": "a/b=c:1,a/d=e:2"' in done.output


def test_a_flag_is_called_by_one_name() -> None:
    wrong = RUNNER.invoke(app, ["config", "-o", "json", "--services", "a"])
    assert str(wrong.exception).startswith("--service: found 'a', expected ")
    table = RUNNER.invoke(app, ["config", "-o", "json"]).output
    assert '"flag": "--service"' in table
    assert "--services" not in table


def test_up_refuses_what_only_one_process_may_be_told() -> None:
    words = ["up", "-f", "/nowhere", "--run", "", "--run", " ", "--run", "true", "--health-port", "65534"]
    refused = RUNNER.invoke(app, words).exception
    assert isinstance(refused, InvalidSettings)
    assert [str(fault) for fault in refused.faults] == [
        "--run: found '', expected a command",
        "--run: found ' ', expected a command",
        "--health-port: found 65534, expected at most 65533: each process has one of its own",
    ]


def test_the_table_shows_value_origin_and_meaning() -> None:
    console = Console(file=io.StringIO(), width=200, force_terminal=False)
    settings_table.show(load({"port": "81"}, {"TRADEWIND_HOST": "::1"}), console)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert any(line.split()[:3] == ["port", "81", "flag"] for line in lines)
    assert any(line.split()[:3] == ["host", "::1", "environment"] for line in lines)
    assert any("--kafka  TRADEWIND_KAFKA" in line for line in lines)


def test_progress_away_from_a_terminal_is_a_line_at_each_tenth() -> None:
    lines: list[str] = []
    with Meter(lines.append, terminal=False) as meter:
        for done in range(0, 10_000_001, 100_000):
            meter("fetching", done, 10_000_000)
        meter("formatting", 0, 0)
        meter("formatting", 0, 0)
    assert lines[0] == "fetching: 0 of 10 MB"
    assert lines[-2:] == ["fetching: 10 of 10 MB", "formatting"]
    assert len(lines) == 12


def test_what_is_counted_otherwise_is_shown_as_it_is() -> None:
    lines: list[str] = []
    with Meter(lines.append, terminal=False, counted="records") as meter:
        for done in (1000, 150_000, 1_234_567):
            meter("reading", done, 1_234_567)
    assert lines == [f"reading: {done} of 1,234,567 records" for done in ("1,000", "150,000", "1,234,567")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("pause a", "TRIGGER: found 'a', expected trigger/NAME"),
        ("get pods", "KIND: found 'pods', expected triggers, sources, eventtypes, or orphans"),
        (
            "dead-letters redrive",
            "LETTER: found nothing, expected which dead letters are meant: LETTER …, --trigger, --",
        ),
        ("dead-letters redrive 0/1 --all", "LETTER: found LETTER and --all, expected which dead letters are meant"),
        ("dead-letters redrive --all --source pingsource/a", "LETTER: found --source and --all, expected which"),
        ("dead-letters redrive --trigger a --source pingsource/a", "--source: found it beside --trigger, expected one"),
        ("dead-letters list --source a", "--source: found 'a', expected KIND/NAME or KIND/NAMESPACE/NAME, KIND one of"),
        ("dead-letters redrive --all --trigger a", "LETTER: found --trigger and --all, expected which"),
        (
            "dead-letters redrive --all --rate 10",
            "--rate: found '10', expected a number above zero and /s, such as 10/s",
        ),
        ("dead-letters redrive --all --to here", "--to: found 'here', expected an http:// or https:// URL"),
        ("dead-letters discard x --reason y", "LETTER: found 'x', expected PARTITION/OFFSET or a key"),
        ("dead-letters discard 0/1 --reason ''", "--reason: found '', expected why they are discarded"),
        ("audit --broker nope", "--broker: found default/nope, expected a Broker of the manifests"),
    ],
)
def test_what_is_named_wrongly_is_a_fault_of_usage(words: str, said: str) -> None:
    hello = Path(__file__).parents[2] / "examples" / "hello"
    wrong = RUNNER.invoke(app, [*shlex.split(words), "-f", str(hello)])
    assert isinstance(wrong.exception, InvalidSettings)
    assert str(wrong.exception).startswith(said)


def test_a_place_is_of_one_broker(tmp_path: Path) -> None:
    broker = "apiVersion: eventing.knative.dev/v1\nkind: Broker\nmetadata: {name: %s}\n"
    (tmp_path / "two.yaml").write_text(f"{broker % 'a'}---\n{broker % 'b'}")
    wrong = RUNNER.invoke(app, ["dead-letters", "show", "0/1", "-f", str(tmp_path)]).exception
    assert str(wrong).startswith("LETTER: found '0/1' and Broker default/a, Broker default/b, expected --broker or")
