"""KafkaSource: its schema, the resource that a checked manifest declares, and how its Kafka lets one in.

net ──secretKeyRef──► Secrets of its namespace ──as the keys of one Secret──► kafka_auth.read ──► KafkaAuth
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import replace

from tradewind.delivery.schedule import Delivery
from tradewind.errors import Fault
from tradewind.resources import formats, kafka_auth, merging, names, shapes
from tradewind.resources.kafka_auth import KafkaAuth, Mechanism, Protocol
from tradewind.resources.model import (
    KEY_TYPE,
    DeliverySpec,
    Destination,
    InitialOffset,
    KafkaNet,
    KafkaSource,
    KeyType,
    Metadata,
    NamespacedName,
    Order,
    Secret,
)
from tradewind.resources.schema import Schema, Type, listing, obj, text
from tradewind.resources.shapes import Fields
from tradewind.resources.webhooks import SecretRef

GROUP = "knative-kafka-source-"
"""With which the group of a source begins that names none."""

UNSAID = Delivery(delay=0.3, timeout=600.0)
"""Knative's `delivery` of a KafkaSource that says nothing of it."""

INITIAL_OFFSETS = ("", *(each.value for each in InitialOffset))
ORDERINGS = ("", *(each.value for each in Order))
"""Words that may be said; an empty one counts as not written, as Go's clients write it."""

_SERVER = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_MSK = "nothing: tokens of Amazon's MSK are not served"

KEYS = {
    "sasl.user": "user",
    "sasl.password": "password",
    "sasl.type": "sasl.mechanism",
    "tls.caCert": "ca.crt",
    "tls.cert": "user.crt",
    "tls.key": "user.key",
}
"""Places in `net`, and the key that says the same in a Broker's Secret (`kafka_auth`)."""


# --- schema


def _server(value: str) -> str | None:
    fine = all(_SERVER.fullmatch(one.strip()) and _port(one) for one in value.split(","))
    return None if fine else "the address of a Kafka broker: host:port"


def _port(server: str) -> bool:
    port = server.rpartition("]")[2].partition(":")[2].strip()
    return not port or 0 < int(port) < 65536


def _some(value: list[str]) -> str | None:
    return None if value else "at least one"


def _secret_key(description: str) -> Schema:
    selector = obj(
        "An entry of a Secret in this namespace.",
        {
            "name": text("Name of the Secret.", rule=formats.dns_name),
            "key": text("Key of the entry.", rule=formats.not_empty),
            "optional": Schema(Type.BOOLEAN, "Kubernetes' own word; here what is named must be there all the same."),
        },
        required=("name", "key"),
    )
    return obj(description, {"secretKeyRef": selector})


def _net() -> Schema:
    msk = {name: replace(_secret_key("Of Amazon's MSK."), unserved=_MSK) for name in ("tokenProvider", "roleARN")}
    sasl = {
        "enable": Schema(Type.BOOLEAN, "Whether a user is named to Kafka."),
        "user": _secret_key("The user's name."),
        "password": _secret_key("The user's password."),
        "type": _secret_key("The mechanism; PLAIN where nothing is said."),
        **msk,
    }
    tls = {
        "enable": Schema(Type.BOOLEAN, "Whether connections are TLS."),
        "cert": _secret_key("Our certificate, in PEM."),
        "key": _secret_key("Its key, PKCS#8 in PEM."),
        "caCert": _secret_key("Certificates of authorities, in PEM; the system's where nothing is said."),
    }
    return obj("How Kafka lets one in.", {"sasl": obj("SASL.", sasl), "tls": obj("TLS.", tls)})


def schema() -> Schema:
    """Of `spec`."""
    fields = {
        "bootstrapServers": replace(
            listing("Addresses of Kafka's brokers.", text("host:port", rule=_server)), rule=_some
        ),
        "topics": replace(listing("Topics to read.", text("A topic.", rule=formats.topic_name)), rule=_some),
        "consumerGroup": text("Group that holds the positions; one of the source's own when empty."),
        "consumers": Schema(
            Type.INTEGER,
            "Most consumers of all processes together; 1 when left out, none with 0.",
            format="int32",
            minimum=0,
            maximum=2**31 - 1,
        ),
        "initialOffset": text(
            "Where a group begins that nobody has seen; latest when empty.",
            enum=INITIAL_OFFSETS,
        ),
        "ordering": text("Whether the order of a partition is kept; ordered when empty.", enum=ORDERINGS),
        "net": _net(),
        "delivery": shapes.delivery("How events are delivered to a sink that is no Broker."),
        "ceOverrides": shapes.ce_overrides(),
        "sink": shapes.destination("Where the events go."),
    }
    spec = obj("What is asked for.", fields, required=("bootstrapServers", "topics", "sink"))
    return replace(spec, immutable=("consumerGroup",))


def key_type_fault(word: str) -> str | None:
    """What was expected of the label that says what keys are."""
    return None if word in tuple(KeyType) else f"one of {', '.join(KeyType)}"


