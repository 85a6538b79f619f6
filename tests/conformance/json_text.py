"""RFC 8259: bodies that are JSON text, and bodies that are not."""

from tests.builders import event
from tests.conformance.cases import BATCH, OURS, Case, cases, members, message, refused, stored, structured

ONE_EVENT = members()

NO_OBJECT: dict[str, bytes] = {
    "nothing": b"",
    "white space": b" \r\n\t ",
    "a word": b"hello",
    "a string": b'"x"',
    "a number": b"1",
    "null": b"null",
    "an array": b"[]",
    "an array of one event": b"[" + ONE_EVENT + b"]",
    "an open object": b"{",
    "an event cut short": ONE_EVENT[:-1],
    "an event cut in a string": ONE_EVENT[:-2],
    "garbage behind": ONE_EVENT + b"x",
    "a second event behind": ONE_EVENT + ONE_EVENT,
    "a second event on the next line": ONE_EVENT + b"\n" + ONE_EVENT,
    "a NUL behind": ONE_EVENT + b"\0",
    "a bracket behind": ONE_EVENT + b"}",
    "a comma at the end": ONE_EVENT[:-1] + b",}",
    "a comma at the start": b"{," + ONE_EVENT[1:],
    "a comma instead of a colon": ONE_EVENT.replace(b":", b",", 1),
    "no comma": ONE_EVENT.replace(b",", b" ", 1),
    "single quotes": ONE_EVENT.replace(b'"', b"'"),
    "a name without quotes": ONE_EVENT.replace(b'"id"', b"id"),
    "a number for a name": ONE_EVENT.replace(b'"id"', b"1"),
    "a comment": b"/* an event */" + ONE_EVENT,
    "a comment of one line": ONE_EVENT + b"// an event",
    "a form feed is no white space": b"\x0c" + ONE_EVENT,
    "a no-break space is none either": "\u00a0".encode() + ONE_EVENT,
    "a raw line feed in a string": ONE_EVENT.replace(b"/tests", b"/te\nsts"),
    "a raw tab in a string": ONE_EVENT.replace(b"/tests", b"/te\tsts"),
    "a raw NUL in a string": ONE_EVENT.replace(b"/tests", b"/te\0sts"),
    "an escape that is none": ONE_EVENT.replace(b"/tests", b"\\x41"),
    "an escape cut short": ONE_EVENT.replace(b"/tests", b"\\u00e"),
    "an escape of no hex": ONE_EVENT.replace(b"/tests", b"\\u00gg"),
    "a form": b"specversion=1.0&id=1",
    "XML": b"<event/>",
}

NO_UTF8: dict[str, bytes] = {
    "UTF-16": ONE_EVENT.decode().encode("utf-16"),
    "UTF-16, little end first": ONE_EVENT.decode().encode("utf-16-le"),
    "UTF-32": ONE_EVENT.decode().encode("utf-32"),
    "Latin-1": ONE_EVENT.replace(b"/tests", "/té".encode("latin-1")),
    "an encoded surrogate": ONE_EVENT.replace(b"/tests", b"\xed\xa0\x80"),
    "overlong": ONE_EVENT.replace(b"/tests", b"\xc0\xaf"),
    "a lone continuation": ONE_EVENT.replace(b"/tests", b"\x80"),
    "cut short": ONE_EVENT.replace(b"/tests", b"\xc3"),
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "in data": ONE_EVENT[:-1] + b',"data":"\xff"}',
    "in the name of a member of data": ONE_EVENT[:-1] + b',"data":{"\xff":1}}',
    "behind the event": ONE_EVENT + b"\xff",
}

NO_DATA = (
    *(
        "NaN",
        "Infinity",
        "-Infinity",
        "nul",
        "True",
        "TRUE",
        "undefined",
        "'a'",
        "01",
        "-01",
        "1.",
        ".5",
        "+1",
        "1e",
        "0x1",
    ),
    *(
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1",
        "1]",
        '{"a":1,}',
        '{"a" 1}',
        '{"a"}',
        "{1:2}",
        "{a:1}",
        "[1}",
        '{"a":1]',
        '"a" "b"',
    ),
    *(r'"\q"', r'"\u12"', '"a\nb"', '"a\tb"', '"\x1f"', '"a', "", "[NaN]", '{"a":Infinity}', '{"a\nb":1}', r'{"\q":1}'),
    *(r'["\ud800",01]', r'["\ud800","\q"]', '["\\ud800","\n"]', "[1]/*x*/", "1 //x", "\u00a01"),
)

CASES = [
    *(
        Case("RFC 8259 2 and 7", f"{what} is no event", message(body), refused("body"))
        for what, body in NO_OBJECT.items()
    ),
    *(Case("RFC 8259 8.1: UTF-8", what, message(body), refused("body")) for what, body in NO_UTF8.items()),
    *(
        Case("RFC 8259 8.1: UTF-8", f"{what}, in a batch", message(b"[" + body + b"]", BATCH), refused("body"))
        for what, body in NO_UTF8.items()
    ),
    *(
        Case("RFC 8259 3, 6 and 7", f"data {text!r} is no value", structured(f'"data":{text}'), refused("body"))
        for text in NO_DATA
    ),
    *cases(
        f"{OURS}: a byte order mark is refused (RFC 8259 8.1: MUST NOT be added, MAY be ignored)",
        [("a mark", message(b"\xef\xbb\xbf" + ONE_EVENT), refused("body"))],
    ),
    *cases(
        "RFC 8259 2: white space",
        [
            ("around", message(b" \t\r\n" + ONE_EVENT + b"\n\n"), stored(event())),
            ("everywhere", message(ONE_EVENT.replace(b":", b" :\t").replace(b",", b"\r\n,\n")), stored(event())),
        ],
    ),
    *cases(
        "RFC 8259 7: names in escapes",
        [
            ("of a letter", message(ONE_EVENT.replace(b'"id"', rb'"\u0069\u0064"')), stored(event())),
            (
                "of data",
                structured(r'"\u0064ata":[1, 2]'),
                stored(event(data=b"[1, 2]", datacontenttype="application/json")),
            ),
        ],
    ),
    *cases(
        "RFC 8259 9: an implementation may limit the depth of nesting",
        [
            (
                "as deep as it may be",
                structured(f'"data":{"[" * 511}{"]" * 511}'),
                stored(event(data=b"[" * 511 + b"]" * 511, datacontenttype="application/json")),
            ),
            ("one level more", structured(f'"data":{"[" * 512}{"]" * 512}', id=None), refused("body", "id")),
            ("of data", structured(f'"data":{"[" * 100_000}{"]" * 100_000}'), refused("body")),
            ("of an attribute", structured(f'"ext":{"[" * 100_000}{"]" * 100_000}'), refused("body")),
            ("without an end", structured(f'"data":{"[" * 100_000}'), refused("body")),
            ("of objects", structured('"data":' + '{"a":' * 50_000 + "1" + "}" * 50_000), refused("body")),
        ],
    ),
]
