"""CEL (cel.dev) over an event's attributes and data: the dialect `cel`, which the extra `tradewind[cel]` brings.

    event ──► Activation: `event` (attributes, strings all of them), `data` (its JSON, read once, at first use)
    text ──bounds──library──► Expression ──of an Activation──► matches, or does not, or failed and why
                          Attribute  ──of a request──► an attribute of the event that it becomes (`attribute`)

The library is C++ and runs in this process, so whatever it is given is bounded before (`bounds`, `document`).
"""

from tradewind.filters.cel.activation import Activation
from tradewind.filters.cel.expression import Expression, expression
from tradewind.filters.cel.library import installed

__all__ = ["Activation", "Expression", "expression", "installed"]
