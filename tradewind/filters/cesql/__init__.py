"""CloudEvents SQL 1.0: predicates and values over an event's attributes, as a library of its own.

    expression = parse("type LIKE 'com.example.%' AND EXISTS subject")     raises InvalidExpression
    expression.matches(attributes)      as a filter: TRUE, and no error; compiled, gives up at the first error
    expression.evaluate(event)          the value and all errors; interpreted
    expression.explain(event)           the same for each part of it

Where the specification is silent or its implementations differ:

- AND, OR and XOR are one level and go to the right, as in the published grammar: `a AND b OR c` is `a AND (b OR c)`.
  Mixes without parentheses, and `NOT a = b`, which is `(NOT a) = b`, are among an expression's `doubts`.
- Names of attributes may be written in any case: `SOURCE` is `source`.  `4-1` is a subtraction, `1AND x` has an AND.
- `'a''b'` is no literal; in literals only the delimiter is escaped, `'a\\\\b'` has two backslashes.
- What does not fit into 32 bits is a MathError and 0, as a division by zero is.
- An operand that failed makes the whole operator fail and yield its zero value: `1 != 1 / 0` is false.
- `1 IN ('x', 1)` fails at `'x'`.  `'a' IN ('a', missing)` is true: IN stops at the first equal element, as OR does.
- Lengths, positions and `_` count characters, not bytes.
"""

from tradewind.errors import InvalidExpression
from tradewind.filters.cesql.bounds import MAX_DEPTH, MAX_TEXT_BYTES
from tradewind.filters.cesql.expression import Explained, Expression, Result, evaluate, parse
from tradewind.filters.cesql.values import Error, Kind, Type, Value

__all__ = [
    "MAX_DEPTH",
    "MAX_TEXT_BYTES",
    "Error",
    "Explained",
    "Expression",
    "InvalidExpression",
    "Kind",
    "Result",
    "Type",
    "Value",
    "evaluate",
    "parse",
]
