"""json-format.md 3.1: what `data` and `data_base64` mean, byte for byte."""

from tests.builders import event
from tests.conformance.cases import JSON, OURS, Case, cases, quoted, refused, stored, structured

DATA = f"{JSON} 3.1.1"
ENCODED = f"{JSON} 3.1.2; RFC 4648 3.3 and 4"

AS_IT_CAME = (
    *("{}", "[]", "0", "-0", "1.10", "1E+2", "1e400", "123456789012345678901234567890", "0.10000000000000000555"),
    *("true", "false", "null", '""', '"text"', '"{\\"a\\":1}"', '"é"', r'"\u00e9\/"', r'"\ud83d\ude00"', '"\x7f"'),
    *('{"a": 1.10}', '{ "a" : [ 1 ,2,\t3 ] }', "[1,\r\n 2]", '{"a":1,"a":2}', '{"":{"":[]}}', '{"id":null}'),
    *('{"b":1,"a":2}', '"\u2028"', '"\ufeff"', '"\ufffe"', "[[[[[[[[[[]]]]]]]]]]", '"%41"', r'"\u0000"', r'"\ud800"'),
    *(r'["\udc00\ud800"]', r'{"\ud800":1}', '"' + "x" * 5000 + '"', "9" * 5000, "[" * 400 + "]" * 400),
)
"""JSON values that must be stored as they came, number forms, spacing and duplicates included."""

JSON_TYPES = (
    *("application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/json ; a=b", "text/json"),
    *("application/problem+json", "model/gltf+json", "application/a_b+JSON", "a/b+c+json", 'a/json; b="c;d"'),
)
OTHER_TYPES = (
    *("text/plain", "text/plain; charset=utf-8", "application/xml", "application/jsonx", "application/json5"),
    *("application/x-json", "json/plain", "application/octet-stream", 'a/b; c="application/json"', "a/json+xml"),
)

VALUES = [
    Case(
        DATA,
        f"{text[:40]!r} is cut out as it came",
        structured(f'"data":{text}'),
        stored(event(data=text.encode(), datacontenttype="application/json")),
    )
    for text in AS_IT_CAME
]

TYPED = [
    *(
        Case(
            f"{DATA}: a JSON type",
            f"{kind}: {text}",
            structured(f'"data":{text}', datacontenttype=quoted(kind)),
            stored(event(data=text.encode(), datacontenttype=kind)),
        )
        for kind in JSON_TYPES
        for text in ('"a string stays one"', '{"a": 1.10}')
    ),
    *(
        Case(
            f"{DATA}: another type",
            f"{kind}: {what}",
            structured(f'"data":{text}', datacontenttype=quoted(kind)),
            expected,
        )
        for kind in OTHER_TYPES
        for what, text, expected in (
            ("text", r'"<é a=\"\u00e9\"/>"', stored(event(data='<é a="é"/>'.encode(), datacontenttype=kind))),
            ("an object", '{"a":1}', refused("data")),
        )
    ),
    *cases(
        f"{DATA}: another type",
        [
            (what, structured(f'"data":{text}', datacontenttype='"text/plain"'), expected)
            for what, text, expected in (
                ("an empty text", '""', stored(event(data=b"", datacontenttype="text/plain"))),
                ("JSON as text", r'"{\"a\":1}"', stored(event(data=b'{"a":1}', datacontenttype="text/plain"))),
                (
                    "a text may hold controls",
                    r'"a\u0000\n"',
                    stored(event(data=b"a\0\n", datacontenttype="text/plain")),
                ),
                (
                    "a pair of surrogates",
                    r'"\ud83d\ude00"',
                    stored(event(data="\U0001f600".encode(), datacontenttype="text/plain")),
                ),
                ("a lone surrogate is no text", r'"\ud800"', refused("data")),
                ("null", "null", refused("data")),
                ("a number", "1", refused("data")),
                ("a boolean", "true", refused("data")),
                ("an array", "[]", refused("data")),
            )
        ],
    ),
    *cases(
        f"{DATA}: of no type, nothing is asked of data",
        [
            ("an object", structured('"data":{}', datacontenttype='"json"'), refused("datacontenttype")),
            ("a number for a type", structured('"data":{}', datacontenttype="1"), refused("datacontenttype")),
        ],
    ),
    *cases(
        f"{DATA}: no datacontenttype is application/json",
        [
            ("made explicit", structured('"data":"a"'), stored(event(data=b'"a"', datacontenttype="application/json"))),
            (
                "null is none",
                structured('"data":"a"', datacontenttype="null"),
                stored(event(data=b'"a"', datacontenttype="application/json")),
            ),
            ("not without data", structured(), stored(event())),
            (
                "datacontenttype after data",
                structured('"data":"a"', '"datacontenttype":"text/plain"'),
                stored(event(data=b"a", datacontenttype="text/plain")),
            ),
            (
                "datacontenttype without data",
                structured(datacontenttype='"a/b"'),
                stored(event(datacontenttype="a/b")),
            ),
        ],
    ),
]

