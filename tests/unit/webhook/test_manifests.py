"""WebhookSource, GitHubSource and GitLabSource as people write them: what is taken, and what is said of the rest."""

import textwrap

import pytest

from tests.unit.reading_manifests import faults, read
from tradewind.plan import Plan, Target, compute
from tradewind.resources.model import GitHubSource, GitLabSource, NamespacedName, WebhookSource
from tradewind.resources.webhooks import (
    Algorithm,
    Answer,
    Basic,
    Bearer,
    Encoding,
    Hmac,
    Preset,
    SecretRef,
    Sns,
    StandardWebhooks,
    Stripe,
    Token,
    Webhook,
)

HEAD = """
apiVersion: sources.tradewind.dev/v1alpha1
kind: WebhookSource
metadata: {name: w}
spec:
  sink: {ref: {apiVersion: eventing.knative.dev/v1, kind: Broker, name: default}}
"""
SECRETS = "secrets: [{secretKeyRef: {name: s, key: k}}]\n"
W = "hello.yaml: WebhookSource default/w: spec"


def manifest(spec: str) -> str:
    return HEAD + textwrap.indent(textwrap.dedent(spec).strip(), "  ")


def webhook(spec: str) -> Webhook:
    (source,) = read(manifest(spec))
    assert isinstance(source, WebhookSource)
    return source.webhook


REF = (SecretRef("s", "k"),)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("insecure: true", Webhook()),
        ("preset: alertmanager\ninsecure: true", Webhook(preset=Preset.ALERTMANAGER)),
        (f"preset: stripe\n{SECRETS}", Webhook(Stripe(), REF, Preset.STRIPE)),
        (f"verify: {{token: {{header: X-Token}}}}\n{SECRETS}", Webhook(Token("x-token"), REF)),
        (f"verify: {{bearer: {{}}}}\n{SECRETS}", Webhook(Bearer(), REF)),
        (f"verify: {{bearer: {{parameter: k}}}}\n{SECRETS}", Webhook(Bearer("k"), REF)),
        (f"verify: {{basic: {{username: u}}}}\n{SECRETS}", Webhook(Basic("u"), REF)),
        (f"verify: {{standardWebhooks: {{}}}}\n{SECRETS}", Webhook(StandardWebhooks(), REF)),
        (f"verify: {{standardWebhooks: {{tolerance: PT1M}}}}\n{SECRETS}", Webhook(StandardWebhooks(60.0), REF)),
        (f"verify: {{hmac: {{header: X-S}}, basic: null}}\n{SECRETS}", Webhook(Hmac("x-s"), REF)),
        (
            f"verify: {{hmac: {{header: S, algorithm: sha512, encoding: base64, prefix: 'v='}}}}\n{SECRETS}",
            Webhook(Hmac("s", Algorithm.SHA512, Encoding.BASE64, "v="), REF),
        ),
        (
            "preset: sns\ntopicArns: ['arn:aws:sns:us-east-1:123456789012:t.fifo']",
            Webhook(Sns(("arn:aws:sns:us-east-1:123456789012:t.fifo",)), (), Preset.SNS),
        ),
        (
            "insecure: true\nce: {type: body.t, subject: null, extensions: {a: query.a}}",
            Webhook(attributes={"type": "body.t", "a": "query.a"}),
        ),
        (
            "insecure: true\nresponse: {status: 200, contentType: text/plain, body: ok}\n"
            "maxBodyBytes: 10\ntimeout: PT2S",
            Webhook(answer=Answer(200, "text/plain", "ok"), max_body_bytes=10, patience=2.0),
        ),
    ],
)
def test_what_is_written_is_what_is_asked(spec: str, expected: Webhook) -> None:
    assert webhook(spec) == expected


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("ceOverrides: {}", "one of `verify` (with `secrets`) and `insecure: true`: who may send"),
        ("insecure: false", "one of `verify`"),
        ("preset: dockerhub", "one of `verify`"),
        ("preset: github", "`secrets` that github signs with (or `insecure: true`)"),
        (f"preset: github\nverify: {{bearer: {{}}}}\n{SECRETS}", "no `verify`: the preset github has its own"),
        (f"insecure: true\n{SECRETS}", "no `verify` and no `secrets` beside `insecure: true`"),
        ("verify: {bearer: {}}", "`secrets` for `verify`"),
        ("preset: sns", "`topicArns` with the preset sns"),
        ("preset: sns\ninsecure: true\ntopicArns: ['arn:aws:sns:us-east-1:123456789012:t']", "SNS signs"),
        ("insecure: true\ntopicArns: ['arn:aws:sns:us-east-1:123456789012:t']", "`topicArns` with the preset sns"),
        ("preset: sns\ntopicArns: ['*']", "an SNS topic: arn:aws:sns:"),
        ("preset: bitbucket", "one of github, gitlab, stripe, slack, shopify, sns, alertmanager, dockerhub"),
        (f"verify: {{bearer: {{}}, basic: {{username: u}}}}\n{SECRETS}", "exactly one of hmac, token, bearer, basic"),
        (f"verify: {{}}\n{SECRETS}", "exactly one of hmac"),
        (f"verify: {{basic: {{username: 'a:b'}}}}\n{SECRETS}", "a name without ':'"),
        (f"verify: {{hmac: {{header: 'a b'}}}}\n{SECRETS}", "the name of a header field"),
        (f"verify: {{bearer: {{parameter: 'a&b'}}}}\n{SECRETS}", "a parameter's name"),
        ("insecure: true\nce: {type: body.}", "ce.type, line 1"),
        ("insecure: true\nce: {extensions: {Type: '1'}}", "an extension's name"),
        ("insecure: true\nce: {extensions: {type: '1'}}", "an extension's name"),
        ("preset: alertmanager\ninsecure: true\nce: {id: body.groupKey}", "no `ce.id` with the preset alertmanager"),
        ("insecure: true\nresponse: {status: 302}", "a whole number from 200 to 299"),
        ("insecure: true\nmaxBodyBytes: 0", "a whole number from 1 to 15728640"),
        ("secrets: [{}]\nverify: {bearer: {}}", "secrets[0].secretKeyRef"),
    ],
)
def test_what_is_wrong_is_said(spec: str, fault: str) -> None:
    assert any(fault in one and one.startswith(W) for one in faults(manifest(spec)))


