"""What goes with a Broker that is deleted."""

from typing import Any

import pytest

from tradewind.api_server import Object
from tradewind.control import deletion
from tradewind.control.claims import Act, Claims, Owner, record
from tradewind.ports import Record
from tradewind.resources import stamps
from tradewind.resources.model import EXTERNAL_TOPIC, NamespacedName

NAME = NamespacedName("default", "b")
TOPIC = "knative-broker-default-b"
ASKED = 1_700_000_000.0


def broker(*, external: bool = False, topic: str = TOPIC, deleted: Any = "2023-11-14T22:13:20Z") -> Object:
    annotations = {EXTERNAL_TOPIC: "theirs"} if external else {}
    metadata = {"uid": "u1", "annotations": annotations, "deletionTimestamp": deleted}
    return {"metadata": metadata, "status": {"annotations": {stamps.TOPIC: topic} if topic else {}}}


def claims(*owners: Owner, topic: str = TOPIC) -> Claims:
    found = Claims()
    for owner in owners:
        made = record(Act.CLAIM, topic, owner)
        found.take(Record(made.topic, 0, 0, 0.0, made.key, made.value, ()))
    return found


OURS = Owner("one", NAME, "u1")


def doomed(held: Object, found: Claims) -> tuple[str, ...]:
    return deletion.doomed(held, NAME, found, "one")


def test_the_topic_that_it_made_goes() -> None:
    assert doomed(broker(), claims(OURS)) == (TOPIC,)


def test_a_topic_that_was_claimed_and_never_marked_goes() -> None:
    assert doomed(broker(topic=""), claims(OURS)) == (TOPIC,)


@pytest.mark.parametrize(
    ("held", "found"),
    [
        (broker(), claims()),
        (broker(), claims(Owner("two", NAME, "u1"))),
        (broker(), claims(Owner("one", NAME, "u2"))),  # the Broker that has its name now
        (broker(), claims(Owner("two", NAME, "u9"), OURS)),
        (broker(), claims(Owner("one", NAME))),  # dead letters
        (broker(external=True), claims(OURS)),
        (broker(topic="theirs"), claims(OURS)),
        (broker(topic="theirs"), claims(OURS, topic="theirs")),
    ],
)
def test_nothing_else_goes(held: Object, found: Claims) -> None:
    assert doomed(held, found) == ()


def test_nobody_asks_for_deletion_where_the_kind_goes() -> None:
    assert deletion.kind_goes(None)
    assert deletion.kind_goes({"metadata": {"deletionTimestamp": "2023-11-14T22:13:20Z"}})
    assert not deletion.kind_goes({"metadata": {}})


def test_what_stays_behind_is_named() -> None:
    assert deletion.orphaned(broker(), NAME) == TOPIC
    assert deletion.orphaned(broker(topic=""), NAME) == TOPIC
    assert deletion.orphaned(broker(external=True), NAME) == ""


@pytest.mark.parametrize(
    ("deleted", "seen", "now", "expected"),
    [
        ("2023-11-14T22:13:20Z", ASKED, ASKED + 599, False),
        ("2023-11-14T22:13:20Z", ASKED, ASKED + 600, True),
        ("2023-11-14T22:13:20Z", ASKED + 3600, ASKED + 3601, False),  # nobody was there to try
        (None, ASKED, ASKED + 600, True),
        ("yesterday", ASKED, ASKED + 599, False),
    ],
)
def test_it_is_let_go_after_a_while_of_trying(deleted: Any, seen: float, now: float, expected: bool) -> None:
    assert deletion.overdue(broker(deleted=deleted), seen, now, 600.0) is expected
