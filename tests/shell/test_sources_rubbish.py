"""Kinds of sources whose code is wrong: what they give harms neither their neighbours nor their own events."""

import asyncio
from collections.abc import Callable

import pytest

from tests import fake_time
from tests.builders import event
from tests.shell.sources_running import KINDS, SETTINGS, Make, World, ping, running
from tradewind.plan import SourcePlan
from tradewind.sources.emission import Emission, Emissions, Given, Tell
from tradewind.sources.positions import View
from tradewind.sources.standing import State


def beside_a_ping(emit: Make) -> Make:
    """A kind of source, for the source `rubbish`; any other is a PingSource."""

    def make(source: SourcePlan, given: Given) -> Emissions:
        return emit(source, given) if source.source.metadata.name.name == "rubbish" else KINDS.make(source, given)

    return make


def ticks(world: World) -> list[str]:
    """Events of the neighbour."""
    return [name for name in world.ids if name.startswith("default/tick/")]


def stood(emit: Make, state: State) -> str:
    """What is told of the source that `emit` makes, once a neighbour's event has come and it stands so."""
    said: list[str] = []

    async def scenario(world: World) -> None:
        await world.begun(ping("rubbish"), ping())
        (rubbish,) = (host for key, host in world.process.hosts.items() if key.name.name == "rubbish")
        await fake_time.until(lambda: rubbish.standing.state is state)
        before = len(ticks(world))
        await fake_time.until(lambda: len(ticks(world)) > before)
        said.append(rubbish.standing.record(owner="", in_flight=0, sink="").error)

    running(scenario, make=beside_a_ping(emit))
    return said[0]


@pytest.mark.parametrize(
    ("position", "words"),
    [
        (object(), "ValueError: its position is no JSON: Encoding objects of type object is unsupported"),
        ("\ud800", "ValueError: its position is no JSON: "),
        ("x" * 1_000_000, "ValueError: its position is 1,000,002 bytes of JSON, expected at most "),
    ],
)
def test_a_position_that_cannot_be_kept_is_its_sources_failure(position: object, words: str) -> None:
    async def emit(_source: SourcePlan, _given: Given) -> Emissions:
        yield Emission(event(), position=position)

    assert stood(emit, State.FAILED).startswith(words)


@pytest.mark.parametrize("raised", [SystemExit(3), asyncio.CancelledError()])
def test_a_source_that_exits_or_cancels_itself_is_made_again(raised: BaseException) -> None:
    async def emit(_source: SourcePlan, _given: Given) -> Emissions:
        yield Emission(event())
        raise raised

    assert stood(emit, State.FAILED).startswith(type(raised).__name__)


@pytest.mark.parametrize(
    ("tell", "state"),
    [
        (Tell.lost, State.DISCONNECTED),
        (Tell.alarm, State.READY),
        (Tell.failed, State.FAILED),
        (Tell.blocked, State.BLOCKED),
    ],
)
def test_what_a_source_tells_need_not_be_text_that_can_be_written(
    tell: Callable[[Tell, str], None], state: State
) -> None:
    async def emit(_source: SourcePlan, given: Given) -> Emissions:
        yield Emission(event())
        getattr(given.tell, tell.__name__)("a file \udcff")
        await asyncio.Event().wait()

    assert stood(emit, state) == "a file \\udcff"


def test_a_position_that_its_source_changes_afterwards_stays_what_it_was() -> None:
    """`state["at"] = n; yield Emission(…, position=state)` must not let the position run ahead of what is stored."""
    given_again: list[object] = []

    async def emit(_source: SourcePlan, given: Given) -> Emissions:
        given_again.append(given.position)
        state = given.position or {"at": 0}
        assert isinstance(state, dict)
        yield Emission(event(id="1"), position=state)
        await asyncio.sleep(5)
        state["at"] = 7
        await asyncio.sleep(5)
        raise RuntimeError("the origin hung up")

    async def scenario(world: World) -> None:
        await world.begun(ping("rubbish"))
        await fake_time.until(lambda: len(given_again) == 3)

    world = running(scenario, make=beside_a_ping(emit))
    view = View()
    for record in world.records(SETTINGS.sources_topic):
        assert record.key is not None
        view.apply(record.key, record.value)
    assert [kept.position for kept in view.positions.values()] == [{"at": 0}]
    assert given_again[0] is None
