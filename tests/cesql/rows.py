"""What a row of these tables is: the rule, an expression, its value, and the kinds of its errors in their order.

The tables beside this file are data.  `tests/unit/test_cesql.py` evaluates each row, and compiles it as a filter.
"""

from tradewind.filters.cesql import Kind, Value

PARSE, MATH, CAST = Kind.PARSE, Kind.MATH, Kind.CAST
MISSING, FUNCTION, EVALUATION = Kind.MISSING_ATTRIBUTE, Kind.MISSING_FUNCTION, Kind.FUNCTION_EVALUATION

Row = tuple[str, str, Value, *tuple[Kind, ...]]

ATTRIBUTES = {
    "specversion": "1.0",
    "id": "1-2",
    "source": "https://example.com/orders",
    "type": "com.example.order.created",
    "subject": "Ünï/code 𝔘",
    "n": "5",
    "padded": "0005",
    "minus": "-7",
    "plus": "+7",
    "beyond": "2147483648",
    "word": "abc",
    "yes": "true",
    "no": "False",
    "blank": " ",
    "lines": "a\nb",
    "and1": "x",
    "1and": "y",
    "42x": "z",
}
"""The event of every row: canonical strings, as a filter sees them.  It has no `missing`, `gone` or `time`."""
