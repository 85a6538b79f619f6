"""spec.md, "Type System", String: which characters a value may hold, however they are written."""

from tests.builders import event
from tests.conformance.cases import SPEC, Case, binary, cases, refused, stored, structured
from tradewind.events.http import encode_value

STRING = f"{SPEC}, Type System, String"

CONTROLS = (0x00, 0x01, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1B, 0x1F, 0x7F, 0x80, 0x85, 0x8D, 0x9F)
NONCHARACTERS = (
    *(0xFDD0, 0xFDD1, 0xFDE0, 0xFDEF, 0xFFFE, 0xFFFF),
    *(plane << 16 | low for plane in (1, 2, 8, 15, 16) for low in (0xFFFE, 0xFFFF)),
)
ALLOWED = {
    "a space": " ",
    "a quote": '"',
    "a percent": "%",
    "a backslash": "\\",
    "a slash": "/",
    "a tilde, the last of ASCII": "~",
    "a no-break space": "\u00a0",
    "a soft hyphen": "\u00ad",
    "a combining accent": "e\u0301",
    "a zero-width joiner": "\u200d",
    "a line separator": "\u2028",
    "a right-to-left override": "\u202e",
    "private use": "\ue000",
    "before the noncharacters": "\ufdcf",
    "after the noncharacters": "\ufdf0",
    "a byte order mark": "\ufeff",
    "the replacement character": "\ufffd",
    "another plane": "\U0001f600",
    "an unassigned character": "\U000e0fff",
    "private use of the last plane": "\U0010fffd",
}


def escaped(text: str) -> str:
    """As a JSON string all of escapes, those beyond the BMP as pairs of surrogates."""
    units = text.encode("utf-16-be")
    return '"' + "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2)) + '"'


def percent(text: str) -> str:
    """All of it percent-encoded."""
    return "".join(f"%{octet:02X}" for octet in text.encode())


FORBIDDEN = [
    Case(STRING, f"U+{code:04X} {mode}", request, refused(path))
    for code in (*CONTROLS, *NONCHARACTERS)
    for mode, request, path in (
        ("percent-encoded", binary(("ce-ext", f"a{percent(chr(code))}b")), "ce-ext"),
        ("as an escape of JSON", structured(f'"ext":{escaped(f"a{chr(code)}b")}'), "ext"),
        *([("raw in JSON", structured(f'"ext":"a{chr(code)}b"'), "ext")] if code >= 0x7F else []),
        *([("raw in a header", binary(("ce-ext", f"a{chr(code)}b")), "ce-ext")] if code >= 0x7F else []),
    )
]

PERMITTED = [
    Case(STRING, f"{what} {mode}", request, stored(event(ext=text)))
    for what, text in ALLOWED.items()
    for mode, request in (
        ("percent-encoded", binary(("ce-ext", percent(text)))),
        ("as our codec encodes it", binary(("ce-ext", encode_value(text)))),
        ("as an escape of JSON", structured(f'"ext":{escaped(text)}')),
        *([("raw in JSON", structured(f'"ext":"{text}"'))] if text not in '"\\' else []),
    )
]

SURROGATES = cases(
    f"{STRING}: no lone surrogate",
    [
        ("a high one", structured(r'"ext":"\ud800"'), refused("ext")),
        ("a low one", structured(r'"ext":"\udc00"'), refused("ext")),
        ("a high one at the end", structured(r'"ext":"a\uDBFF"'), refused("ext")),
        ("in the wrong order", structured(r'"ext":"\ude00\ud83d"'), refused("ext")),
        ("two high ones", structured(r'"ext":"\ud83d\ud83d"'), refused("ext")),
        ("before a letter", structured(r'"ext":"\ud83dx"'), refused("ext")),
        ("in id", structured(id=r'"\ud800"'), refused("id")),
        ("in datacontenttype", structured(datacontenttype=r'"a/\ud800"'), refused("datacontenttype")),
        ("a pair is one character", structured(r'"ext":"\ud83d\ude00"'), stored(event(ext="\U0001f600"))),
        ("a pair in upper case", structured(r'"ext":"\uD83D\uDE00"'), stored(event(ext="\U0001f600"))),
    ],
)

ELSEWHERE = [
    *(
        Case(STRING, f"a line feed in {name}", binary(**{name: "a%0Ab"}), refused(f"ce-{name}"))
        for name in ("id", "source", "type", "subject", "dataschema", "time", "specversion", "partitionkey")
    ),
    *cases(
        STRING,
        [
            ("a raw tab in a header", binary(("ce-ext", "a\tb")), refused("ce-ext")),
            ("a raw control in a header", binary(("ce-ext", "a\x01b")), refused("ce-ext")),
            ("a header that would split the answer", binary(subject="a%0d%0aSet-Cookie:%20x"), refused("ce-subject")),
            ("CR and LF in datacontenttype", structured(datacontenttype=r'"a/b\r\nX: y"'), refused("datacontenttype")),
            ("an escaped tab in quotes", binary(("ce-ext", '"a\\\tb"')), refused("ce-ext")),
        ],
    ),
    *cases(
        "RFC 9112 5: no NUL and no lone CR in a field",
        [
            ("a raw NUL", binary(("ce-ext", "a\0b")), refused("headers")),
            ("a raw CR", binary(("ce-ext", "a\rb")), refused("headers")),
        ],
    ),
]

CASES = [*FORBIDDEN, *PERMITTED, *SURROGATES, *ELSEWHERE]
