"""http-protocol-binding.md 3: Content-Type alone says the mode; and what datacontenttype may be."""

from tests.builders import event
from tests.conformance.cases import (
    BATCH,
    HTTP,
    ONE,
    OURS,
    READ,
    SPEC,
    WEBHOOK,
    Case,
    Request,
    binary,
    cases,
    members,
    message,
    quoted,
    refused,
    stored,
    structured,
    unread,
)

MODE = f"{HTTP} 3: the mode is in Content-Type"
FORMAT = f"{WEBHOOK} 2.2: 415 for a format that is not understood"
ONE_EVENT = members()
COPIES = [("ce-id", "other"), ("ce-source", "%80"), ("ce-specversion", "0.3"), ("ce-my_ext", "x"), ("ce-id", "twice")]

STRUCTURED = [
    *(
        Case(MODE, media_type, message(ONE_EVENT, media_type), stored(event()))
        for media_type in (
            ONE,
            "Application/CloudEvents+JSON",
            "APPLICATION/CLOUDEVENTS+JSON",
            f"{ONE}; charset=UTF-8",
            f"{ONE};charset=utf-8",
            f"{ONE} ; charset=utf-8",
            f'{ONE}; charset="utf-8"',
            f"{ONE}; a=b; c=d",
            f"{ONE};",
            f"  {ONE}\t",
        )
    ),
    Case(
        "RFC 8259 11: JSON has no charset",
        "latin-1 is said, UTF-8 is meant",
        message(members(id='"é"'), f"{ONE}; charset=iso-8859-1"),
        stored(event(id="é")),
    ),
    *(
        Case(MODE, f"a batch: {media_type}", message(b"[" + ONE_EVENT + b"]", media_type), stored(event()))
        for media_type in (BATCH, BATCH.upper(), f"{BATCH}; charset=utf-8", f"{BATCH} ;a=b")
    ),
    *cases(
        f"{HTTP} 3.2.3: ce- headers of a structured message are copies",
        [
            ("whatever they hold", message(ONE_EVENT, ONE, *COPIES), stored(event())),
            ("they fill nothing in", message(members(id=None), ONE, ("ce-id", "1")), refused("id")),
            ("ce-datacontenttype, too", message(ONE_EVENT, ONE, ("ce-datacontenttype", "a/b")), stored(event())),
            ("of a batch, too", message(b"[" + ONE_EVENT + b"]", BATCH, *COPIES), stored(event())),
            (
                "and they do not make it binary",
                message(b"{}", ONE, ("ce-id", "1")),
                refused("id", "source", "specversion", "type"),
            ),
        ],
    ),
]

BINARY = (
    cases(
        MODE,
        [
            (
                "an event as JSON is data, in binary mode",
                binary(("Content-Type", "application/json")).carrying(ONE_EVENT),
                stored(event(data=ONE_EVENT, datacontenttype="application/json")),
            ),
            (
                "an event as JSON without ce- headers is no event",
                message(ONE_EVENT, "application/json"),
                refused("ce-id", "ce-source", "ce-specversion", "ce-type"),
            ),
            (
                "text/plain makes no event either",
                message(ONE_EVENT, "text/plain"),
                refused("ce-id", "ce-source", "ce-specversion", "ce-type"),
            ),
            ("nothing at all", Request(), refused("ce-id", "ce-source", "ce-specversion", "ce-type")),
            (
                "the family's name within another",
                binary(("Content-Type", "x/application/cloudevents")).carrying(b"x"),
                refused("Content-Type"),
            ),
            (
                "the family's name as a parameter",
                binary(("Content-Type", f'a/b; c="{ONE}"')).carrying(b"x"),
                stored(event(data=b"x", datacontenttype=f'a/b; c="{ONE}"')),
            ),
            (
                "a neighbour of the family",
                binary(("Content-Type", "application/cloudevent+json")).carrying(b"x"),
                stored(event(data=b"x", datacontenttype="application/cloudevent+json")),
            ),
        ],
    )
    + cases(
        f"{HTTP} 3.1.2: the body is the data as it is",
        [
            (what, binary(("Content-Type", kind)).carrying(body), stored(event(data=body, datacontenttype=kind)))
            for what, kind, body in (
                ("octets", "application/octet-stream", bytes(range(256))),
                ("JSON is not touched", "application/json", b'{"a": 1.10,\r\n "a": [1 ]}'),
                ("JSON that is none", "application/json", b'{"a": NaN'),
                ("JSON of another encoding", "application/json", "é".encode("utf-16")),
                ("an event cut short", "application/json", ONE_EVENT[:-1]),
                ("a mark and all", "text/plain", b"\xef\xbb\xbfx\r\n\r\n"),
                ("what looks like HTTP", "text/plain", b"\r\n\r\nPOST / HTTP/1.1\r\n\r\n"),
                ("one NUL", "a/b", b"\0"),
            )
        ],
    )
    + cases(
        f"{HTTP} 3.1.1: datacontenttype is Content-Type",
        [
            ("none is none", binary().carrying(b"{}"), stored(event(data=b"{}"))),
            ("without data", binary(("Content-Type", "a/b")), stored(event(datacontenttype="a/b"))),
            ("no body is no data", binary(), stored(event())),
            (
                "its case is kept",
                binary(("content-type", "Text/Plain; Charset=UTF-8")).carrying(b"x"),
                stored(event(data=b"x", datacontenttype="Text/Plain; Charset=UTF-8")),
            ),
            (
                "it is not percent-decoded",
                binary(("Content-Type", "a/%41")).carrying(b"x"),
                stored(event(data=b"x", datacontenttype="a/%41")),
            ),
            (
                "its quotes are kept",
                binary(("Content-Type", r'a/b; c="\"%22"')).carrying(b"x"),
                stored(event(data=b"x", datacontenttype=r'a/b; c="\"%22"')),
            ),
        ],
    )
)

