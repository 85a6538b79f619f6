"""An ingress as a process of its own, over a log in memory that withholds its acknowledgements.

Prints its port, then `stored` for each event the log holds; a line on standard input releases them.  `held=no` lets it
acknowledge at once and print nothing more; `queue_bytes=…` is the setting.
"""

import asyncio
import signal
import sys

import uvloop

from tests.builders import broker_plan
from tradewind.adapters.memory_log import MemoryLog
from tradewind.broker.ingress import NEEDS, Ingress
from tradewind.broker.serve import bind, serve
from tradewind.config import MIB, Settings
from tradewind.observe.health import Health
from tradewind.plan import Plan

HELLO = broker_plan()


async def main() -> None:
    """Serve until SIGTERM."""
    flags = dict(flag.split("=") for flag in sys.argv[1:])
    loop, stop, log, health = asyncio.get_running_loop(), asyncio.Event(), MemoryLog(), Health(*NEEDS)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    ingress = Ingress(log, settings := Settings(queue_bytes=int(flags.get("queue_bytes", 64 * MIB))), health)
    ingress.adopt(Plan(brokers={HELLO.name: HELLO}))
    log.held = flags.get("held") != "no"
    append = log.append

    def announced(record: object) -> object:
        future = append(record)  # type: ignore[arg-type]
        print("stored", flush=True)
        return future

    if log.held:
        log.append = announced  # type: ignore[method-assign, assignment]
    loop.add_reader(sys.stdin, log.release)
    listener = bind("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)
    await serve(ingress, host="", port=0, health=health, settings=settings, stop=stop, listener=listener)
    loop.remove_reader(sys.stdin)


if __name__ == "__main__":
    uvloop.run(main())
