"""The sample subscriber prints events that arrive at once so that they can be told apart."""

import io
import runpy
import sys
from pathlib import Path

import pytest

SUBSCRIBER = Path(__file__).parents[2] / "examples" / "hello" / "subscriber.py"


class Writes(io.StringIO):
    """A standard output that remembers what each write held."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[str] = []

    def write(self, text: str) -> int:
        self.held.append(text)
        return super().write(text)


@pytest.mark.parametrize("data", [b"hello", b""])
def test_an_event_is_printed_in_one_write(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Each connection has its thread: between two writes another one's may fall."""
    show = runpy.run_path(str(SUBSCRIBER))["show"]
    monkeypatch.setattr(sys, "stdout", writes := Writes())
    show("/path", {"type": "a.b", "id": "1"}, "text/plain", data)
    assert writes.held == ["a.b at /path\n  id: 1\n" + ("  text/plain: hello\n" if data else "")]
