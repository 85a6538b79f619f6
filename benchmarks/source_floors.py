"""Servers to compare WebhookSource with: each prints its port when it listens, and answers 202 once Kafka has the body.

raw        a bare ASGI app on uvicorn (uvloop, httptools) over the producer that Tradewind has
rdkafka    the same over librdkafka's, whose reports a thread hands to the loop
"""

import asyncio
import socket
import sys
import threading
from collections.abc import Awaitable, Callable

import uvicorn
import uvloop
from confluent_kafka import Producer

from tradewind.adapters.kafka_log import KafkaLog
from tradewind.ports import NewRecord

TOPIC = "knative-broker-default-default"
Store = Callable[[bytes], Awaitable[object]]


def raw(bootstrap: str) -> Store:
    log = KafkaLog(bootstrap, client_id="raw")
    return lambda body: log.append(NewRecord(TOPIC, body, (), None))


def rdkafka(bootstrap: str) -> Store:
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "acks": "all", "linger.ms": 1})
    loop = asyncio.get_running_loop()

    def poll() -> None:
        while True:
            producer.poll(1.0)

    def store(body: bytes) -> asyncio.Future[None]:
        stored = loop.create_future()

        def told(error: object, _message: object) -> None:
            loop.call_soon_threadsafe(_end, stored, error)

        producer.produce(TOPIC, body, on_delivery=told)
        return stored

    threading.Thread(target=poll, daemon=True).start()
    return store


def _end(stored: asyncio.Future[None], error: object) -> None:
    if error is None:
        stored.set_result(None)
    else:
        stored.set_exception(RuntimeError(str(error)))


async def main(which: str, bootstrap: str) -> None:
    store = {"raw": raw, "rdkafka": rdkafka}[which](bootstrap)

    async def app(_scope: object, receive: object, send: object) -> None:
        body = b""
        while True:
            message = await receive()  # type: ignore[operator]
            body += message["body"]
            if not message["more_body"]:
                break
        await store(body)
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, http="httptools", ws="none", lifespan="off", log_level="warning", access_log=False)
    await uvicorn.Server(config).serve(sockets=[listener])


uvloop.run(main(*sys.argv[1:]))
