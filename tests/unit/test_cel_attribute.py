"""CEL expressions that give attributes: which are taken at all."""

import pytest

from tradewind.errors import InvalidCel
from tradewind.filters.cel.attribute import attribute


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("[1]", "line 1: found a value of type LIST<INT>, expected a string"),
        ("1.5", "line 1: found a value of type DOUBLE"),
        ("data.a", "undeclared reference to 'data.a'"),
        ("event.type", "a CEL expression of `body`, `headers` and `query`"),
        ("body.", "Syntax error"),
        ("", "line 1"),
        ("'x'" + " + 'x'" * 9, "more than 8 +"),
        ("body.l.map(x, x + x)", "+ inside of"),
        ("headers.x.matches(headers.y)", "no literal as the pattern of matches"),
        ("body.l.map(x, body)", "body inside of map"),
        ("x" * 9000, "an expression of 9,000 bytes"),
    ],
)
def test_what_is_no_expression_of_an_attribute(expression: str, fault: str) -> None:
    with pytest.raises(InvalidCel) as raised:
        attribute(expression)
    assert fault in str(raised.value)


def test_an_expression_is_compiled_once() -> None:
    assert attribute("body.type") is attribute("body.type")
