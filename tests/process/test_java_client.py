"""Java's default HTTP client offers `Upgrade: h2c` with each POST in the clear, and sends head and body apart.

The JRE of the embedded Kafka has no compiler, so the client (`java/Post.java`) is compiled by Eclipse's, a jar that is
fetched once beside Kafka's.
"""

import asyncio
import gc
import hashlib
import os
from pathlib import Path

import pytest
from jgo.maven import MavenContext, PythonResolver

from tests.shell.ingress_running import running
from tradewind.adapters.embedded_kafka.jars import MIRROR, cache_folder, java
from tradewind.events import kafka

DEADLINE = 60.0
SOURCE = Path(__file__).parent / "java" / "Post.java"
VERSION = "3.42.0"
SHA256 = "29f6d3918ee02db4400c103bc25dd90a22491c3a395867d9393070cb96a7dd29"

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.process,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),  # jgo's
]


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The jar of Eclipse's Java compiler, whole."""
    jar = cache_folder() / f"ecj-{VERSION}.jar"
    if not _is_whole(jar):
        mirror = os.environ.get(MIRROR)
        context = MavenContext(
            repo_cache=tmp_path_factory.mktemp("repository"),
            resolver=PythonResolver(),
            remote_repos={"mirror": mirror.rstrip("/")} if mirror else None,
        )
        found = context.project("org.eclipse.jdt", "ecj").at_version(VERSION).artifact().resolve()
        gc.collect()  # jgo leaves its connection to the collector
        assert _is_whole(found)
        part = jar.with_suffix(f".{os.getpid()}")
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(found.read_bytes())
        part.replace(jar)
    return jar


def _is_whole(jar: Path) -> bool:
    return jar.is_file() and hashlib.sha256(jar.read_bytes()).hexdigest() == SHA256


async def run(*arguments: object) -> str:
    """What this Java command says; it must end well."""
    process = await asyncio.create_subprocess_exec(
        java(), *map(str, arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), DEADLINE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_its_bodies_are_stored_whole(compiler: Path, tmp_path: Path) -> None:
    await run("-jar", compiler, "-source", "17", "-target", "17", "-d", tmp_path, SOURCE)
    async with running() as at:
        said = await run("-cp", tmp_path, "Post", f"{at.url}/default/hello")
        assert said.split() == ["202"] * 8
        stored = [(kafka.read(record.headers, record.value).id, record.value) for record in at.stored()]
    sizes = [0, 0, 5, 5, 70_000, 70_000, 900_000, 900_000]
    assert stored == [(str(n), (b"0123456789" * size)[:size] or None) for n, size in enumerate(sizes)]
