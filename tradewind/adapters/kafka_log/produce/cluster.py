"""What must be asked before anything can be sent: the brokers, who leads which partition, an identity for us.

One task asks, `_survey`: when something is wanted, again until it is known, and every REFRESH seconds, as partitions
may have been added.  It asks one broker and goes on to another where that does not answer.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from functools import partial

from tradewind.adapters.kafka_log.connection import Connection
from tradewind.adapters.kafka_log.produce import requests
from tradewind.adapters.kafka_log.produce.link import Link
from tradewind.adapters.kafka_log.produce.opening import NotOpened, opened
from tradewind.adapters.kafka_log.produce.pace import Pace
from tradewind.adapters.kafka_log.produce.partitions import Partition, Topic
from tradewind.adapters.kafka_log.produce.records import Identity
from tradewind.adapters.kafka_log.produce.requests import Metadata
from tradewind.adapters.kafka_log.produce.sasl_link import SaslLink
from tradewind.errors import LogDenied
from tradewind.observe.logs import Log
from tradewind.ports import Delivered

LOG = Log("producer")

AGAIN = 0.1
"""Seconds after which what failed is tried again."""

DENIED = 1.0
"""Seconds after which we ask again to be let in: somebody must mend something first."""

CLOSED = 5
"""Connections that a broker must close one after another, unasked, for that to be no accident."""

ANSWER = 2.0
"""Seconds a broker has to connect and to answer a question, until another one is asked."""

TELL = 3.0
"""Seconds after which it is told that nothing connects to a broker: one that starts together with us is no outage."""

REFRESH = 300.0
"""Seconds after which everything is asked again.  librdkafka's own number."""

STARTING = (14, 15)
"""Errors of a Kafka that has just come up and gives no identities yet."""


