"""http-protocol-binding.md 3.1.3.2: quotes, then one round of percent-decoding, then UTF-8, in this order."""

from tests.builders import event
from tests.conformance.cases import HTTP, OURS, Case, Request, binary, refused, stored

DECODING = f"{HTTP} 3.1.3.2"
LITERAL = f"{OURS}: a % that starts no escape is kept (DESIGN 3)"

READ: list[tuple[str, str, str | bytes, str]] = [
    (DECODING, "as it is", "plain", "plain"),
    (
        DECODING,
        "all of printable ASCII",
        "!#$&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~",
        "!#$&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~",
    ),
    (DECODING, "an escape that was not needed", "%41%7A", "Az"),
    (DECODING, "an encoded space", "a%20b", "a b"),
    (DECODING, "an encoded quote", "%22", '"'),
    (DECODING, "an encoded percent", "100%25", "100%"),
    (DECODING, "two octets", "%C3%A9", "é"),
    (DECODING, "three octets", "%E2%82%AC", "€"),
    (DECODING, "four octets", "%F0%9F%98%80", "\U0001f600"),
    (DECODING, "the example of the specification", "Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € \U0001f600"),
    (DECODING, "lower-case hex", "%c3%a9", "é"),
    (DECODING, "mixed hex", "%c3%A9%E2%82%aC", "é€"),
    (DECODING, "exactly one round", "%2541", "%41"),
    (DECODING, "exactly one round of two", "%252541", "%2541"),
    (DECODING, "a plus is a plus", "a+b", "a+b"),
    (DECODING, "encoded spaces around", "%20a%20", " a "),
    (DECODING, "the highest character", "%F4%8F%BF%BD", "\U0010fffd"),
    (DECODING, "the lowest of three octets", "%E0%A0%80", "\u0800"),
    (DECODING, "around the surrogates", "%ED%9F%BF%EE%80%80", "\ud7ff\ue000"),
    (f"{DECODING}; RFC 9110 5.6.4", "a quoted string", '"a b"', "a b"),
    (f"{DECODING}; RFC 9110 5.6.4", "an escaped quote", r'"a\"b"', 'a"b'),
    (f"{DECODING}; RFC 9110 5.6.4", "an escaped backslash", r'"a\\b"', r"a\b"),
    (f"{DECODING}; RFC 9110 5.6.4", "an escape that was not needed", r'"\a\b\c"', "abc"),
    (f"{DECODING}; RFC 9110 5.6.4", "a backslash outside quotes", r"a\b", r"a\b"),
    (f"{DECODING}; RFC 9110 5.6.4", "spaces at the ends of a quoted string", '" a "', " a "),
    (f"{DECODING}; RFC 9110 5.6.4", "empty", '""', ""),
    (f"{DECODING}: order", "escapes inside quotes", '"a%20b"', "a b"),
    (f"{DECODING}: order", "an encoded quote inside quotes", '"%22"', '"'),
    (f"{DECODING}: order", "encoded quotes quote nothing", "%22a%22", '"a"'),
    (f"{DECODING}: order", "an encoded quote opens nothing", "%22a", '"a'),
    (f"{DECODING}: order", "an encoded backslash escapes nothing", '"a%5C"', "a\\"),
    (f"{DECODING}: order", "an escaped percent is a percent by then", r'"\%41"', "A"),
    (f"{DECODING}: order", "an escape that quotes cut in two", '%"4"1', "A"),
    (f"{DECODING}: order", "a character of octets that quotes cut in two", '%C3"%A9"', "é"),
    (f"{DECODING}: no comments", "parentheses are characters", "a (b)", "a (b)"),
    (f"{OURS}: quotes within a value", "in the middle", 'a" b "c', "a b c"),
    (f"{OURS}: quotes within a value", "two of them", '"a""b"', "ab"),
    (LITERAL, "at the end", "100%", "100%"),
    (LITERAL, "one digit", "%4", "%4"),
    (LITERAL, "no digit", "%zz", "%zz"),
    (LITERAL, "one digit, then none", "%4g", "%4g"),
    (LITERAL, "alone", "%", "%"),
    (LITERAL, "before an escape", "%%41", "%A"),
    (LITERAL, "a sign is no digit", "%+1%-1", "%+1%-1"),
    (LITERAL, "a space is no digit", "% 41", "% 41"),
    (LITERAL, "IIS's form is none", "%u00e9", "%u00e9"),
    (f"{OURS}: raw UTF-8, as Go's and Java's senders write it", "two octets", "é", "é"),
    (f"{OURS}: raw UTF-8, as Go's and Java's senders write it", "four octets", "\U0001f600", "\U0001f600"),
    (f"{OURS}: raw UTF-8, as Go's and Java's senders write it", "beside escapes", "é%C3%A9", "éé"),
    (f"{OURS}: raw UTF-8, as Go's and Java's senders write it", "a character half encoded", b"\xc3%A9", "é"),
    ("RFC 9110 5.5", "white space around the value", " \t a \t ", "a"),
    ("RFC 9110 5.5", "white space within", "a  b", "a  b"),
    ("spec.md, Type System, String", "an extension may be empty", "", ""),
]

