"""ContainerSource and SinkBinding as people write them: what is taken, and what is said of the rest."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.reading_manifests import faults, read
from tradewind.resources import manifests
from tradewind.resources.containers import (
    ConfigMapRef,
    Container,
    EnvVar,
    LabelSelector,
    Operator,
    Requirement,
    Subject,
)
from tradewind.resources.model import ContainerSource, Destination, KReference, SinkBinding
from tradewind.resources.webhooks import SecretRef

C = "hello.yaml: ContainerSource default/c: spec"
T = f"{C}.template"
B = "hello.yaml: SinkBinding shop/b: spec"
BROKER = KReference("eventing.knative.dev/v1", "Broker", "default", "default")


def source(template: str) -> str:
    head = """
apiVersion: sources.knative.dev/v1
kind: ContainerSource
metadata: {name: c}
spec:
  sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}
  ceOverrides: {extensions: {team: a}}
  template:
"""
    return head + textwrap.indent(textwrap.dedent(template).strip(), "    ")


def container(text: str) -> Container:
    (found,) = read(source(f"spec: {{containers: [{text}]}}"))
    assert isinstance(found, ContainerSource)
    return found.containers[0]


def binding(subject: str) -> str:
    return f"""
apiVersion: sources.knative.dev/v1
kind: SinkBinding
metadata: {{name: b, namespace: shop}}
spec:
  sink: {{uri: 'http://a'}}
  subject: {subject}
