"""Leading, in fake time, with an API server that refuses, freezes and answers late."""

import asyncio
import copy
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from tests.fake_time import clock, run, until
from tradewind.api_server import LEASES, ApiServer, GroupVersionResource, Object
from tradewind.control.leading import Leadership, Work, identity, lead
from tradewind.control.lease import Terms
from tradewind.errors import ApiConflict, ApiDenied, ApiUnavailable, LeadershipLost
from tradewind.resources.model import NamespacedName

NAME = NamespacedName("tradewind-system", "tradewind-controller")
TERMS = Terms()


def now() -> float:
    """The fake monotonic clock."""
    return asyncio.get_running_loop().time()


async def at_once() -> None:
    """What an API server that is well does before it answers."""


async def for_ever() -> None:
    await asyncio.Event().wait()


async def refused() -> None:
    raise ApiUnavailable("connection refused")


async def surprised() -> None:
    raise KeyError("any exception is a renewal that did not happen")


class Leases:
    """The part of an ApiServer that leading asks for, over one Lease; `before` scripts what happens to a call."""

    def __init__(self) -> None:
        self.lease: Object | None = {"metadata": {"uid": "u", "resourceVersion": "0"}, "spec": {"holderIdentity": ""}}
        self.before: Callable[[], Awaitable[None]] = at_once
        self.after: Callable[[], Awaitable[None]] = at_once
        self.calls: list[tuple[str, float]] = []
        self.versions = 0

    @property
    def holder(self) -> str | None:
        """Whom it names."""
        return self.lease["spec"].get("holderIdentity") if self.lease else None

    @property
    def door(self) -> ApiServer:
        """As whoever leads is given it."""
        return cast(ApiServer, self)

    def store(self, lease: Object) -> Object:
        self.versions += 1
        self.lease = copy.deepcopy(lease)
        self.lease["metadata"] |= {"resourceVersion": str(self.versions)}
        return copy.deepcopy(self.lease)

    async def _passed(self, verb: str) -> None:
        self.calls.append((verb, now()))
        await self.before()

    async def get(self, resource: GroupVersionResource, name: NamespacedName) -> Object | None:
        assert (resource, name) == (LEASES, NAME)
        await self._passed("get")
        return copy.deepcopy(self.lease)

    async def create(self, resource: GroupVersionResource, made: Object) -> Object:
        await self._passed("create")
        if self.lease is not None:
            raise ApiConflict("it is there")
        made["metadata"]["uid"] = "made"
        return self.store(made)

    async def replace(self, resource: GroupVersionResource, name: NamespacedName, whole: Object) -> Object | None:
        assert name == NAME
        await self._passed("replace")
        if self.lease is None:
            return None
        if whole["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise ApiConflict("it has another version")
        stored = self.store(whole)
        await self.after()
        return stored


class Guard:
    """What would end the process, and whether it would have."""

    def __init__(self) -> None:
        self.until: float | None = None

    def arm(self, until: float) -> None:
        assert self.until is None or now() < self.until, "the process would have been ended"
        self.until = until

    def disarm(self) -> None:
        self.until = None


class Pod:
    """One process that wants to lead, and the moments at which its work ran."""

    def __init__(self, api: Leases, name: str, work: Work | None = None) -> None:
        self.stop = asyncio.Event()
        self.guard = Guard()
        self.leadership: Leadership | None = None
        self.worked: list[float] = []
        self.ended = 0.0
        self.task = asyncio.ensure_future(
            lead(
                api.door,
                NAME,
                name,
                work or self.work,
                self.stop,
                clock=now,
                wall=clock,
                guard=lambda _: self.guard,
            )
        )

    @property
    def works(self) -> bool:
        """Whether its work runs at this moment."""
        return bool(self.worked) and not self.ended

    async def work(self, leadership: Leadership) -> None:
        self.leadership = leadership
        try:
            while True:
                self.worked.append(now())
                assert self.guard.until is not None and now() < self.guard.until, "nothing works unguarded"
                await asyncio.sleep(0.1)
        finally:
            self.ended = now()

    async def ends(self) -> None:
        """Ask it to stop, and wait until it has."""
        self.stop.set()
        await self.task


def test_it_works_while_it_renews_and_stops_in_order() -> None:
    async def scenario() -> None:
        api = Leases()
        pod = Pod(api, "a")
        await asyncio.sleep(1000)
        assert pod.works
        assert pod.leadership and pod.leadership.sure(6.9)
        assert not pod.leadership.sure(9.0), "that much is not left, if nothing is renewed any more"
        assert [verb for verb, _ in api.calls] == ["get"] + ["replace"] * len(api.calls[1:]), "it knows what is there"
        assert len(api.calls) == 502, "one write every other second"
        await pod.ends()
        assert pod.ended == pytest.approx(1000.0)
        assert api.holder == ""
        assert not pod.leadership.sure(0.0)
        assert pod.guard.until is None

    run(scenario)


def test_another_takes_over_at_once_after_an_orderly_stop_and_not_before() -> None:
    async def scenario() -> None:
        api = Leases()
        first = Pod(api, "a")
        await asyncio.sleep(1)
        second = Pod(api, "b")
        await asyncio.sleep(100)
        assert first.works and not second.worked
        await first.ends()
        await until(lambda: second.works, within=TERMS.retry + 0.1)
        assert second.worked[0] >= first.ended
        await second.ends()

    run(scenario)


def test_work_that_takes_its_time_to_end_is_renewed_for_and_the_lease_released_after() -> None:
    async def scenario() -> None:
        api = Leases()

        async def slow(leadership: Leadership) -> None:
            try:
                await for_ever()
            finally:
                await asyncio.sleep(60)
                assert leadership.sure(5.0)
                assert api.holder == "a"

        pod = Pod(api, "a", slow)
        await asyncio.sleep(10)
        await pod.ends()
        assert now() == 70.0
        assert api.holder == ""

    run(scenario)


@pytest.mark.parametrize("fault", [refused, for_ever, surprised])
def test_what_is_not_renewed_ends_before_another_begins(fault: Callable[[], Awaitable[None]]) -> None:
    """The leader's way to the API server is broken, the other's is not."""

    async def scenario() -> None:
        api = Leases()
        reached = Leases()
        first = Pod(api, "a")
        await asyncio.sleep(1)
        reached.lease, reached.versions = api.lease, api.versions
        second = Pod(reached, "b")
        api.before = fault
        with pytest.raises(LeadershipLost):
            await first.task
        assert first.ended == TERMS.renew_deadline - TERMS.grace, "since it last wrote"
        assert not second.worked
        await until(lambda: second.works, within=TERMS.lease)
        assert first.guard.until == TERMS.renew_deadline, "the process is ended if it does not end"
        await second.ends()

    run(scenario)


def test_a_frozen_call_is_given_up_and_a_later_one_renews() -> None:
    async def scenario() -> None:
        api = Leases()
        pod = Pod(api, "a")
        await asyncio.sleep(1)
        api.before = for_ever
        await until(lambda: now() >= 5.5)
        api.before = at_once
        await asyncio.sleep(100)
        assert pod.works
        await pod.ends()

    run(scenario)


def test_a_write_that_came_through_and_was_not_answered_is_found_again() -> None:
    """Its next write meets another version, which is its own."""

    async def scenario() -> None:
        api = Leases()
        pod = Pod(api, "a")
        await asyncio.sleep(1)
        api.after = for_ever
        await until(lambda: now() >= 4.5)
        api.after = at_once
        await asyncio.sleep(20)
        assert pod.works
        assert [verb for verb, _ in api.calls[:4]] == ["get", "replace", "replace", "get"]
        await pod.ends()

    run(scenario)


def test_work_that_does_not_end_is_left_to_the_guard() -> None:
    async def scenario() -> None:
        api = Leases()
        stubborn = asyncio.Event()

        async def work(_: Leadership) -> None:
            while not stubborn.is_set():
                try:
                    await stubborn.wait()
                except asyncio.CancelledError:
                    continue

        pod = Pod(api, "a", work)
        await asyncio.sleep(1)
        api.before = refused
        await asyncio.sleep(30)
        assert pod.guard.until == TERMS.renew_deadline
        assert not pod.task.done()
        stubborn.set()
        with pytest.raises(LeadershipLost):
            await pod.task

    run(scenario)


@pytest.mark.parametrize(
    "left", [None, {"metadata": {"uid": "u", "resourceVersion": "9"}, "spec": {}}], ids=["gone", "torn"]
)
def test_a_lease_that_somebody_took_away_ends_the_leader(left: Object | None) -> None:
    async def scenario() -> None:
        api = Leases()
        pod = Pod(api, "a")
        await asyncio.sleep(1)
        api.lease = left
        with pytest.raises(LeadershipLost):
            await pod.task
        assert pod.ended == 4.0, "a renewal that met nothing, and a look"
        assert pod.guard.until == 5.0

    run(scenario)


def test_where_there_is_none_it_is_made_and_taken_after_it_stood_still() -> None:
    async def scenario() -> None:
        api = Leases()
        api.lease = None
        pods = [Pod(api, "a"), Pod(api, "b")]
        await until(lambda: any(pod.works for pod in pods))
        assert now() == pytest.approx(TERMS.retry + TERMS.lease, abs=TERMS.retry)
        assert [verb for verb, _ in api.calls].count("create") <= 2
        await asyncio.sleep(50)
        assert sum(pod.works for pod in pods) == 1
        for pod in pods:
            await pod.ends()

    run(scenario)


def test_who_never_led_stops_at_once_and_writes_nothing() -> None:
    async def scenario() -> None:
        api = Leases()
        first = Pod(api, "a")
        await asyncio.sleep(1)
        second = Pod(api, "b")
        await asyncio.sleep(9.5)
        began = now()
        await second.ends()
        assert now() == began
        assert api.holder == "a"
        await first.ends()

    run(scenario)


def test_who_is_asked_to_stop_while_it_takes_the_lease_releases_it() -> None:
    async def scenario() -> None:
        api = Leases()
        api.after = for_ever
        pod = Pod(api, "a")
        await asyncio.sleep(1)
        assert api.holder == "a", "and nobody told it"
        api.after = at_once
        await pod.ends()
        assert not pod.worked
        assert api.holder == ""

    run(scenario)


def test_an_api_server_that_is_gone_holds_up_a_stop_for_two_calls_at_most() -> None:
    async def scenario() -> None:
        api = Leases()
        pod = Pod(api, "a")
        await asyncio.sleep(1)
        api.before = for_ever
        await pod.ends()
        assert pod.ended == pytest.approx(1.0)
        assert now() == 1.0 + 2 * TERMS.call
        assert pod.guard.until is None, "no work is left that must be ended"

    run(scenario)


def test_a_renewal_that_comes_through_before_the_release_does_not_keep_it() -> None:
    """Work fails while a renewal is on its way; the API server takes that one first."""

    async def scenario() -> None:
        api = Leases()

        async def work(_: Leadership) -> None:
            await asyncio.sleep(2.5)
            raise ValueError("a fault of ours")

        async def slow() -> None:
            await asyncio.sleep(1)

        pod = Pod(api, "a", work)
        await asyncio.sleep(1)
        api.before = slow
        await asyncio.sleep(1.4)
        api.before = at_once
        replacing = api.replace

        async def replace(resource: GroupVersionResource, name: NamespacedName, whole: Object) -> Object | None:
            assert api.lease
            api.store(api.lease)
            api.replace = replacing  # type: ignore[method-assign]
            return await replacing(resource, name, whole)

        api.replace = replace  # type: ignore[method-assign]
        with pytest.raises(ExceptionGroup):
            await pod.task
        assert api.holder == ""
        assert [verb for verb, _ in api.calls[-4:]] == ["get", "replace", "get", "replace"]

    run(scenario)


@pytest.mark.parametrize("fails", [False, True])
def test_work_that_ends_by_itself_releases_the_lease(fails: bool) -> None:
    async def scenario() -> None:
        api = Leases()

        async def work(_: Leadership) -> None:
            await asyncio.sleep(5)
            if fails:
                raise ValueError("a fault of ours")

        pod = Pod(api, "a", work)
        if fails:
            with pytest.raises(ExceptionGroup, match="unhandled"):
                await pod.task
        else:
            await pod.task
        assert (now(), api.holder) == (5.0, "")

    run(scenario)


def test_cancelling_it_ends_the_work_and_releases_the_lease() -> None:
    async def scenario() -> None:
        api = Leases()
        pod = Pod(api, "a")
        await asyncio.sleep(3)
        pod.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pod.task
        assert (pod.ended, api.holder, pod.guard.until) == (3.0, "", None)

    run(scenario)


def test_an_outage_is_told_once_and_a_denial_says_what_was_denied(caplog: pytest.LogCaptureFixture) -> None:
    async def denied() -> None:
        raise ApiDenied("leases.coordination.k8s.io is forbidden")

    async def scenario() -> None:
        api = Leases()
        api.before = refused
        pod = Pod(api, "a")
        await asyncio.sleep(100)
        api.before = denied
        await asyncio.sleep(100)
        await pod.ends()

    run(scenario)
    told = [cast(Any, record).fields["error"] for record in caplog.records if record.levelname == "WARNING"]
    assert told == ["connection refused", "leases.coordination.k8s.io is forbidden"]


def test_no_two_processes_have_one_identity() -> None:
    one, other = identity("tradewind-controller-5f7"), identity("tradewind-controller-5f7")
    assert one != other
    assert one.startswith("tradewind-controller-5f7_")
