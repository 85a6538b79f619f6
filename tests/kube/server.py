"""One server process of the control plane: on a leash, with its output in a file, to be stopped, frozen and killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tradewind.adapters import leash

TAIL = 30
"""Lines of the log that a failure shows."""
LOOK = 0.02
"""Seconds between two looks whether something is so."""


class ServerFailed(Exception):
    """A server ended, or did not come up in time; the message holds the end of its log."""


class Server:
    """A command that is run again and again with the same arguments.  It ends with this process, however that ends.

    start() ──► wait(until, deadline) ──► freeze(), go_on(), kill(), stop() ──► start() …
    """

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self.name = Path(command[0]).name
        self.log = log
        self._command = tuple(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._leash = -1

    @property
    def pid(self) -> int:
        """Pid of the server; raises ServerFailed where it does not run."""
        if self._process is None or self._process.poll() is not None:
            raise ServerFailed(f"{self.name} does not run")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it was started, and has not ended; a frozen one runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def status(self) -> int | None:
        """Exit status of one that has ended."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start it, or start it again; output goes to the end of its log."""
        self._let_go()
        leashed, self._leash = os.pipe()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                (sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), str(leashed), *self._command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(leashed,),
            )
        os.close(leashed)

    def wait(self, until: Callable[[], bool], deadline: float) -> None:
        """Return when it is so.  Raises ServerFailed when the server ended, or after `deadline` seconds."""
        end = time.monotonic() + deadline
        while not until():
            if self._process is None or self._process.poll() is not None:
                status = self._process and self._process.returncode
                raise ServerFailed(f"{self.name} ended (status {status}):\n{self.tail()}")
            if time.monotonic() > end:
                raise ServerFailed(f"{self.name} was not ready within {deadline:g} s:\n{self.tail()}")
            time.sleep(LOOK)

    def tail(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join([f"… {self.log}:", *lines[-TAIL:]])

    def freeze(self) -> None:
        """SIGSTOP: its connections stay, and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """kill -9, and wait for its end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._let_go()

    def stop(self, deadline: float) -> None:
        """SIGTERM, after `deadline` seconds kill -9; and wait for its end."""
        if self._process is not None:
            self._process.terminate()
            self._process.send_signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(deadline)
        self.kill()

    def _let_go(self) -> None:
        """End the watcher of a run that is over: nothing of its group is left."""
        if self._leash >= 0:
            os.close(self._leash)
            self._leash = -1
