"""What a source's status says, by what is seen of it and what the processes that run it say."""

from dataclasses import replace
from typing import Any

import pytest

from tradewind.control import conditions, sources
from tradewind.control.destinations import Found
from tradewind.control.sources import GRACE, STABLE, Decision, Seen, decide, is_ours
from tradewind.errors import Fault
from tradewind.ports import Heard, SourceSaid
from tradewind.resources import stamps
from tradewind.resources.model import (
    AnySource,
    Destination,
    KafkaSource,
    Metadata,
    NamespacedName,
    PingSource,
    WebhookSource,
)
from tradewind.resources.stamps import Stamp
from tradewind.resources.webhooks import SecretRef, Webhook
from tradewind.sources.standing import State

Object = dict[str, Any]  # the JSON of an object
NAME = NamespacedName("default", "one")
METADATA = Metadata(NAME, uid="u", generation=3)
SINK = Destination(uri="http://sink")
PING = PingSource(METADATA, SINK)
HOOK = WebhookSource(METADATA, SINK, Webhook(secrets=(SecretRef("s", "a"), SecretRef("s", "b"))))
OPEN = WebhookSource(METADATA, SINK, Webhook())
KAFKA = KafkaSource(METADATA, SINK, ("kafka:9092",), ("t1", "t2"), "g")
FOUND = Found(conditions.true("SinkProvided"), "http://sink", Stamp("u", 3, {}))
NOW = 1_000_000.0


def source(status: Object | None = None) -> Object:
    metadata = {"name": "one", "namespace": "default", "uid": "u", "generation": 3, "resourceVersion": "7"}
    return {"metadata": metadata, "status": status or {}}


def said(state: str = "Ready", slot: str = "a", **more: Any) -> SourceSaid:
    told = SourceSaid(slot, "u", 3, state, NOW - 100, "", ())
    return told._replace(**more)


def heard(resource: AnySource, *each: SourceSaid, members: str = "a") -> Heard:
    return Heard(frozenset(members), {(type(resource).__name__, NAME): each})


def seen(resource: AnySource = PING, *each: SourceSaid, members: str = "a", **changes: Any) -> Seen:
    made = Seen(
        kind=type(resource).__name__,
        source=source(),
        resource=resource,
        faults=(),
        sink=FOUND,
        heard=heard(resource, *each, members=members),
        missed=None,
        group="sources",
        installation="here",
    )
    return replace(made, **changes)


def told(decision: Decision) -> dict[str, tuple[str, str]]:
    """Status and reason of each condition that is written."""
    assert decision.patch is not None
    return {one["type"]: (one["status"], one.get("reason", "")) for one in decision.patch["status"]["conditions"]}


def message(decision: Decision, type: str) -> str:
    assert decision.patch is not None
    return next(str(one.get("message", "")) for one in decision.patch["status"]["conditions"] if one["type"] == type)


def written(decision: Decision) -> Object:
    """The object once the patch was applied to it."""
    assert decision.patch is not None
    return source(decision.patch["status"])


@pytest.mark.parametrize(
    ("resource", "types"),
    [
        (PING, {"SinkProvided", "ValidSchedule", "Deployed", "EventsDelivered", "OIDCIdentityCreated", "Ready"}),
        (HOOK, {"SinkProvided", "SecretsProvided", "Deployed", "EventsDelivered", "OIDCIdentityCreated", "Ready"}),
        (OPEN, {"SinkProvided", "Deployed", "EventsDelivered", "OIDCIdentityCreated", "Ready"}),
        (KAFKA, {"SinkProvided", "Deployed", "ConnectionEstablished", "InitialOffsetsCommitted", "EventsDelivered",
                 "OIDCIdentityCreated", "Ready"}),
    ],
)  # fmt: skip
def test_one_that_is_well(resource: AnySource, types: set[str]) -> None:
    decision = decide(seen(resource, said()), now=NOW)
    assert {type: status for type, (status, _) in told(decision).items()} == dict.fromkeys(types, "True")
    assert (decision.again, decision.missing) == (None, False)
    quiet = decide(seen(resource, said(since=NOW), source=written(decision)), now=NOW + 5)
    assert quiet.patch is None, "nothing to be written"


def test_what_it_is_taken_by_and_where_it_sends_stands_in_it() -> None:
    patch = decide(seen(PING, said()), now=NOW).patch
    assert patch is not None
    status = patch["status"]
    assert status["annotations"] == {stamps.INSTALLATION: "here", stamps.RESOLVED: stamps.encode(FOUND.stamp)}
    assert (status["sinkUri"], status["observedGeneration"]) == ("http://sink", 3)
    assert status["ceAttributes"] == [
        {"type": "dev.knative.sources.ping", "source": "/apis/v1/namespaces/default/pingsources/one"}
    ]
    assert "address" not in status
    kafka = decide(seen(KAFKA, said()), now=NOW).patch
    assert kafka is not None
    assert [one["source"] for one in kafka["status"]["ceAttributes"]] == [
        f"/apis/v1/namespaces/default/kafkasources/one#{topic}" for topic in ("t1", "t2")
    ]
    hook = decide(seen(HOOK, said(), url="http://here/webhooks/default/one"), now=NOW).patch
    assert hook is not None
    assert hook["status"]["address"] == {"name": "http", "url": "http://here/webhooks/default/one"}