STATUS = shapes.status(
    {
        **shapes.SOURCE_STATUS.properties,
        "consumers": Schema(Type.INTEGER, "Consumers that there are.", format="int32"),
        "selector": text("Labels of what is scaled."),
        "claims": text("Partitions that are read."),
        "maxAllowedVReplicas": Schema(Type.INTEGER, "Most consumers there can be.", format="int32"),
        "placements": listing(
            "Where the consumers are.",
            obj(
                "A process.",
                {
                    "podName": text("Its name."),
                    "vreplicas": Schema(Type.INTEGER, "Its consumers.", format="int32"),
                },
            ),
        ),
    }
)


# --- the resource


def default_group(source: NamespacedName, uid: str = "") -> str:
    """The group of a source that names none: the same in every process and at every start; of an object of Kubernetes
    that very object's, so that one that is made again under its name begins anew."""
    if uid:
        return f"{GROUP}{uid}"
    path = f"/apis/v1/namespaces/{source.namespace}/kafkasources/{source.name}"
    return f"{GROUP}{uuid.uuid5(uuid.NAMESPACE_URL, path)}"


def build(
    spec: Fields,
    metadata: Metadata,
    *,
    sink: Destination,
    delivery: DeliverySpec,
    overrides: Mapping[str, str],
) -> KafkaSource:
    """Of a checked `spec`, of which these parts are built already."""
    servers = [one.strip() for written in spec["bootstrapServers"] for one in written.split(",")]
    consumers = spec.get("consumers")
    return KafkaSource(
        metadata,
        sink,
        tuple(dict.fromkeys(servers)),
        tuple(dict.fromkeys(spec["topics"])),
        spec.get("consumerGroup") or default_group(metadata.name, metadata.uid),
        1 if consumers is None else consumers,
        InitialOffset(spec.get("initialOffset") or InitialOffset.LATEST),
        Order(spec.get("ordering") or Order.ORDERED),
        KeyType(metadata.labels.get(KEY_TYPE) or KeyType.STRING),
        _built_net(spec.get("net") or {}),
        delivery,
        overrides,
    )


def _built_net(net: Fields) -> KafkaNet:
    sasl, tls = net.get("sasl") or {}, net.get("tls") or {}
    refs: dict[str, SecretRef] = {}
    for place in KEYS:
        part, _, name = place.partition(".")
        ref = ((sasl if part == "sasl" else tls).get(name) or {}).get("secretKeyRef")
        if ref:
            refs[place] = SecretRef(ref["name"], ref["key"])
    return KafkaNet(bool(sasl.get("enable")), bool(tls.get("enable")), refs)


# --- how its events are delivered


def delivery(source: KafkaSource) -> Delivery:
    """To a sink that is no Broker: what is written, and Knative's defaults of this kind where nothing is at all."""
    return UNSAID if source.delivery == DeliverySpec() else merging.in_force(source.delivery)


def doubts(source: KafkaSource) -> list[Fault]:
    """What is written and does nothing."""
    if source.delivery.dead_letter_sink is None:
        return []
    expected = "nothing: what a sink never takes is kept in the topic of the sources' dead letters"
    return [Fault(names.path(source, "spec.delivery.deadLetterSink"), "a sink", expected)]


# --- how it is let in


def secret_refs(net: KafkaNet) -> tuple[SecretRef, ...]:
    """What is looked at of Secrets."""
    return tuple(_used(net).values())


def admitted(source: KafkaSource, secrets: Mapping[NamespacedName, Secret]) -> tuple[KafkaSource, list[Fault]]:
    """The source as its Secrets let it in; or waiting, and why."""
    net, namespace = source.net, source.metadata.name.namespace
    if not (net.sasl or net.tls):
        return source, []
    data, faults = _data(net), list[Fault]()
    for place, ref in _used(net).items():
        secret = secrets.get(NamespacedName(namespace, ref.name))
        held = None if secret is None else secret.data.get(ref.key)
        if held is None:
            found = f"no Secret {namespace}/{ref.name}" if secret is None else f"no key {ref.key} in Secret {ref.name}"
            where = names.path(source, f"spec.net.{place}.secretKeyRef")
            faults.append(Fault(where, found, "one that is there; until then nothing is read"))
        else:
            data[KEYS[place]] = held
    # Hidden: whoever writes a KafkaSource could have any Secret of its namespace shown in its status.
    read = faults or kafka_auth.read(data, hidden=True)
    if isinstance(read, KafkaAuth):
        return replace(source, auth=read), []
    places = {key: f"spec.net.{place}" for place, key in KEYS.items()}
    told = faults or [replace(one, path=names.path(source, places.get(one.path, "spec.net"))) for one in read]
    return replace(source, waits="; ".join(map(str, told))), told


def _used(net: KafkaNet) -> Mapping[str, SecretRef]:
    """Those of what is switched on."""
    return {place: ref for place, ref in net.refs.items() if (net.sasl if place.startswith("sasl.") else net.tls)}


def _data(net: KafkaNet) -> dict[str, bytes]:
    """The protocol and the mechanism, where no Secret says it."""
    protocol = Protocol(("SASL_SSL" if net.tls else "SASL_PLAINTEXT") if net.sasl else "SSL")
    shown = "tls.cert" in net.refs or "tls.key" in net.refs
    data = {"protocol": str(protocol), "sasl.mechanism": str(Mechanism.PLAIN)}
    data |= {} if shown else {"user.skip": "true"}
    return {key: word.encode() for key, word in data.items()}
