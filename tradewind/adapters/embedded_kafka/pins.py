"""The jars of the one Kafka this package runs: what each is called, how long it is and its SHA-256.

They are pinned in `jars.txt` beside this module, a line each, under a first line that names Kafka's version:

    kafka 4.4.0
    org.apache.kafka:kafka_2.13:4.4.0 1333804 9f86d081…

So a download needs no resolution, every byte is known beforehand, and a mirror cannot hand over anything else.
`python -m tradewind.adapters.embedded_kafka.resolve VERSION` writes the file anew for another version.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned jar."""

    group: str
    artifact: str
    version: str
    size: int
    """Bytes."""
    sha256: str
    """Hexadecimal, lower case."""

    @property
    def name(self) -> str:
        """Its file name, in a repository as in the cache."""
        return f"{self.artifact}-{self.version}.jar"

    def __str__(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version} {self.size} {self.sha256}"


@dataclass(frozen=True, slots=True)
class Pins:
    """A Kafka and all its jars."""

    version: str
    jars: tuple[Jar, ...]

    @property
    def size(self) -> int:
        """Bytes of all jars."""
        return sum(jar.size for jar in self.jars)


def parse(text: str) -> Pins:
    """The pins that `jars.txt` holds."""
    head, *lines = text.split("\n")
    return Pins(head.removeprefix("kafka "), tuple(_jar(line) for line in lines if line))


def written(version: str, jars: Iterable[Jar]) -> str:
    """The text of `jars.txt` for these jars."""
    return "\n".join([f"kafka {version}", *sorted(map(str, jars)), ""])


def unlike(jars: Sequence[Jar], sizes: dict[str, int]) -> tuple[Jar, ...]:
    """Those of these jars that a folder does not hold in full; `sizes` is the folder, name to bytes."""
    return tuple(jar for jar in jars if sizes.get(jar.name) != jar.size)


def _jar(line: str) -> Jar:
    coordinate, size, sha256 = line.split(" ")
    group, artifact, version = coordinate.split(":")
    return Jar(group, artifact, version, int(size), sha256)
