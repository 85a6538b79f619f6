"""Whoever gives up while a connection is being made leaves nothing behind."""

import asyncio

import pytest

from tests.shell.http_sender.serving import OK, answering, post, serving
from tradewind.adapters.http_sender.connection import Connection
from tradewind.ports import Sender


async def test_a_connection_that_is_given_up_in_the_moment_it_is_made_is_not_counted_for_ever(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvloop tells no end of it.  A sender that waits for one does not close, and after a thousand sends no more."""
    made = Connection.connection_made
    async with serving(answering(OK)) as server:
        posting = asyncio.create_task(post(sender, server.url))

        def cancelling(connection: Connection, transport: asyncio.BaseTransport) -> None:
            made(connection, transport)
            posting.cancel()

        monkeypatch.setattr(Connection, "connection_made", cancelling)
        await asyncio.wait([posting])
        async with asyncio.timeout(10):
            await sender.close()
