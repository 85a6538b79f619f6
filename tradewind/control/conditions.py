"""Conditions of an object's status, and what must be written of it: Knative's living condition set.

    conditions that decide ──ready──► Ready ──written──► status.conditions ──patch──► what differs, or nothing

Ready is False if any condition is, else Unknown if any is, else True; it has the reason and message of the first that
decides.  A condition with a severity (`Warning`, `Info`) tells people something and decides nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from tradewind.api_server import Object
from tradewind.errors import Fault
from tradewind.resources import untyped

READY = "Ready"
"""The condition that `kubectl wait` and `kn` ask for."""
WARNING = "Warning"
"""Severity of what somebody should look at, and what stops nothing."""

LONGEST = 8192
"""Characters that a message says of faults.  An object may have thousands, and the API server takes no status of
megabytes, so that it would have none."""


class Status(StrEnum):
    """What is known of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition.  Reason and message are the same as long as the cause is: a number that counts would be a write
    for each time it is looked at."""

    type: str
    status: Status
    reason: str = ""
    """One word, CamelCase."""
    message: str = ""
    """What was found, and what to do."""
    severity: str = ""
    """Empty where it decides about Ready."""


def true(type: str, reason: str = "", message: str = "") -> Condition:
    """It holds."""
    return Condition(type, Status.TRUE, reason, message)


def false(type: str, reason: str, message: str) -> Condition:
    """It does not hold, and will not unless somebody does something."""
    return Condition(type, Status.FALSE, reason, message)


def unknown(type: str, reason: str, message: str) -> Condition:
    """Nobody can say yet."""
    return Condition(type, Status.UNKNOWN, reason, message)


def ready(conditions: Sequence[Condition]) -> Condition:
    """What follows from all of these for Ready."""
    deciding = [one for one in conditions if not one.severity]
    for status in (Status.FALSE, Status.UNKNOWN):
        for one in deciding:
            if one.status is status:
                return Condition(READY, status, one.reason, one.message)
    return true(READY)


def held(holder: Object, type: str) -> Condition | None:
    """This condition as an object's status has it now; None where it has none that can be read."""
    found = _by_type(holder).get(type)
    if found is None or found.get("status") not in tuple(Status):
        return None
    texts = (str(found.get(field) or "") for field in ("reason", "message", "severity"))
    return Condition(type, Status(found["status"]), *texts)


def listed(faults: Sequence[Fault]) -> str:
    """What a message says of these faults: all, or as many as people would read, so that the API server takes it."""
    said = [str(fault) for fault in faults]
    room, shown = LONGEST, 0
    while shown < len(said) and (len(said[shown]) <= room or not shown):
        room -= len(said[shown]) + 2
        shown += 1
    more = f"; and {len(said) - shown:,} more" if shown < len(said) else ""
    return "; ".join(said[:shown])[:LONGEST] + more


def written(conditions: Iterable[Condition], holder: Object, now: float) -> list[dict[str, str]]:
    """Conditions as `holder.status` shall have them, by type as Knative sorts them.

    The time of the last transition stays as it is held there while the status is the same.
    """
    before = _by_type(holder)
    whole = []
    for one in sorted(conditions, key=lambda each: each.type):
        old = before.get(one.type, {})
        same = old.get("status") == one.status
        since = str(old["lastTransitionTime"]) if same and old.get("lastTransitionTime") else _moment(now)
        fields = {"reason": one.reason, "message": one.message, "severity": one.severity}
        told = {name: text for name, text in fields.items() if text}
        whole.append({"type": one.type, "status": str(one.status), **told, "lastTransitionTime": since})
    return whole


def status_patch(
    holder: Object, conditions: Sequence[Condition], fields: Mapping[str, Any], *, now: float
) -> Object | None:
    """The merge patch after which this object's status says this; None where it says so already.

    `fields` are the others of its status that are ours; None removes one.  Ready and `observedGeneration` are added.
    It counts for the object as it was seen: patched to another version of it, it is a conflict.
    """
    metadata = holder["metadata"]
    wanted = {
        **fields,
        "observedGeneration": metadata.get("generation", 0),
        "conditions": written((*conditions, ready(conditions)), holder, now),
    }
    differs = difference(untyped.fields(holder, "status"), wanted)
    if not differs:
        return None
    return {"metadata": {name: metadata[name] for name in ("uid", "resourceVersion")}, "status": differs}


def difference(before: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch (RFC 7386) after which `before` has what is wanted.

    Lists are replaced whole; what nothing is said of stays; None removes.
    """
    patch: dict[str, Any] = {}  # any JSON
    for name, value in wanted.items():
        old = before.get(name)
        if isinstance(value, Mapping):
            inside = difference(old if isinstance(old, Mapping) else {}, value)
            if inside:
                patch[name] = inside
        elif value != old:
            patch[name] = value
    return patch


def _by_type(holder: Object) -> dict[str, dict[str, Any]]:
    """The conditions that an object has; what is none is passed over, as anybody may have written it, and a Trigger
    may depend on an object of any kind: a kind's status may be one word."""
    found = untyped.fields(holder, "status").get("conditions")
    each = found if isinstance(found, list) else ()
    return {one["type"]: one for one in each if isinstance(one, dict) and isinstance(one.get("type"), str)}


def _moment(now: float) -> str:
    return datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