class KafkaBroker:
    """A broker: the connection to it, if there is one, and what is to be sent over it."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.link: Link | None = None
        self.connecting: asyncio.Task[Link | None] | None = None
        self.failing: float | None = None
        """Since when attempts to connect have failed."""
        self.away = False
        """That was told."""
        self.closed = 0
        """Connections that it has closed in place of an answer, one after another."""
        self.silent = False
        """The last request was not answered in time."""
        self.ready: dict[Partition[Delivered], None] = {}
        """Partitions that may have something to send, in the order of their turns."""
        self.pace = Pace()
        self.due: asyncio.Handle | None = None
        """The next request."""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Cluster:
    """The brokers of a Kafka, and what they have been asked.

    `known` is called when there are answers and says which topics must be asked for again; `joined` when a broker is
    connected.
    """

    def __init__(
        self, connection: Connection, known: Callable[[], Collection[str]], joined: Callable[[KafkaBroker], None]
    ) -> None:
        self.topics: dict[str, Topic[Delivered]] = {}
        self.nodes: dict[int, KafkaBroker] = {}
        """By Kafka's number; empty until Kafka has answered."""
        self.identity: Identity | None = None
        self._connection = connection
        self._known = known
        self._joined = joined
        self._brokers = {address: KafkaBroker(*address) for address in connection.addresses()}
        """All that may be asked."""
        self._turn = 0
        self._refused = 0
        """The error with which an identity was refused last."""
        self._wanted: set[str] = set()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Ask, ahead of the first record."""
        self._task = asyncio.get_running_loop().create_task(self._survey())
        self._changed.set()

    async def stop(self) -> None:
        """Let go of every connection."""
        brokers = self._brokers.values()
        renewing = [each.link.renewing for each in brokers if isinstance(each.link, SaslLink)]
        tasks = [self._task, *renewing, *(broker.connecting for broker in brokers)]
        running = [task for task in tasks if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for broker in self._brokers.values():
            if broker.link is not None:
                broker.link.abort()

    def want(self, topic: str) -> None:
        """Something about this topic is not known, or not right any more."""
        self._wanted.add(topic)
        self._changed.set()

    def spent(self) -> None:
        """The identity can serve no more everywhere: get another."""
        self.identity = None
        self._changed.set()

    def meet(self, name: str) -> Topic[Delivered]:
        """A topic that has not been asked for."""
        topic = self.topics[name] = Topic(name)
        return topic

    def hung(self, late: float) -> None:
        """End the connections on which a request sent before `late` is not answered: another may be."""
        for broker in self._brokers.values():
            if (flying := broker.pace.flying) and flying[0] <= late and broker.link is not None:
                if not broker.silent:
                    LOG.warning("kafka broker does not answer", broker=str(broker))
                broker.silent = True
                broker.link.abort()

    # ── connections ─────────────────────────────────────────────────────────────────────────────────────────────────

    def reach(self, broker: KafkaBroker) -> asyncio.Task[Link | None]:
        """Connect to a broker, if that is not being done."""
        if broker.connecting is None or broker.connecting.done():
            broker.connecting = asyncio.get_running_loop().create_task(self._connect(broker))
        return broker.connecting

    async def _connect(self, broker: KafkaBroker) -> Link | None:
        if broker.link is not None:
            return broker.link
        changed = denied = False
        lost = partial(self._lost, broker)
        try:
            link = await opened(self._connection, (broker.host, broker.port), lost, patience=ANSWER)
        except LogDenied as error:
            denied = True
            self._denied(broker, str(error))
            changed = await asyncio.to_thread(self._connection.login.look)
        except NotOpened as error:
            if error.closed:
                self._closed(broker)
            else:
                self._spoke(broker)
            self._tell(broker, error)
        else:
            self._enter(broker, link)
            return link
        await asyncio.sleep(DENIED if denied and not changed else AGAIN)
        self._wanted |= {partition.topic.name for partition in broker.ready}  # others may lead them by now
        self._changed.set()
        return None

    def _tell(self, broker: KafkaBroker, failed: NotOpened) -> None:
        """Tell, once, that a broker cannot be reached."""
        now = asyncio.get_running_loop().time()
        broker.failing = now if broker.failing is None else broker.failing
        if not broker.away and (failed.connected or now - broker.failing >= TELL):
            LOG.warning("kafka broker cannot be reached", broker=str(broker), why=failed.why)
            broker.away = True

    def _denied(self, broker: KafkaBroker, why: str) -> None:
        """Tell, once for each reason, that a broker does not let us in."""
        login = self._connection.login
        if login.denied(str(broker), why):
            LOG.error("kafka denied", broker=str(broker), auth=str(login.auth), why=why)
            broker.away = True

    def _spoke(self, broker: KafkaBroker) -> None:
        """What was held against it no longer counts."""
        broker.closed = 0
        self._connection.login.entered(str(broker))

    def _closed(self, broker: KafkaBroker) -> None:
        """It has closed a connection in place of an answer, as Kafka does where it expects another protocol."""
        broker.closed += 1
        if broker.closed >= CLOSED:
            self._denied(broker, "it closes each connection; does it speak another protocol (TLS, SASL)?")

    def _enter(self, broker: KafkaBroker, link: Link | None) -> None:
        if broker.closed < CLOSED:
            self._connection.login.entered(str(broker))
        if broker.away:
            LOG.info("kafka broker reached again", broker=str(broker))
        broker.link, broker.away, broker.failing = link, False, None
        self._joined(broker)

    def _lost(self, broker: KafkaBroker, link: Link) -> None:
        if broker.link is link:
            broker.link = None
            self._changed.set()

    # ── questions ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _survey(self) -> None:
        clock = asyncio.get_running_loop().time
        refresh = clock() + REFRESH
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(refresh):
                    await self._changed.wait()
            if clock() >= refresh:
                self._wanted.update(self.topics)
                refresh = clock() + REFRESH
            self._changed.clear()
            asked, self._wanted = self._wanted, set()
            try:
                unknown = self._known() if await self._learn(asked) else None
            except Exception:  # else nothing would ever be asked again
                LOG.exception("asking kafka failed")
                unknown = None
            if unknown is None:
                self._turn += 1
            self._wanted.update(asked if unknown is None else unknown)
            if self._wanted or self.identity is None or unknown is None:
                await asyncio.sleep(AGAIN)
                self._changed.set()

    async def _learn(self, names: Collection[str]) -> bool:
        """Ask one broker; whether it answered."""
        brokers = list(self._brokers.values())
        broker = brokers[self._turn % len(brokers)]
        link = await self.reach(broker)
        if link is None:
            return False
        try:
            async with asyncio.timeout(ANSWER):
                found = await link.ask(requests.METADATA, requests.metadata(names), requests.cluster)
                if found is not None:
                    self._spoke(broker)
                    self._adopt(found)
                elif not link.open:
                    self._closed(broker)
                if self.identity is None:
                    await self._identify(link)
        except TimeoutError:
            if (
                not broker.pace.flying
            ):  # else its answer may wait behind theirs, and whether these come is `hung`'s to see
                link.abort()
            return False
        return found is not None

    async def _identify(self, link: Link) -> None:
        found = await link.ask(requests.INIT_PRODUCER_ID, requests.init_producer_id(), requests.identity)
        if isinstance(found, int):
            if found != self._refused and found not in STARTING:
                LOG.warning("kafka gives no producer id", error=found)
            self._refused = found
            self._turn += 1
        elif found is not None:
            self.identity, self._refused = found, 0

    def _adopt(self, found: Metadata) -> None:
        seeds = {address: self._brokers[address] for address in self._connection.addresses()}
        self.nodes = {
            node.id: self._brokers.get((node.host, node.port)) or KafkaBroker(node.host, node.port)
            for node in found.nodes
        }
        old, self._brokers = self._brokers, {(b.host, b.port): b for b in self.nodes.values()} | seeds
        for address in old.keys() - self._brokers.keys():
            left = old[address]
            self._connection.login.entered(str(left))
            left.ready.clear()  # they have their turns elsewhere
            if left.connecting is not None:
                left.connecting.cancel()
            if left.link is not None:
                left.link.abort()
        for name, described in found.topics.items():
            topic = self.topics.get(name)
            if topic is None:
                continue
            topic.error = described.error
            if not described.error:
                gone = topic.lead([described.leaders.get(number, -1) for number in range(len(described.leaders))])
            elif gone := topic.gone:
                del self.topics[name]
            if gone:  # should they come back, or were they never away, their sequences would begin anew
                self.spent()
