"""Finalizers: the patches that add and remove one, so that an object stays until what belongs to it is settled.

A merge patch replaces the whole list, so it counts only for the version of the object that was seen.
"""

from typing import Any

from tradewind.api_server import Object

TOPIC = "tradewind.dev/topic"
"""On a Broker that was taken: its topic goes before it."""

BINDING = "tradewind.dev/sinkbinding"
"""On a SinkBinding that was taken: its workloads are as they were before it goes."""


def of_broker(uid: str) -> str:
    """On an auth Secret while this Broker lives: without what it holds the topic could not be deleted."""
    return f"tradewind.dev/{uid}"


def present(holder: Object, finalizer: str) -> bool:
    """Whether the object has it."""
    return finalizer in _all(holder)


def deleting(holder: Object) -> bool:
    """Whether somebody asked for the object's deletion: nothing may be added then."""
    return bool(holder["metadata"].get("deletionTimestamp"))


def added(holder: Object, finalizer: str) -> Object | None:
    """The merge patch after which it has this finalizer; None where it has, or can no longer get it."""
    if present(holder, finalizer) or deleting(holder):
        return None
    return _patch(holder, [*_all(holder), finalizer])


def removed(holder: Object, finalizer: str) -> Object | None:
    """The merge patch after which it has this finalizer no longer; None where it has not."""
    if not present(holder, finalizer):
        return None
    return _patch(holder, [one for one in _all(holder) if one != finalizer])


def _all(holder: Object) -> list[Any]:  # strings, as the API server checks
    return list(holder["metadata"].get("finalizers") or ())


def _patch(holder: Object, whole: list[Any]) -> Object:
    metadata = holder["metadata"]
    versions = {name: metadata[name] for name in ("uid", "resourceVersion")}
    return {"metadata": {**versions, "finalizers": whole}}
