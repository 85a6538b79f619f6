"""Children end with their supervisor, however it ends, and say when they are ready."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.process.running import members, runs, until, until_gone
from tradewind.adapters import commands
from tradewind.adapters.children import Child, Command
from tradewind.errors import StartFailed

pytestmark = pytest.mark.process

FOREVER = "import signal\nsignal.pause()"
ANNOUNCES = "import os\nos.write(int(os.environ['TRADEWIND_READY_FD']), b'ready\\n')\n" + FOREVER
STUBBORN = (
    "import os, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "os.write(int(os.environ['TRADEWIND_READY_FD']), b'ready\\n')\nwhile True: signal.pause()"
)
SUPERVISOR = """
import asyncio, sys
from tradewind.adapters.children import Child, Command

async def main():
    children = [Child(Command(name=name, argv=("sh", "-c", "sleep 600 & sleep 600; true"))) for name in "ab"]
    for child in children:
        await child.start()
    print(*(child.pid for child in children), flush=True)
    await asyncio.gather(*(child.ended() for child in children))

asyncio.run(main())
"""
GROUP = 4
"""Members of a group of SUPERVISOR's: sh, its two sleeps, the watcher."""


def python(code: str, *, announces: bool = False) -> Command:
    return Command(name="child", argv=(sys.executable, "-c", code), announces=announces)


def shell(code: str) -> Command:
    return Command(name="child", argv=("sh", "-c", code))


async def ended(command: Command) -> int:
    child = Child(command)
    await child.start()
    async with asyncio.timeout(10):
        return await child.ended()


