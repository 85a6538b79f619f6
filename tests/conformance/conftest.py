"""One ingress for each way and each module of tests: what a row stores is told apart by what was there before it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.shell.ingress_running import WAYS, Running, running, take


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=WAYS)
async def ingress(request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    """A running ingress over a log in memory."""
    with pytest.MonkeyPatch.context() as patch:
        take(request.param, patch)
        async with running() as at:
            yield at
