"""How commands end: exit codes, and words instead of tracebacks."""

from collections.abc import Callable

import pytest

from tradewind.cli.failures import told
from tradewind.errors import Fault, InvalidManifest, InvalidSettings, LogUnavailable, SlotTaken, StartFailed

FAULTS = (Fault("a", "1", "2"), Fault("b", "3", "4", "§5"))
TEXT = "error: a: found 1, expected 2\nerror: b: found 3, expected 4 (§5)\n"


def raising(error: BaseException) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (InvalidManifest(FAULTS), 1, TEXT),
        (InvalidSettings(FAULTS), 2, TEXT),
        (StartFailed("the cause", "the remedy"), 1, "error: the cause\nthe remedy\n"),
        (SlotTaken("slot a is taken"), 1, "error: slot a is taken\n"),
        (LogUnavailable("no answer"), 3, "error: no answer\n"),
        (ExceptionGroup("tasks", [ExceptionGroup("inner", [InvalidManifest(FAULTS)])]), 1, TEXT),
        (KeyboardInterrupt(), 130, ""),
        (SystemExit(2), 2, ""),
    ],
)
def test_an_end_in_words(error: BaseException, code: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        told(raising(error))
    assert ended.value.code == code
    assert capsys.readouterr() == ("", text)


@pytest.mark.parametrize("error", [ValueError("ours to mend"), ExceptionGroup("", [ValueError(), SlotTaken("a")])])
def test_a_fault_of_ours_keeps_its_traceback(error: BaseException) -> None:
    with pytest.raises(type(error)):
        told(raising(error))


def test_no_failure_is_0() -> None:
    with pytest.raises(SystemExit) as ended:
        told(lambda: None)
    assert ended.value.code == 0
