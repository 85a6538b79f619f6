"""What every ResourceStore must do.  One suite: each back end subclasses it and provides a Shelf."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from typing import Protocol

import pytest

from tradewind.ports import ResourceStore, Snapshot

DEADLINE = 20.0
"""Seconds that a snapshot may take on a busy machine; only a fault reaches it."""


class Shelf(Protocol):
    """A back end as the suite needs it: the store, and what those do who declare resources."""

    def store(self) -> ResourceStore:
        """A store over this shelf; several may watch at once."""

    def declare(self, names: Iterable[str]) -> None:
        """Brokers of these names are declared, and nothing else."""

    def spoil(self) -> None:
        """What is declared cannot be accepted."""


def brokers(snapshot: Snapshot) -> set[str]:
    """Names of what a snapshot has in force."""
    return {resource.metadata.name.name for resource in snapshot.resources}


async def following(watch: AsyncIterator[Snapshot]) -> Snapshot:
    """The next snapshot."""
    async with asyncio.timeout(DEADLINE):
        return await anext(watch)


class ResourceStoreContract:
    """Subclasses provide the fixture `shelf`, on which Broker `a` is declared."""

    async def test_the_state_comes_first_then_each_change(self, shelf: Shelf) -> None:
        async with aclosing(shelf.store().watch()) as watch:  # type: ignore[type-var]  # edges give generators
            assert brokers(await following(watch)) == {"a"}
            shelf.declare(["a", "b"])
            assert brokers(await following(watch)) == {"a", "b"}
            shelf.declare(["b"])
            assert brokers(await following(watch)) == {"b"}

    async def test_what_cannot_be_accepted_leaves_in_force_what_was(self, shelf: Shelf) -> None:
        async with aclosing(shelf.store().watch()) as watch:  # type: ignore[type-var]  # as above
            first = await following(watch)
            assert first.faults == ()
            shelf.spoil()
            spoilt = await following(watch)
            assert spoilt.faults
            assert spoilt.resources == first.resources
            shelf.declare(["c"])
            mended = await following(watch)
            assert (brokers(mended), mended.faults) == ({"c"}, ())

    async def test_mended_as_it_was_is_a_change_too(self, shelf: Shelf) -> None:
        async with aclosing(shelf.store().watch()) as watch:  # type: ignore[type-var]  # as above
            first = await following(watch)
            shelf.spoil()
            assert (await following(watch)).faults
            shelf.declare(["a"])
            assert await following(watch) == first

    async def test_a_change_that_makes_no_difference_is_not_told(self, shelf: Shelf) -> None:
        async with aclosing(shelf.store().watch()) as watch:  # type: ignore[type-var]  # as above
            await following(watch)
            shelf.declare(["a"])
            waiting = asyncio.ensure_future(following(watch))
            await asyncio.sleep(0)
            shelf.declare(["b"])
            assert brokers(await waiting) == {"b"}

    async def test_two_may_watch(self, shelf: Shelf) -> None:
        one, two = shelf.store().watch(), shelf.store().watch()
        async with aclosing(one), aclosing(two):  # type: ignore[type-var]  # as above
            assert await following(one) == await following(two)
            shelf.declare(["b"])
            assert await following(one) == await following(two)

    async def test_a_watch_that_is_cancelled_ends(self, shelf: Shelf) -> None:
        watch = shelf.store().watch()
        await following(watch)
        task = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(DEADLINE):
            with pytest.raises(asyncio.CancelledError):
                await task