FORMATS = [
    *(
        Case(FORMAT, kind, message(b"x", kind), unread())
        for kind in (
            "application/cloudevents",
            "application/cloudevents;a=b",
            "application/cloudevents+avro",
            "application/cloudevents+avro-compact",
            "application/cloudevents+protobuf",
            "application/cloudevents-batch+protobuf",
            "application/cloudevents+xml",
            "application/cloudevents-batch+xml",
            "application/cloudevents-batch",
            "application/cloudevents+cbor",
            "application/cloudevents+json5",
            "application/cloudevents+json+x",
            "application/cloudeventsx",
            "APPLICATION/CLOUDEVENTS+AVRO",
            f"{ONE}, application/json",
        )
    ),
    Case(
        FORMAT,
        "ce- headers do not make it binary",
        binary(("Content-Type", "application/cloudevents+avro")).carrying(b"x"),
        unread(),
    ),
    Case(FORMAT, "a JSON body does not make it JSON", message(ONE_EVENT, "application/cloudevents+xml"), unread()),
]

RIGHT_TYPES = (
    *("a/b", "text/html", "application/vnd.ms-excel", "application/x.y-z+json", "*/*", "a/b;", "a/b; ", "a/b;;c=d"),
    *("a/b;c=d", "a/b ; c=d;e=f", 'a/b; c=""', 'a/b; c="d e;f"', "text/plain; charset=iso-8859-1", "!#$&/^_.+-{|}~"),
    *("multipart/mixed; boundary=gc0pJq0M:08jU534c0p".replace(":", "."), "a/" + "b" * 300),
)
WRONG_TYPES = (
    *(
        "json",
        "/",
        "a/",
        "/b",
        "a/b/c",
        "a b/c",
        "a/b c",
        "a /b",
        "a/ b",
        "a/b; c",
        "a/b; c=",
        "a/b; =d",
        "a/b, c/d",
        "a",
    ),
    *(
        'a/b; c="',
        'a/b; c="d',
        "a/b; c=d e",
        "a/b; c=(d)",
        "a/b (comment)",
        "<a>/b",
        "a/é",
        'a/"b"',
        "a/b; c =d",
        "a@b/c",
    ),
)

TYPES = [
    *(
        Case(
            f"{SPEC}, datacontenttype; RFC 2045 5.1",
            f"{kind} {mode}",
            request,
            stored(event(datacontenttype=kind.strip() if mode == "in a header" else kind)),
        )
        for kind in RIGHT_TYPES
        for mode, request in (
            ("in a header", binary(("Content-Type", kind))),
            ("in JSON", structured(datacontenttype=quoted(kind))),
        )
    ),
    *(
        Case(f"{SPEC}, datacontenttype; RFC 2045 5.1", f"{kind} {mode}", request, refused(path))
        for kind in WRONG_TYPES
        for mode, request, path in (
            ("in a header", binary(("Content-Type", kind)), "Content-Type"),
            ("in JSON", structured(datacontenttype=quoted(kind)), "datacontenttype"),
        )
    ),
    Case(
        f"{SPEC}, datacontenttype; RFC 2045 5.1",
        "empty in a header",
        binary(("Content-Type", "")).carrying(b"x"),
        refused("Content-Type"),
    ),
    Case(
        f"{SPEC}, datacontenttype; RFC 2045 5.1",
        "empty in JSON",
        structured(datacontenttype='""'),
        refused("datacontenttype"),
    ),
    Case(
        f"{OURS}: an event may carry an event",
        "its data's type is of the family",
        structured('"data":{"a": 1}', datacontenttype=f'"{ONE}"'),
        stored(event(data=b'{"a": 1}', datacontenttype=ONE)),
    ),
    Case(
        f"{OURS}: an event may carry an event",
        "in Base64, of a format that is not read here",
        structured('"data_base64":"AP8="', datacontenttype='"application/cloudevents+avro"'),
        stored(event(data=b"\0\xff", datacontenttype="application/cloudevents+avro")),
    ),
]

SEVERAL = cases(
    "RFC 9110 5.3: a field that is no list comes once",
    [
        ("in binary mode", binary(("Content-Type", "a/b"), ("Content-Type", "a/b")), refused("Content-Type")),
        (
            "in binary mode, beside other faults",
            binary(("Content-Type", "a/b"), ("content-type", "c/d"), id=None, time="now", knativebrokerttl="0"),
            refused("Content-Type", "ce-id", "ce-time", "ce-knativebrokerttl"),
        ),
        (
            "in structured mode, beside other faults",
            message(members(id=None, time='"now"'), ONE, ("Content-Type", f"{ONE}; charset=utf-8")),
            refused("Content-Type", "id", "time"),
        ),
        (
            "in structured mode, with nothing else wrong",
            message(ONE_EVENT, ONE, ("Content-Type", ONE)),
            refused("Content-Type"),
        ),
        (
            "in batched mode, beside other faults",
            message(b"[" + members(id=None) + b"]", BATCH, ("Content-Type", BATCH)),
            refused("Content-Type", "[0].id"),
        ),
        (
            "of several modes: which rules hold is not known",
            binary(("Content-Type", "a/b"), ("Content-Type", ONE), id=None),
            refused("Content-Type"),
        ),
        (
            "of a format that is not read",
            message(b"x", "application/cloudevents+xml", ("Content-Type", "application/cloudevents+xml")),
            refused("Content-Type", "Content-Type", status=415, headers={"accept": READ}),
        ),
    ],
)

CASES = [*STRUCTURED, *BINARY, *FORMATS, *TYPES, *SEVERAL]
