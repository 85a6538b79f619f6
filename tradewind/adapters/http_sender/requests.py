"""A plain request, and its bytes: what the client of our own sends, exactly as aiohttp would.

    POST /path?query HTTP/1.1
    Host: subscriber:8080            ┐
    User-Agent: tradewind            │ of the URL, remembered
    Accept-Encoding: identity        ┘
    ce-id: …                           as the caller wrote them
    Content-Length: 42

Plain is an `http://` URL of printable ASCII with a host in lower case, and fields that say nothing about the request
itself.  Whatever is not plain is for aiohttp, which also says what is wrong with it: nothing is refused here.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple

DEFAULTS = (("User-Agent", "tradewind"), ("Accept-Encoding", "identity"))
"""Fields of every request.  Content is not decoded: an answer is the bytes that came."""

_URL = re.compile(
    r"http://(?P<host>[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[(?P<v6>[0-9a-f:.]+)\])(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>/[!\"$->@-~]*)?(?P<query>\?[!\"$-~]+)?"
)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROLS = bytes(range(32)) + b"\x7f"
_OF_THE_REQUEST = re.compile(
    "accept-encoding|authorization|connection|content-encoding|content-length|cookie|expect|host|keep-alive|"
    "proxy-authorization|proxy-connection|te|trailer|transfer-encoding|upgrade|user-agent",
    re.IGNORECASE,
)


class Target(NamedTuple):
    """Where a plain URL leads."""

    place: tuple[str, int]
    """A name or an address, without brackets; and its port."""
    is_name: bool
    head: bytes
    """The beginning of every request to it."""


@lru_cache(maxsize=4096)
def target(url: str) -> Target | None:
    """Where a plain URL leads; None for any other."""
    found = _URL.fullmatch(url)
    if found is None:
        return None
    host, v6, port = found["host"], found["v6"], int(found["port"] or 80)
    is_name = v6 is None and not host.rpartition(".")[2].isdigit()
    if port > 65535 or not (is_name or _is_address(v6 or host)):
        return None
    lines = [
        f"POST {found['path'] or '/'}{found['query'] or ''} HTTP/1.1",
        f"Host: {host}" if port == 80 else f"Host: {host}:{port}",
        *(f"{name}: {value}" for name, value in DEFAULTS),
        "",
    ]
    return Target((v6 or host, port), is_name, "\r\n".join(lines).encode())


def fields(headers: Sequence[tuple[str, str]]) -> bytes | None:
    """The lines of these fields; None where they are not plain."""
    lines = []
    for name, value in headers:
        beginning = _beginning(name)
        if beginning is None:
            return None
        lines.append(beginning + value)
    lines.append("")
    text = "\r\n".join(lines)
    if not text.isascii():
        return None
    written = text.encode()
    ends = 2 * len(headers)
    if len(written.translate(None, _CONTROLS)) != len(written) - ends or written.count(b"\r\n") * 2 != ends:
        return None
    return written


@lru_cache(maxsize=1024)
def _beginning(name: str) -> str | None:
    """The beginning of a field's line; None for a field that is for aiohttp."""
    return f"{name}: " if _NAME.fullmatch(name) and not _OF_THE_REQUEST.fullmatch(name) else None


def _is_address(text: str) -> bool:
    try:
        return str(ip_address(text)) == text
    except ValueError:
        return False
