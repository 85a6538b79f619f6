"""Which way a request goes: plain ones by the client of our own, all others by aiohttp."""

from collections.abc import Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from tradewind.adapters.http_sender import requests
from tradewind.adapters.http_sender.bounds import KEEP_ALIVE, PER_HOST
from tradewind.adapters.http_sender.plain import PlainSender
from tradewind.delivery.verdicts import Outcome
from tradewind.ports import Exchange, Told

if TYPE_CHECKING:
    from tradewind.adapters.http_sender.general import GeneralSender


class HttpSender:
    """See ports.Sender.  Made within a running loop; `max_answer_bytes` bounds the body of what may be a reply."""

    def __init__(self, *, max_answer_bytes: int, keep_alive: float = KEEP_ALIVE, per_host: int = PER_HOST) -> None:
        self._make_general = partial(_general, max_answer_bytes, keep_alive, per_host)
        self._plain = PlainSender(max_answer_bytes=max_answer_bytes, keep_alive=keep_alive, per_host=per_host)
        self._general: GeneralSender | None = None

    def begin(
        self, url: str, lines: bytes, body: bytes, *, timeout: float, told: Told, about: object
    ) -> Exchange | None:
        """See Sender.begin."""
        target = requests.target(url)
        if target is None:
            return None
        return self._plain.begin(target, lines, body, timeout=timeout, told=told, about=about)

    def post(
        self, url: str, headers: Sequence[tuple[str, str]], body: bytes, *, timeout: float, anew: bool = False
    ) -> Coroutine[Any, Any, Outcome]:  # Any: a coroutine's two other types, which nobody uses
        """See Sender.post."""
        target = requests.target(url)
        fields = requests.fields(headers) if target is not None else None
        if target is None or fields is None:
            return self._aiohttp().post(url, headers, body, timeout=timeout)
        return self._plain.post(target, fields, body, timeout=timeout, anew=anew)

    async def close(self) -> None:
        """See Sender.close."""
        await self._plain.close()
        if self._general is not None:
            await self._general.close()

    def _aiohttp(self) -> "GeneralSender":
        if self._general is None:
            self._general = self._make_general()
        return self._general


def _general(max_answer_bytes: int, keep_alive: float, per_host: int) -> "GeneralSender":
    """Imported by the first request that needs it: most processes never do, and it is costly to import."""
    from tradewind.adapters.http_sender.general import GeneralSender

    return GeneralSender(max_answer_bytes=max_answer_bytes, keep_alive=keep_alive, per_host=per_host)
