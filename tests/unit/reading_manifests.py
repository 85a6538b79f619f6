"""What the tests of manifests share: reading them, and the least of each kind."""

import pytest

from tradewind.errors import InvalidManifest
from tradewind.resources import documents, manifests
from tradewind.resources.model import Resource


def read(text: str) -> tuple[Resource, ...]:
    parsed = documents.parse("hello.yaml", text)
    assert not parsed.faults
    return manifests.read(parsed.documents)


def faults(text: str) -> list[str]:
    with pytest.raises(InvalidManifest) as raised:
        read(text)
    return [str(fault) for fault in raised.value.faults]


BROKER = """
apiVersion: eventing.knative.dev/v1
kind: Broker
metadata: {name: default}
"""
TRIGGER = """
apiVersion: eventing.knative.dev/v1
kind: Trigger
metadata: {name: a}
spec:
  broker: default
  subscriber: {uri: 'http://a'}
"""
PING = """
apiVersion: sources.knative.dev/v1
kind: PingSource
metadata: {name: p}
spec:
  sink: {uri: 'http://a'}
"""

A = "hello.yaml: Trigger default/a: "
P = "hello.yaml: PingSource default/p: "
