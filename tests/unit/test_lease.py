"""What a candidate writes after what it read, and until when it leads."""

from typing import Any

import pytest

from tradewind.api_server import Object
from tradewind.control.lease import Candidate, Create, Replace, Terms
from tradewind.resources.model import NamespacedName

NAME = NamespacedName("tradewind-system", "tradewind-controller")
WALL = 1_700_000_000.25
MOMENT = "2023-11-14T22:13:20.250000Z"
EARLIER = "2023-11-14T22:13:00.000000Z"
TERMS = Terms()


def candidate() -> Candidate:
    return Candidate(NAME, "we", TERMS)


def lease(
    holder: object = "other", *, renewed: object = EARLIER, version: str = "7", uid: str = "u", **more: Any
) -> Object:
    """As another left it; more fields of its spec, of any type."""
    spec = {"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": 15, "leaseTransitions": 3, **more}
    return {"kind": "Lease", "metadata": {"uid": uid, "resourceVersion": version, "labels": {"a": "b"}}, "spec": spec}


def replaced(write: object) -> dict[str, Any]:
    """The spec that is to be written in place of what was read."""
    assert isinstance(write, Replace)
    spec: dict[str, Any] = write.lease["spec"]
    return spec


def leader(*, sent: float = 100.0) -> Candidate:
    """One that leads since a write that was sent then."""
    one = candidate()
    write = one.read(lease(""), sent, WALL)
    assert isinstance(write, Replace)
    one.wrote(write.lease, sent=sent, now=sent)
    return one


# --- taking it


def test_where_there_is_none_it_makes_one_that_names_nobody() -> None:
    """One may have been deleted this very moment, and its holder leads until it notices."""
    one = candidate()
    assert one.read(None, 100.0, WALL) == Create(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"namespace": "tradewind-system", "name": "tradewind-controller"},
            "spec": {},
        }
    )
    assert not one.leads(100.0)


def test_one_that_was_released_is_taken_at_once_and_nothing_else_in_it_changes() -> None:
    write = candidate().read(lease("", strategy="kept"), 100.0, WALL)
    assert write == Replace(
        lease("we", renewed=MOMENT, acquireTime=MOMENT, leaseTransitions=4, strategy="kept", leaseDurationSeconds=15)
    )


@pytest.mark.parametrize(
    "found",
    [
        lease("other"),
        lease(None),
        lease(7),
        lease(["we"]),
        lease("other", renewed=None),
        lease("other", renewed="soon", leaseDurationSeconds="long", leaseTransitions="many"),
        {"metadata": {"uid": "u", "resourceVersion": "7"}, "spec": {}},
        {"metadata": {"uid": "u", "resourceVersion": "7"}, "spec": None},
        {"metadata": {"uid": "u", "resourceVersion": "7"}, "spec": "torn"},
        {"metadata": {"uid": "u", "resourceVersion": "7"}},
        {"metadata": None},
        {},
    ],
    ids=str,
)
def test_anything_else_must_stand_still_first(found: Object) -> None:
    one = candidate()
    assert one.read(found, 100.0, WALL) is None
    assert one.read(found, 100.0 + TERMS.lease - 0.01, WALL) is None
    spec = replaced(one.read(found, 100.0 + TERMS.lease, WALL))
    assert (spec["holderIdentity"], spec["renewTime"], spec["acquireTime"]) == ("we", MOMENT, MOMENT)
    assert spec["leaseDurationSeconds"] == 15


@pytest.mark.parametrize(
    "moved",
    [
        lease("third"),
        lease("other", renewed="2023-11-14T22:13:00.000001Z"),
        lease("other", renewed="1999-11-14T22:13:00.000001Z"),
        lease("other", uid="made again"),
        lease(None),
        {"metadata": {"uid": "u"}},
    ],
    ids=str,
)
def test_one_that_moved_stands_still_from_then_on(moved: Object) -> None:
    one = candidate()
    one.read(lease("other"), 100.0, WALL)
    assert one.read(moved, 114.0, WALL) is None
    assert one.read(moved, 128.9, WALL) is None
    assert one.read(moved, 129.0, WALL) is not None


