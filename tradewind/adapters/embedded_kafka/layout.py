"""The data folder of the embedded Kafka: what lies where, and what may be done with what is found there.  Pure.

<folder>/lock                 flock of whoever runs this Kafka; holds the pid
<folder>/java.pid             pid of the JVM, written by itself
<folder>/kafka.version        the newest Kafka that wrote here
<folder>/server.properties    written at each start, as is log4j2.properties
<folder>/kafka.log
<folder>/data/                Kafka's own (`log.dirs`); appears formatted, by one rename
<folder>/data.new-<pid>/      being formatted
<folder>/data.old-<n>/        moved aside by `--reset`
<folder>/scratch/             native libraries the JVM has unpacked
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

METADATA = "__cluster_metadata-0"
META = "meta.properties"
TELLING = re.compile(r" (ERROR|FATAL) |^(Caused by: |Exception in |Error: )|^([a-z]\w*\.)+\w+(Exception|Error)\b")
"""Lines of a log that say why: errors, and heads of Java's exceptions."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths in a data folder."""

    root: Path

    @property
    def lock(self) -> Path:
        """Locked by whoever runs this Kafka."""
        return self.root / "lock"

    @property
    def java_pid(self) -> Path:
        """Pid of the JVM."""
        return self.root / "java.pid"

    @property
    def version(self) -> Path:
        """Kafka's version."""
        return self.root / "kafka.version"

    @property
    def server_properties(self) -> Path:
        """Kafka's configuration."""
        return self.root / "server.properties"

    @property
    def log4j(self) -> Path:
        """log4j's configuration."""
        return self.root / "log4j2.properties"

    @property
    def kafka_log(self) -> Path:
        """What Kafka logs, and what the JVM says when it cannot."""
        return self.root / "kafka.log"

    @property
    def data(self) -> Path:
        """Kafka's `log.dirs`."""
        return self.root / "data"

    @property
    def scratch(self) -> Path:
        """The JVM's `java.io.tmpdir`."""
        return self.root / "scratch"


@dataclass(frozen=True, slots=True)
class Found:
    """What lies in a data folder."""

    data: Collection[str] | None
    """Names in `data`; None where there is no such folder."""
    meta: str | None
    """Text of `data/meta.properties`, if it is there."""
    version: str | None
    """Text of `kafka.version`, if it is there."""


@dataclass(frozen=True, slots=True)
class Format:
    """Nothing is there: format it."""


@dataclass(frozen=True, slots=True)
class Use:
    """Formatted, by this Kafka or an older one: start."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Not to be touched: why, naming what was found and what was expected."""

    why: str


def judge(found: Found, version: str) -> Format | Use | Refuse:
    """What Kafka `version` may do with a folder.  What may hold events is never formatted."""
    if found.version is not None:
        wrote, ours = _numbers(found.version), _numbers(version)
        if not wrote:
            return Refuse(f"kafka.version holds {found.version.strip()[:40]!r}, expected a version such as {version}")
        if wrote > ours:
            return Refuse(f"it was written by Kafka {found.version.strip()}, and this is the older Kafka {version}")
    if not found.data:
        return Format()
    if found.meta is None:
        return Refuse(_without_meta(found.data))
    faults = _meta_faults(found.meta)
    return Refuse("; ".join(faults)) if faults else Use()


def usable(cluster_id: str) -> bool:
    """Whether Kafka's formatter takes this id: a leading `-` reads as an option."""
    return not cluster_id.startswith("-")


def aside(name: str, taken: Collection[str]) -> str:
    """The first free name of `name.old-1`, `name.old-2`, …"""
    number = 1
    while f"{name}.old-{number}" in taken:
        number += 1
    return f"{name}.old-{number}"


def last_words(lines: Iterable[str], limit: int = 3) -> str:
    """Of a start's log, what tells best why it failed: its first errors, else its last lines.

    The first are nearest to the cause; what follows is Kafka saying so again, a layer higher each time.
    """
    said = [line.strip() for line in lines if line.strip()]
    telling = [line for line in said if TELLING.search(line)]
    return "\n".join(telling[:limit] or said[-limit:]) or "nothing was logged"


def port_was_taken(said: str) -> bool:
    """Whether Kafka's last words say that it could not have a port; its data folder is not to blame then."""
    return "Address already in use" in said


def _without_meta(names: Collection[str]) -> str:
    if METADATA in names:
        return f"data holds a log ({METADATA}) but no {META}, without which Kafka does not know whose it is"
    return f"data holds {', '.join(sorted(names)[:3])} but no {META}, expected a folder that Kafka has formatted"


def _meta_faults(text: str) -> list[str]:
    pairs = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    expected = {
        "version": ("1", "1"),
        "node.id": ("1", "1"),
        "cluster.id": ("", "an id"),
        "directory.id": ("", "an id"),
    }
    return [
        f"data/{META}: {key}: found {repr(pairs[key][:40]) if key in pairs else 'nothing'}, expected {words}"
        for key, (value, words) in expected.items()
        if not pairs.get(key) or (value and pairs[key] != value)
    ]


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.strip().split(".")
    return tuple(map(int, parts)) if all(part.isascii() and part.isdigit() for part in parts) else ()
