"""http-protocol-binding.md 3.3 and json-format.md 4: batches, all of them or none (DESIGN 3)."""

from tests.builders import event
from tests.conformance.cases import BATCH, HTTP, JSON, ONE, OURS, batch, cases, members, message, refused, stored

ALL_OR_NONE = f"{OURS}: a batch is taken whole or not at all (DESIGN 3)"
REQUIRED = ("id", "source", "specversion", "type")


def numbered(number: int, *more: str, **changed: str | None) -> bytes:
    """An event of this id."""
    return members(*more, **{"id": f'"{number}"', **changed})


def missing(place: int) -> tuple[str, ...]:
    """The faults of an empty object at this place."""
    return tuple(f"[{place}].{name}" for name in REQUIRED)


CASES = [
    *cases(
        f"{JSON} 4: an array of events",
        [
            ("of none", batch(), stored()),
            ("of none, with space", message(b" [ \r\n ] ", BATCH), stored()),
            ("of one", batch(numbered(1)), stored(event(id="1"))),
            ("of three", batch(*map(numbered, range(3))), stored(*(event(id=str(n)) for n in range(3)))),
            ("of a thousand", batch(*map(numbered, range(1000))), stored(*(event(id=str(n)) for n in range(1000)))),
            ("of the same event twice", batch(numbered(1), numbered(1)), stored(event(id="1"), event(id="1"))),
            (
                "each with its own data",
                batch(
                    numbered(1, '"data":[1, 2.0]'),
                    numbered(2, '"data_base64":"AP8="', datacontenttype='"a/b"'),
                    numbered(3, '"data":"é"', datacontenttype='"text/plain"'),
                    numbered(4),
                    numbered(5, '"data":null'),
                ),
                stored(
                    event(id="1", data=b"[1, 2.0]", datacontenttype="application/json"),
                    event(id="2", data=b"\0\xff", datacontenttype="a/b"),
                    event(id="3", data="é".encode(), datacontenttype="text/plain"),
                    event(id="4"),
                    event(id="5", data=b"null", datacontenttype="application/json"),
                ),
            ),
            (
                "with space between",
                message(b"[\n " + numbered(1) + b" ,\t" + numbered(2) + b"\r\n]", BATCH),
                stored(event(id="1"), event(id="2")),
            ),
            ("an object is none", message(members(), BATCH), refused("body")),
            ("null is none", message(b"null", BATCH), refused("body")),
            ("nothing is none", message(b"", BATCH), refused("body")),
            ("one that is open", message(b"[" + members(), BATCH), refused("body")),
            ("a comma at the end", message(b"[" + members() + b",]", BATCH), refused("body")),
            ("no comma", message(b"[" + members() + members() + b"]", BATCH), refused("body")),
            ("garbage behind", message(b"[" + members() + b"] x", BATCH), refused("body")),
            ("lines of events", message(members() + b"\n" + members(), BATCH), refused("body")),
            ("a number in it", batch(b"1"), refused("[0].body")),
            ("null in it", batch(numbered(1), b"null"), refused("[1].body")),
            ("a batch in it", batch(b"[" + numbered(1) + b"]"), refused("[0].body")),
        ],
    ),
    *cases(
        ALL_OR_NONE,
        [
            ("one bad of three", batch(numbered(1), b"{}", numbered(3)), refused(*missing(1))),
            ("the first of two", batch(b"{}", numbered(2)), refused(*missing(0))),
            ("one alone", batch(b"{}"), refused(*missing(0))),
            (
                "the last of a thousand",
                batch(*map(numbered, range(999)), numbered(999, time='"now"')),
                refused("[999].time"),
            ),
            (
                "two bad, all faults",
                batch(numbered(0, id='""', time='"now"'), numbered(1), numbered(2, '"Ext":1', subject="{}")),
                refused("[0].id", "[0].time", '[2]."Ext"', "[2].subject"),
            ),
            ("a name twice", batch(numbered(0), numbered(1, '"id":"1"')), refused("[1].id")),
            (
                "data beside data_base64",
                batch(numbered(0, '"data":1', '"data_base64":"QQ=="')),
                refused("[0].data_base64"),
            ),
            ("a lone surrogate", batch(numbered(0), numbered(1, r'"ext":"\ud800"')), refused("[1].ext")),
        ],
    ),
    *cases(
        f"{HTTP} 3.3: all of one specversion, which is 1.0 here",
        [("of two versions", batch(numbered(0), numbered(1, specversion='"0.3"')), refused("[1].specversion"))],
    ),
    *cases(
        f"{OURS}: at most 1000 events a batch",
        [
            ("one more", batch(*map(numbered, range(1001))), refused("body", status=413)),
            ("of empty objects", batch(*[b"{}"] * 5000), refused("body", status=413)),
        ],
    ),
    *cases(
        f"{OURS}: hops that are spent are refused (Knative)",
        [
            ("in a batch", batch(numbered(0), numbered(1, '"knativebrokerttl":0')), refused("[1].knativebrokerttl")),
            ("in a batch of one", batch(numbered(0, '"knativebrokerttl":0')), refused("[0].knativebrokerttl")),
            (
                "a count in a batch is kept",
                batch(numbered(0, '"knativebrokerttl":7'), numbered(1)),
                stored(event(id="0", knativebrokerttl="7"), event(id="1")),
            ),
        ],
    ),
    *cases(
        f"{HTTP} 3: the mode is in Content-Type",
        [("a batch under the type of one event", message(b"[" + members() + b"]", ONE), refused("body"))],
    ),
]
