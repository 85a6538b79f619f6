"""What marks a record of a dead-letter topic, whoever wrote it: header fields beside those of its event."""

import json

from tradewind.events.model import Event

REASON = "tradewind-reason"
TRIGGER = "tradewind-trigger"
SOURCE = "tradewind-source"
"""Kind and name of the source that could not deliver it."""
SOURCE_KEY = b"source:"
"""Before the key of a source's dead letter: no namespace holds a colon, so no Trigger's key begins like this."""
NO_DATA = "tradewind-no-data"
"""The value of a dead letter is never null, which would be its tombstone: this says that the event has no data."""
CUT = "tradewind-cut"
BEFORE = "tradewind-before"
"""JSON: the attributes that the failure set, with what the event had there before, or null."""
CUT_BYTES = 256 * 1024
"""Bytes of a record that is kept when the whole of it does not fit."""


def before(event: Event, letter: Event) -> bytes:
    """What must be set again of a dead letter's attributes to have the event as it was."""
    had = event.attributes
    return json.dumps(
        {name: had.get(name) for name, text in letter.attributes.items() if had.get(name) != text}
    ).encode()
