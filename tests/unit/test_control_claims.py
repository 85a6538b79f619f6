"""Whose a topic is: the first claim that was not released."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.control.claims import Act, Claims, Owner, orphans, record, to_write
from tradewind.ports import NewRecord, Record
from tradewind.resources.model import NamespacedName
from tradewind.topics import CLAIMS_TOPIC, claims_spec

B = NamespacedName("default", "b")
OURS, AGAIN, THEIRS = Owner("one", B, "u1"), Owner("one", B, "u2"), Owner("two", B, "u1")
LETTERS = Owner("one", B)


def taken(*records: NewRecord) -> Claims:
    claims = Claims()
    for offset, one in enumerate(records):
        claims.take(Record(one.topic, 0, offset, 0.0, one.key, one.value, ()))
    return claims


def claim(topic: str, owner: Owner) -> NewRecord:
    return record(Act.CLAIM, topic, owner)


def release(topic: str, owner: Owner) -> NewRecord:
    return record(Act.RELEASE, topic, owner)


def test_the_first_claim_counts_until_it_is_released() -> None:
    claims = taken(claim("t", OURS), claim("t", THEIRS), claim("t", OURS))
    assert claims.owner("t") == OURS
    claims = taken(claim("t", OURS), claim("t", THEIRS), release("t", OURS))
    assert claims.owner("t") == THEIRS
    assert taken(claim("t", OURS), release("t", OURS)).by_topic == {}
    assert taken(release("t", OURS)).owner("t") is None


def test_who_lets_go_lets_go_of_a_claim_of_its_own_alone() -> None:
    assert taken(claim("t", OURS), claim("t", THEIRS), release("t", THEIRS)).owner("t") == OURS
    assert taken(claim("t", OURS), release("t", THEIRS)).owner("t") == OURS


def test_a_claim_that_was_written_twice_is_one() -> None:
    assert taken(claim("t", OURS), claim("t", OURS), release("t", OURS)).owner("t") is None


def test_another_topic_is_another() -> None:
    assert taken(claim("t", OURS)).owner("s") is None


def test_all_claims_lie_in_one_partition_that_keeps_them() -> None:
    written = claim("t", OURS)
    assert (written.topic, written.partition, written.key) == (CLAIMS_TOPIC, 0, b"t")
    spec = claims_spec()
    assert (spec.name, spec.partitions) == (CLAIMS_TOPIC, 1)
    assert spec.config == {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b"\xff",
        (claim("t", THEIRS).value or b"").replace(b'"version":1', b'"version":2'),
        json.dumps({"version": 1, "installation": "a", "namespace": "b", "name": "c", "uid": 1}).encode(),
        json.dumps({"version": 1, "installation": "a", "namespace": "b", "name": "c", "uid": "", "act": "?"}).encode(),
    ],
)
def test_a_record_that_cannot_be_read_is_passed_over(value: bytes | None) -> None:
    assert taken(NewRecord(CLAIMS_TOPIC, value, key=b"t"), claim("t", OURS)).owner("t") == OURS


def test_a_free_topic_is_claimed_once() -> None:
    (written,) = to_write(Claims(), "t", OURS, there=["u1"])
    assert written == claim("t", OURS)
    assert to_write(taken(written), "t", OURS, there=["u1"]) == ()


def test_what_is_anothers_is_not_claimed() -> None:
    assert to_write(taken(claim("t", THEIRS)), "t", OURS, there=["u1"]) == ()
    assert to_write(taken(claim("t", OURS)), "t", AGAIN, there=["u1", "u2"]) == ()
    other = Owner("one", NamespacedName("other", "b"), "gone")
    assert to_write(taken(claim("t", other)), "t", OURS, there=["u1"]) == ()
    elsewhere = Owner("two", B, "gone")  # from here: its cluster is another one
    assert to_write(taken(claim("t", elsewhere)), "t", OURS, there=["u1"]) == ()
    assert to_write(taken(claim("t", LETTERS)), "t", OURS, there=["u1"]) == ()


def test_what_a_broker_left_goes_to_the_one_that_has_its_name_now() -> None:
    written = to_write(taken(claim("t", OURS)), "t", AGAIN, there=["u2"])
    assert written == (release("t", OURS), claim("t", AGAIN))
    assert taken(claim("t", OURS), *written).owner("t") == AGAIN
    assert to_write(taken(claim("t", OURS), claim("t", AGAIN)), "t", AGAIN, there=["u2"]) == (release("t", OURS),)


def test_a_topic_that_was_there_and_nobodys_is_found_not_made() -> None:
    (written,) = to_write(Claims(), "t", OURS, there=["u1"], exists=True)
    assert written == record(Act.FIND, "t", OURS)
    claims = taken(written)
    assert (claims.owner("t"), claims.found) == (OURS, {("t", OURS)})
    assert to_write(claims, "t", OURS, there=["u1"], exists=True) == ()
    assert taken(written, release("t", OURS)).found == set()
    assert taken(claim("t", OURS), written).found == set(), "what was made is not found later"


def test_who_takes_over_from_a_broker_that_is_gone_has_made_what_that_one_made() -> None:
    made = to_write(taken(claim("t", OURS)), "t", AGAIN, there=["u2"], exists=True)
    assert made == (release("t", OURS), claim("t", AGAIN))
    found = to_write(taken(record(Act.FIND, "t", OURS)), "t", AGAIN, there=["u2"], exists=True)
    assert found == (release("t", OURS), record(Act.FIND, "t", AGAIN))


def test_a_dead_letter_topic_belongs_to_every_broker_of_the_name() -> None:
    assert to_write(taken(claim("d", LETTERS)), "d", LETTERS, there=["u2"]) == ()
    claims = taken(claim("t", OURS), claim("d", LETTERS))
    assert claims.of("one") == {"t": OURS}
    assert orphans(claims, "one", []) == {"t": OURS}


def test_orphans_are_topics_of_brokers_that_are_gone() -> None:
    claims = taken(claim("t", OURS), claim("s", AGAIN), claim("r", THEIRS))
    assert orphans(claims, "one", ["u2"]) == {"t": OURS}
    assert orphans(claims, "one", ["u1", "u2"]) == {}


def test_what_a_broker_claimed_is_known_though_it_is_anothers() -> None:
    claims = taken(claim("t", THEIRS), claim("t", OURS), claim("s", OURS), claim("r", THEIRS))
    assert set(claims.claimed_by("one", "u1")) == {"t", "s"}
    assert claims.claimed_by("one", "u2") == ()


def test_an_owner_is_named_in_words() -> None:
    assert str(OURS) == "Broker default/b of installation one"


@given(st.lists(st.tuples(st.sampled_from([OURS, THEIRS]), st.booleans()), max_size=20), st.data())
def test_two_installations_never_both_own_a_topic(steps: list[tuple[Owner, bool]], data: st.DataObject) -> None:
    """Each writes by what it has read, which may be old; whoever reads all agrees on one owner."""
    written: list[NewRecord] = []
    for owner, leaves in steps:
        seen = data.draw(st.integers(0, len(written)))
        if leaves:
            written.append(release("t", owner))
        else:
            written += to_write(taken(*written[:seen]), "t", owner, there=["u1"])
    found = taken(*written).owner("t")
    claimed = [OURS, THEIRS]
    assert found is None or found in claimed
    if found is not None:
        other = next(one for one in claimed if one != found)
        assert to_write(taken(*written), "t", other, there=["u1"]) == ()
