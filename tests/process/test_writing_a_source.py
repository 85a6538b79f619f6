"""docs/writing-a-source.md, as it stands: its files are a package, and that is a source."""

import asyncio
import json
import os
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from signal import SIGKILL

import pytest

from tests.conftest import KafkaServer
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.config import Settings
from tradewind.events import kafka
from tradewind.events.model import Event
from tradewind.plan import BrokerPlan, TopicPlan
from tradewind.ports import TopicPartition
from tradewind.resources.model import NamespacedName
from tradewind.resources.names import broker_topic, dead_letter_topic
from tradewind.topics import topic_specs

pytestmark = [pytest.mark.kafka, pytest.mark.process, pytest.mark.timeout(240)]

PAGE = (Path(__file__).parents[2] / "docs/writing-a-source.md").read_text()
FILES = dict(re.findall(r"^`([a-z_.]+)` .*?^```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
NAME = NamespacedName("default", "default")
BROKER = BrokerPlan(NAME, TopicPlan(broker_topic(NAME), partitions=1), dead_letter_topic(NAME))
SECTION = '[project.entry-points."tradewind.sources"]\n'
BROKEN = 'TreeSource = "no_such_module:KIND"\nExitSource = "exits:KIND"\n'


def install(folder: Path, more: str = "") -> Mapping[str, str]:
    """The page's package, as pip leaves it; the environment of processes that have it."""
    package = tomllib.loads(FILES["pyproject.toml"].replace(SECTION, SECTION + more))["project"]
    (folder / "line_source.py").write_text(FILES["line_source.py"])
    info = folder / f"{package['name'].replace('-', '_')}-{package['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package['name']}\nVersion: {package['version']}\n")
    ((group, entries),) = package["entry-points"].items()
    (info / "entry_points.txt").write_text(f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in entries.items()))
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH", ""))))
    return {
        **{name: text for name, text in os.environ.items() if not name.startswith("TRADEWIND_")},
        "PYTHONPATH": path,
    }


async def tradewind(environment: Mapping[str, str], *words: str) -> tuple[int, str]:
    """A command's exit code, and what it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tradewind.cli.main", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


def test_the_page_has_three_files_and_the_source_is_forty_lines() -> None:
    assert set(FILES) == {"pyproject.toml", "line_source.py", "lines.yaml"}
    lines = (FILES["pyproject.toml"] + FILES["line_source.py"]).splitlines()
    assert len([line for line in lines if line]) <= 40


async def test_faults_are_named_as_of_any_other_kind_and_a_broken_package_harms_nothing_else(tmp_path: Path) -> None:
    environment, manifest = install(tmp_path, BROKEN), tmp_path / "lines.yaml"
    (tmp_path / "exits.py").write_text("import sys\nsys.exit('no licence')\n")
    manifest.write_text(FILES["lines.yaml"])
    assert (await tradewind(environment, "validate", "-f", str(manifest)))[0] == 0
    manifest.write_text(FILES["lines.yaml"].replace("path: /tmp/words", "paht: 7"))
    code, said = await tradewind(environment, "validate", "-f", str(manifest))
    assert code != 0
    assert "LineSource default/words: spec.paht: " in said
    assert "LineSource default/words: spec.path: " in said
    manifest.write_text(FILES["lines.yaml"].replace("LineSource", "TreeSource"))
    said = (await tradewind(environment, "validate", "-f", str(manifest)))[1]
    assert "the package line-source cannot be used: ModuleNotFoundError: No module named 'no_such_module'" in said
    manifest.write_text(FILES["lines.yaml"].replace("LineSource", "ExitSource"))
    said = (await tradewind(environment, "validate", "-f", str(manifest)))[1]
    assert "the package line-source cannot be used: SystemExit: no licence" in said


async def test_the_source_of_the_page_loses_nothing_when_it_is_killed(
    kafka_server: KafkaServer, tmp_path: Path
) -> None:
    server = await kafka_server(tmp_path / "kafka")
    environment, manifest, words = install(tmp_path), tmp_path / "lines.yaml", tmp_path / "words"
    manifest.write_text(FILES["lines.yaml"].replace("/tmp/words", str(words)))
    words.write_bytes(b"")
    flags = ("-f", str(manifest), "--kafka", server.bootstrap)
    log = KafkaLog(server.bootstrap, client_id="test", patience=10.0)
    stored: list[Event] = []

    async def start() -> asyncio.subprocess.Process:
        with (tmp_path / "log").open("ab") as output:
            command = (sys.executable, "-m", "tradewind.cli.main", "sources", *flags)
            return await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output, env=environment)

    def add(*lines: bytes) -> None:
        with words.open("ab") as file:
            file.write(b"".join(line + b"\n" for line in lines))

    async def until_stored(line: bytes) -> None:
        while all(event.data != line for event in stored):
            stored.extend(kafka.read(record.headers, record.value) for record in await reader.take(1000, 0.2))

    await log.ensure_topics(topic_specs(BROKER, Settings()))
    reader = log.reader()
    await reader.assign({TopicPartition(BROKER.topic.name, 0): 0})
    running = await start()
    try:
        add(b"hello, world", b"\xff is no UTF-8", b"and another")
        await until_stored(b"and another")
        add(*(b"line %d" % number for number in range(1000)))
        await until_stored(b"line 0")
        running.send_signal(SIGKILL)
        await running.wait()
        add(b"the last")
        running = await start()
        await until_stored(b"the last")
        source = {"state": ""}
        while source["state"] != "Ready":  # it says so within a moment of its event
            (source,) = json.loads((await tradewind(environment, "get", "sources", "-o", "json", *flags))[1])
        letters = json.loads((await tradewind(environment, "dead-letters", "list", "-o", "json", *flags))[1])
    finally:
        running.terminate()
        await running.wait()
        await reader.close()
        await log.close()
    assert stored[0].attributes == {
        "specversion": "1.0",
        "type": "com.example.line.added",
        "source": f"file://{words}",
        "id": "0",
        "datacontenttype": "text/plain",
    }
    by_id = {event.id: event.data for event in stored}
    assert set(by_id.values()) == {line for line in words.read_bytes().splitlines() if b"UTF-8" not in line}
    assert list(map(int, by_id)) == sorted(map(int, by_id))
    assert source["kind"] == "LineSource"
    assert len(letters) == 1
