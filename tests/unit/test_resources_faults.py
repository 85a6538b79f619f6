"""What is wrong in a manifest is named, with its path: a table."""

import pytest

from tests.unit.reading_manifests import BROKER, PING, TRIGGER, A, P, faults
from tradewind.resources.checking import UNKNOWN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("[1]", "hello.yaml: found a list, expected a mapping with apiVersion, kind", id="no object"),
        pytest.param(
            "kind: Broker", "hello.yaml: apiVersion: found nothing, expected a non-empty string", id="no version"
        ),
        pytest.param(
            "apiVersion: v1\nkind: 3", "hello.yaml: kind: found 3 (a number), expected a non-em", id="bad kind"
        ),
        pytest.param(
            "apiVersion: eventing.knative.dev/v1beta3\nkind: EventType\nmetadata: {name: t}",
            "hello.yaml: EventType default/t: found eventing.knative.dev/v1beta3 EventType, "
            "expected eventing.knative.dev/v1beta2 EventType",
            id="a version that is not served",
        ),
        pytest.param(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}",
            "hello.yaml: Deployment default/d: found apps/v1 Deployment, expected eventing.knative.dev/v1 Broker or ",
            id="an unknown kind",
        ),
        pytest.param(
            BROKER.replace("{name: default}", "{}"),
            "hello.yaml: metadata.name: found nothing, expected a name",
            id="no name",
        ),
        pytest.param(
            BROKER.replace("name: default", "name: yes"),
            "metadata.name: found true (true or false, not text), expected a name: put it in quotes",
            id="a name that is true",
        ),
        pytest.param(
            BROKER.replace("name: default", "name: 7"),
            "metadata.name: found 7 (a number), expected a name: put it in quotes",
            id="a name that is a number",
        ),
        pytest.param(
            BROKER.replace("kind: Broker", "kind: !!binary QnJva2Vy"),
            "kind: found binary data (!!binary), expected a non-empty string",
            id="a kind in Base64",
        ),
        pytest.param(
            BROKER.replace("name: default", "name: !!timestamp 2026-01-01"),
            "metadata.name: found a date, expected a name",
            id="a date by its tag",
        ),
        pytest.param(
            TRIGGER + "  filter: !!set {a}", "spec.filter: found a set (!!set), expected a mapping", id="a set"
        ),
        pytest.param(
            BROKER.replace("name: default", "name: A_b"),
            'Broker default/A_b: metadata.name: found "A_b", expected a DNS-1123',
            id="bad name",
        ),
        pytest.param(
            BROKER.replace("name: default", "name: a, namespace: b.c"),
            'metadata.namespace: found "b.c", expected a DNS-1123 label',
            id="bad namespace",
        ),
        pytest.param(
            BROKER.replace("name: default", "name: a, labels: {a: 1}"),
            "metadata.labels.a: found 1 (a number), expected a string: put it in quotes",
            id="a label that is a number",
        ),
        pytest.param(
            BROKER.replace("metadata: {name: default}", "metadata: x"),
            'hello.yaml: metadata: found "x", expected a mapping',
            id="metadata that is text",
        ),
        pytest.param(
            BROKER + "specs: {}",
            "specs: found an unknown field, expected one of spec, status; is spec meant?",
            id="unknown at the top",
        ),
        pytest.param(
            BROKER + "spec: []",
            "Broker default/default: spec: found an empty list, expected a mapping",
            id="spec of the wrong type",
        ),
        pytest.param(
            BROKER + "spec: {config: {kind: ConfigMap, name: c}}",
            "spec.config.apiVersion: found nothing, expected a string: it is required",
            id="a reference without version",
        ),
        pytest.param(
            BROKER.replace("name: default", "name: a, annotations: {kafka.eventing.knative.dev/external.topic: 'a b'}"),
            'external.topic: found "a b", expected a Kafka topic name',
            id="external topic",
        ),
        pytest.param(
            BROKER.replace("eventing.knative.dev/v1\nkind: Broker", "v1\nkind: Service") + "spec: {type: ExternalName}",
            "spec.externalName: found nothing, expected a DNS name",
            id="external name",
        ),
        pytest.param(
            TRIGGER.replace("  broker: default\n", ""),
            f"{A}spec: found none of them, expected exactly one of broker, brokerRef",
            id="no broker",
        ),
        pytest.param(
            TRIGGER.replace("subscriber", "subscribers"),
            f"{A}spec.subscribers: found an unknown field, expected one of broker, brokerRef, delivery, filter, "
            "filters, subscriber; is subscriber meant?",
            id="a field misspelt",
        ),
        pytest.param(
            TRIGGER.replace("subscriber", "subscribers"),
            f"{A}spec.subscriber: found nothing, expected a mapping: it is required",
            id="required",
        ),
        pytest.param(
            TRIGGER + "  BROKER: b",
            f"{A}spec.BROKER: found an unknown field, expected one of broker, brokerRef, delivery, filter, filters, "
            "subscriber; is broker meant?",
            id="a field in capitals",
        ),
        pytest.param(
            TRIGGER + "  zzz: 1",
            f"{A}spec.zzz: found an unknown field, expected one of broker, brokerRef,",
            id="nothing near",
        ),
        pytest.param(
            TRIGGER.replace("{uri: 'http://a'}", "{}"),
            f"{A}spec.subscriber: found neither ref nor uri, expected ref or uri",
            id="an empty destination",
        ),
        pytest.param(
            TRIGGER.replace("http://a", "/a"),
            "spec.subscriber: found a mapping of uri, expected an absolute `uri`, or a `ref`",
            id="relative to nothing",
        ),
        pytest.param(
            TRIGGER.replace("{uri:", "{ref: {apiVersion: v1, kind: Service, name: s}, uri:"),
            "expected a `uri` relative to `ref`, or no `ref`",
            id="ref and absolute uri",
        ),
        pytest.param(
            TRIGGER.replace("http://a", "ftp://a"),
            f'{A}spec.subscriber.uri: found "ftp://a", expected an http:// or https:// URL',
            id="a bad URI",
        ),
        pytest.param(
            TRIGGER.replace("'http://a'", "'http://a', audience: x"),
            'spec.subscriber.audience: found "x", expected nothing: this version does not serve it',
            id="audience",
        ),
        pytest.param(
            TRIGGER + "  delivery: {retry: -1}",
            f"{A}spec.delivery.retry: found -1 (a number), expected a whole number from 0 to 2147483647",
            id="retry below zero",
        ),
        pytest.param(
            TRIGGER + "  delivery: {retry: '3'}",
            'spec.delivery.retry: found "3", expected a whole number',
            id="retry as text",
        ),
        pytest.param(
            TRIGGER + "  delivery: {retry: true}",
            "spec.delivery.retry: found true (true or false, not text), expected a whole number",
            id="retry as a word",
        ),
        pytest.param(
            TRIGGER + "  delivery: {retry: 1.0}",
            "spec.delivery.retry: found 1.0 (a number), expected a whole number",
            id="retry as a fraction",
        ),
        pytest.param(
            TRIGGER + "  delivery: {timeout: PT0S}",
            'spec.delivery.timeout: found "PT0S", expected a duration longer than zero',
            id="no time",
        ),
        pytest.param(
            TRIGGER + "  delivery: {backoffDelay: 2 seconds}",
            'spec.delivery.backoffDelay: found "2 seconds", expected an ISO 8601 duration',
            id="no duration",
        ),
        pytest.param(
            TRIGGER + "  delivery: {backoffPolicy: expo}",
            'spec.delivery.backoffPolicy: found "expo", expected one of linear, exponential',
            id="no policy",
        ),
        pytest.param(
            TRIGGER + "  delivery: {retries: 1}",
            "format, retry, retryAfterMax, timeout; is retry meant?",
            id="unknown in delivery",
        ),
        pytest.param(
            TRIGGER + "  filter: {attributes: {Type: a}}",
            'spec.filter.attributes.Type: found the key "Type", expected an attribute name',
            id="attribute name",
        ),
        pytest.param(
            TRIGGER + "  filter: {attributes: {n: 5}}",
            "spec.filter.attributes.n: found 5 (a number), expected a string: put it in quotes",
            id="attribute value",
        ),
        pytest.param(
            TRIGGER + "  filter: {attributes: {5: a}}",
            "found the key 5 (a number), expected a key that is text",
            id="a key that is a number",
        ),
        pytest.param(
            TRIGGER + '  filters: [{exact: {type: a}}, {any: [{cesql: "type = \'a"}]}]',
            f"{A}spec.filters[1].any[0].cesql, character 8: found ",
            id="dialects",
        ),
        pytest.param(
            TRIGGER.replace("broker: default", "brokerRef: {apiVersion: v1, kind: Broker, name: b}"),
            "spec.brokerRef: found a mapping of apiVersion, kind, name, expected `broker`",
            id="brokerRef",
        ),
        pytest.param(
            TRIGGER.replace("name: a", "name: a, annotations: {kafka.eventing.knative.dev/delivery.order: any}"),
            'delivery.order: found "any", expected ordered or unordered',
            id="order",
        ),
        *(
            pytest.param(
                TRIGGER.replace("name: a", f"name: a, annotations: {{tradewind.dev/maxInFlight: '{text}'}}"),
                f'{A}metadata.annotations.tradewind.dev/maxInFlight: found "{text}", '
                "expected a whole number from 1 to 1000",
                id=f"maxInFlight {text}",
            )
            for text in ("0", "1001", "-1", "1.5", "", "ten", "١")
        ),
        *(
            pytest.param(
                TRIGGER.replace("name: a", f"name: a, annotations: {{tradewind.dev/rate: '{text}'}}"),
                f'{A}metadata.annotations.tradewind.dev/rate: found "{text}", expected deliveries a second, a decimal',
                id=f"rate {text}",
            )
            for text in ("0", "0.0000001", "1000001", "-1", ".5", "1e3", "", "50/m", "50 /s", "inf")
        ),
        pytest.param(
            TRIGGER.replace("name: a", "name: a, annotations: {tradewind.dev/start: yesterday}"),
            'tradewind.dev/start: found "yesterday", expected latest, earliest or an RFC 3339 timestamp such as',
            id="start",
        ),
        pytest.param(
            PING + "  data: a\n  dataBase64: YQ==",
            f"{P}spec: found both, expected `data` or `dataBase64`, not both",
            id="data twice",
        ),
        pytest.param(PING + "  dataBase64: Y", f'{P}spec.dataBase64: found "Y", expected Base64', id="bad Base64"),
        pytest.param(
            PING + "  schedule: '@every 1s'",
            f'{P}spec.schedule: found "@every 1s", expected a cron schedule: five fields',
            id="every",
        ),
        pytest.param(
            PING + "  schedule: 0 25 * * *", f'{P}spec.schedule: found the hour "25", expected 0 to 23', id="hour"
        ),
        pytest.param(
            PING + "  schedule: TZ=UTC 0 2 * * *\n  timezone: Asia/Kolkata",
            f"{P}spec: found a mapping of sink, schedule, timezone, expected one time zone: `timezone`, or",
            id="two zones",
        ),
        pytest.param(
            PING.replace("name: p", "name: p, annotations: {tradewind.dev/missed: twice}"),
            'tradewind.dev/missed: found "twice", expected skip, once or all',
            id="missed",
        ),
        pytest.param(
            PING + "  timezone: Mars/Base",
            f'{P}spec.timezone: found "Mars/Base", expected a name of the IANA',
            id="timezone",
        ),
        pytest.param(
            PING + "  contentType: application/json\n  data: '{'",
            f"{P}spec: found a mapping of sink, contentType, data, expected data that is JSON",
            id="no JSON",
        ),
        pytest.param(
            PING + "  ceOverrides: {extensions: {A: b}}",
            f'{P}spec.ceOverrides.extensions.A: found the key "A", expected an extension\'s name',
            id="extension name",
        ),
        pytest.param(
            "apiVersion: v1\nkind: List\nitems: [3]",
            "hello.yaml, document items[0]: found 3 (a number), expected a mapping",
            id="an item",
        ),
        pytest.param("apiVersion: v1\nkind: List\nitems: 3", "found v1 List, expected ", id="a list without items"),
    ],
)
def test_what_is_wrong(text: str, expected: str) -> None:
    found = faults(text)
    assert any(expected in fault for fault in found), found


def test_very_many_unknown_fields_are_counted() -> None:
    """An object of the API server may hold a hundred thousand, and to guess what each was meant to be takes seconds."""
    held = {f"retries{number}": 1 for number in range(1500)}
    found = faults(f"{TRIGGER}  delivery: {held}")
    assert len(found) == UNKNOWN + 1
    assert "spec.delivery.retries99: found an unknown field" in found[UNKNOWN - 1]
    assert "spec.delivery: found 1,400 more unknown fields, expected one of backoffDelay" in found[UNKNOWN]


def test_attributes_that_are_too_many_are_one_fault_however_wrong_they_are() -> None:
    held = {f"A{number}": "x" for number in range(1001)}
    found = faults(f"{TRIGGER}  filters: [{{exact: {held}}}]")
    assert len(found) == 1 and "more than 1000 filters and attributes" in found[0]
