"""`tradewind webhook` and a real API server: what people see who apply Brokers and Triggers."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
import yaml

from tests import reviewing
from tests.kube.api import Json
from tests.kube.cluster import ADMISSION, Cluster, KubectlFailed
from tests.kube.conftest import CRDS, programs
from tests.kube.defaulting_elsewhere import defaulting
from tests.kube.webhook_running import Running, running
from tests.process.running import until
from tradewind.control.webhook import configurations
from tradewind.control.webhook.app import MAX_BODY
from tradewind.resources.model import BROKER_CLASS, EXTERNAL_TOPIC
from tradewind.resources.stamps import RESOLVED

pytestmark = pytest.mark.process

EVENTING = "/apis/eventing.knative.dev/v1"
THEIRS = "MTChannelBasedBroker"


@pytest.fixture(scope="module")
def webhook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """On a control plane of its own: what it refuses would be in the way of other tests."""
    folder = tmp_path_factory.mktemp("webhook")
    with Cluster.running(programs(), folder) as cluster:
        cluster.apply_crds(*sorted(CRDS.glob("*.yaml")))
        with running(cluster, folder) as one:
            yield one


@pytest.fixture
def namespace(webhook: Running) -> str:
    return webhook.cluster.create_namespace()


def apply(webhook: Running, *objects: Json, flags: tuple[str, ...] = ()) -> str:
    return webhook.cluster.kubectl("apply", *flags, "-f", "-", input=yaml.safe_dump_all(objects))


def refused(webhook: Running, *objects: Json) -> str:
    with pytest.raises(KubectlFailed) as caught:
        apply(webhook, *objects)
    return str(caught.value)


def stored(webhook: Running, namespace: str, plural: str, name: str) -> Json:
    return webhook.cluster.api.get(f"{EVENTING}/namespaces/{namespace}/{plural}/{name}")


def test_every_fault_of_a_broker_is_a_line_of_kubectls(webhook: Running, namespace: str) -> None:
    sink = {"uri": "relative"}
    wrong = reviewing.broker(
        namespace=namespace, delivery={"backoffDelay": "2 seconds", "timeout": "PT0S", "deadLetterSink": sink}
    )
    told = refused(webhook, wrong)
    assert f'The Broker "{wrong["metadata"]["name"]}" is invalid' in told
    assert '* spec.delivery.backoffDelay: found "2 seconds", expected ' in told
    assert "* spec.delivery.timeout: found " in told
    assert "* spec.delivery.deadLetterSink" in told


def test_a_trigger_is_judged_beside_its_broker_of_the_same_moment(webhook: Running, namespace: str) -> None:
    for number in range(5):
        name = f"b{number}"
        filters = [{"cesql": "type = "}, {}]  # as a misspelt dialect arrives: pruned
        told = refused(
            webhook,
            reviewing.broker(name, namespace=namespace),
            reviewing.trigger(f"t{number}", of=name, namespace=namespace, filters=filters),
        )
        assert "* spec.filters[0].cesql, character " in told
        assert "* spec.filters[1]: found no dialect" in told
        assert stored(webhook, namespace, "brokers", name)


def test_defaults_are_set(webhook: Running, namespace: str) -> None:
    ref = {"apiVersion": "v1", "kind": "Service", "name": "s"}
    delivery = {"deadLetterSink": {"ref": ref}}
    apply(
        webhook,
        reviewing.broker(served=None, namespace=namespace, config={**ref, "kind": "ConfigMap"}, delivery=delivery),
        reviewing.trigger(namespace=namespace, subscriber={"ref": ref}, delivery=delivery),
    )
    broker, trigger = (stored(webhook, namespace, *at) for at in (("brokers", "default"), ("triggers", "a")))
    placed = {**ref, "namespace": namespace}
    assert broker["metadata"]["annotations"][BROKER_CLASS] == "Tradewind"
    assert broker["spec"]["config"] == {**placed, "kind": "ConfigMap"}
    assert broker["spec"]["delivery"] == {"deadLetterSink": {"ref": placed}}
    assert trigger["metadata"]["labels"] == {"eventing.knative.dev/broker": "default"}
    assert trigger["spec"]["filter"] == {}
    assert trigger["spec"]["subscriber"] == {"ref": placed}
    apply(
        webhook,
        reviewing.broker(served=None, namespace=namespace, delivery=delivery, config={**ref, "kind": "ConfigMap"}),
    )


def test_what_is_immutable_stays(webhook: Running, namespace: str) -> None:
    broker, trigger = reviewing.broker(namespace=namespace), reviewing.trigger(namespace=namespace)
    apply(webhook, broker, reviewing.broker("other", namespace=namespace), trigger)
    annotated = reviewing.broker(namespace=namespace, config={"apiVersion": "v1", "kind": "ConfigMap", "name": "c"})
    annotated["metadata"]["annotations"] = {BROKER_CLASS: "Kafka", EXTERNAL_TOPIC: "t"}
    told = refused(webhook, annotated)
    assert (
        f'* metadata.annotations.{BROKER_CLASS}: Immutable annotations changed (-old +new): -"Tradewind" +"Kafka"'
        in told
    )
    assert f'* metadata.annotations.{EXTERNAL_TOPIC}: Immutable annotations changed (-old +new): +"t"' in told
    assert '* spec.config.name: Immutable fields changed (-old +new): +"c"' in told
    told = refused(webhook, reviewing.trigger(of="other", namespace=namespace))
    assert 'spec.broker: Immutable fields changed (-old +new): -"default" +"other"' in told
    assert "configured" in apply(webhook, reviewing.broker(namespace=namespace, delivery={"retry": 1}))


def test_a_name_in_kafka_that_is_taken_is_refused(webhook: Running) -> None:
    for name in ("x-y", "x"):
        webhook.cluster.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    apply(webhook, reviewing.broker("z", namespace="x-y"))
    until(lambda: _taken(webhook), "a reflector that has the Broker")


def _taken(webhook: Running) -> bool:
    try:
        apply(webhook, reviewing.broker("y-z", namespace="x"), flags=("--dry-run=server",))
    except KubectlFailed as failed:
        return 'metadata.name: found the topic "knative-broker-x-y-z", which belongs to Broker x-y/z' in str(failed)
    return False


def test_another_classes_broker_and_its_triggers_are_not_touched(webhook: Running, namespace: str) -> None:
    wrong = {"backoffDelay": "2 seconds"}
    broker = reviewing.broker(served=THEIRS, namespace=namespace, delivery=wrong)
    trigger = reviewing.trigger(namespace=namespace, filters=[{"cesql": "type = "}], delivery=wrong)
    apply(webhook, broker, trigger, flags=("--warnings-as-errors",))
    for plural, one in (("brokers", broker), ("triggers", trigger)):
        held = stored(webhook, namespace, plural, one["metadata"]["name"])
        assert held["spec"] == one["spec"]
        assert "labels" not in held["metadata"]


def test_the_clusters_own_default_class_comes_first(webhook: Running, namespace: str) -> None:
    with defaulting(webhook.cluster, "webhook.eventing.knative.dev", THEIRS):

        def defaulted() -> bool:
            made = apply(
                webhook, reviewing.broker(served=None, namespace=namespace), flags=("--dry-run=server", "-o=json")
            )
            return bool(json.loads(made)["metadata"]["annotations"][BROKER_CLASS] == THEIRS)

        until(defaulted, "calls of the other webhook")
        apply(webhook, reviewing.broker(served=None, namespace=namespace))
    assert stored(webhook, namespace, "brokers", "default")["metadata"]["annotations"][BROKER_CLASS] == THEIRS


def test_what_may_be_meant_otherwise_is_a_warning(webhook: Running, namespace: str) -> None:
    doubted = reviewing.trigger(namespace=namespace, filters=[{"cesql": "a = 'x' OR id = 'b'"}])
    with pytest.raises(KubectlFailed) as caught:
        apply(webhook, reviewing.broker(namespace=namespace), doubted, flags=("--warnings-as-errors",))
    assert "Warning: spec.filters[0].cesql, character " in str(caught.value)
    assert "1 warning received" in str(caught.value)
    assert stored(webhook, namespace, "triggers", "a")


def test_a_status_is_none_of_its_business(webhook: Running, namespace: str) -> None:
    apply(webhook, reviewing.broker(namespace=namespace))
    before = webhook.reviews()
    path = f"{EVENTING}/namespaces/{namespace}/brokers/default/status"
    webhook.cluster.api.patch(path, {"status": {"annotations": {"a": "b"}}})
    assert webhook.reviews() == before > 0


@contextlib.contextmanager
def down(webhook: Running) -> Iterator[None]:
    webhook.process.kill()
    try:
        yield
    finally:
        webhook.start()


def test_a_webhook_that_is_down_stops_what_is_ours_and_nothing_else(webhook: Running, namespace: str) -> None:
    broker = reviewing.broker(namespace=namespace)
    broker["metadata"]["finalizers"] = ["tradewind.dev/topic"]
    apply(webhook, broker, reviewing.trigger(namespace=namespace), reviewing.broker("gone", namespace=namespace))
    api, here = webhook.cluster.api, f"{EVENTING}/namespaces/{namespace}"
    api.patch(f"{here}/triggers/a/status", {"status": {"annotations": {RESOLVED: "{}"}}})
    with down(webhook):
        for mine in (
            reviewing.broker("new", namespace=namespace),
            reviewing.broker("b", served=None, namespace=namespace),
        ):
            assert 'failed calling webhook "brokers.webhook.tradewind.dev"' in refused(webhook, mine)
        changed = reviewing.trigger(namespace=namespace, subscriber={"uri": "http://other"})
        assert 'failed calling webhook "stamped-triggers.webhook.tradewind.dev"' in refused(webhook, changed)
        apply(webhook, reviewing.broker("theirs", served=THEIRS, namespace=namespace))
        apply(webhook, reviewing.trigger("theirs", of="theirs", namespace=namespace))
        apply(webhook, reviewing.trigger("theirs", of="theirs", namespace=namespace, subscriber={"uri": "http://b"}))
        webhook.cluster.kubectl(
            "delete", "-n", namespace, "broker/gone", "broker/theirs", "trigger/a", "trigger/theirs"
        )
        api.delete(f"{here}/brokers/default")
        assert api.get(f"{here}/brokers/default")["metadata"]["deletionTimestamp"]
        api.patch(f"{here}/brokers/default", {"metadata": {"finalizers": None}})
        assert api.get(f"{here}/brokers")["items"] == []
    until(webhook.asked, "calls of the webhook")


def test_an_object_that_newer_rules_refuse_can_still_be_deleted_and_labelled(webhook: Running, namespace: str) -> None:
    wrong = reviewing.broker(namespace=namespace, delivery={"backoffDelay": "soon"})
    wrong["metadata"]["finalizers"] = ["tradewind.dev/topic"]
    with without_configurations(webhook):
        apply(webhook, wrong)
    api, path = webhook.cluster.api, f"{EVENTING}/namespaces/{namespace}/brokers/default"
    api.patch(path, {"metadata": {"labels": {"a": "b"}}})
    api.delete(path)
    api.patch(path, {"metadata": {"finalizers": None}})
    assert api.find(path) is None


@contextlib.contextmanager
def without_configurations(webhook: Running) -> Iterator[None]:
    """As it was before the webhook was installed."""
    api = webhook.cluster.api
    paths = [f"{ADMISSION}/{kind}webhookconfigurations" for kind in ("mutating", "validating")]
    held = [api.get(f"{path}/{configurations.NAME}") for path in paths]
    for path in paths:
        api.delete(f"{path}/{configurations.NAME}")
    until(lambda: not webhook.asked(), "no more calls of the webhook")
    try:
        yield
    finally:
        for path, one in zip(paths, held, strict=True):
            api.create(path, {**one, "metadata": {"name": one["metadata"]["name"]}})
        until(webhook.asked, "calls of the webhook")


def test_an_api_server_that_was_killed_finds_it_again(webhook: Running, namespace: str) -> None:
    webhook.cluster.restart()
    until(webhook.asked, "calls of the webhook", 60.0)
    apply(webhook, reviewing.broker(namespace=namespace))
    assert "spec.filters[0]: found no dialect" in refused(webhook, reviewing.trigger(namespace=namespace, filters=[{}]))


def test_it_ends_in_order_while_an_api_server_is_connected(webhook: Running) -> None:
    assert webhook.asked()  # whose connection stays open
    os.kill(webhook.process.pid, signal.SIGTERM)
    until(lambda: webhook.process.status is not None, "its end", 60.0)
    assert webhook.process.status == 0
    webhook.start()
    until(webhook.asked, "calls of the webhook", 60.0)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/defaulting", b"", 400),
        ("/validation", b"{}", 400),
        ("/validation", b"[" * 100_000, 400),
        ("/validation", b"\xff", 400),
        ("/validation", b" " * (MAX_BODY + 1), 413),
        ("/elsewhere", b"{}", 404),
    ],
)
def test_whoever_posts_something_else_gets_a_clear_answer(
    webhook: Running, path: str, body: bytes, status: int
) -> None:
    assert webhook.post(path, body)[0] == status
    assert webhook.ready()


def test_a_review_by_hand_is_answered(webhook: Running) -> None:
    asked = reviewing.request(reviewing.broker(delivery={"retry": -1}))
    status, text = webhook.post("/validation", json.dumps(reviewing.review(asked)).encode())
    assert (status, json.loads(text)["response"]["allowed"]) == (200, False)


def test_its_port_speaks_tls_only(webhook: Running) -> None:
    connection = HTTPConnection("127.0.0.1", webhook.port, timeout=15)
    with contextlib.closing(connection), pytest.raises(OSError):  # reset or closed
        connection.request("POST", "/validation", b"{}")
        connection.getresponse()
