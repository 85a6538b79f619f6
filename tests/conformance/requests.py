"""Methods, paths, the webhook handshake, and sizes."""

from dataclasses import replace

from tests.builders import event
from tests.conformance.cases import (
    HTTP,
    OURS,
    READ,
    SPEC,
    WEBHOOK,
    Case,
    Expected,
    Request,
    binary,
    cases,
    members,
    message,
    refused,
    stored,
    structured,
)

ALLOW = {"allow": "POST, OPTIONS"}
KIB = 1024
LIMIT = 1000 * KIB
"""Bytes of an event, unless --max-event-bytes says otherwise."""
SIZES = f"{SPEC}, Size Limits: 64 KiB MUST pass"
ABOVE = f"{OURS}: above --max-event-bytes"


def ask(method: str, *headers: tuple[str, str], target: str = "/default/hello") -> Request:
    """A request without a body."""
    return Request(
        tuple((name.encode(), value.encode()) for name, value in headers), b"", method.encode(), target.encode()
    )


def at(target: str) -> Request:
    """A valid event for this path."""
    return replace(binary(), target=target.encode())


def sized(total: int) -> Request:
    """An event in binary mode whose head and body have `total` octets together, and a little more."""
    return binary(("Content-Type", "a/b")).carrying(b"x" * total)


METHODS = [
    *(
        Case(f"{WEBHOOK} 2.1: POST; RFC 9110 15.5.6", method, ask(method), refused("method", status=405, headers=ALLOW))
        for method in ("GET", "PUT", "DELETE", "PATCH", "TRACE", "BREW", "post")
    ),
    Case(
        f"{WEBHOOK} 2.1: POST; RFC 9110 15.5.6",
        "PUT of a valid event",
        replace(binary().carrying(b"x"), method=b"PUT"),
        refused("method", status=405, headers=ALLOW),
    ),
    Case(
        f"{WEBHOOK} 2.1: POST; RFC 9110 15.5.6",
        "DELETE of a valid event",
        replace(structured(), method=b"DELETE"),
        refused("method", status=405, headers=ALLOW),
    ),
    *cases(
        f"{OURS}: an unknown Broker is unknown by every method",
        [
            (method, ask(method, target="/default/none"), refused("path", status=404))
            for method in ("GET", "PUT", "DELETE", "OPTIONS", "POST")
        ],
    ),
]

HANDSHAKES = [
    *cases(
        f"{WEBHOOK} 4.2",
        [
            (
                "an origin is granted",
                ask("OPTIONS", ("WebHook-Request-Origin", "eventemitter.example.com")),
                Expected(
                    200,
                    headers={
                        **ALLOW,
                        "webhook-allowed-origin": "eventemitter.example.com",
                        "webhook-allowed-rate": "*",
                    },
                ),
            ),
            (
                "a rate is granted",
                ask("OPTIONS", ("WebHook-Request-Origin", "a.b"), ("WebHook-Request-Rate", "120")),
                Expected(200, headers={**ALLOW, "webhook-allowed-origin": "a.b", "webhook-allowed-rate": "*"}),
            ),
            (
                "names in any case",
                ask("OPTIONS", ("WEBHOOK-REQUEST-ORIGIN", "a.b")),
                Expected(200, headers={**ALLOW, "webhook-allowed-origin": "a.b"}),
            ),
            (
                "a callback is not needed",
                ask("OPTIONS", ("WebHook-Request-Origin", "a.b"), ("WebHook-Request-Callback", "https://a.b/c")),
                Expected(200, headers={**ALLOW, "webhook-allowed-origin": "a.b"}),
            ),
            ("without an origin, methods alone", ask("OPTIONS"), Expected(200, headers=ALLOW)),
            ("with a slash more", ask("OPTIONS", target="/default/hello/"), Expected(200, headers=ALLOW)),
        ],
    ),
    *cases(
        f"{WEBHOOK} 4: every delivery may carry its origin",
        [("a delivery", binary(("WebHook-Request-Origin", "a.b")), stored(event()))],
    ),
]

PATHS = [
    *cases(
        f"{OURS}: a Broker is at /namespace/name, and one slash more is the same path",
        [
            ("the path", at("/default/hello"), stored(event())),
            ("a slash more", at("/default/hello/"), stored(event())),
            ("in absolute form (RFC 9112 3.2.2)", at("http://x/default/hello"), stored(event())),
            *(
                (target, at(target), refused("path", status=404))
                for target in ("/", "/default", "/hello", "/default/hello/x", "/default/hello//", "//default/hello")
            ),
            ("in upper case", at("/Default/Hello"), refused("path", status=404)),
            ("of another namespace", at("/shop/hello"), refused("path", status=404)),
            ("of the probes", at("/healthz"), refused("path", status=404)),
        ],
    ),
    *cases(
        "knative.dev/networking: K-Network-Probe",
        [
            (
                "its hash is given back",
                ask("GET", ("K-Network-Probe", "probe"), ("K-Network-Hash", "abc")),
                Expected(200, headers={"k-network-hash": "abc"}),
            ),
            ("without a hash", ask("GET", ("K-Network-Probe", "probe")), Expected(200)),
            ("of any path", ask("GET", ("K-Network-Probe", "probe"), target="/no/broker"), Expected(200)),
            (
                "another word is no probe",
                ask("GET", ("K-Network-Probe", "x")),
                refused("method", status=405, headers=ALLOW),
            ),
        ],
    ),
    *cases(
        f"{OURS}: hops that are spent are refused (Knative)",
        [
            ("none left", binary(knativebrokerttl="0"), refused("ce-knativebrokerttl")),
            ("fewer than none", binary(knativebrokerttl="-1"), refused("ce-knativebrokerttl")),
            ("none left, in JSON", structured('"knativebrokerttl":0'), refused("knativebrokerttl")),
            ("one left", binary(knativebrokerttl="1"), stored(event(knativebrokerttl="1"))),
            ("no number counts as none given", binary(knativebrokerttl="many"), stored(event())),
            (
                "none left, beside other faults",
                binary(knativebrokerttl="0", id=None, time="now"),
                refused("ce-knativebrokerttl", "ce-id", "ce-time"),
            ),
            (
                "none left, beside other faults, in JSON",
                structured('"knativebrokerttl":"0"', '"data_base64":"!"', type="1"),
                refused("knativebrokerttl", "data_base64", "type"),
            ),
            ("null is none given", structured('"knativebrokerttl":null'), stored(event())),
        ],
    ),
]