"""


class TestContainerSource:
    """A pod template, read as far as a process can be made of it."""

    def test_knatives_own_example(self) -> None:
        (found,) = read(
            source("""
            metadata: {labels: {app: heartbeats}}
            spec:
              serviceAccountName: x
              containers:
              - image: ko://knative.dev/eventing/cmd/heartbeats
                name: heartbeats
                args: [--period=1]
                resources: {limits: {cpu: 1}}
                env:
                - {name: POD_NAME, value: mypod}
                - {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
              - image: sidecar
            """)
        )
        assert isinstance(found, ContainerSource)
        assert found.sink == Destination(BROKER)
        assert found.ce_overrides == {"team": "a"}
        assert found.containers == (
            Container(
                "heartbeats",
                "ko://knative.dev/eventing/cmd/heartbeats",
                args=("--period=1",),
                env=(EnvVar("POD_NAME", "mypod"), EnvVar("POD_NAMESPACE", unserved="fieldRef")),
            ),
            Container("c-1", "sidecar"),
        )
        assert found.template["metadata"] == {"labels": {"app": "heartbeats"}}
        assert found.template["spec"]["serviceAccountName"] == "x"
        assert [one["name"] for one in found.template["spec"]["containers"]] == ["heartbeats", "c-1"]
        assert found.template["spec"]["containers"][0]["resources"] == {"limits": {"cpu": 1}}

    def test_all_that_a_process_is_made_of(self) -> None:
        assert container("""{
            name: a, image: i, command: [python, -u], args: [x.py], workingDir: /tmp, envFrom: [{secretRef: {name: s}}],
            env: [
              {name: A, valueFrom: {secretKeyRef: {name: s, key: k}}},
              {name: B, valueFrom: {configMapKeyRef: {name: m, key: k, optional: true}, secretKeyRef: null}},
              {name: C},
            ]}""") == Container(
            "a",
            "i",
            ("python", "-u"),
            ("x.py",),
            (
                EnvVar("A", ref=SecretRef("s", "k")),
                EnvVar("B", ref=ConfigMapRef("m", "k"), optional=True),
                EnvVar("C"),
            ),
            True,
            "/tmp",
        )
        assert (str(ConfigMapRef("m", "k")), str(SecretRef("s", "k"))) == (
            "key k of ConfigMap m",
            "key k of Secret s",
        )

    @pytest.mark.parametrize(
        ("template", "expected"),
        [
            ("{}", [f"{T}.spec: found nothing, expected a mapping: it is required"]),
            ("{spec: {}}", [f"{T}.spec.containers: found nothing, expected a list: it is required"]),
            (
                "{spec: {containers: []}}",
                [f"{T}.spec.containers: found an empty list, expected at least one container"],
            ),
            (
                "{spec: {containers: {image: a}}}",
                [f"{T}.spec.containers: found a mapping of image, expected a list"],
            ),
            ("{spec: []}", [f"{T}.spec: found an empty list, expected a mapping"]),
            (
                "{spec: {containers: [{name: a}, {image: ''}, 3]}}",
                [
                    f"{T}.spec.containers[0].image: found nothing, expected a string: it is required",
                    f'{T}.spec.containers[1].image: found "", expected a non-empty string',
                    f"{T}.spec.containers[2]: found 3 (a number), expected a mapping",
                ],
            ),
            (
                "{spec: {containers: [{name: a, image: i}, {name: a, image: i}]}}",
                [f'{T}.spec.containers[1].name: found "a", which an earlier container has, expected a name of its own'],
            ),
            (
                "{spec: {containers: [{image: i, env: [{name: 'A=B', value: 3}, {value: x}, "
                "{name: C, value: x, valueFrom: {secretKeyRef: {name: s}}}, {name: D, valueFrom: {}}]}]}}",
                [
                    f'{T}.spec.containers[0].env[0].name: found "A=B", '
                    "expected a variable's name: ASCII that can be printed, without '='",
                    f"{T}.spec.containers[0].env[0].value: found 3 (a number), expected a string: put it in quotes",
                    f"{T}.spec.containers[0].env[1].name: found nothing, expected a string: it is required",
                    f"{T}.spec.containers[0].env[2].valueFrom.secretKeyRef.key: found nothing, "
                    "expected a string: it is required",
                    f"{T}.spec.containers[0].env[2]: found both, expected `value` or `valueFrom`, not both",
                    f"{T}.spec.containers[0].env[3].valueFrom: found an empty mapping, "
                    "expected exactly one of secretKeyRef, configMapKeyRef, or another source of values",
                ],
            ),
            (
                '{metadata: {labels: {a: 1}}, spec: {containers: [{image: i, command: sh, args: ["a\\0b"]}]}}',
                [
                    f"{T}.metadata.labels.a: found 1 (a number), expected a string: put it in quotes",
                    f'{T}.spec.containers[0].command: found "sh", expected a list',
                    f'{T}.spec.containers[0].args[0]: found "a\\x00b", expected a text without NUL',
                ],
            ),
        ],
    )
    def test_every_fault_is_named(self, template: str, expected: list[str]) -> None:
        assert faults(source(template)) == expected

    def test_sink_and_template_are_required(self) -> None:
        text = "{apiVersion: sources.knative.dev/v1, kind: ContainerSource, metadata: {name: c}, spec: {x: 1}}"
        assert faults(text) == [
            f"{C}.x: found an unknown field, expected one of ceOverrides, sink, template",
            f"{C}.template: found nothing, expected a mapping: it is required",
            f"{C}.sink: found nothing, expected a mapping: it is required",
        ]


class TestSinkBinding:
    """Whose containers are told of the sink."""

    @pytest.mark.parametrize(
        ("subject", "expected"),
        [
            (
                "{apiVersion: apps/v1, kind: Deployment, name: d}",
                Subject("apps/v1", "Deployment", "shop", "d"),
            ),
            (
                "{apiVersion: v1, kind: Pod, namespace: '', name: '', selector: {}}",
                Subject("v1", "Pod", "shop", selector=LabelSelector()),
            ),
            (
                "{apiVersion: batch/v1, kind: Job, selector: {matchLabels: {app.a/b: c, e: null}, "
                "matchExpressions: [{key: t, operator: In, values: [a, '']}, {key: u, operator: Exists}]}}",
                Subject(
                    "batch/v1",
                    "Job",
                    "shop",
                    selector=LabelSelector(
                        {"app.a/b": "c", "e": ""},
                        (Requirement("t", Operator.IN, ("a", "")), Requirement("u", Operator.EXISTS)),
                    ),
                ),
            ),
        ],
    )
    def test_a_subject(self, subject: str, expected: Subject) -> None:
        (found,) = read(binding(subject))
        assert isinstance(found, SinkBinding)
        assert (found.subject, found.sink, found.ce_overrides) == (expected, Destination(uri="http://a"), {})

    @pytest.mark.parametrize(
        ("subject", "expected"),
        [
            (
                "{}",
                [
                    f"{B}.subject.apiVersion: found nothing, expected a string: it is required",
                    f"{B}.subject.kind: found nothing, expected a string: it is required",
                    f"{B}.subject: found an empty mapping, expected exactly one of name, selector",
                ],
            ),
            (
                "{apiVersion: a b, kind: x-y, namespace: other, name: d, selector: {}}",
                [
                    f'{B}.subject.apiVersion: found "a b", expected an API version such as apps/v1',
                    f'{B}.subject.kind: found "x-y", expected a kind such as Deployment',
                    f"{B}.subject: found a mapping of apiVersion, kind, namespace, name, selector, "
                    "expected exactly one of name, selector",
                    f'{B}.subject.namespace: found "other", expected the SinkBinding\'s own namespace, shop',
                ],
            ),
            (
                "{apiVersion: v1, kind: Pod, namespace: 3, selector: {matchLabels: {/a: b, c: '-', d: "
                + "x" * 64
                + "}, matchExpressions: ["
                "{key: a, operator: In}, {key: a, operator: Exists, values: [b]}, {key: a, operator: in}, {key: a}]}}",
                [
                    f"{B}.subject.namespace: found 3 (a number), expected a string: put it in quotes",
                    f'{B}.subject.selector.matchLabels./a: found the key "/a", expected '
                    "a label's key: at most 63 letters, digits, '-', '_' or '.', behind a DNS name and '/' if need be",
                    f'{B}.subject.selector.matchLabels.c: found "-", expected '
                    "a label's value: at most 63 letters, digits, '-', '_' or '.', or empty",
                    f'{B}.subject.selector.matchLabels.d: found "{"x" * 60}…", expected '
                    "a label's value: at most 63 letters, digits, '-', '_' or '.', or empty",
                    f"{B}.subject.selector.matchExpressions[0]: found a mapping of key, operator, "
                    "expected `values` for In",
                    f"{B}.subject.selector.matchExpressions[1]: found a mapping of key, operator, values, "
                    "expected no `values` for Exists",
                    f'{B}.subject.selector.matchExpressions[2].operator: found "in", '
                    "expected one of In, NotIn, Exists, DoesNotExist",
                    f"{B}.subject.selector.matchExpressions[3].operator: found nothing, "
                    "expected a string: it is required",
                ],
            ),
            ("3", [f"{B}.subject: found 3 (a number), expected a mapping"]),
        ],
    )
    def test_every_fault_is_named(self, subject: str, expected: list[str]) -> None:
        assert faults(binding(subject)) == expected

    def test_a_spec_that_is_none(self) -> None:
        text = "{apiVersion: sources.knative.dev/v1, kind: SinkBinding, metadata: {name: b, namespace: shop}, spec: []}"
        assert faults(text) == [f"{B}: found an empty list, expected a mapping"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("spec", "containers", "name", "image", "command", "env", "value", "valueFrom", "secretKeyRef"),
                    *("apiVersion", "kind", "namespace", "selector", "matchLabels", "matchExpressions", "operator"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON, st.sampled_from([("ContainerSource", "template"), ("SinkBinding", "subject")]))
def test_anything_is_either_a_resource_or_has_faults(value: object, what: tuple[str, str]) -> None:
    kind, name = what
    spec = {"sink": {"uri": "http://a"}, name: value}
    manifest = {"apiVersion": "sources.knative.dev/v1", "kind": kind, "metadata": {"name": "x"}, "spec": spec}
    found = manifests.judge(manifest)
    assert bool(found.resources) != bool(found.faults)
