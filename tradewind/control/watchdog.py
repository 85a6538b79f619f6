"""The watchdog: ends this process at a moment that its leadership may not outlast, whatever holds it up.

    a work that does not end, a loop that is blocked      a thread says so in the log and ends the process
    an interpreter that is blocked, or its standard error     `faulthandler` ends it from outside, soon after
    a process that was stopped (SIGSTOP), a machine asleep    either of them, as soon as it goes on

The process may have run a little by then, which is why destructive acts ask first (`Leadership.sure`).
"""

import faulthandler
import os
import sys
import threading
from collections.abc import Callable

from tradewind.observe.logs import Log

LOOK = 0.5
"""Seconds between two looks at the clock, which may have gone on while the machine, and every timer with it, slept."""
WORDS = 0.2
"""Seconds that the last line of the log may take: what is to be ended may hold its lock."""
AFTER = 0.5
"""Seconds that the thread has to end the process in words before `faulthandler` does without."""
STATUS = 1
"""Of a process that was ended so; `faulthandler` gives no choice."""

log = Log("watchdog")


class Watchdog:
    """Ends the process at `until`, by this clock, unless it is told of a later moment, or disarmed, before."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = 0.0
        self._off = threading.Event()
        self._thread: threading.Thread | None = None

    def arm(self, until: float) -> None:
        """End the process at this moment, and at none that was given before."""
        self._until = until
        faulthandler.dump_traceback_later(max(0.0, until - self._clock()) + AFTER, exit=True, file=_standard_error())
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
            self._thread.start()

    def disarm(self) -> None:
        """There is nothing left that must be ended."""
        self._off.set()
        faulthandler.cancel_dump_traceback_later()

    def _watch(self) -> None:
        while not self._off.wait(min(LOOK, max(0.0, self._until - self._clock()))):
            if self._clock() >= self._until:
                _end()


def _end() -> None:
    """End the process: nothing is tidied up, as whatever does that may be what is blocked."""
    words = "leadership was not renewed in time, and work went on: this process is ended"
    telling = threading.Thread(target=log.error, args=(words,), daemon=True)
    telling.start()
    telling.join(WORDS)
    os._exit(STATUS)


def _standard_error() -> int:
    """Where tracebacks go, as a number: what stands for it in Python may be gone, or be no file."""
    return sys.__stderr__.fileno() if sys.__stderr__ is not None else 2
