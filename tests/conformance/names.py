"""spec.md, "Attribute Naming Convention", and each attribute at most once."""

from dataclasses import replace

from tests.builders import event
from tests.conformance.cases import HTTP, JSON, SPEC, Case, binary, cases, refused, stored, structured

NAMING = f"{SPEC}, Attribute Naming Convention"
ONCE = f"{SPEC}, Context Attributes: each at most once"

RIGHT = [
    Case(NAMING, f"{name[:24]} ({len(name)} characters) {mode}", request, stored(event(data=None, **{name: "x"})))
    for name in (
        "a",
        "ext1",
        "1ext",
        "42",
        "comexampleext",
        "datax",
        "database64",
        "a" * 20,
        "a" * 21,
        "b" * 64,
        "c" * 500,
    )
    for mode, request in (
        ("in a header", binary((f"ce-{name}", "x"))),
        ("in JSON", structured(f'"{name}":"x"')),
    )
]

WRONG = [
    *cases(
        NAMING,
        [
            ("an underscore, in a header", binary(("ce-my_ext", "x")), refused('"ce-my_ext"')),
            ("a hyphen, in a header", binary(("ce-my-ext", "x")), refused('"ce-my-ext"')),
            ("a dot, in a header", binary(("ce-my.ext", "x")), refused('"ce-my.ext"')),
            ("a tilde, in a header", binary(("ce-my~ext", "x")), refused('"ce-my~ext"')),
            ("no name, in a header", binary(("ce-", "x")), refused('"ce-"')),
            ("an underscore", structured('"my_ext":"x"'), refused('"my_ext"')),
            ("a hyphen", structured('"my-ext":"x"'), refused('"my-ext"')),
            ("a dot", structured('"my.ext":"x"'), refused('"my.ext"')),
            ("a space", structured('"my ext":"x"'), refused('"my ext"')),
            ("upper case", structured('"myExt":"x"'), refused('"myExt"')),
            ("beyond ASCII", structured('"é":"x"'), refused('"é"')),
            ("digits of another script", structured('"e１":"x"'), refused('"e１"')),
            ("a line feed at the end", structured(r'"ext\n":"x"'), refused(r'"ext\n"')),
            ("no name", structured('"":"x"'), refused('""')),
            ("a lone surrogate", structured(r'"\ud800":"x"'), refused(r'"\ud800"')),
            ("Data is no `data`", structured('"Data":1'), refused('"Data"')),
            ("data_base_64 is no `data_base64`", structured('"data_base_64":"QQ=="'), refused('"data_base_64"')),
            ("two wrong ones", structured('"A":"x"', '"B":true'), refused('"A"', '"B"')),
            ("a long wrong one is cut", structured(f'"{"A" * 100}":"x"'), refused(f'"{"A" * 60}…"')),
        ],
    ),
    *cases(f"{NAMING}: never `data`", [("ce-data", binary(("ce-data", "x")), refused("ce-data"))]),
    *cases(
        f"{HTTP} 3.1.1: ce-datacontenttype MUST NOT be present",
        [
            ("alone", binary(("ce-datacontenttype", "a/b")), refused("ce-datacontenttype")),
            ("in upper case", binary(("CE-DATACONTENTTYPE", "a/b")), refused("ce-datacontenttype")),
            (
                "beside the same Content-Type",
                binary(("ce-datacontenttype", "a/b"), ("Content-Type", "a/b")).carrying(b"x"),
                refused("ce-datacontenttype"),
            ),
        ],
    ),
]

TWICE = [
    *cases(
        ONCE,
        [
            ("a header", binary(("ce-id", "2")), refused("ce-id")),
            ("a header of the same value", binary(("ce-id", "1")), refused("ce-id")),
            ("a header in another case", binary(("CE-ID", "1")), refused("ce-id")),
            ("an extension", binary(("ce-ext", "1"), ("ce-ext", "2")), refused("ce-ext")),
            ("three times", binary(("ce-ext", "1"), ("ce-ext", "2"), ("ce-ext", "3")), refused("ce-ext", "ce-ext")),
            ("a member", structured('"id":"2"'), refused("id")),
            ("a member of the same value", structured('"id":"1"'), refused("id")),
            ("a member in escapes", structured(r'"\u0069d":"1"'), refused("id")),
            ("a member after null", structured('"ext":null', '"ext":"x"'), refused("ext")),
            ("a null after a member", structured('"ext":"x"', '"ext":null'), refused("ext")),
            ("an extension of two types", structured('"ext":1', '"ext":true'), refused("ext")),
            ("`data`", structured('"data":1', '"data":1'), refused("data")),
            ("`data_base64`", structured('"data_base64":"QQ=="', '"data_base64":"QQ=="'), refused("data_base64")),
            ("two of them", structured('"id":"1"', '"type":"t"'), refused("id", "type")),
        ],
    ),
    *cases(
        "RFC 9110 5.3: Content-Type is no list",
        [
            ("two", binary(("Content-Type", "a/b"), ("Content-Type", "a/b")).carrying(b"x"), refused("Content-Type")),
            (
                "two, of which one is structured",
                binary(("Content-Type", "application/cloudevents+json"), ("content-type", "a/b")),
                refused("Content-Type"),
            ),
        ],
    ),
]

OTHERS = cases(
    f"{HTTP} 3.1.3: only ce- headers are attributes",
    [
        ("ce without a hyphen", binary(("ceid", "x"), ("cetype", "x")), stored(event())),
        ("x-ce-", binary(("x-ce-subject", "x")), stored(event())),
        ("ce_", binary(("ce_subject", "x")), stored(event())),
        (
            "traceparent is no attribute, and travels beside them",
            binary(("traceparent", "00-a-b-01")),
            stored(replace(event(), headers=(("traceparent", "00-a-b-01"),))),
        ),
        ("any other header may come twice", binary(("X-A", "1"), ("X-A", "2")), stored(event())),
        ("any other header may hold anything", binary(("X-A", b'\xff"%zz')), stored(event())),
    ],
) + cases(
    f"{JSON} 2.4: extensions are members of the top level",
    [
        ("a bag of 0.2 is an object", structured('"extensions":{"a":"b"}'), refused("extensions")),
        ("an attribute called extensions", structured('"extensions":"x"'), stored(event(extensions="x"))),
        (
            "an attribute called knativeerror",
            structured('"knativeerrorcode":"500"'),
            stored(event(knativeerrorcode="500")),
        ),
    ],
)

CASES = [*RIGHT, *WRONG, *TWICE, *OTHERS]
