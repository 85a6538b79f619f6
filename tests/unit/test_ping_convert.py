"""A PingSource's event."""

from tradewind.events.model import Event
from tradewind.resources.model import Destination, Metadata, NamespacedName, PingSource
from tradewind.sources.ping.convert import event_at

NOON = 1764072000.0
NAME = NamespacedName("default", "tick")


def test_an_event_is_what_knative_makes_with_the_scheduled_time() -> None:
    source = PingSource(Metadata(NAME), Destination(), content_type="application/json", data=b'{ "a":1 }')
    assert event_at(source, NOON) == Event(
        {
            "specversion": "1.0",
            "id": "default/tick/2025-11-25T12:00:00Z",
            "source": "/apis/v1/namespaces/default/pingsources/tick",
            "type": "dev.knative.sources.ping",
            "time": "2025-11-25T12:00:00Z",
            "datacontenttype": "application/json",
        },
        b'{ "a":1 }',
    )


def test_the_uid_is_the_identity_where_there_is_one() -> None:
    source = PingSource(Metadata(NAME, uid="4b1c"), Destination())
    assert event_at(source, NOON).id == "4b1c/2025-11-25T12:00:00Z"


def test_the_id_is_the_instants_and_the_sources_alone() -> None:
    source, other = (PingSource(Metadata(NamespacedName("default", name)), Destination()) for name in ("a", "b"))
    assert event_at(source, NOON).id == event_at(source, NOON).id
    assert len({event_at(source, NOON).id, event_at(source, NOON + 60).id, event_at(other, NOON).id}) == 3


def test_a_content_type_is_neither_guessed_nor_given_without_data() -> None:
    untyped = event_at(PingSource(Metadata(NAME), Destination(), data=b"x"), NOON)
    assert "datacontenttype" not in untyped.attributes
    empty = event_at(PingSource(Metadata(NAME), Destination(), content_type="text/plain"), NOON)
    assert "datacontenttype" not in empty.attributes
    assert empty.data is None
