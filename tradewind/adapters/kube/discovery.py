"""Which resource a kind is, by the API server's discovery.  Asked for by every reference that a user writes."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from tradewind.adapters.kube import paths
from tradewind.adapters.kube.answers import Missing
from tradewind.adapters.kube.link import Link
from tradewind.api_server import GroupVersionResource
from tradewind.errors import ApiFailed

AGAIN = 5.0
"""Seconds before it is asked again for what it did not know, or did not answer: a CRD may have come."""
FRESH = 600.0
"""Seconds for which what it said counts: a CRD may be another by then."""


@dataclass(slots=True)
class _Known:
    """What is known of one group's version."""

    kinds: Mapping[str, GroupVersionResource] = field(default_factory=dict)
    failure: ApiFailed | None = None
    asked: float | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """So that hundreds who ask in one moment are one request."""


class Discovery:
    """Kinds that the API server serves."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._known: dict[tuple[str, str], _Known] = {}

    async def resource_of(self, api_version: str, kind: str) -> GroupVersionResource | None:
        """See ApiServer.resource_of."""
        named = paths.split(api_version)
        if named is None:
            return None
        known = self._known.setdefault(named, _Known())
        async with known.lock:
            now = asyncio.get_running_loop().time()
            good = FRESH if kind in known.kinds and known.failure is None else AGAIN
            if known.asked is None or now - known.asked >= good:
                await self._ask(named, known)
                known.asked = now
            if known.failure is not None and kind not in known.kinds:
                raise known.failure
            return known.kinds.get(kind)

    async def _ask(self, named: tuple[str, str], known: _Known) -> None:
        try:
            served = await self._link.ask("GET", paths.version(*named))
        except Missing:
            known.kinds, known.failure = {}, None
        except ApiFailed as error:
            known.failure = error
        else:
            known.kinds, known.failure = paths.kinds(*named, served), None
