"""A process that wants to lead, for tests: `python -m tests.kube.candidate NAMESPACE IDENTITY FILE`, with KUBECONFIG.

While it leads it notes, some fifty times a second, its identity and the moment by the machine's monotonic clock, and
asks before, as what cannot be undone must.  SIGUSR1 blocks its loop, SIGUSR2 its interpreter.
"""

import asyncio
import os
import re
import signal
import sys
import time
from pathlib import Path

from tradewind.adapters import elapsed
from tradewind.adapters.kube import connect
from tradewind.control.leading import Leadership, lead
from tradewind.control.lease import Terms
from tradewind.observe import logs
from tradewind.resources.model import NamespacedName
from tradewind.runtime import stopping

LEASE = "tradewind-controller"
TERMS = Terms(lease=6.0, renew_deadline=4.0, retry=0.5, call=1.2, grace=0.5)
"""In the proportions of the usual ones, for tests that wait for their end."""
EVERY = 0.02
NOTE = 0.05
"""Seconds that a note may take."""
BLOCKED = 3600.0
"""Seconds."""


async def main(namespace: str, identity: str, file: str) -> None:
    """Lead until a signal asks for the end."""
    notes = os.open(Path(file), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, time.sleep, BLOCKED)
    loop.add_signal_handler(signal.SIGUSR2, re.match, r"(a+)+$", "a" * 60 + "b")  # ends in years, and lets nobody in
    api_server = await connect()

    async def work(leadership: Leadership) -> None:
        while True:
            moment = time.monotonic()
            if leadership.sure(NOTE):
                os.write(notes, f"{identity} {moment}\n".encode())
            await asyncio.sleep(EVERY)

    name = NamespacedName(namespace, LEASE)
    try:
        await lead(api_server, name, identity, work, stopping(), clock=elapsed.clock(), terms=TERMS)
    finally:
        await api_server.close()


if __name__ == "__main__":
    logs.configure("candidate", as_json=False)
    asyncio.run(main(*sys.argv[1:]))
