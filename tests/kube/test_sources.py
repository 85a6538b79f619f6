"""Sources on a real API server and a real Kafka: applied, run, told of, and taken over."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from tests.kube.api import NotFound
from tests.kube.cluster import Cluster
from tests.kube.connected import until
from tests.kube.data_plane import Subscriber, subscriber
from tests.kube.source_side import Side, broker, service, source_side
from tradewind.adapters.kafka_log import KafkaLog
from tradewind.ports import NewRecord, TopicSpec

pytestmark = [pytest.mark.process, pytest.mark.kafka, pytest.mark.timeout(240)]

SIGNED = {"verify": {"hmac": {"header": "x-signature"}}, "secrets": [{"secretKeyRef": {"name": "s", "key": "k"}}]}


@pytest_asyncio.fixture
async def side(tmp_path: Path, cluster: Cluster, namespace: str, kafka: str) -> AsyncIterator[Side]:
    async with source_side(cluster, namespace, tmp_path, kafka) as made:
        yield made


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Subscriber]:
    async with subscriber() as taking:
        yield taking


async def test_a_ping_to_a_broker_arrives_and_is_quiet_once_it_is_ready(side: Side, served: Subscriber) -> None:
    side.create_broker()
    side.create_trigger(served.url("t"))
    side.create_ping("tick", broker())
    await side.start(dispatcher=True)
    await side.said("pingsources", "tick", "True")
    await until(lambda: len(served.ids("t")) >= 2, "events at the subscriber", within=60.0)
    await side.said("pingsources", "tick", "True", type="EventsDelivered")  # it waited for its Broker at first
    found = side.get("pingsources", "tick")
    uid = found["metadata"]["uid"]
    assert all(one.startswith(f"{uid}/") for one in served.ids("t"))
    assert found["status"]["sinkUri"].endswith(f"/{side.namespace}/b")
    (attributes,) = found["status"]["ceAttributes"]
    assert attributes == {
        "type": "dev.knative.sources.ping",
        "source": f"/apis/v1/namespaces/{side.namespace}/pingsources/tick",
    }
    types = {one["type"]: one["status"] for one in found["status"]["conditions"]}
    expected = ("Deployed", "EventsDelivered", "OIDCIdentityCreated", "Ready", "SinkProvided", "ValidSchedule")
    assert types == dict.fromkeys(expected, "True")
    columns = side.cluster.kubectl("get", "pingsources", "-n", side.namespace, "--no-headers").split()
    assert columns[0] == "tick"
    assert "True" in columns
    settled, events = await side.settled(), len(served.ids("t"))
    await until(lambda: len(served.ids("t")) >= events + 3, "more events")
    assert len(side.writes()) == settled, "an event is no write"
    (row,) = json.loads(await side.sources[0].command("get", "sources", "-o", "json"))
    assert (row["name"], row["state"], row["sink"]) == ("tick", "Ready", f"broker:{side.namespace}/b")

    side.cluster.api.delete(side.path("pingsources", "tick"))
    await until(lambda: side.sources[0].said("sources").count("source started") == 1, "one start")
    side.create_ping("tick", broker())
    again = side.get("pingsources", "tick")["metadata"]["uid"]
    await until(lambda: any(one.startswith(f"{again}/") for one in served.ids("t")), "its events", within=60.0)


async def test_a_sink_that_is_not_there_is_waited_for(side: Side, served: Subscriber) -> None:
    side.create_ping("tick", broker("late"))
    side.create_ping("away", service("nowhere", uri="/in"))
    side.create_ping("wrong", {"uri": served.url("wrong")}, schedule="61 * * * *", timezone="Mars/Base")
    side.create_ping("plain", {"uri": served.url("plain")})
    await side.start()
    message = await side.said("pingsources", "tick", "False", "NotFound", type="SinkProvided")
    assert message == f"Broker {side.namespace}/late does not exist: create it, or correct the reference"
    await side.said("pingsources", "away", "False", "NotFound")
    await side.said("pingsources", "plain", "True")
    await until(lambda: len(served.ids("plain")) >= 2, "events of the one that is right", within=60.0)
    await side.said("pingsources", "wrong", "False", "InvalidSchedule")
    message = await side.said("pingsources", "wrong", "False", "InvalidSource", type="Deployed")
    assert "spec.schedule" in message
    assert "spec.timezone" in message, "every fault"
    side.create_broker("late")
    await side.said("pingsources", "tick", "True")
    side.create("services", "Service", "nowhere", spec={"ports": [{"port": 80}]})
    await side.said("pingsources", "away", "True", type="SinkProvided")
    assert side.get("pingsources", "away")["status"]["sinkUri"].endswith("svc.cluster.local/in")
    repaired = {"spec": {"schedule": "* * * * * *", "timezone": None}}
    side.cluster.api.patch(side.path("pingsources", "wrong"), repaired)
    await side.said("pingsources", "wrong", "True")


async def test_a_webhooks_secret_is_rotated_and_its_deletion_ends_it(side: Side, served: Subscriber) -> None:
    spec = {"sink": {"uri": served.url("hooks")}, "ce": {"type": "'t'", "id": "body.id"}, **SIGNED}
    side.create("webhooksources", "WebhookSource", "hook", spec=spec)
    await side.start()
    message = await side.said("webhooksources", "hook", "False", "SecretNotFound", type="SecretsProvided")
    assert "key k of Secret s" in message
    side.apply_secret("s", k="first")
    await side.said("webhooksources", "hook", "True")
    status = side.get("webhooksources", "hook")["status"]
    url = f"http://tradewind-sources.{side.namespace}.svc.cluster.local/webhooks/{side.namespace}/hook"
    assert status["address"]["url"] == url
    assert await side.hook(0, "hook", "first", b'{"id": "1"}') == 202
    assert await side.hook(0, "hook", "second", b'{"id": "2"}') == 401
    side.apply_secret("s", k="second")
    async with asyncio.timeout(60.0):
        while await side.hook(0, "hook", "second", b'{"id": "2"}') != 202:
            await asyncio.sleep(0.1)
    assert await side.hook(0, "hook", "first", b'{"id": "3"}') == 401
    assert set(served.ids("hooks")) == {"1", "2"}
    asked = {(one.verb, one.resource) for one in side.cluster.audit.requests() if "tradewind-sources" in one.user}
    assert {verb for verb, resource in asked if resource == "secrets"} == {"get"}
    assert {verb for verb, _ in asked} <= {"get", "list", "watch"}
    side.cluster.api.delete(side.path("webhooksources", "hook"))
    async with asyncio.timeout(60.0):
        while await side.hook(0, "hook", "second") in (202, 401):
            await asyncio.sleep(0.1)


async def test_another_process_takes_over_and_the_conditions_stay(side: Side, served: Subscriber) -> None:
    side.create_ping("tick", {"uri": served.url("tick")})
    await side.start()
    await side.start_sources(1)
    await side.sources[1].until_ready("sources")
    await side.said("pingsources", "tick", "True")
    await until(lambda: len(served.ids("tick")) >= 2, "its events", within=60.0)
    await side.settled()
    before = side.get("pingsources", "tick")["status"]
    (row,) = json.loads(await side.sources[0].command("get", "sources", "-o", "json"))
    owner = int(row["processes"][0]["slot"].removeprefix("s"))
    side.cluster.audit.mark()
    await side.kill_sources(owner)
    events = len(served.ids("tick"))
    await until(lambda: len(served.ids("tick")) >= events + 3, "its events from another process", within=60.0)
    await side.settled()
    assert side.get("pingsources", "tick")["status"] == before
    assert not side.writes()
    ids = served.ids("tick")
    assert len(set(ids)) >= len(ids) - 2, "what is repeated has the same id"
    await side.kill_sources(1 - owner)
    await side.said("pingsources", "tick", "Unknown", "NoSourcesProcess")


async def test_what_runs_goes_on_while_the_api_server_is_away(side: Side, served: Subscriber) -> None:
    side.create_ping("tick", {"uri": served.url("tick")})
    await side.start()
    await until(lambda: len(served.ids("tick")) >= 1, "its events", within=60.0)
    side.cluster.plane.api_server.kill()
    events = len(served.ids("tick"))
    await until(lambda: len(served.ids("tick")) >= events + 5, "its events meanwhile", within=60.0)
    side.cluster.plane.api_server.start()
    await asyncio.to_thread(side.cluster.plane.wait_ready)
    await side.restart_controller()
    side.create_ping("later", {"uri": served.url("later")})
    await until(lambda: len(served.ids("later")) >= 1, "what was applied after it", within=60.0)


async def test_what_another_installation_took_is_left_alone(side: Side, served: Subscriber) -> None:
    side.create_ping("theirs", {"uri": served.url("theirs")})
    mark = {"status": {"annotations": {"tradewind.dev/installation": "another"}}}
    side.cluster.api.patch(f"{side.path('pingsources', 'theirs')}/status", mark)
    side.create_ping("ours", {"uri": served.url("ours")})
    await side.start()
    await side.said("pingsources", "ours", "True")
    await until(lambda: len(served.ids("ours")) >= 3, "our events", within=60.0)
    assert not served.ids("theirs")
    assert "conditions" not in side.get("pingsources", "theirs")["status"]
    side.cluster.api.delete(side.path("pingsources", "ours"))
    await until(partial(gone, side), "the end of it")


def gone(side: Side) -> bool:
    """Whether the deletion of `ours` is through."""
    try:
        side.get("pingsources", "ours")
    except NotFound:
        return True
    return False


async def test_a_kafka_source_says_whether_its_kafka_answers_and_what_its_secrets_lack(
    side: Side, served: Subscriber, kafka: str
) -> None:
    topic = f"orders-{side.namespace}"
    log = KafkaLog(kafka, client_id="test", patience=5.0)
    try:
        await log.ensure_topics([TopicSpec(topic, 1, 1, {})])
        spec = {"bootstrapServers": [kafka], "topics": [topic], "sink": {"uri": served.url("k")}}
        side.create("kafkasources", "KafkaSource", "orders", spec={**spec, "initialOffset": "earliest"})
        user = {"secretKeyRef": {"name": "login", "key": "user"}}
        net = {"sasl": {"enable": True, "user": user, "password": user}}
        side.create("kafkasources", "KafkaSource", "asked", spec={**spec, "net": net})
        await log.append(NewRecord(topic, b"order"))
        await side.start()
        await side.said("kafkasources", "orders", "True")
        await until(lambda: len(served.ids("k")) == 1, "the record as an event", within=60.0)
        found = side.get("kafkasources", "orders")["status"]
        types = {one["type"]: one["status"] for one in found["conditions"]}
        assert types["ConnectionEstablished"] == types["InitialOffsetsCommitted"] == "True"
        own = f"/apis/v1/namespaces/{side.namespace}/kafkasources/orders"
        assert found["ceAttributes"] == [{"type": "dev.knative.kafka.event", "source": f"{own}#{topic}"}]
        message = await side.said("kafkasources", "asked", "False", "SecretNotFound", type="ConnectionEstablished")
        assert f"no Secret {side.namespace}/login" in message
    finally:
        await log.close()
