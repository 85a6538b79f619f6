"""ContainerSource and SinkBinding in a Plan on a laptop."""

from tests.unit.reading_manifests import BROKER, read
from tradewind.cli.announcement import commands_held, source_lines
from tradewind.config import Settings
from tradewind.plan import Plan, Target, compute
from tradewind.resources.containers import ConfigMapRef
from tradewind.resources.model import NamespacedName
from tradewind.resources.webhooks import SecretRef

SOURCE = """
apiVersion: sources.knative.dev/v1
kind: ContainerSource
metadata: {name: c}
spec:
  sink: {uri: 'http://a'}
  template: {spec: {containers: [{image: i, command: [x], env: [
    {name: A, valueFrom: {secretKeyRef: {name: s, key: k}}},
    {name: B, valueFrom: {configMapKeyRef: {name: m, key: k}}},
    {name: C, valueFrom: {secretKeyRef: {name: s, key: gone, optional: true}}},
    {name: D, value: d}]}]}}
"""
SECRET = "---\n{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {k: word, empty: ''}}\n"
CONFIG = "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {k: text}}\n"
KEY = ("ContainerSource", NamespacedName("default", "c"))
BINDING = """---
apiVersion: sources.knative.dev/v1
kind: SinkBinding
metadata: {name: b, namespace: shop}
spec:
  sink: {uri: 'http://a'}
  subject: {apiVersion: apps/v1, kind: Deployment, %s}
"""


def planned(text: str, url: str | None = "http://resolved") -> Plan:
    return compute(read(text), resolve=lambda _: Target(url, "" if url else "why not"))


def test_what_its_variables_refer_to_is_found_in_its_namespace() -> None:
    plan = planned(SOURCE + SECRET + CONFIG)
    assert plan.problems == ()
    source = plan.sources[KEY]
    assert (source.secrets, source.texts) == ({SecretRef("s", "k"): b"word"}, {ConfigMapRef("m", "k"): "text"})
    assert (source.broker, source.sink) == (None, Target("http://resolved"))


def test_what_is_missing_is_a_problem_and_the_rest_is_there() -> None:
    for text in (
        SOURCE,
        SOURCE + (SECRET + CONFIG).replace("k:", "x:"),
        SOURCE + (SECRET + CONFIG).replace("s}", "t}"),
    ):
        plan = planned(text)
        path = "hello.yaml: ContainerSource default/c: spec.template: found nothing for the variable"
        said = [str(problem) for problem in plan.problems]
        assert f"{path} A, expected the key k of Secret s, in the source's namespace" in said
        assert SecretRef("s", "k") not in plan.sources[KEY].secrets
    assert f"{path} B, expected the key k of ConfigMap m, in the source's namespace" in map(
        str, planned(SOURCE).problems
    )


def test_an_empty_secret_is_one() -> None:
    plan = planned(SOURCE.replace("key: gone", "key: empty") + SECRET + CONFIG)
    assert plan.sources[KEY].secrets[SecretRef("s", "empty")] == b""


def test_a_sink_binding_is_taken_and_said_to_do_nothing_here() -> None:
    (problem,) = planned(BINDING % "name: d").problems
    assert str(problem) == (
        "hello.yaml: SinkBinding shop/b: spec.subject: found a Deployment shop/d, expected nothing: "
        "a SinkBinding binds workloads of Kubernetes, and does nothing here; start your own process with K_SINK=http://resolved"
    )
    (problem,) = planned(BINDING % "selector: {}", url=None).problems
    assert str(problem).endswith(
        "found a Deployment, expected nothing: a SinkBinding binds workloads of Kubernetes, and does nothing here"
    )


def test_up_says_where_it_is_to_send_to() -> None:
    (line,) = source_lines(planned(SOURCE + SECRET + CONFIG), Settings())
    assert line == "ContainerSource default/c is to send to http://resolved"


def test_up_says_which_commands_are_not_run() -> None:
    assert commands_held(planned(BROKER)) == ""
    plan = planned(SOURCE + SECRET + CONFIG)
    assert commands_held(plan) == (
        "ContainerSource default/c does not run: its command is started only by `tradewind up --allow-commands`"
    )
    second = SOURCE.replace("name: c}", "name: d}")
    assert commands_held(planned(f"{SOURCE}---{second}")) == (
        "ContainerSource default/c, ContainerSource default/d do not run: "
        "their commands are started only by `tradewind up --allow-commands`"
    )
