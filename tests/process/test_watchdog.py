"""The watchdog ends a process that goes on too long, whatever it is that holds it up."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.process

BEFORE = """
import logging, re, sys, time
from tradewind.control.watchdog import Watchdog
from tradewind.observe import logs
logs.configure("test", as_json=False)
dog = Watchdog(time.monotonic)
dog.arm(time.monotonic() + 0.3)
"""
WORDS = "this process is ended"


def ended(code: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        [sys.executable, "-c", BEFORE + code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_process_that_waits_for_something_else_is_ended_in_words() -> None:
    done = ended("time.sleep(3600)")
    assert (done.returncode, WORDS in done.stderr) == (1, True)


def test_an_interpreter_that_lets_nobody_in_is_ended_from_outside() -> None:
    done = ended('re.match(r"(a+)+$", "a" * 60 + "b")')
    assert (done.returncode, WORDS in done.stderr) == (1, False)
    assert "most recent call first" in done.stderr, "and it says where it was"


def test_what_holds_the_log_does_not_hold_the_watchdog() -> None:
    done = ended("logging.getLogger().handlers[0].acquire(); time.sleep(3600)")
    assert (done.returncode, WORDS in done.stderr) == (1, False)


def test_a_machine_that_slept_is_noticed_though_no_timer_went_on() -> None:
    """The clock jumps; the process has slept for a moment."""
    done = ended(
        "now = [0.0]; dog.disarm(); dog = Watchdog(lambda: now[0]); dog.arm(3600.0); now[0] = 3600.0; time.sleep(3600)"
    )
    assert (done.returncode, WORDS in done.stderr) == (1, True)


def test_it_waits_for_the_last_moment_that_it_was_told() -> None:
    done = ended("dog.arm(time.monotonic() + 3600); time.sleep(1.2); print('works')")
    assert (done.returncode, done.stdout) == (0, "works\n")


def test_disarmed_it_ends_nothing() -> None:
    done = ended("dog.disarm(); time.sleep(1.2); print('works')")
    assert (done.returncode, done.stdout) == (0, "works\n")
