"""Hostile expressions and data against the library itself, in a child process: none may end it, or keep it for long.

The library is C++: what goes wrong in it is no exception, but the end of a dispatcher.  So the bounds are tried on it
here, with everything admission lets through, under a limit of memory.
"""

import json
import subprocess
import sys
from collections.abc import Sequence

import pytest

pytestmark = pytest.mark.process

CHILD = """
import json, resource, sys
from tradewind.errors import InvalidCel
from tradewind.filters import cel

resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
for line in sys.stdin:
    text, data = json.loads(line)
    try:
        expression = cel.expression(text)
    except InvalidCel:
        print("refused")
        continue
    activation = cel.Activation({"type": "x"}, data.encode("latin-1"), max_data_bytes=256 * 1024)
    expression.matches(activation)
    print("failed" if activation.errors else "evaluated")
"""


def told(cases: Sequence[tuple[str, str]]) -> list[str]:
    """What became of each expression with its data (bytes as Latin-1), in one process."""
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run([sys.executable, "-c", CHILD], input=lines, capture_output=True, text=True, timeout=110)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


NUMBERS = json.dumps(list(range(20_000)))
DEEP = 400_000

EXPRESSIONS = [
    ("(" * 4000 + "true" + ")" * 4000, "refused"),
    ("[" * 4000 + "]" * 4000 + " == []", "refused"),
    ("{1: " * 2000 + "1" + "}" * 2000 + " == 1", "refused"),
    ("data" + ".a" * 4000, "refused"),
    ("true ? " * 1100 + "true" + " : true" * 40, "refused"),
    ("data.a" + " + data.a" * 900 + " == 1", "refused"),
    ("'" + "x" * 8300, "refused"),
    ("'" + "\\'" * 4000, "refused"),
    ('"""' * 2700, "refused"),
    ("\x00" * 8000, "refused"),
    ("['x']" + ".map(s, s + s + s + s + s + s + s + s)" * 12 + ".size() == 1", "refused"),
    ("[data]" + ".map(s, [s, s, s, s, s, s, s, s])" * 12 + ".all(s, s == s)", "refused"),
    ("[1]" + ".map(e, [0,1,2,3,4,5,6,7,8,9].map(q, e))" * 9 + ".all(z, z == z)", "refused"),
    ("'x'.matches('((((a{9}){9}){9}){9}){9}')", "failed"),
    ("'" + "a" * 4000 + "'.matches('(a*)*(a*)*(a*)*b')", "evaluated"),
    ("'x'.matches('(((((a{1000}){1000}){1000}){1000}){1000})')", "failed"),
    ("!" * 8000 + "true", "evaluated"),
    (" && ".join(["true"] * 1000), "evaluated"),
    ("data.all(a, data.all(b, data.all(c, true)))", "failed"),
    ("data.map(a, data.map(b, 1)).size() == 1", "refused"),
    ("data.all(a, a >= 0)", "failed"),
    ("data.exists(a, a == 9000)", "evaluated"),
    ("data.filter(a, a >= 0).size() == 1", "failed"),
    ("data.map(a, a).size() == 1", "failed"),
    ("[" + ",".join(["1"] * 4000) + "].map(a, a).size() == 1", "refused"),
    ("data == data && data.size() > 1", "evaluated"),
    (" && ".join(["data == data"] * 500), "failed"),
    ("data.exists(a, a > 9000 || " + " && ".join(["a == a"] * 700) + " && false)", "failed"),
    ("data.all(a, data == data)", "failed"),
    ("data.all(data, .data == .data || true)", "failed"),
    ("string(data[0]).contains(string(data[1])) && " * 40 + "true", "failed"),
    ("type(data) == string || 'x'.matches('(z.{990}|yz.{990}|zy.{990}|zz.{990}|yy.{990}|yyy.{990})w')", "failed"),
    ("data.map(a, data).all(a, " + " && ".join(["a == a"] * 700) + ")", "refused"),
    ("[" + ", ".join(["data"] * 500) + "].all(a, " + " && ".join(["a == a"] * 300) + ")", "refused"),
    ("data.all(a, data == data && data == data && data == data)", "refused"),
    ("timestamp('9999-12-31T23:59:59Z') + duration('999999999999h') > timestamp('0001-01-01T00:00:00Z')", "failed"),
    ("duration(event.type) > duration('1s')", "failed"),
    ("-9223372036854775808 / -1 > 0 || -9223372036854775808 % -1 == 0", "failed"),
    ("google.protobuf.Struct{fields: {'a': google.protobuf.Value{number_value: 1.0}}}.a == 1.0", "evaluated"),
]
DATA = [
    ("[" * 128 + "]" * 128, "evaluated"),
    ("[" * 129 + "]" * 129, "failed"),
    ('{"a":' * 129 + "1" + "}" * 129, "failed"),
    ("[" * 100_000 + "]" * 100_000, "failed"),
    ("[" * 6000 + "]" * 6000, "failed"),
    ("[" * DEEP + "]" * DEEP, "failed"),
    ("9" * 19, "evaluated"),
    ("-" + "9" * 300, "evaluated"),
    ("9" * 5000, "failed"),
    ("1e400", "failed"),
    ('"\\ud800"', "failed"),
    ('"\xff\xfe"', "failed"),
    ('"\\u0000"', "evaluated"),
    ('{"": {"": [null]}, "a": 1, "a": 2}', "evaluated"),
    ("NaN", "failed"),
    ("", "failed"),
    ("nul", "failed"),
    (json.dumps({str(number): number for number in range(15_000)}), "evaluated"),
    (json.dumps("x" * 250_000), "evaluated"),
]


def test_no_expression_ends_the_process_or_keeps_it() -> None:
    found = told([(text, NUMBERS) for text, _ in EXPRESSIONS])
    assert dict(zip((text[:60] for text, _ in EXPRESSIONS), found, strict=True)) == {
        text[:60]: expected for text, expected in EXPRESSIONS
    }


def test_no_data_end_the_process_or_keep_it() -> None:
    found = told([("data == data", data) for data, _ in DATA])
    assert dict(zip((data[:30] + str(len(data)) for data, _ in DATA), found, strict=True)) == {
        data[:30] + str(len(data)): expected for data, expected in DATA
    }