ABSENT = cases(
    f"{JSON} 2.3 and 3.1: null data is data",
    [
        ("null", structured('"data":null'), stored(event(data=b"null", datacontenttype="application/json"))),
        (
            "space around",
            structured('"data": \n null\t'),
            stored(event(data=b"null", datacontenttype="application/json")),
        ),
        ("absent", structured(), stored(event())),
        ("data_base64 of null is absent", structured('"data_base64":null'), stored(event())),
    ],
)

BASE64 = [
    *cases(
        ENCODED,
        [
            (
                f"{text!r}",
                structured(f'"data_base64":"{text}"', datacontenttype='"a/b"'),
                stored(event(data=data, datacontenttype="a/b")),
            )
            for text, data in {
                "QQ==": b"A",
                "QUI=": b"AB",
                "QUJD": b"ABC",
                "AP8=": b"\0\xff",
                "+/+/": b"\xfb\xff\xbf",
                "bnVsbA==": b"null",
                "": b"",
            }.items()
        ],
    ),
    *cases(
        ENCODED,
        [
            (f"{text!r} is not that", structured(f'"data_base64":"{text}"'), refused("data_base64"))
            for text in (
                *("QQ", "QQ=", "QQ===", "Q", "Q===", "=", "====", "QUJD=", "QUJD==", "QUJD====", "QQ==QQ==", "Q=Q="),
                *(
                    "QQ==\\n",
                    "QQ\\r\\n==",
                    " QQ==",
                    "QQ== ",
                    "Q Q==",
                    "-_-_",
                    "QQ*=",
                    "é",
                    "QQ==é",
                    "%51%51==",
                    "QUJDQ",
                ),
                *(r"\ud800", r"QQ\u0000=="),
            )
        ],
    ),
    *cases(
        f"{OURS}: bits behind the last byte do not count (RFC 4648 3.5: MAY be refused)",
        [("QR==", structured('"data_base64":"QR=="'), stored(event(data=b"A")))],
    ),
    *cases(
        ENCODED,
        [
            (
                "escapes of JSON are undone first",
                structured(r'"data_base64":"Q\u0051=\u003d"'),
                stored(event(data=b"A")),
            ),
            ("a number", structured('"data_base64":1'), refused("data_base64")),
            ("an object", structured('"data_base64":{}'), refused("data_base64")),
            ("an array", structured('"data_base64":["QQ=="]'), refused("data_base64")),
            ("true", structured('"data_base64":true'), refused("data_base64")),
        ],
    ),
    *cases(
        f"{JSON} 3.1.2: no datacontenttype is assumed",
        [
            ("none", structured('"data_base64":"e30="'), stored(event(data=b"{}"))),
            (
                "JSON that comes in Base64",
                structured('"data_base64":"eyJhIjogMX0="', datacontenttype='"application/json"'),
                stored(event(data=b'{"a": 1}', datacontenttype="application/json")),
            ),
            (
                "under a JSON type, what is none",
                structured('"data_base64":"/w=="', datacontenttype='"application/json"'),
                stored(event(data=b"\xff", datacontenttype="application/json")),
            ),
        ],
    ),
    *cases(
        f"{DATA}: data and data_base64 are mutually exclusive",
        [
            ("both", structured('"data":1', '"data_base64":"QQ=="'), refused("data_base64")),
            ("both, the other way", structured('"data_base64":"QQ=="', '"data":1'), refused("data_base64")),
            (
                "the same in both",
                structured('"data":"A"', '"data_base64":"QQ=="', datacontenttype='"a/b"'),
                refused("data_base64"),
            ),
            ("data of null is there", structured('"data":null', '"data_base64":"QQ=="'), refused("data_base64")),
            (
                "data_base64 of null is not",
                structured('"data":1', '"data_base64":null'),
                stored(event(data=b"1", datacontenttype="application/json")),
            ),
        ],
    ),
]

CASES = [*VALUES, *TYPED, *ABSENT, *BASE64]
