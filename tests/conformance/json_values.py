"""json-format.md 2: which JSON values attributes are made of, and what text they become."""

from tests.builders import event
from tests.conformance.cases import JSON, SPEC, Case, binary, cases, refused, stored, structured

TYPES = f"{JSON} 2.2"
INTEGER = f"{SPEC}, Type System, Integer"

INTEGERS = {
    "0": "0",
    "-0": "0",
    "1": "1",
    "-1": "-1",
    "42": "42",
    "2147483647": "2147483647",
    "-2147483648": "-2147483648",
}

NO_INTEGERS = (
    *("2147483648", "-2147483649", "4294967296", "9223372036854775808", "1" * 400),
    *("1.0", "0.0", "-0.0", "1.5", "1e2", "1E2", "1e0", "1e-1", "1e400", "2147483647.0"),
)

CASES = [
    *(
        Case(INTEGER, f"{number} in JSON", structured(f'"ext":{number}'), stored(event(ext=text)))
        for number, text in INTEGERS.items()
    ),
    *(
        Case(f"{INTEGER}; {TYPES}", f"{number[:30]} in JSON", structured(f'"ext":{number}'), refused("ext"))
        for number in NO_INTEGERS
    ),
    *(
        Case("RFC 8259 6", f"{number} is no number", structured(f'"ext":{number}'), refused("body"))
        for number in ("+1", "01", "-01", "00", ".5", "1.", "-", "1e", "0x10", "1_0", "١")
    ),
    *cases(
        TYPES,
        [
            ("true", structured('"ext":true'), stored(event(ext="true"))),
            ("false", structured('"ext":false'), stored(event(ext="false"))),
            ("a string of digits stays as it is", structured('"ext":"007"'), stored(event(ext="007"))),
            ("a string of a large number", structured('"ext":"2147483648"'), stored(event(ext="2147483648"))),
            ("a string True", structured('"ext":"True"'), stored(event(ext="True"))),
            ("an empty string", structured('"ext":""'), stored(event(ext=""))),
            ("Base64 stays Base64", structured('"ext":"AP8="'), stored(event(ext="AP8="))),
            ("escapes are undone", structured(r'"ext":"\"\\\/\u0041\u00e9"'), stored(event(ext='"\\/Aé'))),
            ("percent is not decoded", structured('"ext":"%41%zz"'), stored(event(ext="%41%zz"))),
            ("quotes are not undone", structured(r'"ext":"\"a\""'), stored(event(ext='"a"'))),
            ("space around is kept", structured('"ext":" a "'), stored(event(ext=" a "))),
            ("an object", structured('"ext":{}'), refused("ext")),
            ("an object of null", structured('"ext":{"a":null}'), refused("ext")),
            ("an array", structured('"ext":[]'), refused("ext")),
            ("an array of a string", structured('"ext":["a"]'), refused("ext")),
            ("several of them", structured('"a":[]', '"b":{}', '"c":1.5'), refused("a", "b", "c")),
        ],
    ),
    *(
        Case(f"{TYPES}: {name} is no Boolean and no Integer", value, structured(**{name: value}), refused(name))
        for name in ("time", "subject", "dataschema", "datacontenttype")
        for value in ("true", "0", "{}", "[]", "1.5")
    ),
    *cases(
        f"{JSON} 2.3: null is unset",
        [
            ("an extension", structured('"ext":null'), stored(event())),
            ("a name that none may have is unset, too", structured('"my_ext":null'), stored(event())),
            ("space around it", structured('"ext": \t\r\n null '), stored(event())),
            ("datacontenttype", structured(datacontenttype="null"), stored(event())),
            ("all that is optional", structured('"time":null,"subject":null,"dataschema":null'), stored(event())),
            ("all that is required", structured(id="null", type="null"), refused("id", "type")),
            ("the text null", structured('"ext":"null"'), stored(event(ext="null"))),
        ],
    ),
    *cases(
        f"{SPEC}, Type System: any attribute is text in a header",
        [
            ("a boolean", binary(("ce-ext", "true")), stored(event(ext="true"))),
            ("no boolean", binary(("ce-ext", "True")), stored(event(ext="True"))),
            ("a large number", binary(("ce-ext", "2147483648")), stored(event(ext="2147483648"))),
            ("null", binary(("ce-ext", "null")), stored(event(ext="null"))),
            ("JSON", binary(("ce-ext", "{}")), stored(event(ext="{}"))),
        ],
    ),
    *cases(
        "partitioning.md",
        [
            ("partitionkey", binary(partitionkey="k%20é"), stored(event(partitionkey="k é"))),
            ("partitionkey of a number", structured('"partitionkey":7'), stored(event(partitionkey="7"))),
        ],
    ),
]
