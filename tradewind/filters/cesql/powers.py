"""How tightly operators bind.

The published grammar (CESQLParser.g4), from what binds tightest:

    NOT x   -x                          prefix
    x LIKE 'p'   x IN (…)               and NOT before either
    * / %
    + -
    = != <> >= <= < >
    AND OR XOR                          one level, and to the right: a OR b AND c is a OR (b AND c),
                                        a AND b OR c is a AND (b OR c)
"""

OPEN, LOGIC, COMPARISON, SUM, PRODUCT, MATCH, PREFIX = range(7)
"""Binding powers.  What waits on the stack is completed by what binds no tighter; LOGIC waits on, as it goes right."""

BINDING = {
    **dict.fromkeys(("AND", "OR", "XOR"), LOGIC),
    **dict.fromkeys(("=", "!=", "<>", ">=", "<=", "<", ">"), COMPARISON),
    **dict.fromkeys(("+", "-"), SUM),
    **dict.fromkeys(("*", "/", "%"), PRODUCT),
}
