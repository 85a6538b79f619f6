"""The data folder on disk: its lock, a JVM left over in it, its formatting, its free space, its reset."""

import base64
import contextlib
import errno
import fcntl
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tradewind.adapters.embedded_kafka.layout import (
    META,
    Format,
    Found,
    Layout,
    Refuse,
    aside,
    judge,
    last_words,
    usable,
)
from tradewind.errors import StartFailed

FORMAT_DEADLINE = 60.0
"""Seconds; formatting takes one."""
LEFT_OVER = ((0.0, 1.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 2.0))
"""What a left-over JVM is sent, and the seconds it is given then; its leash ends it as a rule."""


def data_folder() -> Path:
    """Where events are kept: `$XDG_DATA_HOME/tradewind/kafka`, else `~/.local/share/tradewind/kafka`."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "tradewind" / "kafka"


def free_bytes(folder: Path) -> int:
    """Bytes that may still be written to the disk of this folder."""
    return shutil.disk_usage(folder).free


def require_room(folder: Path, floor: int) -> None:
    """Raises StartFailed when the folder's disk has fewer free bytes than `floor`."""
    free = free_bytes(folder)
    if free < floor:
        raise StartFailed(
            f"The disk is full: {folder} has {free // 2**20} MiB free, Kafka needs {floor // 2**20} MiB",
            "Make room there, name a folder on another disk with --data, or lower --disk-floor.",
        )


class FolderLock:
    """Holds a data folder for this process; the kernel lets go when the process dies."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as error:
            holder = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
            self.release()
            raise StartFailed(
                f"{path.parent} is in use: the process with pid {holder} runs a Kafka on it",
                "Stop that one, or name another folder with --data.",
            ) from error
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Let go.  A second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


@contextlib.contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turns what the operating system refuses in a data folder into a StartFailed with a remedy."""
    try:
        yield
    except OSError as error:
        culprit = str(error.filename or folder)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "Make room there, or name a folder on another disk with --data."
        elif _movable(folder, culprit):
            remedy = "Allow writing there, name another folder with --data, or move what is there aside with --reset."
        else:
            remedy = "Allow writing there, or name another folder with --data."
        raise StartFailed(
            f"The data folder {folder} cannot be used: {culprit}: {error.strerror or error}", remedy
        ) from error


def _movable(folder: Path, culprit: str) -> bool:
    """Whether `reset` moves this aside: Kafka's own data, or what stands where the folder should be."""
    in_the_way = os.path.lexists(folder) and not os.path.isdir(folder)  # noqa: PTH112  (pathlib's raises)
    return in_the_way or Path(culprit).is_relative_to(Layout(folder).data)


def end_left_over(layout: Layout) -> None:
    """End the JVM of an earlier run, if it is still there.  Raises StartFailed if it cannot be ended.

    Only with the lock in hand: whoever started that JVM is dead then, and its leash should have ended it.
    """
    pid = _left_over(layout)
    for number, patience in LEFT_OVER if pid else ():
        try:
            if number:
                os.kill(pid, int(number))
        except ProcessLookupError:
            return
        except PermissionError:
            break
        if _gone(layout, time.monotonic() + patience):
            return
    if pid:
        raise StartFailed(
            f"A Java of an earlier run still works on {layout.root}: pid {pid}",
            f"End it (kill {pid}), or name another folder with --data.",
        )


def reset(folder: Path) -> Path | None:
    """Move what is in the data folder aside, keeping it.  Answers where to; None where nothing was.

    The caller holds the folder's lock, unless the folder is not even a folder.
    """
    layout = Layout(folder)
    old = folder
    if folder.is_dir():
        old = layout.data
        layout.version.unlink(missing_ok=True)
    if not os.path.lexists(old):
        return None
    moved = old.with_name(aside(old.name, [file.name for file in old.parent.iterdir()]))
    old.rename(moved)
    return moved


def ready(layout: Layout, version: str, formatter: Callable[[Path, str], Sequence[str]]) -> None:
    """Leave `data` formatted and fit for this Kafka.  Raises StartFailed.

    `formatter` answers with the command that formats a folder under a cluster id.
    """
    found = _found(layout)
    match judge(found, version):
        case Refuse(why):
            raise StartFailed(
                f"The data folder {layout.root} cannot be used: {why}",
                "Name another folder with --data, or move what is there aside with --reset (it is kept).",
            )
        case Format():
            _format(layout, formatter)
    if found.version != f"{version}\n":
        whole = layout.scratch / layout.version.name  # a disk that fills up must not leave half of it
        whole.write_text(f"{version}\n")
        whole.replace(layout.version)


def _found(layout: Layout) -> Found:
    meta = layout.data / META
    return Found(
        data=[file.name for file in layout.data.iterdir()] if os.path.lexists(layout.data) else None,
        meta=meta.read_text(errors="replace") if os.path.lexists(meta) else None,
        version=layout.version.read_text(errors="replace") if os.path.lexists(layout.version) else None,
    )


def _format(layout: Layout, formatter: Callable[[Path, str], Sequence[str]]) -> None:
    for stale in layout.root.glob("data.new-*"):
        shutil.rmtree(stale, ignore_errors=True)
    new = layout.root / f"data.new-{os.getpid()}"
    command = formatter(new, _cluster_id())
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=FORMAT_DEADLINE
        )
    except subprocess.TimeoutExpired as error:
        raise _format_failed(layout, f"it did not end within {FORMAT_DEADLINE:g} s") from error
    if done.returncode or not (new / META).is_file():
        said = last_words((done.stdout + done.stderr).splitlines(), 1)
        raise _format_failed(layout, f"exit code {done.returncode}, {said}")
    new.rename(layout.data)


def _format_failed(layout: Layout, why: str) -> StartFailed:
    return StartFailed(
        f"Kafka's formatter failed in {layout.root}: {why}",
        f"{layout.kafka_log} may say more. Name another folder with --data, or try with --reset.",
    )


def _cluster_id() -> str:
    while True:
        made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii").rstrip("=")
        if usable(made):
            return made


def _left_over(layout: Layout) -> int:
    """Pid of the JVM that works on this folder; 0 if there is none.  A pid may be another's by now, so we look."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(layout.java_pid.read_text())
        if pid > 1 and str(layout.server_properties) in _command_of(pid):
            return pid
    return 0


def _command_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    if Path("/proc/self").exists():
        return ""
    asked = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, timeout=5)
    return asked.stdout


def _gone(layout: Layout, deadline: float) -> bool:
    while _left_over(layout):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
