"""What `tradewind get sources` says of a source."""

from dataclasses import replace

from msgspec import structs

from tradewind.cli.source_rows import as_text, held_row, place, row
from tradewind.plan import SourcePlan, Target
from tradewind.resources.model import Destination, Metadata, NamespacedName, PingSource
from tradewind.sources.positions import (
    PositionRecord,
    SourceKey,
    StatusRecord,
    View,
    encode,
    position_key,
    status_key,
)

NAME = NamespacedName("default", "tick")
PING = SourcePlan(PingSource(Metadata(NAME), Destination()), NamespacedName("default", "hello"), Target("http://x/"))
KEY = SourceKey("PingSource", NAME)
READY = StatusRecord("sources-0:1", "Ready", 10.0, 10.0, 90.0)
FAILED = StatusRecord("sources-1:2", "Failed", 40.0, None, 30.0, "OSError: no route", 70.0, 3, "http://x/")


def view(*statuses: StatusRecord, everywhere: bool = False, position: object = 90.0) -> View:
    found = View()
    found.apply(position_key(KEY), encode(PositionRecord(1, "sources-0:1", position)))
    for status in statuses:
        found.apply(status_key(KEY, status.slot if everywhere else ""), encode(status))
    return found


def test_one_that_is_well() -> None:
    found = row("PingSource", PING, view(READY), {"sources-0"})
    assert found == {
        "namespace": "default",
        "kind": "PingSource",
        "name": "tick",
        "sink": "broker:default/hello",
        "state": "Ready",
        "position": 90.0,
        "processes": [
            {
                "slot": "sources-0",
                "state": "Ready",
                "since": 10.0,
                "connected": 10.0,
                "event": 90.0,
                "error": "",
                "error_at": None,
                "in_flight": 0,
            }
        ],
    }
    assert as_text([found], 100.0).splitlines() == [
        "NAMESPACE   KIND         NAME   SINK                   STATE   LAST EVENT   OWNER",
        "default     PingSource   tick   broker:default/hello   Ready   10s ago      sources-0",
    ]


def test_one_whose_owner_is_gone_is_unserved_whatever_its_status_says() -> None:
    found = row("PingSource", PING, view(READY), {"sources-1"})
    assert (found["state"], found["processes"], found["position"]) == ("Unserved", [], 90.0)
    assert row("PingSource", PING, View(), {"sources-0"})["state"] == "Unserved"
    assert "<none>" in as_text([found], 100.0)


def test_of_several_processes_the_one_that_is_not_well_is_named() -> None:
    source = replace(PING, broker=None)
    found = row("PingSource", source, view(FAILED, READY, everywhere=True), {"sources-0", "sources-1"})
    assert (found["state"], found["sink"]) == ("Failed", "http://x/")
    assert as_text([found], 100.0).splitlines()[1:] == [
        "default     PingSource   tick   http://x/   Failed   10s ago      sources-0, sources-1",
        "",
        "PingSource default/tick: Failed for 1m in sources-1",
        "PingSource default/tick: last error 30s ago: OSError: no route",
    ]


def test_one_that_has_ended_or_never_failed_has_nothing_more_to_say() -> None:
    ended = structs.replace(READY, state="Ended", error_at=70.0)
    assert len(as_text([row("PingSource", PING, view(ended), {"sources-0"})], 100.0).splitlines()) == 2


def test_a_sink_that_cannot_be_resolved_says_why() -> None:
    found = row("PingSource", replace(PING, broker=None, sink=Target(None, "no such Service")), View(), ())
    assert found["sink"] == "nowhere: no such Service"


def test_one_that_was_made_again_under_its_name_says_nothing_of_the_one_before() -> None:
    again = replace(PING, source=replace(PING.source, metadata=Metadata(NAME, uid="2")))
    assert row("PingSource", again, view(structs.replace(READY, uid="1")), {"sources-0"})["state"] == "Unserved"
    assert row("PingSource", again, view(structs.replace(READY, uid="2")), {"sources-0"})["state"] == "Ready"


def test_one_that_cannot_run_says_why() -> None:
    found = held_row("PingSource", NAME, "no controller has taken it yet")
    line = as_text([found], 100.0).splitlines()[1]
    assert line.split()[:3] == ["default", "PingSource", "tick"]
    assert "nowhere: no controller has taken it yet" in line
    assert "Held" in line


def test_a_container_says_since_when_it_runs_and_how_it_ended_last() -> None:
    ran = StatusRecord("sources-0:1", "Ready", 40.0, 40.0, None, "container main ended with exit code 3", 30.0)
    found = row("PingSource", PING, view(ran), {"sources-0"})
    found["kind"] = "ContainerSource"
    assert as_text([found], 100.0).splitlines()[-2:] == [
        "ContainerSource default/tick: running for 1m in sources-0",
        "ContainerSource default/tick: last error 1m ago: container main ended with exit code 3",
    ]
    assert place(found) == ("ContainerSource", "default", "tick")