@pytest.mark.parametrize(
    ("code", "status"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", -9), ("kill -PIPE $$; exit 5", -13)]
)
async def test_the_exit_status_is_the_commands_own(code: str, status: int) -> None:
    assert await ended(shell(code)) == status


async def test_a_command_that_is_not_there_ends_as_in_a_shell(capfd: pytest.CaptureFixture[str]) -> None:
    assert await ended(Command(name="child", argv=("/nowhere/at/all",))) == 127
    assert capfd.readouterr().err == "/nowhere/at/all: No such file or directory\n"


async def test_output_and_environment_pass_through(capfd: pytest.CaptureFixture[str]) -> None:
    command = Command(name="child", argv=("sh", "-c", "echo $GREETING; echo no >&2"), environment={"GREETING": "hello"})
    assert await ended(command) == 0
    assert capfd.readouterr() == ("hello\n", "no\n")


async def test_the_pid_is_the_commands_and_it_leads_a_session_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    child = Child(python("import os; print(os.getpid(), os.getsid(0))"))
    await child.start()
    await child.ended()
    assert capfd.readouterr().out.split() == [str(child.pid)] * 2


async def test_it_is_ready_when_it_says_so() -> None:
    child = Child(python(ANNOUNCES, announces=True))
    await child.start()
    assert await child.ready(10)
    assert child.status is None
    assert await child.stop(10) == -signal.SIGTERM


async def test_it_is_not_ready_when_it_ended_first() -> None:
    child = Child(python("raise SystemExit(4)", announces=True))
    await child.start()
    assert not await child.ready(10)
    assert await child.ended() == 4


async def test_it_is_not_ready_within_the_deadline() -> None:
    child = Child(python(FOREVER, announces=True))
    await child.start()
    with pytest.raises(TimeoutError):
        await child.ready(0.05)
    await child.stop(10)


async def test_what_ignores_sigterm_is_killed_at_the_deadline() -> None:
    child = Child(python(STUBBORN, announces=True))
    await child.start()
    assert await child.ready(10)
    assert await child.stop(0.1) == -signal.SIGKILL


async def test_a_stop_reaches_the_whole_group() -> None:
    child = Child(shell("sleep 600 & sleep 600; true"))
    await child.start()
    until(lambda: len(members(child.pid)) == GROUP, "the whole group")
    group = members(child.pid)
    await child.stop(10)
    until_gone(group)


async def test_what_a_child_leaves_running_is_killed() -> None:
    child = Child(shell("sleep 600 & exit 0"))
    await child.start()
    assert await child.ended() == 0
    until(lambda: not members(child.pid), "the end of the group")


async def test_a_child_is_started_once_and_from_the_main_thread() -> None:
    child = Child(shell("exit 0"))
    raised: list[BaseException] = []

    def elsewhere() -> None:
        try:
            asyncio.run(child.start())
        except RuntimeError as error:
            raised.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert len(raised) == 1
    await child.start()
    with pytest.raises(RuntimeError):
        await child.start()
    await child.ended()


def supervised(tmp_path: Path) -> tuple[subprocess.Popen[str], list[int]]:
    script = tmp_path / "supervisor.py"
    script.write_text(SUPERVISOR)
    supervisor = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    with supervisor.stdout as said:
        groups = [int(word) for word in said.readline().split()]
    until(lambda: all(len(members(group)) == GROUP for group in groups), "both groups")
    return supervisor, groups


def test_kill_9_of_the_supervisor_leaves_nothing(tmp_path: Path) -> None:
    supervisor, groups = supervised(tmp_path)
    everything = {pid for group in groups for pid in members(group)}
    supervisor.kill()
    assert supervisor.wait(10) == -signal.SIGKILL
    until_gone(everything)


def test_one_childs_end_does_not_touch_another(tmp_path: Path) -> None:
    supervisor, groups = supervised(tmp_path)
    os.kill(groups[0], signal.SIGKILL)
    until(lambda: not members(groups[0]), "the end of the first group")
    assert len(members(groups[1])) == GROUP
    supervisor.kill()
    supervisor.wait(10)
    until(lambda: not members(groups[1]), "the end of the second group")


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_on_linux_the_command_ends_even_without_its_watcher(tmp_path: Path) -> None:
    supervisor, groups = supervised(tmp_path)
    group = groups[0]
    watchers = {
        pid for pid in members(group) if b"leash of sh" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    }
    (watcher,) = watchers
    others = members(group) - watchers - {group}
    os.kill(watcher, signal.SIGKILL)
    until_gone({watcher})
    assert runs(group)
    supervisor.kill()
    supervisor.wait(10)
    until_gone({group})
    for pid in others:
        os.kill(pid, signal.SIGKILL)


async def read_whole(child: Child) -> bytes:
    found = b""
    while chunk := await child.output(1000):
        found += chunk
    return found


async def test_a_bare_child_gets_what_it_is_given_in_its_folder_and_is_read_by_us(tmp_path: Path) -> None:
    path = {"PATH": os.environ["PATH"]}
    script = ("sh", "-c", "pwd; echo no >&2; env")
    child = Child(Command(name="child", argv=script, environment=path, bare=True, folder=str(tmp_path), piped=True))
    await child.start()
    said = (await read_whole(child)).decode().splitlines()
    assert await child.ended() == 0
    child.drop()
    assert said[:2] == [str(tmp_path), "no"]
    names = {line.partition("=")[0] for line in said[2:]}
    assert "PATH" in names
    assert names <= {"PATH", "PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"}, "what a shell and Python add, at most"


async def test_a_piped_child_has_ended_though_something_else_holds_its_output_open(tmp_path: Path) -> None:
    left = tmp_path / "left"
    script = f"sleep 600 & echo $! > {left}; exit 3"
    child = Child(Command(name="child", argv=("sh", "-c", script), piped=True))
    await child.start()
    async with asyncio.timeout(10):
        assert await child.ended() == 3
        assert await child.output(10) == b""
    until_gone({int(left.read_text())})
    child.drop()


async def test_what_is_dropped_is_gone_with_all_of_its_group() -> None:
    child = Child(Command(name="child", argv=("sh", "-c", "echo up; sleep 600 & sleep 600; true"), piped=True))
    await child.start()
    assert await child.output(10) == b"up\n"
    until(lambda: len(members(child.pid)) == GROUP, "the whole group")
    group = members(child.pid)
    child.drop()
    child.drop()
    assert await child.ended() == -9
    until_gone(group)


async def test_only_a_piped_child_is_read() -> None:
    with pytest.raises(RuntimeError, match="piped"):
        await Child(shell("true")).output(1)


async def started(tmp_path: Path, *argv: str, folder: str = "") -> Child:
    return await commands.start("c", argv, {"PATH": "/usr/bin:/bin"}, folder or str(tmp_path))


async def test_a_command_of_a_users_is_started_where_it_can_be(tmp_path: Path) -> None:
    script = tmp_path / "run.sh"
    script.write_text("#!/bin/sh\necho it runs\n")
    script.chmod(0o755)
    for word in ("./run.sh", str(script)):
        child = await started(tmp_path, word)
        assert await read_whole(child) == b"it runs\n"
        assert await child.ended() == 0
        child.drop()


async def test_a_command_of_a_users_that_cannot_be_started_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    file = tmp_path / "file"
    refused = {
        ("nowhere-at-all",): r"no command 'nowhere-at-all' is found in PATH \(/usr/bin:/bin\)\nInstall it, or",
        ("./gone",): f"there is no file {tmp_path}/./gone\n|there is no file {tmp_path}/gone\n",
        (str(file),): f"{file} cannot be executed\nMake it executable",
        (str(tmp_path),): f"{tmp_path} cannot be executed\n",
    }
    for argv, why in refused.items():
        with pytest.raises(StartFailed, match=why):
            await started(tmp_path, *argv)
    with pytest.raises(StartFailed, match="there is no folder /nowhere\n"):
        await started(tmp_path, "true", folder="/nowhere")


REFUSED = """
import asyncio, os
from tradewind.adapters import commands

async def main():
    before = os.listdir("/proc/self/fd")
    try:
        await commands.start("c", ("true", "x" * 10_000_000), {"PATH": os.environ["PATH"]}, "/")
    except OSError as error:
        print(error.errno)
    async with asyncio.timeout(10):
        while os.listdir("/proc/self/fd") != before:  # asyncio closes in its next turn
            await asyncio.sleep(0.01)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc names what a process has open")
def test_a_command_that_the_machine_refuses_leaves_nothing_open() -> None:
    alone = subprocess.run([sys.executable, "-c", REFUSED], capture_output=True, text=True, timeout=60)
    assert (alone.returncode, alone.stdout, alone.stderr) == (0, f"{errno.E2BIG}\n", "")
