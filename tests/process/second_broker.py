"""A second broker beside an embedded Kafka: one that may die, and leave what it led without a leader."""

import asyncio
from pathlib import Path

from tests.conftest import READY
from tradewind.adapters.embedded_kafka import EmbeddedKafka, Request, prepare

NODE = 2


async def second_broker(first: EmbeddedKafka, data: Path) -> EmbeddedKafka:
    """A broker of the same cluster, ready; whoever asked stops it."""
    prepared = await asyncio.to_thread(prepare, Request(data=data, port=0, disk_floor=0))
    theirs, ours = first.prepared.layout, prepared.layout
    voter = _values(theirs.server_properties)["controller.quorum.voters"]
    changed = {
        "process.roles": "broker",
        "node.id": str(NODE),
        "controller.quorum.voters": voter,
        "listeners": f"PLAINTEXT://{prepared.bootstrap}",
    }
    _write(ours.server_properties, _values(ours.server_properties) | changed)
    meta = ours.data / "meta.properties"
    cluster = _values(theirs.data / "meta.properties")["cluster.id"]
    _write(meta, _values(meta) | {"cluster.id": cluster, "node.id": str(NODE)})
    server = EmbeddedKafka(prepared)
    await server.start()
    await server.wait_ready(READY)
    return server


def _values(file: Path) -> dict[str, str]:
    lines = (line for line in file.read_text().splitlines() if not line.startswith("#"))
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def _write(file: Path, values: dict[str, str]) -> None:
    file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
