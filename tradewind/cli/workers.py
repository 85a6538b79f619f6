"""`tradewind ingress --workers N`: so many processes of the ingress on one port, supervised as `up` supervises its own.

Each worker listens for itself (SO_REUSEPORT), so that the system spreads connections evenly; a listener that processes
share is lopsided (DESIGN §4).  What else listens there is found out by a plain bind before.
"""

import asyncio
from collections.abc import Mapping

from tradewind import runtime
from tradewind.cli.processes import process
from tradewind.cli.supervisor import Supervisor
from tradewind.config import Settings
from tradewind.observe import logs
from tradewind.observe.health import Health

log = logs.Log("ingress")


def run_workers(settings: Settings, flags: Mapping[str, str]) -> None:
    """Run until a signal asks for the end.  Raises StartFailed when the port is taken or workers keep dying."""
    logs.configure("ingress")
    runtime.require_port(settings)
    own = {**flags, "workers": "1"}
    roles = [
        process(
            "ingress",
            own,
            settings.kafka,
            environment={runtime.WORKER: str(number)},
            name=f"ingress worker {number}",
            alike=True,
        )
        for number in range(1, settings.workers + 1)
    ]
    supervisor = Supervisor(roles, grace=settings.stop_deadline, say=log.info)

    async def announce() -> None:
        await supervisor.all_ready()
        Health("workers").reached("workers")

    asyncio.run(supervisor.run(announce))
