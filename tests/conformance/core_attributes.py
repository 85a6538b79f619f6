"""spec.md, "Context Attributes": what must be there, and what a core attribute may hold."""

from tests.builders import event
from tests.conformance.cases import HTTP, JSON, OURS, SPEC, Case, binary, cases, message, refused, stored, structured

REQUIRED = ("id", "source", "specversion", "type")

MISSING: list[Case] = [
    case
    for name in REQUIRED
    for case in cases(
        f"{SPEC}, {name}: REQUIRED",
        [
            ("no header", binary(**{name: None}), refused(f"ce-{name}")),
            ("an empty header", binary(**{name: ""}), refused(f"ce-{name}")),
            ("a header of white space (RFC 9110 5.5)", binary(**{name: " \t "}), refused(f"ce-{name}")),
            ("an empty quoted string", binary(**{name: '""'}), refused(f"ce-{name}")),
            ("no member", structured(**{name: None}), refused(name)),
            ("an empty string", structured(**{name: '""'}), refused(name)),
            ("null, which is unset", structured(**{name: "null"}), refused(name)),
            ("a number", structured(**{name: "1"}), refused(name)),
            ("a boolean", structured(**{name: "true"}), refused(name)),
            ("an object", structured(**{name: "{}"}), refused(name)),
            ("an array", structured(**{name: '["1.0"]'}), refused(name)),
            ("a name in upper case is another name", structured(f'"{name.upper()}":"x"'), refused(f'"{name.upper()}"')),
        ],
    )
]

ALL_AT_ONCE = [
    *cases(
        f"{OURS}: every fault at once",
        [
            ("nothing", binary(**dict.fromkeys(REQUIRED)), refused(*(f"ce-{name}" for name in REQUIRED))),
            ("an empty object", message("{}"), refused(*REQUIRED)),
            (
                "each attribute its own",
                binary(("ce-datacontenttype", "a/b"), ("ce-my_ext", "1"), ("Content-Type", "json"), id="", time="now"),
                refused("ce-id", "ce-time", "ce-datacontenttype", '"ce-my_ext"', "Content-Type"),
            ),
            (
                "each member its own",
                structured('"Ext":1', '"e":1.5', '"data":{}', '"data_base64":"?"', id="7", time='"now"', subject='""'),
                refused('"Ext"', "e", "data_base64", "data_base64", "id", "time", "subject"),
            ),
            (
                "a wrong name of a wrong value, in a header",
                binary(("ce-my_ext", "%80"), ("ce-your_ext", "%00")),
                refused('"ce-my_ext"', '"ce-my_ext"', '"ce-your_ext"', '"ce-your_ext"'),
            ),
            (
                "a wrong name of a wrong value, in JSON",
                structured('"my_ext":{}', r'"your_ext":"\u0000"'),
                refused('"my_ext"', '"my_ext"', '"your_ext"', '"your_ext"'),
            ),
            ("unreadable is not missing", binary(id="%80", source='"'), refused("ce-id", "ce-source")),
            ("of a wrong type is not missing", structured(id="{}", source="1.0"), refused("id", "source")),
        ],
    ),
]

VERSIONS = [
    Case(f"{SPEC}, specversion: MUST be 1.0", f"{text!r} {mode}", request, refused(path))
    for text in ("0.1", "0.2", "0.3", "1", "1.", "1.0.0", "1.0.2", "1.1", "2.0", "01.0", "1,0", "v1.0", "1.0 ", "１.0")
    for mode, request, path in (
        ("in a header", binary(specversion=text.replace(" ", "%20")), "ce-specversion"),
        ("in JSON", structured(specversion=f'"{text}"'), "specversion"),
    )
] + cases(
    f"{JSON} 2.2: a String is a JSON string",
    [("1.0 as a number", structured(specversion="1.0"), refused("specversion"))],
)

OPTIONAL = [
    case
    for name in ("subject", "dataschema")
    for case in cases(
        f"{SPEC}, {name}: non-empty where it is present",
        [
            ("a header", binary(**{name: "x/y"}), stored(event(data=None, **{name: "x/y"}))),
            ("a member", structured(**{name: '"x/y"'}), stored(event(data=None, **{name: "x/y"}))),
            ("an empty header", binary(**{name: ""}), refused(f"ce-{name}")),
            ("an empty string", structured(**{name: '""'}), refused(name)),
            ("null, which is unset", structured(**{name: "null"}), stored(event())),
            ("a space is a character", binary(**{name: "%20"}), stored(event(data=None, **{name: " "}))),
            ("a number", structured(**{name: "1"}), refused(name)),
        ],
    )
]

SOURCES = [
    case
    for source in (
        "https://github.com/cloudevents",
        "mailto:cncf-wg-serverless@lists.cncf.io",
        "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
        "/cloudevents/spec/pull/123",
        "/sensors/tn-1234567/alerts",
        "1-555-123-4567",
        "#fragment",
        "?query",
        "//authority",
        ".",
    )
    for case in cases(
        f"{SPEC}, source: a URI-reference",
        [
            (f"{source} in a header", binary(source=source), stored(event(source=source))),
            (f"{source} in JSON", structured(source=f'"{source}"'), stored(event(source=source))),
        ],
    )
] + cases(
    f"{OURS}: the syntax of URIs is not enforced, because Go's and Java's senders do not encode (DESIGN 3)",
    [
        ("a space by way of %20", binary(source="https://x/a%20b"), stored(event(source="https://x/a b"))),
        ("beyond ASCII", structured(source='"https://x/é"'), stored(event(source="https://x/é"))),
        ("a percent that escapes nothing", structured(source='"100%"'), stored(event(source="100%"))),
        ("no URI at all", binary(source="<>"), stored(event(source="<>"))),
        ("a relative dataschema", binary(dataschema="a#b"), stored(event(dataschema="a#b"))),
    ],
)

IDS = cases(
    f"{SPEC}, id: any non-empty string",
    [
        ("a space", binary(id="%20"), stored(event(id=" "))),
        ("a space in JSON", structured(id='" "'), stored(event(id=" "))),
        ("the same id again: duplicates are the consumer's to find", binary(), stored(event())),
        ("a thousand characters", binary(id="x" * 1000), stored(event(id="x" * 1000))),
        ("null as a text", structured(id='"null"'), stored(event(id="null"))),
    ],
) + cases(
    f"{HTTP} 3.1.3.1: names of headers are case-insensitive",
    [
        (
            f"{name} is that attribute",
            binary((name.encode(), b"x"), **{name[3:].lower(): None}),
            stored(event(data=None, **{name[3:].lower(): "x"})),
        )
        for name in ("CE-ID", "Ce-Id", "cE-iD", "CE-SOURCE", "Ce-Type", "CE-SUBJECT", "Ce-Myext")
    ],
)

CASES = [*MISSING, *ALL_AT_ONCE, *VERSIONS, *OPTIONAL, *SOURCES, *IDS]