def test_one_that_others_wrote_into_has_moved_too() -> None:
    """Its spec is as it was, but may have been another's in between."""
    one = candidate()
    one.read(lease("other", version="7"), 100.0, WALL)
    assert one.read(lease("other", version="9"), 114.0, WALL) is None
    assert one.read(lease("other", version="9"), 128.9, WALL) is None
    write = one.read(lease("other", version="9"), 129.0, WALL)
    assert isinstance(write, Replace)
    assert write.lease["metadata"]["resourceVersion"] == "9", "over what was read last"


def test_no_time_of_another_machine_counts() -> None:
    """Its renewTime lies a year back, or ahead: it stands still for as long as any."""
    for renewed in ("2022-11-14T22:13:20Z", "2024-11-14T22:13:20Z"):
        one = candidate()
        assert one.read(lease("other", renewed=renewed), 100.0, WALL) is None
        assert one.read(lease("other", renewed=renewed), 114.9, WALL) is None
        assert one.read(lease("other", renewed=renewed), 115.0, WALL) is not None


@pytest.mark.parametrize(("says", "waits"), [(60, 60.0), (2, 15.0), (0, 15.0), (-60, 15.0), (True, 15.0), (60.0, 15.0)])
def test_a_holder_that_counts_on_longer_has_longer(says: object, waits: float) -> None:
    one = candidate()
    found = lease("other", leaseDurationSeconds=says)
    one.read(found, 100.0, WALL)
    assert one.read(found, 100.0 + waits - 0.01, WALL) is None
    assert one.read(found, 100.0 + waits, WALL) is not None


@pytest.mark.parametrize(("before", "after"), [(0, 1), (41, 42), (None, 0), ("many", 0), (-1, 0), (True, 0)])
def test_transitions_count_changes_of_holder(before: object, after: int) -> None:
    spec = replaced(candidate().read(lease("", leaseTransitions=before), 100.0, WALL))
    assert spec["leaseTransitions"] == after


# --- our name


def test_one_under_our_name_is_ours_at_once_and_was_all_along() -> None:
    """A write whose answer was lost, or one of this identity's former life: who wrote it is dead."""
    spec = replaced(candidate().read(lease("we", acquireTime=EARLIER), 100.0, WALL))
    assert spec == lease("we", acquireTime=EARLIER, renewed=MOMENT)["spec"]


def test_who_starts_anew_under_another_name_waits_for_its_former_self() -> None:
    one = Candidate(NAME, "we, again", TERMS)
    assert one.read(lease("we"), 100.0, WALL) is None
    assert one.read(lease("we"), 115.0, WALL) is not None


# --- leading


def test_it_leads_from_the_sending_of_its_write() -> None:
    one = candidate()
    write = one.read(lease(""), 100.0, WALL)
    assert isinstance(write, Replace)
    assert not one.leads(100.0), "not before it is written"
    one.wrote(write.lease, sent=100.0, now=102.0)
    assert one.left(102.0) == 7.0
    assert one.leads(108.9)
    assert not one.leads(109.0), "the last second is for ending"
    assert one.end(102.0) == 110.0
    assert one.holder == "we"


def test_an_answer_that_came_too_late_makes_no_leader_but_the_next_write_does() -> None:
    """The process was stopped in between."""
    one = candidate()
    write = one.read(lease(""), 100.0, WALL)
    assert isinstance(write, Replace)
    one.wrote(write.lease, sent=100.0, now=109.0)
    assert not one.leads(109.0)
    assert not one.over(109.0), "it never led"
    again = one.renewal(109.0, WALL)
    assert isinstance(again, Replace)
    one.wrote(again.lease, sent=109.0, now=109.5)
    assert one.leads(117.9)


def test_it_renews_without_looking_over_the_version_that_it_wrote() -> None:
    one = candidate()
    assert one.renewal(100.0, WALL) is None, "it must look first"
    write = one.read(lease(""), 100.0, WALL)
    assert isinstance(write, Replace)
    written = {**write.lease, "metadata": {"uid": "u", "resourceVersion": "8"}}
    one.wrote(written, sent=100.0, now=100.0)
    renewal = one.renewal(102.0, WALL + 2)
    assert replaced(renewal) == {**write.lease["spec"], "renewTime": "2023-11-14T22:13:22.250000Z"}
    assert isinstance(renewal, Replace)
    assert renewal.lease["metadata"]["resourceVersion"] == "8"
    one.wrote(renewal.lease, sent=102.0, now=103.0)
    assert (one.left(103.0), one.end(103.0)) == (8.0, 112.0)


