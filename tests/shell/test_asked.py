"""How a member's thread hears the answer of an Ownership."""

import asyncio

import pytest

from tradewind.adapters.kafka_log.asked import answer


async def test_what_it_waited_for_is_its_answer_and_meanwhile_is_done() -> None:
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def question() -> int:
        await done.wait()
        return 7

    def meanwhile() -> None:
        loop.call_soon_threadsafe(done.set)

    assert await asyncio.to_thread(answer, question(), loop, meanwhile) == 7


async def test_a_deadline_of_the_ownership_itself_comes_out_as_it_is() -> None:
    async def question() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        await asyncio.to_thread(answer, question(), asyncio.get_running_loop(), lambda: None)
