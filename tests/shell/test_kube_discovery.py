"""Which resource a kind is: asked once by however many ask, and again once it may have changed (in fake time)."""

import asyncio

import pytest

from tests import fake_time
from tradewind.adapters.kube import discovery
from tradewind.adapters.kube.answers import Missing
from tradewind.adapters.kube.discovery import Discovery
from tradewind.adapters.kube.link import JSON, Link
from tradewind.api_server import BROKERS, Object
from tradewind.errors import ApiFailed, ApiUnavailable

GROUP = "eventing.knative.dev/v1"
PATH = "/apis/eventing.knative.dev/v1"
SERVED: Object = {"resources": [{"name": "brokers", "kind": "Broker", "namespaced": True}]}


class Answers(Link):
    """Answers, or fails, as it is told to; each takes a second."""

    def __init__(self, answer: Object | ApiFailed) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def ask(
        self, method: str, path: str, body: Object | None = None, *, kind: str = JSON, deadline: float = 0.0
    ) -> Object:
        self.asked.append(path)
        await asyncio.sleep(1)
        if isinstance(self.answer, ApiFailed):
            raise self.answer
        return self.answer


def test_hundreds_who_ask_at_once_are_one_request() -> None:
    async def scenario() -> None:
        link = Answers(SERVED)
        kinds = Discovery(link)
        found = await asyncio.gather(*(kinds.resource_of(GROUP, "Broker") for _ in range(300)))
        assert found == [BROKERS] * 300
        assert link.asked == [PATH]

    fake_time.run(scenario)


def test_what_is_known_counts_for_a_while() -> None:
    async def scenario() -> None:
        link = Answers(SERVED)
        kinds = Discovery(link)
        await kinds.resource_of(GROUP, "Broker")
        await asyncio.sleep(discovery.FRESH - 2)
        assert await kinds.resource_of(GROUP, "Broker") == BROKERS
        assert len(link.asked) == 1
        link.answer = Missing()
        await asyncio.sleep(2)
        assert await kinds.resource_of(GROUP, "Broker") is None
        assert len(link.asked) == 2

    fake_time.run(scenario)


@pytest.mark.parametrize("before", [Missing(), {"resources": []}], ids=["no group", "no kind"])
def test_what_was_not_there_is_asked_for_again_after_some_seconds(before: Object | ApiFailed) -> None:
    async def scenario() -> None:
        link = Answers(before)
        kinds = Discovery(link)
        assert await kinds.resource_of(GROUP, "Broker") is None
        link.answer = SERVED
        assert await kinds.resource_of(GROUP, "Broker") is None
        assert len(link.asked) == 1
        await asyncio.sleep(discovery.AGAIN)
        assert await kinds.resource_of(GROUP, "Broker") == BROKERS

    fake_time.run(scenario)


def test_a_failure_is_everybodys_and_is_tried_again_after_some_seconds() -> None:
    async def scenario() -> None:
        link = Answers(ApiUnavailable("down"))
        kinds = Discovery(link)
        found = await asyncio.gather(*(kinds.resource_of(GROUP, "Broker") for _ in range(300)), return_exceptions=True)
        assert [type(one) for one in found] == [ApiUnavailable] * 300
        assert len(link.asked) == 1
        await asyncio.sleep(discovery.AGAIN)
        link.answer = SERVED
        assert await kinds.resource_of(GROUP, "Broker") == BROKERS

    fake_time.run(scenario)


def test_what_is_known_outlasts_a_failure() -> None:
    async def scenario() -> None:
        link = Answers(SERVED)
        kinds = Discovery(link)
        await kinds.resource_of(GROUP, "Broker")
        link.answer = ApiUnavailable("down")
        await asyncio.sleep(discovery.FRESH)
        assert await kinds.resource_of(GROUP, "Broker") == BROKERS
        assert len(link.asked) == 2
        with pytest.raises(ApiUnavailable):
            await kinds.resource_of(GROUP, "Other")

    fake_time.run(scenario)


def test_what_is_no_api_version_is_not_asked_for() -> None:
    async def scenario() -> None:
        link = Answers(SERVED)
        assert await Discovery(link).resource_of("../v1", "Broker") is None
        assert link.asked == []

    fake_time.run(scenario)
