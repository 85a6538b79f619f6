"""How much an expression may be, and may build: no event may cost more than its Trigger's author could foresee."""

MAX_TEXT_BYTES = 8192
"""Bytes of an expression in UTF-8.  Everything that is done with one is linear in this."""

MAX_DEPTH = 32
"""Levels of an expression, operands of one chain of AND, OR or XOR side by side, parentheses not counted.

Reading, folding, evaluating and compiling go down one call for each of them; CPython gives up on generated text with
200 nested parentheses, and a level takes four of these at most.
"""

MAX_UNDERSCORES = 64
"""`_` between the first and the last `%` of patterns, all of an expression's together.  Each may cost a look at every
character of an attribute, in Python.  At the ends of patterns, and without `%`, there may be any number.
"""

MAX_SEARCHED = 512
"""Characters between two `%` of a pattern, where a `_` is among them.  Each is a bit of what is kept for each character
of a text: so many still cost about what one costs."""

MAX_BUILT_CHARACTERS = 65_536
"""Characters of a string that a function builds.  Nested CONCATs double it at each level: 32 would make gigabytes."""
