"""A list, page by page: an answer of thousands of objects would hold up the loop, and take memory twice over."""

import asyncio
from collections.abc import Callable
from typing import Any

from tradewind.adapters.kube import paths
from tradewind.adapters.kube.answers import Expired
from tradewind.adapters.kube.link import Link
from tradewind.api_server import Object
from tradewind.errors import ApiUnavailable

LIMIT = 500
"""Objects in one page, as kubectl has it."""
WHOLE = 60.0
"""Seconds for a list in one page, which is asked for after a page had expired."""


async def listed(
    link: Link, path: str, *, field_selector: str = "", slim: Callable[[Object], None] = lambda _: None
) -> tuple[list[Object], str]:
    """Every object, as of one version, and that version.  Raises ApiFailed.

    Pages are of one moment, which the API server keeps for five minutes only; where it is gone (410) all is listed
    anew, in one page.
    """
    try:
        return await _paged(link, path, field_selector, LIMIT, slim)
    except Expired:
        return await _paged(link, path, field_selector, 0, slim)


async def version(link: Link, path: str) -> str:
    """The version that a list would have now.  Raises ApiFailed."""
    return _page(await link.ask("GET", path + paths.query({"limit": 1})), path)[1]


async def _paged(
    link: Link, path: str, selector: str, limit: int, slim: Callable[[Object], None]
) -> tuple[list[Object], str]:
    found: list[Object] = []
    more = ""
    while True:
        asked = path + paths.query({"limit": limit, "continue": more, "fieldSelector": selector})
        page = await link.ask("GET", asked, deadline=0.0 if limit else WHOLE)
        items, at, more = _page(page, path)
        for one in items:
            slim(one)
        found += items
        if not more:
            return found, at
        await asyncio.sleep(0)  # others have their turn between pages


def _page(page: Object, path: str) -> tuple[list[Any], str, str]:  # objects, resourceVersion, continue
    match page:
        case {"metadata": {"resourceVersion": str(version), **rest}, "items": list(items)}:
            return items, version, str(rest.get("continue") or "")
        case {"metadata": {"resourceVersion": str(version)}, "items": None}:
            return [], version, ""
    raise ApiUnavailable(f"GET {path}: no list of objects")