REFUSED: list[tuple[str, str, str | bytes]] = [
    (f"{DECODING}: UTF-8", "overlong, of the specification", "%C0%A0"),
    (f"{DECODING}: UTF-8", "overlong NUL", "%C0%80"),
    (f"{DECODING}: UTF-8", "overlong slash", "%E0%80%AF"),
    (f"{DECODING}: UTF-8", "a surrogate", "%ED%A0%80"),
    (f"{DECODING}: UTF-8", "a pair of surrogates (CESU-8)", "%ED%A0%BD%ED%B8%80"),
    (f"{DECODING}: UTF-8", "a lone continuation", "%80"),
    (f"{DECODING}: UTF-8", "cut short", "%C3"),
    (f"{DECODING}: UTF-8", "cut short in the middle", "%E2%82a"),
    (f"{DECODING}: UTF-8", "beyond U+10FFFF", "%F4%90%80%80"),
    (f"{DECODING}: UTF-8", "an octet that never occurs", "%FF"),
    (f"{DECODING}: UTF-8", "five octets", "%F8%88%80%80%80"),
    (f"{DECODING}: UTF-8", "inside quotes", '"%80"'),
    (f"{DECODING}: UTF-8", "raw Latin-1", b"caf\xe9"),
    (f"{DECODING}: UTF-8", "a raw lone continuation", b"\x80"),
    (f"{DECODING}; RFC 9110 5.6.4", "an open quote", '"a'),
    (f"{DECODING}; RFC 9110 5.6.4", "a quote alone", '"'),
    (f"{DECODING}; RFC 9110 5.6.4", "a closing quote that is escaped", r'"a\"'),
    (f"{DECODING}; RFC 9110 5.6.4", "a quote within", 'a"b'),
    (f"{DECODING}; RFC 9110 5.6.4", "three quotes", '"a"b"'),
    (f"{DECODING}: order", "a closing quote that is encoded", '"a%22'),
]


def extension(raw: str | bytes) -> Request:
    """An event whose extension `ext` has this value on the wire."""
    return binary(("ce-ext", raw))


CASES = [
    *(Case(rule, what, extension(raw), stored(event(ext=value))) for rule, what, raw, value in READ),
    *(Case(rule, what, extension(raw), refused("ce-ext")) for rule, what, raw in REFUSED),
    *(
        Case(
            DECODING,
            f"the same rules for {name}",
            binary(**{name: r'"a%C3%A9\""'}),
            stored(event(data=None, **{name: 'aé"'})),
        )
        for name in ("id", "source", "type", "subject", "dataschema", "partitionkey")
    ),
    Case(DECODING, "time, too", binary(time='"2026-01-31T12%3A00:00Z"'), stored(event(time="2026-01-31T12:00:00Z"))),
    Case(DECODING, "specversion, too", binary(specversion='"1%2E0"'), stored(event())),
]
