"""What the text of a setting may be, each kind with the words that say what is expected."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True)
class Kind:
    """What a setting's text may be.  `read` gives its value, or None where the text is not accepted."""

    expected: str
    read: Callable[[str], str | int | float | bool | None]


def _matches(pattern: str) -> Callable[[str], str | None]:
    whole = re.compile(pattern)
    return lambda text: text if whole.fullmatch(text) else None


def _integer(least: int, most: int = 2**53) -> Callable[[str], int | None]:
    def read(text: str) -> int | None:
        digits = text.isascii() and text.isdigit() and len(text) < 20
        return int(text) if digits and least <= int(text) <= most else None

    return read


def _number(least: float, most: float = math.inf) -> Callable[[str], float | None]:
    def read(text: str) -> float | None:
        plain = re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,15})?", text)
        return float(text) if plain and least <= float(text) <= most else None

    return read


_PORT = "(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
_ADDRESS = rf"(?:[^\s,:/=\[\]]+|\[[0-9A-Fa-f:.]+\]):{_PORT}"
_SERVICE = rf"[a-z0-9.-]+/[a-z0-9.-]+=(?:{_ADDRESS}|https?://[^\s,]+)"

_SEVERAL = "host:port with a port from 1 to 65535, several with commas"

Addresses = Annotated[str, Kind(_SEVERAL, _matches(rf"{_ADDRESS}(?:,{_ADDRESS})*"))]
_SERVICES = (
    "namespace/name=host:port with a port from 1 to 65535, or namespace/name= and an http:// or https:// URL, "
    "several with commas"
)
Services = Annotated[str, Kind(_SERVICES, _matches(rf"(?:{_SERVICE}(?:,{_SERVICE})*)?"))]
Folder = Annotated[str, Kind("a path", _matches(r".+"))]
OptionalFolder = Annotated[str, Kind("a path, or nothing", _matches(r".*"))]
Host = Annotated[str, Kind("an address or a host name", _matches(r"[^\s/,]+"))]
Port = Annotated[int, Kind("a port, 1–65535", _integer(1, 65535))]
OptionalPort = Annotated[int, Kind("a port, 1–65535, or 0 for none", _integer(0, 65535))]
OptionalUrl = Annotated[str, Kind("an http:// or https:// URL, or nothing", _matches(r"(?:https?://[^\s/]+\S*)?"))]
Word = Annotated[
    str, Kind("1–249 letters, digits, '.', '_' or '-', as Kafka asks", _matches(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}"))
]
OptionalWord = Annotated[
    str, Kind("1–60 letters, digits, '.', '_' or '-', or nothing", _matches(r"(?:(?!\.{1,2}$)[A-Za-z0-9._-]{1,60})?"))
]
OptionalLabel = Annotated[
    str,
    Kind(
        "a namespace's name (lower-case letters, digits, '-'), or nothing",
        _matches(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)?"),
    ),
]
Words = Annotated[
    str,
    Kind(
        "words of letters, digits, '.', '_' or '-', several with commas",
        _matches(r"[A-Za-z0-9._-]+(?:,[A-Za-z0-9._-]+)*"),
    ),
]
SOURCES = (
    "PingSource",
    "KafkaSource",
    "WebhookSource",
    "GitHubSource",
    "GitLabSource",
    "ContainerSource",
    "SinkBinding",
)
_SOURCE = f"(?:{'|'.join(SOURCES)})"
SourceKinds = Annotated[
    str, Kind(f"{', '.join(SOURCES)}, several with commas, or nothing", _matches(rf"(?:{_SOURCE}(?:,{_SOURCE})*)?"))
]
Count = Annotated[int, Kind("a whole number, 1 or more", _integer(1))]
Bytes = Annotated[int, Kind("a whole number of bytes, 1 or more", _integer(1))]
EventBytes = Annotated[int, Kind("a whole number of bytes, 65536 to 15728640", _integer(65_536, 15_728_640))]
OptionalBytes = Annotated[int, Kind("a whole number of bytes, 0 or more", _integer(0))]
Seconds = Annotated[float, Kind("a number of seconds, 0.001 or more", _number(0.001))]
Switch = Annotated[bool, Kind("true or false", lambda text: {"true": True, "false": False}.get(text.lower()))]
Share = Annotated[float, Kind("a number from 0 to 1", _number(0, 1))]