@pytest.mark.parametrize(
    ("last", "wall", "expected"),
    [
        (MOMENT, WALL, "2023-11-14T22:13:20.250001Z"),
        (MOMENT, WALL - 3600, "2023-11-14T22:13:20.250001Z"),
        ("2023-11-15T00:13:20.25+02:00", WALL, "2023-11-14T22:13:20.250001Z"),
        ("9999-12-31T23:59:59.999999Z", WALL, MOMENT),
        ("2023-11-14T22:13:20.250000", WALL, MOMENT),
        (None, WALL, MOMENT),
        (7, WALL, MOMENT),
    ],
)
def test_each_renewal_is_later_than_the_one_before(last: object, wall: float, expected: str) -> None:
    """A clock that was set back, or stands, must not make a renewal look like none."""
    assert replaced(candidate().read(lease("we", renewed=last), 100.0, wall))["renewTime"] == expected


def test_after_a_failure_it_looks_before_it_writes() -> None:
    """Whether what failed was written after all, nobody knows."""
    one = leader()
    one.failed()
    assert one.renewal(102.0, WALL) is None
    assert one.leads(102.0)
    renewal = one.read(lease("we", version="9"), 103.0, WALL)
    assert isinstance(renewal, Replace)
    assert renewal.lease["metadata"]["resourceVersion"] == "9"


def test_a_lease_that_was_deleted_under_a_renewal_is_looked_for() -> None:
    one = leader()
    one.wrote(None, sent=102.0, now=102.0)
    assert one.renewal(103.0, WALL) is None
    assert one.end(103.0) == 110.0, "nothing was renewed"


# --- the end


def test_who_did_not_renew_in_time_leads_never_again() -> None:
    one = leader()
    assert not one.over(108.9)
    assert one.over(109.0)
    assert one.renewal(109.0, WALL) is None
    assert one.read(lease("we"), 109.0, WALL) is None
    one.wrote(lease("we"), sent=108.0, now=109.1)
    assert not one.leads(109.1)
    assert one.end(109.5) == 110.0


def test_a_renewal_whose_answer_came_after_the_end_changes_nothing() -> None:
    one = leader()
    one.wrote(lease("we"), sent=108.0, now=109.0)
    assert one.over(109.0)


def test_a_renewal_that_would_be_sent_after_the_end_is_not_sent() -> None:
    assert leader().renewal(109.0, WALL) is None


@pytest.mark.parametrize("found", [None, lease("other"), lease(""), lease(None)], ids=str)
def test_a_leader_whose_lease_does_not_name_it_leads_no_longer(found: Object | None) -> None:
    one = leader()
    assert one.read(found, 103.0, WALL) is None
    assert one.lost
    assert not one.leads(103.0)
    assert one.end(103.0) == 104.0, "its work has its grace to end in"
    assert one.read(lease("we"), 103.0, WALL) is None, "and it does not come back"


def test_who_never_led_need_not_end() -> None:
    assert not candidate().over(100.0)
    assert candidate().end(100.0) == 100.0


# --- resigning


def test_who_resigns_leads_no_longer_and_releases_what_it_holds() -> None:
    one = leader()
    one.resign()
    assert not one.leads(100.0)
    assert not one.over(100.0), "it did not lose it"
    release = one.renewal(102.0, WALL)
    assert (
        replaced(release)
        == lease("", renewed="2023-11-14T22:13:20.250001Z", acquireTime=MOMENT, leaseTransitions=4)["spec"]
    )
    assert isinstance(release, Replace)
    one.wrote(release.lease, sent=102.0, now=102.0)
    assert one.renewal(103.0, WALL) is None
    assert one.read(release.lease, 103.0, WALL) is None


def test_who_resigns_and_does_not_know_looks_first() -> None:
    """A renewal, or the very first write, may have come through after all."""
    one = candidate()
    one.resign()
    assert replaced(one.read(lease("we"), 100.0, WALL))["holderIdentity"] == ""
    for found in (None, lease(""), lease("other"), lease(None)):
        assert one.read(found, 200.0, WALL) is None


def test_the_terms_leave_room() -> None:
    assert TERMS.renew_deadline * 1.2 < TERMS.lease, "clocks may differ in pace"
    assert TERMS.retry + 2 * TERMS.call < TERMS.renew_deadline - TERMS.grace, "two calls may freeze"
