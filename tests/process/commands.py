"""Commands as people type them, on one folder of manifests and one Kafka."""

import asyncio
import json
import os
import sys
from pathlib import Path


class Shell:
    """Runs commands on one folder and Kafka."""

    def __init__(self, manifests: Path, kafka: str, *, manifests_flag: str = "-f") -> None:
        self._flags = (manifests_flag, str(manifests), "--kafka", kafka, "--service", "default/recorder=127.0.0.1:1")

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tradewind.cli.main", *words, *self._flags),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if not name.startswith("TRADEWIND_")},
        )

    async def run(self, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        process = await self.start(*words)
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def done(self, *words: str) -> str:
        """What a command prints that must succeed."""
        code, out, err = await self.run(*words)
        assert (code, err) == (0, ""), f"{words}: {out}{err}"
        return out

    async def letters(self) -> list[str]:
        """Ids of the events that are dead letters."""
        out = await self.done("dead-letters", "list", "-o", "ndjson")
        return [json.loads(line)["event"]["id"] for line in out.splitlines()]
