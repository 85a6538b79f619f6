"""`tradewind backtest` of events that a real Kafka holds, with nothing running beside it."""

import json
import time
from pathlib import Path

import pytest

from tests.process.commands import Shell
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.events import kafka as binding
from tradewind.events.model import Event
from tradewind.ports import NewRecord, TopicSpec

pytestmark = [pytest.mark.kafka, pytest.mark.process, pytest.mark.timeout(240)]

BROKER = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: backtested}
"""
TRIGGER = """
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: %s}
spec:
  broker: backtested
  filters: [%s]
  subscriber: {uri: 'http://127.0.0.1:1'}
"""
OLD = "{exact: {type: com.example.order}}"
NEW = "{prefix: {type: com.example.}}, {cel: data.amount > 1}"
TOPIC = "knative-broker-default-backtested"


async def test_what_a_changed_filter_would_gain_and_lose_of_what_kafka_holds(tmp_path: Path, kafka: str) -> None:
    log = KafkaLog(kafka, client_id="test", patience=10.0, queue_bytes=1 << 20)
    try:
        await log.ensure_topics([TopicSpec(TOPIC, 2, None, {})])
        for number in range(6):
            core = {"specversion": "1.0", "id": str(number), "source": "/shop"}
            kind = "com.example." + ("order", "return")[number % 2]
            headers, value = binding.write(Event({**core, "type": kind}, b'{"amount": %d}' % number))
            await log.append(NewRecord(TOPIC, value, headers, None, 0))
        await log.append(NewRecord(TOPIC, b"no event", (), None, 1))
    finally:
        await log.close()
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    (manifests / "all.yaml").write_text(f"{BROKER}---{TRIGGER % ('a', OLD)}")
    file = tmp_path / "changed.yaml"
    file.write_text(f"{TRIGGER % ('a', NEW)}---{TRIGGER % ('b', OLD)}")
    shell = Shell(manifests, kafka, manifests_flag="--manifests")

    code, out, err = await shell.run("backtest", "-f", str(file))
    assert code == 0
    assert err.splitlines()[-1] == "reading: 7 of 7 records"
    told = [line.split() for line in out.splitlines()]
    head = "Trigger default/a: its filter takes 3 events as it is, changed 4: 2 gained, 1 lost"
    assert out.splitlines()[0] == head
    assert [(line[0], line[1], line[3]) for line in told if line and line[0] in ("+", "-")] == [
        ("+", "0/3", "com.example.return"),
        ("+", "0/5", "com.example.return"),
        ("-", "0/0", "com.example.order"),
        *(("+", f"0/{offset}", "com.example.order") for offset in (0, 2, 4)),
    ]
    assert "Trigger default/b: it is not at this Broker yet, changed 3: 3 gained, 0 lost" in out
    last = out.splitlines()[-1]
    assert last.startswith(f"covered 7 records of {TOPIC} ")
    assert last.endswith(": [0] 0–5, [1] 0–0")

    code, out, _ = await shell.run("backtest", "-f", str(file), "--limit", "4", "--show", "1", "-o", "json")
    found = json.loads(out)
    assert (code, found["records"], found["notRead"]) == (0, 4, 3)
    assert found["covered"] == [{"partition": 0, "from": 3, "to": 5}, {"partition": 1, "from": 0, "to": 0}]
    first = found["triggers"][0]
    assert (first["name"], first["before"], first["after"], first["gained"], first["lost"]) == ("default/a", 1, 3, 2, 0)
    assert [(one["offset"], one["id"], one["type"]) for one in first["gains"]] == [(3, "3", "com.example.return")]
    assert abs(first["gains"][0]["time"] - time.time()) < 200

    code, out, err = await shell.run("backtest", "-f", str(file), "--since", "2100-01-01T00:00:00Z")
    assert (code, out.splitlines()[-1]) == (
        0,
        f"covered nothing: {TOPIC} holds no event that was stored since then",
    )
    code, out, err = await shell.run("backtest", "-f", str(manifests / "none.yaml"))
    assert (code, out) == (1, "")
    file.write_text(BROKER)
    code, out, err = await shell.run("backtest", "-f", str(file))
    assert (code, out, err) == (1, "", "error: changed.yaml: found no Trigger, expected the changed one\n")
    file.write_text((TRIGGER % ("a", OLD)).replace("backtested", "other"))
    code, out, err = await shell.run("backtest", "-f", str(file))
    assert (code, out) == (1, "")
    assert err.startswith("error: changed.yaml: found no Broker default/other, expected Triggers of one Broker of the")
