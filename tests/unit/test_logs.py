"""What a line of the log looks like."""

import json
import logging

import pytest

from tradewind.observe.logs import Log, configure
from tradewind.resources.model import NamespacedName
from tradewind.sources.positions import SourceKey


@pytest.mark.parametrize("as_json", [True, False])
def test_a_name_is_one_word(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    ours, root = logging.getLogger("tradewind"), logging.getLogger()
    before, levels = root.handlers[:], (ours.level, root.level)
    try:
        configure("sources", as_json=as_json)
        name = NamespacedName("default", "a")
        Log("test").info("source started", source=SourceKey("PingSource", name), broker=name, events=3)
    finally:
        root.handlers[:] = before
        ours.setLevel(levels[0])
        root.setLevel(levels[1])
    line = capsys.readouterr().err.strip()
    if as_json:
        said = json.loads(line)
        assert (said["source"], said["broker"], said["events"]) == ("PingSource/default/a", "default/a", 3)
    else:
        assert line.endswith("source started  source=PingSource/default/a broker=default/a events=3")
