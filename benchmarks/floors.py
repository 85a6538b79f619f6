"""Servers to compare the ingress with, each a process that prints its port when it listens.

null    the ingress itself, whole, over a log that stores nothing and answers at once
asgi    a bare ASGI app on uvicorn (uvloop, httptools) that reads the body and answers 202
"""

import asyncio
import sys
from collections.abc import Collection, Mapping

import uvicorn
import uvloop

from tests.builders import broker_plan
from tradewind.broker.ingress import NEEDS, Ingress
from tradewind.broker.serve import bind, serve
from tradewind.config import Settings
from tradewind.observe.health import Health
from tradewind.plan import Plan
from tradewind.ports import Delivered, NewRecord, Position, TopicInfo, TopicSpec

BROKER = broker_plan("default/default")


class NullLog:
    """Stores nothing, at once."""

    def produce(self, _record: NewRecord, on_delivery: Delivered) -> None:
        asyncio.get_running_loop().call_soon(on_delivery, Position(0, 0))

    async def ensure_topics(self, topics: Collection[TopicSpec]) -> Mapping[str, TopicInfo]:
        return {spec.name: TopicInfo(spec.name, "id", 1) for spec in topics}

    async def topics(self, names: Collection[str]) -> Mapping[str, TopicInfo]:
        return {name: TopicInfo(name, "id", 1) for name in names}

    async def max_message_bytes(self, _topics: Collection[str]) -> Mapping[str, int]:
        return {}


async def null() -> None:
    settings, health = Settings(), Health(*NEEDS)
    ingress = Ingress(NullLog(), settings, health)  # type: ignore[arg-type]  # as much of a log as an ingress needs
    ingress.adopt(Plan(brokers={BROKER.name: BROKER}))
    listener = bind("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)
    await serve(ingress, host="", port=0, health=health, settings=settings, stop=asyncio.Event(), listener=listener)


async def asgi() -> None:
    async def app(_scope: object, receive: object, send: object) -> None:
        while (await receive())["more_body"]:  # type: ignore[operator]
            pass
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    listener = bind("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, http="httptools", ws="none", lifespan="off", log_level="warning", access_log=False)
    await uvicorn.Server(config).serve(sockets=[listener])


uvloop.run({"null": null, "asgi": asgi}[sys.argv[1]]())
