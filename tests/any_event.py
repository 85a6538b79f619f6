"""Any valid event, for properties: what hypothesis draws attributes and data from."""

import json

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tradewind.events import attributes as rules
from tradewind.events.model import Event

PROPERTY = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
"""Without deadlines: what counts here is the outcome, on a busy machine, too."""

CHARACTERS = st.characters(exclude_categories=["Cs"]).filter(rules.is_text)
TEXTS = st.text(CHARACTERS)
NON_EMPTY = st.text(CHARACTERS, min_size=1)
NAMES = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True).filter(lambda name: name not in rules.CORE and name != "data")
TYPES = st.sampled_from(
    [
        "application/json",
        "Text/JSON; a=b",
        "a/b+json",
        "text/plain",
        "text/plain; charset=latin-1",
        "application/xml",
        "image/png",
        'a/b; c="d %41"',
        "application/cloudevents+json",
        "application/cloudevents",
        "application/cloudevents-batch+json",
    ]
)
JSON_TEXTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
).map(lambda value: json.dumps(value).encode())
DATA = st.none() | st.binary() | JSON_TEXTS | st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))
TIMES = st.sampled_from(["2026-01-31T12:00:00.123456789Z", "2016-12-31t23:59:60z", "2026-01-31T12:00:00-00:00"])


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Any valid event."""
    attributes = {"specversion": "1.0", "id": draw(NON_EMPTY), "source": draw(NON_EMPTY), "type": draw(NON_EMPTY)}
    optional = {"subject": NON_EMPTY, "dataschema": NON_EMPTY, "time": TIMES, "datacontenttype": TYPES}
    attributes |= {name: draw(values) for name, values in optional.items() if draw(st.booleans())}
    return Event(attributes | draw(st.dictionaries(NAMES, TEXTS, max_size=4)), draw(DATA))
