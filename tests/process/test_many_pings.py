"""What 500 PingSources cost a process of sources: memory, and no thread."""

import os
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import KafkaServer
from tests.process.test_sources import PING, pinging

pytestmark = [pytest.mark.kafka, pytest.mark.process, pytest.mark.timeout(240)]

MANY = 500
MOST_KIB = 40 * 1024


def status(pid: int, field: str) -> int:
    """A number of a process' status: KiB, or a count."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def cpu(pid: int) -> float:
    """Seconds of CPU so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_five_hundred_pings_add_little_memory_and_no_thread(kafka_server: KafkaServer, tmp_path: Path) -> None:
    server = await kafka_server(tmp_path / "kafka")
    async with pinging(tmp_path, server.bootstrap, "sources-a") as made:
        pid = made.running["sources-a"].pid
        memory, threads = status(pid, "VmRSS"), status(pid, "Threads")
        each_minute = PING.replace("* * * * * *", "* * * * *")
        names = [f"minute-{number}" for number in range(MANY)]
        (made.manifests / "many.yaml").write_text("".join(each_minute.format(name=name) for name in names))
        made.fired.update({name: Counter() for name in names})
        await made.until(lambda: all(made.fired[name] for name in names), within=120.0)
        began, used = time.monotonic(), cpu(pid)
        await made.until(lambda: all(sum(made.fired[name].values()) > 1 for name in names), within=120.0)
        share = (cpu(pid) - used) / (time.monotonic() - began)
        added = status(pid, "VmRSS") - memory
        peak = status(pid, "VmHWM") - memory
        print(f"{MANY} pings: {added / 1024:.1f} MiB more, {peak / 1024:.1f} at the peak, {share:.1%} of a core")
        assert added < MOST_KIB
        assert status(pid, "Threads") == threads
        assert not made.repeats()
        for name in names:
            del made.fired[name]