@pytest.mark.parametrize("state", State)
def test_each_state_that_a_process_says_is_well_or_is_not(state: State) -> None:
    ready, _ = told(decide(seen(OPEN, said(state.value, error="why")), now=NOW))["Ready"]
    assert (ready == "True") is (state in (State.READY, State.ENDED, State.WAITING))


def test_whose_it_is() -> None:
    assert is_ours(source(), installation="here")
    for installation, ours in (("here", True), ("there", False)):
        marked = source({"annotations": {stamps.INSTALLATION: installation}})
        assert is_ours(marked, installation="here") is ours
    leaving = source()
    leaving["metadata"]["deletionTimestamp"] = "2026-11-26T00:00:00Z"
    assert not is_ours(leaving, installation="here")


def test_faults_are_all_told_and_it_is_taken_all_the_same() -> None:
    faults = (Fault("PingSource default/one: spec.schedule", "61", "a minute"), Fault("spec.data", "1", "text"))
    decision = decide(replace(seen(PING), resource=None, sink=None, faults=faults), now=NOW)
    assert told(decision)["Deployed"] == ("False", "InvalidSource")
    assert told(decision)["Ready"] == ("False", "InvalidSchedule")
    assert told(decision)["SinkProvided"] == ("Unknown", "InvalidSource")
    assert "spec.schedule" in message(decision, "Deployed")
    assert "spec.data" in message(decision, "Deployed")
    assert decision.patch is not None
    assert decision.patch["status"]["annotations"] == {stamps.INSTALLATION: "here"}
    other = decide(replace(seen(HOOK), resource=None, sink=None, faults=faults[1:]), now=NOW)
    assert told(other)["Ready"] == ("False", "InvalidSource")


@pytest.mark.parametrize(
    ("changes", "reason", "words"),
    [
        ({"heard": None}, "SourcesProcessesUnknown", "Kafka has not told"),
        ({"heard": heard(PING, said(), members="")}, "NoSourcesProcess", "the group sources"),
        ({"heard": heard(PING, members="a")}, "NotYetInForce", "not yet run"),
        ({"heard": heard(PING, said(slot="b"), members="a")}, "NotYetInForce", "not yet run"),
        ({"heard": heard(PING, said(uid="before"), members="a")}, "NotYetInForce", "not yet run"),
        ({"heard": heard(PING, said(generation=2), members="a")}, "NotYetInForce", "not yet run"),
    ],
)
def test_one_that_nobody_runs(changes: Any, reason: str, words: str) -> None:
    decision = decide(seen(PING, **changes), now=NOW)
    assert told(decision)["Ready"] == ("Unknown", reason)
    assert words in message(decision, "Deployed")
    assert decision.missing


def test_a_kind_that_runs_everywhere_is_asked_of_every_process() -> None:
    decision = decide(seen(HOOK, said(slot="a"), members="abcdefgh"), now=NOW)
    assert message(decision, "Deployed") == "not yet in force at b, c, d, e, f and 2 more"
    assert message(decide(seen(KAFKA, said(slot="a"), members="ab"), now=NOW), "Deployed").endswith("at b")
    assert decide(seen(HOOK, said(slot="a"), said(slot="b"), members="ab"), now=NOW).missing is False


def test_a_takeover_changes_nothing_and_silence_is_told_after_a_while() -> None:
    for resource in (PING, HOOK, KAFKA):
        well = written(decide(seen(resource, said()), now=NOW))
        silent = seen(resource, members="", source=well)
        first = decide(silent, now=NOW + 1)
        assert (first.patch, first.again, first.missing) == (None, GRACE, True)
        later = decide(replace(silent, missed=NOW + 1), now=NOW + 1 + GRACE / 2)
        assert (later.patch, later.again) == (None, GRACE / 2)
        assert decide(seen(resource, said(slot="b"), members="b", source=well), now=NOW + 20).patch is None
        ended = decide(replace(silent, missed=NOW + 1), now=NOW + 1 + GRACE)
        assert told(ended)["Ready"] == ("Unknown", "NoSourcesProcess")
        assert ended.again is None


def test_what_was_said_of_an_older_state_does_not_count() -> None:
    well = written(decide(seen(PING, said()), now=NOW))
    well["metadata"]["generation"] = 4
    decision = decide(seen(PING, said(), source=well), now=NOW)
    assert told(decision)["Deployed"] == ("Unknown", "NotYetInForce")


