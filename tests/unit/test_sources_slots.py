"""The slot of a sources process."""

import pytest

from tradewind.config import kinds
from tradewind.sources.slots import MOST, slot_of


@pytest.mark.parametrize(
    ("setting", "host", "slot"),
    [
        ("mine", "host", "mine"),
        ("", "3f2a81c9d0e7", "sources-3f2a81c9d0e7"),
        ("", "a laptop's name.local", "sources-a-laptop-s-name.local"),
        ("", "x" * 300, f"sources-{'x' * MOST}"),
        ("", "", "sources-0"),
        ("", "…", "sources-0"),
    ],
)
def test_slot(setting: str, host: str, slot: str) -> None:
    assert slot_of(setting, host) == slot
    assert kinds()["sources_topic"].read(slot) == slot, "Kafka takes it"