MANY = {f"ext{number}": f"value {number}" for number in range(200)}
LARGE = "é" * 15 * KIB

PASSED = cases(
    SIZES,
    [
        (
            "64 KiB of data, in binary mode",
            sized(64 * KIB),
            stored(event(data=b"x" * 64 * KIB, datacontenttype="a/b")),
        ),
        (
            "64 KiB of data, in structured mode",
            structured(f'"data":"{"x" * 64 * KIB}"'),
            stored(event(data=b'"' + b"x" * 64 * KIB + b'"', datacontenttype="application/json")),
        ),
        ("64 KiB of one attribute, in a header", binary(("ce-big", "x" * 64 * KIB)), stored(event(big="x" * 64 * KIB))),
        (
            "64 KiB of one attribute, in JSON",
            structured(f'"big":"{"x" * 64 * KIB}"'),
            stored(event(big="x" * 64 * KIB)),
        ),
        ("30 kB of one attribute", binary(("ce-big", "x" * 30_000)), stored(event(big="x" * 30_000))),
        ("30 KiB of text beyond ASCII, encoded", binary(("ce-big", "%C3%A9" * 15 * KIB)), stored(event(big=LARGE))),
        ("30 KiB of text beyond ASCII, in JSON", structured(f'"big":"{LARGE}"'), stored(event(big=LARGE))),
        (
            "200 extensions, in headers",
            binary(*((f"ce-{name}", value) for name, value in MANY.items())),
            stored(event(data=None, **MANY)),
        ),
        (
            "200 extensions, in JSON",
            structured(*(f'"{name}":"{value}"' for name, value in MANY.items())),
            stored(event(data=None, **MANY)),
        ),
    ],
)

TOO_LARGE = [
    *cases(
        ABOVE,
        [
            ("a body as large as it may be", message(b"x" * LIMIT), refused("body")),  # no JSON, but not too large
            ("a body of one more, in binary mode", sized(LIMIT + 1), refused("body", status=413)),
            ("a body of one more, in structured mode", message(b"x" * (LIMIT + 1)), refused("body", status=413)),
            (
                "a body of one more, and what the head shows",
                replace(sized(LIMIT + 1), headers=(*binary(source="").headers, (b"Content-Type", b"x"))),
                refused("body", "ce-source", "Content-Type", status=413),
            ),
            ("the whole of data and attributes", sized(LIMIT), refused("event", status=413)),
        ],
    ),
    *cases(
        f"{OURS}: above --max-header-bytes, or 1000 fields",
        [
            ("a large field", binary(("ce-big", "x" * 140_000)), refused("headers", status=431)),
            ("many fields", binary(*((f"ce-e{n}", "1") for n in range(1001))), refused("headers", status=431)),
        ],
    ),
    *cases(
        f"{OURS}: a body that is coded (RFC 9110 15.5.16)",
        [
            (
                "gzip",
                message(members(), "application/cloudevents+json", ("Content-Encoding", "gzip")),
                refused("Content-Encoding", status=415, headers={"accept-encoding": "identity"}),
            ),
            ("identity is none", binary(("Content-Encoding", "identity")), stored(event())),
            (
                "beside faults that the head shows",
                binary(("Content-Encoding", "gzip"), ("ce-BAD!", "x"), id=None, time="now", knativebrokerttl="0"),
                refused("Content-Encoding", '"ce-bad!"', "ce-id", "ce-time", "ce-knativebrokerttl", status=415),
            ),
            (
                "beside a format that is not read",
                message(b"x", "application/cloudevents+avro", ("Content-Encoding", "gzip")),
                refused(
                    "Content-Encoding",
                    "Content-Type",
                    status=415,
                    headers={"accept-encoding": "identity", "accept": READ},
                ),
            ),
            (
                "beside a body too large",
                replace(binary(("Content-Encoding", "br"), type=None), body=b"x" * (LIMIT + 1)),
                refused("Content-Encoding", "body", "ce-type", status=415),
            ),
        ],
    ),
    *cases(
        f"{HTTP} 1: events travel by HTTP/1.1",
        [
            (
                "an offered upgrade changes nothing",
                binary(("Upgrade", "h2c"), ("Connection", "Upgrade")).carrying(b"x"),
                stored(event(data=b"x")),
            )
        ],
    ),
]

CASES = [*METHODS, *HANDSHAKES, *PATHS, *PASSED, *TOO_LARGE]