@pytest.mark.parametrize(
    ("resource", "state", "lacks", "type", "reason"),
    [
        (HOOK, "Failed", ("key a of Secret s",), "Deployed", "SourceFailed"),
        (PING, "Failed", (), "Deployed", "SourceFailed"),
        (OPEN, "Disconnected", (), "Deployed", "Disconnected"),
        (KAFKA, "Disconnected", (), "ConnectionEstablished", "Disconnected"),
        (KAFKA, "Failed", (), "ConnectionEstablished", "SourceFailed"),
        (KAFKA, "Disconnected", ("no Secret",), "ConnectionEstablished", "SecretNotFound"),
    ],
)
def test_one_that_is_not_well(resource: AnySource, state: str, lacks: tuple[str, ...], type: str, reason: str) -> None:
    decision = decide(seen(resource, said(state, error="no route", lacks=lacks)), now=NOW)
    assert told(decision)[type] == ("False", reason)
    said_so, _, or_denied = message(decision, type).partition(".  ")
    assert said_so == "no route"
    assert ("tradewind-sources-secrets" in or_denied) is (reason == "SecretNotFound")
    assert told(decision)["Ready"][0] == "False"
    unsaid = decide(seen(resource, said(state)), now=NOW)
    assert message(unsaid, type) == "it does not say why"


def test_of_several_processes_the_worst_speaks() -> None:
    both = seen(OPEN, said(), said("Failed", slot="b", error="port in use"), members="ab")
    assert told(decide(both, now=NOW))["Ready"] == ("False", "SourceFailed")
    odd = decide(seen(PING, said("of a later version")), now=NOW)
    assert told(odd)["Ready"] == ("True", "")


def test_one_that_fails_and_connects_by_turns_is_not_written_with_each_turn() -> None:
    failed = decide(seen(PING, said("Failed", error="try 1: no route")), now=NOW)
    held = written(failed)
    for turn in range(2, 9):
        now = NOW + turn
        assert decide(seen(PING, said("Connecting", since=now), source=held), now=now).patch is None
        well = decide(seen(PING, said("Ready", since=now), source=held), now=now)
        assert (well.patch, well.again) == (None, STABLE)
        again = seen(PING, said("Failed", since=now, error=f"try {turn}: no route"), source=held)
        assert decide(again, now=now).patch is None
    other = decide(seen(PING, said("Failed", error="refused"), source=held), now=NOW)
    assert message(other, "Deployed") == "refused"
    over = decide(seen(PING, said("Ready", since=NOW + 9), source=held), now=NOW + 9 + STABLE)
    assert told(over)["Ready"] == ("True", "")


def test_one_that_begins_or_has_ended() -> None:
    assert told(decide(seen(PING, said("Connecting")), now=NOW))["Ready"] == ("Unknown", "Connecting")
    assert told(decide(seen(PING, said("Ended")), now=NOW))["Deployed"] == ("True", "Ended")
    unknown = written(decide(seen(PING, said("Connecting")), now=NOW))
    assert told(decide(seen(PING, said(), source=unknown), now=NOW))["Ready"] == ("True", "")


def test_what_its_secrets_do_not_hold() -> None:
    none = decide(seen(HOOK, said("Failed", lacks=("key a of Secret s", "key b of Secret s"))), now=NOW)
    assert told(none)["Ready"] == ("False", "SecretNotFound")
    said_so = message(none, "SecretsProvided")
    assert said_so.startswith("there is no key a of Secret s, no key b of Secret s: apply it")
    assert "If it is there, the sources processes may not read it: bind the ClusterRole" in said_so
    some = decide(seen(HOOK, said(lacks=("key a of Secret s",))), now=NOW)
    assert told(some)["SecretsProvided"] == ("True", "SomeNotFound")
    assert told(some)["Ready"] == ("True", "")


def test_a_sink_that_takes_nothing_is_a_warning() -> None:
    waiting = decide(seen(PING, said("Waiting", error="503 from http://sink")), now=NOW)
    assert told(waiting)["EventsDelivered"] == ("False", "SinkTakesNothing")
    assert told(waiting)["Ready"] == ("True", "")
    held = written(waiting)
    soon = decide(seen(PING, said(since=NOW + 1), source=held), now=NOW + 2)
    assert (soon.patch, soon.again) == (None, STABLE - 1)
    later = decide(seen(PING, said(since=NOW + 1), source=held), now=NOW + 1 + STABLE)
    assert told(later)["EventsDelivered"] == ("True", "")


def test_offsets_that_were_committed_stay_so() -> None:
    first = decide(seen(KAFKA, said("Disconnected", error="away")), now=NOW)
    assert told(first)["InitialOffsetsCommitted"] == ("Unknown", "Disconnected")
    well = written(decide(seen(KAFKA, said()), now=NOW))
    later = decide(seen(KAFKA, said("Disconnected", error="away"), source=well), now=NOW)
    assert told(later)["InitialOffsetsCommitted"] == ("True", "")
    assert told(later)["ConnectionEstablished"] == ("False", "Disconnected")


def test_both_waits_are_looked_at_again_for_the_first_of_them() -> None:
    failed = seen(PING, said("Failed", error="x"))
    held = written(decide(failed, now=NOW))
    for one in held["status"]["conditions"]:
        if one["type"] == "EventsDelivered":
            one |= {"status": "False", "reason": "SinkTakesNothing", "severity": "Warning"}
    decision = decide(seen(PING, said(since=NOW), source=held), now=NOW + 4)
    assert decision.again == STABLE - 4
    assert sources.PING == "PingSource"
