"""A process of sources on a real port, over a log in memory."""

import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from tests.unit.webhook.requests import SECRET
from tradewind.adapters.memory_log import MemoryLog
from tradewind.config import Settings
from tradewind.events import kafka
from tradewind.events.model import Event
from tradewind.observe.health import Health
from tradewind.plan import BrokerPlan, Plan, SourcePlan, Target, TopicPlan
from tradewind.ports import TopicSpec
from tradewind.resources.model import Destination, Metadata, NamespacedName, WebhookSource
from tradewind.resources.webhooks import OWN_CHECKS, Hmac, Preset, SecretRef, Webhook
from tradewind.sources.edges import Edges
from tradewind.sources.kinds import Kinds
from tradewind.sources.readings import Readings
from tradewind.sources.runner import NEEDS, Sources
from tradewind.sources.webhook.port import Port, nowhere
from tradewind.sources.webhook.serve import serve

DEADLINE = 10.0
BROKER = NamespacedName("default", "hello")
BROKERS = {BROKER: BrokerPlan(BROKER, TopicPlan("events"), "dead")}
REF = SecretRef("s", "k")
SETTINGS = Settings(sources_port=0, cursor_interval=0.05)  # any port that is free

OPEN = Webhook()
SIGNED = Webhook(Hmac("x-signature"), (REF,))
GITHUB = Webhook(OWN_CHECKS[Preset.GITHUB], (REF,), Preset.GITHUB)


def signature(body: bytes) -> str:
    """What `SIGNED` asks for."""
    return hmac.digest(SECRET, body, "sha256").hex()


async def until(condition: Callable[[], object], what: str = "") -> None:
    """Wait until it holds; fails at the deadline."""
    try:
        async with asyncio.timeout(DEADLINE):
            while not condition():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"never: {what}") from None


@dataclass
class Answer:
    """As it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


async def answered(reader: asyncio.StreamReader) -> Answer:
    """Read one answer."""
    async with asyncio.timeout(DEADLINE):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Answer(int(first.split()[1]), headers, body)


def post(name: str, body: bytes = b"{}", *lines: str, target: str = "") -> bytes:
    """The bytes of a POST."""
    head = [f"POST {target or f'/webhooks/default/{name}'} HTTP/1.1", "Host: h", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


def source(
    name: str, webhook: Webhook, *, secret: bytes = SECRET, kind: type[WebhookSource] = WebhookSource
) -> SourcePlan:
    """A source whose events go to the Broker."""
    made = kind(Metadata(NamespacedName("default", name)), Destination(), webhook)
    return SourcePlan(made, BROKER, Target("http://broker"), {REF: secret} if secret else {})


@dataclass
class World:
    """What a test may touch."""

    settings: Settings = SETTINGS
    get: Callable[[str], Awaitable[bytes | str]] = nowhere
    log: MemoryLog = field(default_factory=MemoryLog)
    plans: asyncio.Queue[Plan] = field(default_factory=asyncio.Queue)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        for name in ("events", "dead"):
            self.log.store.make(TopicSpec(name, 1, None, {}))
        self.webhooks = Port(self.settings, self.get)
        edges = Edges(self.log, None, self.settings, "sources-0")  # type: ignore[arg-type]  # nothing is sent
        self.process = Sources(edges, Kinds(self.webhooks), Health(*NEEDS))
        self.readings = Readings(self.process, self.webhooks)

    @property
    def port(self) -> int:
        assert self.webhooks.listener is not None
        found: int = self.webhooks.listener.getsockname()[1]
        return found

    @property
    def events(self) -> list[Event]:
        return [kafka.read(record.headers, record.value) for record in self.log.store.records("events")]

    def declare(self, *sources: SourcePlan) -> None:
        named = {(type(one.source).__name__, one.source.metadata.name): one for one in sources}
        self.plans.put_nowait(Plan(BROKERS, sources=named))

    async def serving(self, *sources: SourcePlan) -> None:
        """Declare these, and wait until all take requests."""
        self.declare(*sources)
        served = self.webhooks.served
        wanted = {one.source.metadata.name: one.source for one in sources}
        await until(lambda: {name: one.plan.source for name, one in served.items()} == wanted, "served")

    async def follow(self) -> AsyncIterator[Plan]:
        while True:
            yield await self.plans.get()

    async def ask(self, *pieces: bytes) -> Answer:
        """Send bytes as they are on a connection of their own, read one answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            return await answered(reader)
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def running(world: World) -> AsyncIterator[World]:
    """While the block runs."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(world.webhooks, world.stop))
        tasks.create_task(world.process.run(world.follow(), world.stop))
        try:
            yield world
        finally:
            world.stop.set()
