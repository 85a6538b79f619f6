"""A PingSource and a moment → the event of that moment (knative-eventing §3, PingSource)."""

from datetime import UTC, datetime

from tradewind.events.model import SPEC_VERSION, Event
from tradewind.resources.model import PingSource

TYPE = "dev.knative.sources.ping"


def stamp(instant: float) -> str:
    """RFC 3339 of an instant, in whole seconds."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def event_at(source: PingSource, instant: float) -> Event:
    """The event of the scheduled `instant` (seconds since the epoch).

    Its id is made of the source's identity and the instant, so that a repetition, by another process too, can be
    told as one.  As in Knative there is a content type only where there is data, and none is guessed.
    """
    time = stamp(instant)
    name = source.metadata.name
    attributes = {
        "specversion": SPEC_VERSION,
        "id": f"{source.metadata.uid or name}/{time}",
        "source": f"/apis/v1/namespaces/{name.namespace}/pingsources/{name.name}",
        "type": TYPE,
        "time": time,
    }
    if source.content_type and source.data is not None:
        attributes["datacontenttype"] = source.content_type
    return Event(attributes, source.data)
