"""Each setting has a flag on each command that takes settings, and the documentation of its field."""

import io

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


@pytest.mark.parametrize("command", ["up", "ingress", "dispatcher", "sources", "validate", "config"])
def test_every_setting_is_a_flag_of_every_command_that_has_settings(command: str) -> None:
    shown = RUNNER.invoke(app, [command, "--help"], env={"COLUMNS": "300", "TERMINAL_WIDTH": "300"}).output
    for name in kinds():
        assert flag(name) in shown


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
    words = ["up", "-f", "/nowhere", "--run", "", "--run", " ", "--run", "true", "--health-port", "9000"]
    refused = RUNNER.invoke(app, words).exception
    assert isinstance(refused, InvalidSettings)
    assert [str(fault) for fault in refused.faults] == [
        "--run: found '', expected a command",
        "--run: found ' ', expected a command",
        "--health-port: found 9000, expected 0: dispatcher and sources would both listen there, "
        "and `up` watches them itself",
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
