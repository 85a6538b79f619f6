"""Everything that has to be right before Kafka's process is started, in the process that will start it.

    folder · lock · left-over JVM · reset · ports · free space · jars · format · configuration   →   Prepared

Blocking: call it before the event loop runs, so that Ctrl-C ends a download at once.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tradewind.adapters.embedded_kafka import jars, properties
from tradewind.adapters.embedded_kafka.folder import FolderLock, end_left_over, explained, ready, require_room, reset
from tradewind.adapters.embedded_kafka.layout import Layout
from tradewind.adapters.embedded_kafka.ports import Wanted, free_ports, require_free
from tradewind.config import Settings

DEFAULTS = Settings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is wanted of an embedded Kafka."""

    data: Path
    """The data folder; made if it is missing."""
    port: int = 9092
    """Kafka's own default; 0 takes a free one."""
    port_flag: str = "--kafka-port"
    """What the user says to name another."""
    controller_port: int = 0
    """Where the node talks to itself; 0 takes a free one at each start, since nobody else need know it."""
    controller_port_flag: str = "--kafka-controller-port"
    """What the user says to name another."""
    max_event_bytes: int = DEFAULTS.max_event_bytes
    """The largest event that must fit, in bytes."""
    disk_floor: int = DEFAULTS.disk_floor
    """Free bytes without which it does not start."""
    reset: bool = False
    """Move the data that is there aside first."""
    jvm: Sequence[str] = properties.SMALL_JVM
    """Flags of the JVM; FAST_JVM is for benchmarks."""
    listeners: Sequence[properties.Listener] = ()
    """More ways in, beside the plain one."""
    cache: Path | None = None
    """Folder of the jars; None takes the user's cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A Kafka that only needs to be started."""

    command: tuple[str, ...]
    """Becomes the JVM itself (same pid).  May be run again after each death of it, as often as need be."""
    port: int
    port_flag: str
    """What the user says to name another."""
    layout: Layout
    lock: FolderLock
    """Held until it is released; release it when Kafka has ended."""
    moved: Path | None
    """Where `reset` has put the data that was there."""

    @property
    def bootstrap(self) -> str:
        """Kafka's bootstrap server, `host:port`."""
        return f"{properties.HOST}:{self.port}"


def prepare(request: Request, progress: jars.Progress = jars.silent) -> Prepared:
    """Make everything ready.  Raises StartFailed, and then nothing is held."""
    java = jars.java()
    layout = Layout(request.data.absolute())
    with explained(layout.root):
        moved = reset(layout.root) if request.reset and not layout.root.is_dir() else None
        layout.root.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(layout.lock)
    try:
        with explained(layout.root):
            end_left_over(layout)
            if request.reset:
                moved = reset(layout.root) or moved
            free = free_ports(2)
            port, controller_port = request.port or free[0], request.controller_port or free[1]
            require_free([Wanted(port, request.port_flag), Wanted(controller_port, request.controller_port_flag)])
            require_room(layout.root, request.disk_floor)
            home = jars.fetched(request.cache or jars.cache_folder(), progress)
            command = _made_ready(request, layout, java, home, (port, controller_port))
    except BaseException:
        lock.release()
        raise
    return Prepared(
        command=tuple(command), port=port, port_flag=request.port_flag, layout=layout, lock=lock, moved=moved
    )


def _made_ready(request: Request, layout: Layout, java: Path, home: Path, ports: tuple[int, int]) -> list[str]:
    """Write the configuration, format if need be; answers with the command that runs Kafka."""
    shutil.rmtree(layout.scratch, ignore_errors=True)
    layout.scratch.mkdir()
    layout.log4j.write_text(properties.log4j_properties(layout.kafka_log))

    def configure(file: Path, log_dir: Path) -> None:
        text = properties.server_properties(
            log_dir=log_dir,
            port=ports[0],
            controller_port=ports[1],
            max_event_bytes=request.max_event_bytes,
            listeners=request.listeners,
        )
        file.write_text(text)

    def command(jvm: Sequence[str], *main: str) -> list[str]:
        return properties.java_command(java, jars=home, log4j=layout.log4j, scratch=layout.scratch, jvm=jvm, main=main)

    def formatter(new: Path, cluster_id: str) -> list[str]:
        file = layout.scratch / "format.properties"
        configure(file, new)
        return command(properties.SMALL_JVM, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(file))

    ready(layout, jars.pins().version, formatter)
    configure(layout.server_properties, layout.data)
    run = command(request.jvm, "kafka.Kafka", str(layout.server_properties))
    return properties.recorded(run, pid_file=layout.java_pid, output=layout.kafka_log)
