"""The slot of a sources process: its `group.instance.id`, which no other may have at the same time."""

import re

DEFAULT = "sources-0"
"""Where a host has no name that Kafka would take."""

MOST = 200
"""Characters of a host's name that a slot takes over; Kafka takes 249 in all."""


def slot_of(setting: str, host: str) -> str:
    """As it is set (`--sources-slot`); else from the host's name, which each container has one of its own of."""
    if setting:
        return setting
    name = re.sub(r"[^A-Za-z0-9._-]", "-", host)[:MOST].strip(".-")
    return f"sources-{name}" if name else DEFAULT
