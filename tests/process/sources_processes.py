"""Processes of sources on a real Kafka, by slot, over one folder of manifests."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from signal import SIGKILL, Signals

from tradewind.adapters.kafka_log import KafkaLog


class SourcesProcesses:
    """Started and ended by tests; their logs lie in `folder`.  `deadline`: seconds that a condition may take."""

    def __init__(self, folder: Path, bootstrap: str, *, deadline: float) -> None:
        self.folder = folder
        self.bootstrap = bootstrap
        self.manifests = folder / "manifests"
        self.manifests.mkdir()
        self.running: dict[str, asyncio.subprocess.Process] = {}
        self.log = KafkaLog(bootstrap, client_id="test", patience=10.0)
        self.deadline = deadline

    async def start(self, slot: str) -> None:
        """Start a process in this slot."""
        words = ["sources", "--kafka", self.bootstrap, "--sources-slot", slot, "-f", str(self.manifests)]
        with (self.folder / f"{slot}.log").open("ab") as log:
            self.running[slot] = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tradewind.cli.main", *words), stdout=log, stderr=log
            )

    async def end(self, slot: str, number: Signals) -> int:
        """End one by this signal."""
        process = self.running.pop(slot)
        process.send_signal(number)
        return await process.wait()

    def said(self, slot: str, words: str) -> int:
        """How often a process has said this."""
        return (self.folder / f"{slot}.log").read_text(errors="replace").count(words)

    async def until(self, condition: Callable[[], bool], within: float | None = None) -> None:
        """Wait until it is so."""
        async with asyncio.timeout(self.deadline if within is None else within):
            while not condition():
                await asyncio.sleep(0.05)

    async def close(self) -> None:
        """Kill what still runs."""
        for process in self.running.values():
            if process.returncode is None:
                os.kill(process.pid, SIGKILL)  # also of one that is stopped
                await process.wait()
        await self.log.close()