def test_without_the_library_of_cel_an_expression_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewind.resources.webhook_shapes.installed", lambda: False)
    (fault,) = faults(manifest("insecure: true\nce: {type: body.t}"))
    assert fault == (
        f"{W}.ce.type: found an expression in CEL, whose library is not installed, expected it: "
        "`pip install 'tradewind[cel]'`"
    )


KNATIVE = """
apiVersion: sources.knative.dev/v1alpha1
kind: {kind}
metadata: {{name: {name}}}
spec:
  {of}
  eventTypes: [{types}]
  accessToken: {{secretKeyRef: {{name: s, key: accessToken}}}}
  secretToken: {{secretKeyRef: {{name: s, key: secretToken}}}}
  ceOverrides: {{extensions: {{a: b}}}}
  sink: {{uri: 'http://a'}}
"""
GITHUB = KNATIVE.format(kind="GitHubSource", name="g", of="ownerAndRepository: o/r", types="push, pull_request")
GITLAB = KNATIVE.format(kind="GitLabSource", name="l", of="projectUrl: https://gitlab.com/a/b", types="push_events")


def test_knatives_kinds_are_presets() -> None:
    github, gitlab = read(f"{GITHUB}---{GITLAB}")
    assert isinstance(github, GitHubSource)
    assert isinstance(gitlab, GitLabSource)
    token = (SecretRef("s", "secretToken"),)
    signed = Hmac("x-hub-signature-256", prefix="sha256=")
    assert github.webhook == Webhook(signed, token, Preset.GITHUB, event_types=("push", "pull_request"))
    assert gitlab.webhook == Webhook(Token("x-gitlab-token"), token, Preset.GITLAB, event_types=("push_events",))
    assert github.ce_overrides == {"a": "b"}


def test_all_event_types_are_all() -> None:
    (source,) = read(GITHUB.replace("push, pull_request", "'*'"))
    assert isinstance(source, GitHubSource)
    assert source.webhook.event_types == ()
    assert any("an event's name" in fault for fault in faults(GITHUB.replace("push,", "'Push it',")))


def test_two_kinds_cannot_have_one_path() -> None:
    (fault,) = faults(f"{GITHUB}---{GITLAB.replace('name: l', 'name: g')}")
    assert 'the path "/webhooks/default/g", which belongs to GitHubSource default/g' in fault


SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {k: word, empty: ''}
"""


def planned(text: str) -> Plan:
    return compute(read(text), resolve=lambda _: Target("http://a"))


def test_secrets_are_read_from_the_manifests() -> None:
    plan = planned(f"{manifest('preset: stripe' + chr(10) + SECRETS)}\n---{SECRET}")
    source = plan.sources["WebhookSource", NamespacedName("default", "w")]
    assert source.secrets == {SecretRef("s", "k"): b"word"}
    assert not plan.problems
    assert "word" not in repr(plan)


@pytest.mark.parametrize(
    ("name", "key", "found"), [("s", "empty", "no such key"), ("s", "x", "no such key"), ("z", "k", "no Secret z")]
)
def test_a_secret_that_is_not_there_is_a_problem(name: str, key: str, found: str) -> None:
    ref = f"secrets: [{{secretKeyRef: {{name: {name}, key: {key}}}}}]"
    plan = planned(f"{manifest('preset: stripe' + chr(10) + ref)}\n---{SECRET}")
    assert plan.sources["WebhookSource", NamespacedName("default", "w")].secrets == {}
    (problem,) = plan.problems
    assert found in str(problem)
    assert f"the key {key} of Secret {name}" in str(problem)


@pytest.mark.parametrize(
    ("webhook", "wait"),
    [
        (Webhook(preset=Preset.SLACK), 2.5),
        (Webhook(preset=Preset.GITHUB), 9.5),
        (Webhook(), 9.5),
        (Webhook(patience=0.4), 0.2),
    ],
)
def test_an_answer_comes_just_before_its_sender_gives_up(webhook: Webhook, wait: float) -> None:
    assert webhook.wait == wait


def test_senders_that_never_try_again_are_known() -> None:
    never = {preset for preset in Preset if not Webhook(preset=preset).sender.retries}
    assert never == {Preset.GITHUB, Preset.GITLAB, Preset.DOCKERHUB}
