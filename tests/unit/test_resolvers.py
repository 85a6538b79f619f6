"""Addresses of Destinations, and the text of `--service`."""

import pytest

from tradewind.adapters.resolvers import parse_services, resolver
from tradewind.errors import InvalidSettings
from tradewind.plan import Target
from tradewind.resources.model import Broker, Destination, KReference, Metadata, NamespacedName, Resource, Service


def service(name: str, host: str | None = None, port: int | None = None) -> Service:
    return Service(Metadata(NamespacedName("shop", name)), host, port)


RESOURCES: list[Resource] = [
    Broker(Metadata(NamespacedName("shop", "b"))),
    service("given", "elsewhere", 1),
    service("named", "sub.example.", 8081),
    service("web", "sub.example", 80),
    service("portless", "sub.example"),
    service("plain"),
]
SERVICES = parse_services("shop/given=127.0.0.1:9000,shop/path=http://h:1/in?x=1")
RESOLVE = resolver(RESOURCES, services=SERVICES, ingress_url="http://127.0.0.1:8080/")


def ref(kind: str, name: str, version: str = "v1", uri: str | None = None) -> Destination:
    return Destination(KReference(version, kind, name, "shop"), uri)


EVENTING = "eventing.knative.dev/v1"
SERVING = "serving.knative.dev/v1"


@pytest.mark.parametrize(
    ("destination", "url"),
    [
        (ref("Service", "given"), "http://127.0.0.1:9000"),
        (ref("Service", "given", SERVING), "http://127.0.0.1:9000"),
        (ref("Service", "path"), "http://h:1/in?x=1"),
        (ref("Service", "named"), "http://sub.example:8081"),
        (ref("Service", "web"), "http://sub.example"),
        (ref("Broker", "b", EVENTING), "http://127.0.0.1:8080/shop/b"),
        (Destination(uri="https://a/b?c=d"), "https://a/b?c=d"),
        (ref("Service", "given", uri="/x/y"), "http://127.0.0.1:9000/x/y"),
        (ref("Service", "given", uri="x"), "http://127.0.0.1:9000/x"),
        (ref("Service", "given", uri="?q=1"), "http://127.0.0.1:9000/?q=1"),
        (ref("Service", "path", uri="other"), "http://h:1/other"),
    ],
)
def test_what_has_an_address(destination: Destination, url: str) -> None:
    assert RESOLVE(destination) == Target(url)


@pytest.mark.parametrize(
    ("destination", "why"),
    [
        (ref("Service", "missing"), "no Service shop/missing is declared"),
        (ref("Service", "missing", uri="/x"), "no Service shop/missing is declared"),
        (ref("Service", "portless"), "names no port"),
        (ref("Service", "plain"), "not of type ExternalName"),
        (ref("Service", "given", "other.dev/v1"), "other.dev/v1 Service is not a kind"),
        (ref("Broker", "c", EVENTING), "no Broker shop/c is declared"),
        (ref("Broker", "b", "v1"), "v1 Broker is not a kind"),
        (ref("Channel", "c", "messaging.knative.dev/v1"), "Channel is not a kind"),
        (Destination(uri="x"), '"x" is no http:// or https:// URL'),
        (Destination(), '"" is no http:// or https:// URL'),
    ],
)
def test_what_has_none_says_why(destination: Destination, why: str) -> None:
    target = RESOLVE(destination)
    assert target.url is None
    assert why in target.why


def test_services_are_read() -> None:
    assert parse_services("") == {}
    assert parse_services(" a/b=h:1 ,, a/c=[::1]:2 , a/d=https://x/y,a/b=h:1") == {
        NamespacedName("a", "b"): "http://h:1",
        NamespacedName("a", "c"): "http://[::1]:2",
        NamespacedName("a", "d"): "https://x/y",
    }


def test_every_wrong_service_is_named() -> None:
    with pytest.raises(InvalidSettings) as raised:
        parse_services("x,a/b,a/c=h,A/b=h:1,a/d=h:1,a/d=h:2,a/e=ftp://x,a/f=h:99999,a/g=u@h:1,a/h=h:1/x,a/i=http://")
    assert [str(fault).split(", expected")[0] for fault in raised.value.faults] == [
        '--service: found "x"',
        '--service a/b: found ""',
        '--service a/c: found "h"',
        '--service: found "A/b=h:1"',
        '--service a/d: found "h:2"',
        '--service a/e: found "ftp://x"',
        '--service a/f: found "h:99999"',
        '--service a/g: found "u@h:1"',
        '--service a/h: found "h:1/x"',
        '--service a/i: found "http://"',
    ]
    assert raised.value.faults[0].expected == "namespace/name=host:port, or namespace/name= and an http(s) URL"
    expected = "host:port with a port from 1 to 65535, or such an http:// or https:// URL"
    assert {fault.expected for fault in raised.value.faults if fault.path in ("--service a/c", "--service a/f")} == {
        expected
    }
