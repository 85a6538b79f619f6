"""The whole of `tradewind up` as a user starts it, a subscriber that outlives it, and a sender that keeps count."""

import asyncio
import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import aiohttp
from aiohttp import web

from tradewind.adapters.embedded_kafka.ports import free_ports

READY = 60.0
BROKER = """---
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {{name: {broker}}}
spec: {{delivery: {{retry: 20, backoffDelay: PT0.2S, backoffPolicy: linear}}}}
"""
TRIGGER = """---
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {{name: {name}}}
spec:
  broker: {broker}
  filter: {{attributes: {{type: {type}}}}}
  subscriber: {{ref: {{apiVersion: v1, kind: Service, name: recorder}}, uri: /{name}}}
"""


def manifests(broker: str = "default", /, **types: str) -> str:
    """A Broker and a Trigger for each name, that wants this type."""
    triggers = (TRIGGER.format(broker=broker, name=name, type=wanted) for name, wanted in types.items())
    return BROKER.format(broker=broker) + "".join(triggers)


class Up:
    """One `tradewind up` after the other, on the same folder and ports."""

    def __init__(self, folder: Path, subscriber: int) -> None:
        self.manifests = folder / "manifests"
        self.manifests.mkdir()
        self.data = folder / "data"
        self.port, self.kafka, self.controller = free_ports(3)
        self.subscriber = subscriber
        self.lines: list[str] = []
        self.process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where the Broker takes events."""
        return self.broker("default")

    def broker(self, name: str) -> str:
        """Where another Broker takes events."""
        return f"http://127.0.0.1:{self.port}/default/{name}"

    def declare(self, text: str) -> None:
        """Save a manifest, the way an editor does."""
        fresh = self.manifests / "all.yaml.new"
        fresh.write_text(text)
        fresh.rename(self.manifests / "all.yaml")

    async def start(self, **environment: str) -> None:
        """Start, with these variables besides, and wait until it says that it is ready."""
        self.lines.clear()
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tradewind.cli.main", "up", "-f", str(self.manifests), "--data", str(self.data)),
            *("--port", str(self.port), "--kafka-port", str(self.kafka)),
            *("--service", f"default/recorder=127.0.0.1:{self.subscriber}"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **environment},
        )
        self._reading = asyncio.create_task(self._read(self.process))
        await self.said("is ready,")

    async def said(self, words: str) -> str:
        """Wait for a line that holds these words."""
        async with asyncio.timeout(READY):
            while True:
                for line in self.lines:
                    if words in line:
                        return line
                assert not self._reading.done(), "up has ended:\n" + "\n".join(self.lines)
                await asyncio.sleep(0.02)

    async def stop(self) -> int:
        """An ordered stop, as by Ctrl-C; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        status = await self.process.wait()
        await self._reading
        return status

    async def kill(self) -> None:
        """kill -9 of the supervisor and of everything it started, all at once."""
        assert self.process is not None
        pids = [self.process.pid, *(await descendants(self.process.pid))]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                kill(pid)
        await self.process.wait()
        await self._reading

    async def child(self, words: str) -> int:
        """The pid of the one child whose command line holds these words."""
        assert self.process is not None
        found = [pid for pid, line in (await descendants(self.process.pid)).items() if words in line]
        assert found, f"no child runs {words}"
        return max(found)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self.lines.append(line.decode().rstrip())


def kill(pid: int) -> None:
    """kill -9."""
    os.kill(pid, signal.SIGKILL)


async def descendants(pid: int) -> dict[int, str]:
    """Every process below this one, with its command line."""
    listing = await asyncio.create_subprocess_exec("ps", "-wweo", "pid=,ppid=,args=", stdout=asyncio.subprocess.PIPE)
    out, _ = await listing.communicate()
    rows = [line.split(None, 2) for line in out.decode().splitlines()]
    found: dict[int, str] = {}
    parents = {pid}
    while parents:
        below = {int(row[0]): row[2] for row in rows if int(row[1]) in parents and len(row) > 2}
        found |= below
        parents = set(below)
    return found


class Recorder:
    """A subscriber that counts what each path was sent, by event id."""

    def __init__(self) -> None:
        self.got: dict[str, Counter[str]] = {}

    @contextlib.asynccontextmanager
    async def served(self, port: int = 0) -> AsyncIterator[int]:
        """Serve on this port, or on a free one; yields it."""
        app = web.Application()
        app.router.add_post("/{name}", self._take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        port = port or free_ports(1)[0]
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield port
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        await request.read()
        self.got.setdefault(request.match_info["name"], Counter())[request.headers["ce-id"]] += 1
        return web.Response(status=204)

    def missing(self, name: str, ids: Iterable[str]) -> set[str]:
        """Those of these events that this path was never sent."""
        return set(ids) - self.got.get(name, Counter()).keys()

    async def has(self, name: str, ids: Iterable[str], *, within: float = 60.0) -> None:
        """Wait until this path was sent all of these."""
        wanted = set(ids)
        end = asyncio.get_running_loop().time() + within
        while missing := self.missing(name, wanted):
            assert asyncio.get_running_loop().time() < end, f"{len(missing)} of {len(wanted)} not sent to /{name}"
            await asyncio.sleep(0.05)


class Poster:
    """POSTs numbered events and remembers which were answered with 202."""

    def __init__(self, url: str, *, type: str = "com.example.load", width: int = 64) -> None:
        self.url = url
        self.type = type
        self.accepted: list[str] = []
        self.refused: list[tuple[int, str | None]] = []
        """Status and Retry-After of every other answer."""
        self._width = width

    async def post(self, numbers: Iterable[int]) -> None:
        """Post these, `width` at a time, each once."""
        waiting = iter(numbers)
        connector = aiohttp.TCPConnector(limit=self._width)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as tasks:
            for _ in range(self._width):
                tasks.create_task(self._some(session, waiting))

    async def _some(self, session: aiohttp.ClientSession, numbers: Iterable[int]) -> None:
        for number in numbers:
            await self._one(session, str(number))

    async def _one(self, session: aiohttp.ClientSession, identity: str) -> None:
        headers = {"ce-id": identity, "ce-source": "/load", "ce-type": self.type, "ce-specversion": "1.0"}
        with contextlib.suppress(aiohttp.ClientError):
            async with session.post(self.url, headers=headers, data=b"x" * 200) as answer:
                await answer.read()
                if answer.status == 202:
                    self.accepted.append(identity)
                else:
                    self.refused.append((answer.status, answer.headers.get("Retry-After")))
