"""HTTP out, on aiohttp, for what is not plain: https, odd URLs and header fields.

    post ──► pooled connection ──► answer ──► Answer, cut at its bound
               │ closed before the first byte of an answer, and it was an old one
               └──► once more, on a connection made for it: costs no attempt

What the other side does is never an exception: what ends without a whole answer is a NoAnswer that says why in words.
Redirects are not followed, cookies not kept, content not decoded, environment proxies and `.netrc` not looked at: a
request is what its caller wrote, and an answer is the bytes that came.
"""

import asyncio
import io
import ssl
from collections.abc import Sequence
from types import SimpleNamespace

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from tradewind.adapters.http_sender.bounds import ERROR_BYTES, KEEP_ALIVE, MAX_HEAD_BYTES, PER_HOST, REPLIES, words
from tradewind.adapters.http_sender.requests import DEFAULTS
from tradewind.config import MIB
from tradewind.delivery.verdicts import Answer, NoAnswer, Outcome
from tradewind.ports import Told

LARGE = MIB
"""Bytes above which aiohttp wants a body as a file, so that it can write it in parts."""


class GeneralSender:
    """See ports.Sender.  Made within a running loop; `max_answer_bytes` bounds the body of what may be a reply."""

    def __init__(self, *, max_answer_bytes: int, keep_alive: float = KEEP_ALIVE, per_host: int = PER_HOST) -> None:
        self._max_answer_bytes = max_answer_bytes
        self._pooled = _session(
            aiohttp.TCPConnector(limit=0, limit_per_host=per_host, keepalive_timeout=keep_alive, use_dns_cache=False)
        )
        self._fresh = _session(aiohttp.TCPConnector(limit=0, force_close=True, use_dns_cache=False))

    def begin(self, url: str, lines: bytes, body: bytes, *, timeout: float, told: Told, about: object) -> None:
        """See Sender.begin: this way always waits."""

    async def post(
        self, url: str, headers: Sequence[tuple[str, str]], body: bytes, *, timeout: float, anew: bool = False
    ) -> Outcome:
        """See Sender.post."""
        try:
            target = _target(url)
        except ValueError as error:
            return NoAnswer(f"invalid URL: {url} ({error})")
        try:
            async with asyncio.timeout(timeout):
                return await self._post(target, CIMultiDict(headers), body, anew)
        except TimeoutError:
            return NoAnswer(f"timed out after {timeout:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return NoAnswer(_reason(error))

    async def _post(self, url: URL, headers: CIMultiDict[str], body: bytes, anew: bool) -> Outcome:
        connection = SimpleNamespace(reused=False)
        try:
            return await self._exchange(self._fresh if anew else self._pooled, url, headers, body, connection)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if not connection.reused or _began(error):
                raise
        return await self._exchange(self._fresh, url, headers, body, connection)

    async def _exchange(
        self,
        session: aiohttp.ClientSession,
        url: URL,
        headers: CIMultiDict[str],
        body: bytes,
        connection: SimpleNamespace,
    ) -> Outcome:
        data = io.BytesIO(body) if len(body) > LARGE else body
        request = session.post(url, headers=headers, data=data, allow_redirects=False, trace_request_ctx=connection)
        async with request as response:
            limit = self._max_answer_bytes if response.status in REPLIES else ERROR_BYTES
            try:
                content, cut = await _read(response, limit)
            except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError):
                return NoAnswer(f"the answer (status {response.status}) broke off")
            fields = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, fields, content, cut)

    async def close(self) -> None:
        """See Sender.close."""
        await self._pooled.close()
        await self._fresh.close()


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(_mark_reused)
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=DEFAULTS,
        skip_auto_headers=("Content-Type", "Accept"),  # no data content type is not `application/octet-stream`
        auto_decompress=False,
        trust_env=False,
        max_line_size=MAX_HEAD_BYTES,
        max_field_size=MAX_HEAD_BYTES,
        trace_configs=[trace],
    )


async def _mark_reused(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceConnectionReuseconnParams
) -> None:
    context.trace_request_ctx.reused = True


def _target(url: str) -> URL:
    """The URL as it was written, where it needs no encoding; encoding it again would change what was signed."""
    plain = url.isascii() and url.isprintable() and " " not in url
    target = URL(url, encoded=plain)
    target.port  # noqa: B018  (encoded text is only looked at when it is asked for)
    return target


async def _read(response: aiohttp.ClientResponse, limit: int) -> tuple[bytes, bool]:
    """The body up to `limit` bytes, and whether there was more; if so, its connection is not used again."""
    parts, size = [], 0
    while part := await response.content.readany():
        parts.append(part)
        size += len(part)
        if size > limit:
            response.close()
            return b"".join(parts)[:limit], True
    return b"".join(parts), False


def _began(error: Exception) -> bool:
    """Whether an answer had begun: aiohttp then passes the part of it that it has instead of a text."""
    return isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str)


def _reason(error: Exception) -> str:
    match error:
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return f"invalid URL: {error}"
        case aiohttp.ClientConnectorDNSError():
            return f"name not found: {error.host}"
        case aiohttp.ClientConnectorCertificateError():
            return f"certificate not accepted: {error.certificate_error}"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return f"TLS failed: {error}"
        case aiohttp.ClientConnectorError():
            return words(error.os_error)
        case aiohttp.ServerDisconnectedError():
            return "connection closed before an answer"
        case aiohttp.ClientResponseError():
            return f"not an HTTP answer: {' '.join(error.message.split())}"
        case OSError():
            return words(error)
        case _:
            return f"invalid request: {error}"
