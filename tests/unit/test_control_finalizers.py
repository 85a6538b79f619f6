"""Finalizers: added once, never to what is being deleted, and removed without the others."""

from tradewind.api_server import Object
from tradewind.control import finalizers


def holder(*held: str, deleting: bool = False) -> Object:
    metadata: Object = {"uid": "u", "resourceVersion": "7", "name": "b", "finalizers": list(held)}
    if deleting:
        metadata["deletionTimestamp"] = "2026-11-26T10:00:00Z"
    return {"metadata": metadata}


def patch(*whole: str) -> Object:
    return {"metadata": {"uid": "u", "resourceVersion": "7", "finalizers": list(whole)}}


def test_one_is_added_behind_the_others() -> None:
    assert finalizers.added(holder("theirs"), "ours") == patch("theirs", "ours")
    assert finalizers.added({"metadata": {"uid": "u", "resourceVersion": "7"}}, "ours") == patch("ours")


def test_one_that_is_there_is_not_added() -> None:
    assert finalizers.added(holder("ours"), "ours") is None


def test_nothing_is_added_to_what_is_being_deleted() -> None:
    assert finalizers.deleting(holder(deleting=True)) and not finalizers.deleting(holder())
    assert finalizers.added(holder(deleting=True), "ours") is None


def test_one_is_removed_and_the_others_stay() -> None:
    assert finalizers.removed(holder("a", "ours", "b", deleting=True), "ours") == patch("a", "b")
    assert finalizers.removed(holder("a"), "ours") is None
    assert finalizers.present(holder("a"), "a") and not finalizers.present(holder("a"), "b")


def test_a_secret_has_one_for_each_broker() -> None:
    assert finalizers.of_broker("1-2") == "tradewind.dev/1-2"
