"""Tokens → tree, by binding powers, as Pratt did it; with its stacks on the heap.

It is a loop with two states, so that 8,000 parentheses are so many turns of it: either an operand is due, or something
that may follow one.  Every token is pushed once and popped once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tradewind.errors import Fault, InvalidExpression
from tradewind.filters.cesql import doubts
from tradewind.filters.cesql.bounds import MAX_TEXT_BYTES
from tradewind.filters.cesql.lexer import Lexeme, Token, lexemes
from tradewind.filters.cesql.like import checked
from tradewind.filters.cesql.operands import Operand, Pending, joined, one_more
from tradewind.filters.cesql.powers import BINDING, COMPARISON, LOGIC, MATCH, OPEN, PREFIX
from tradewind.filters.cesql.tree import (
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Exists,
    In,
    Like,
    Minus,
    Node,
    Not,
    Number,
    Text,
    Truth,
)
from tradewind.filters.cesql.values import Failed, integer

_FUNCTION = re.compile(r"[A-Za-z][A-Za-z_]*")
_NUMBER_AND_WORD = re.compile(r"([0-9]+)(AND|OR|XOR|LIKE|IN)", re.IGNORECASE)
_AN_OPERAND = "an attribute, a literal, a function, NOT, EXISTS, `-` or `(`"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A tree, its levels, and what its author may have meant otherwise."""

    tree: Node
    depth: int
    doubts: tuple[Fault, ...]


def parsed(text: str) -> Parsed:
    """The tree of this text; raises InvalidExpression at the first fault."""
    if len(text) > MAX_TEXT_BYTES // 4:
        octets = text.encode("utf-8", "surrogatepass")
        if len(octets) > MAX_TEXT_BYTES:
            position = sum(octet & 0xC0 != 0x80 for octet in octets[: MAX_TEXT_BYTES + 1]) - 1
            found = f"an expression of {len(octets):,} bytes"
            raise InvalidExpression(position, found, f"at most {MAX_TEXT_BYTES:,} bytes", "Tradewind")
    return _Parser(text).parsed()


class _Parser:
    def __init__(self, text: str) -> None:
        self._rest: Iterator[Lexeme] = lexemes(text)
        self._here = next(self._rest)
        self._operands: list[Operand] = []
        self._pending: list[Pending] = []
        self._held: Lexeme | None = None  # a lexeme that was put back
        self._doubts: list[doubts.Doubt] = []
        self._underscores = 0  # that patterns have to search, up to here

    def parsed(self) -> Parsed:
        due = True  # whether an operand is what must come
        while self._here.token is not Token.END or due:
            due = self._operand() if due else self._continuation()
        self._complete(LOGIC)
        if self._pending:
            raise self._unexpected("`)`" if not self._is_list(self._pending[-1]) else "`,` or `)`")
        whole = self._operands.pop()
        tree = whole.finished()
        found = sorted([*self._doubts, *doubts.unguarded(tree), *doubts.hopeless(tree)], key=lambda doubt: doubt[0])
        return Parsed(tree, whole.depth, tuple(fault for _, fault in found))

    # -- reading --------------------------------------------------------------------------------------------

    def _take(self) -> Lexeme:
        taken = self._here
        if self._held is not None:
            self._here, self._held = self._held, None
        else:
            self._here = next(self._rest)
        return taken

    def _is(self, *texts: str) -> bool:
        return self._here.token in (Token.SIGN, Token.KEYWORD) and self._here.text in texts

    def _unexpected(self, expected: str, rule: str = "CESQL 2.1") -> InvalidExpression:
        return InvalidExpression(self._here.span[0], str(self._here), expected, rule)

    # -- where an operand is due: each of these says whether one still is ---------------------------------------

    def _operand(self) -> bool:
        here = self._here
        match here.token:
            case Token.NUMBER:
                return self._number(self._take())
            case Token.STRING:
                self._push(Text(here.text, span=here.span))
                self._take()
                return False
            case Token.NAME:
                return self._name(self._take())
        if self._is("TRUE", "FALSE"):
            self._push(Truth(here.text == "TRUE", span=here.span))
            self._take()
            return False
        if self._is("EXISTS"):
            return self._exists(self._take())
        if self._is("NOT"):
            self._pending.append(Pending(self._take(), PREFIX, prefix=True))
            return True
        if self._is("-", "+"):
            return self._signed(here)
        if self._is("("):
            self._pending.append(Pending(self._take(), OPEN))
            return True
        raise self._unexpected(_AN_OPERAND)

    def _push(self, node: Node) -> None:
        self._operands.append(Operand(node.span, 1, node))

    def _number(self, digits: Lexeme, sign: str = "", start: int | None = None) -> bool:
        start = digits.span[0] if start is None else start
        try:
            value = integer(sign + digits.text)
        except Failed:
            cut = digits.text if len(digits.text) <= 20 else digits.text[:20] + "…"
            expected = "an Integer of 32 bits, -2147483648 to 2147483647"
            raise InvalidExpression(start, f"`{sign}{cut}`", expected, "CESQL 2.2") from None
        self._push(Number(value, span=(start, digits.span[1])))
        return False

    def _signed(self, sign: Lexeme) -> bool:
        self._take()
        if self._here.token is Token.NUMBER and self._here.span[0] == sign.span[1]:
            return self._number(self._take(), sign.text, sign.span[0])
        if sign.text == "+":
            raise InvalidExpression(sign.span[0], "`+`", _AN_OPERAND, "CESQL 2.1")
        self._pending.append(Pending(sign, PREFIX, prefix=True))
        return True

    def _name(self, name: Lexeme) -> bool:
        if self._is("(") and _FUNCTION.fullmatch(name.text):
            self._take()
            if self._is(")"):
                self._push(Call(name.text.upper(), (), span=(name.span[0], self._take().span[1])))
                return False
            self._pending.append(Pending(name, OPEN, name=name.text.upper()))
            return True
        number = _NUMBER_AND_WORD.fullmatch(name.text)
        if number is not None and self._begins_operand():
            return self._split(name, number)
        if "_" in name.text:
            if _FUNCTION.fullmatch(name.text):
                raise self._unexpected("`(`: names with `_` are functions", "CESQL 2.4")
            expected = "an attribute's name, of letters and digits"
            raise InvalidExpression(name.span[0], str(name), expected, "CESQL 2.2")
        self._push(Attribute(name.text.lower(), span=name.span))
        return False

    def _begins_operand(self) -> bool:
        """Whether what comes now cannot follow an attribute."""
        literal = self._here.token in (Token.NAME, Token.NUMBER, Token.STRING)
        return literal or self._is("(", "TRUE", "FALSE", "EXISTS")

    def _split(self, name: Lexeme, number: re.Match[str]) -> bool:
        """`1AND x` is `1 AND x`: the grammar asks for no space there.  `1and` alone is an attribute."""
        start, end = name.span
        middle = start + number.end(1)
        self._held, self._here = self._here, Lexeme(Token.KEYWORD, number[2].upper(), (middle, end))
        return self._number(Lexeme(Token.NUMBER, number[1], (start, middle)))

    def _exists(self, keyword: Lexeme) -> bool:
        here = self._here
        if here.token not in (Token.NAME, Token.NUMBER) or "_" in here.text:
            raise self._unexpected("an attribute's name, of letters and digits", "CESQL 2.3")
        self._push(Exists(here.text.lower(), span=(keyword.span[0], here.span[1])))
        self._take()
        return False

    # -- behind an operand --------------------------------------------------------------------------------------

    def _continuation(self) -> bool:
        here = self._here
        if here.token in (Token.SIGN, Token.KEYWORD) and (binding := BINDING.get(here.text)) is not None:
            self._complete(binding + (binding == LOGIC))
            self._pending.append(Pending(self._take(), binding))
            return True
        if self._is("NOT", "LIKE", "IN"):
            return self._match()
        self._complete(LOGIC)
        within = self._pending[-1] if self._pending else None
        if within is not None and self._is(")"):
            self._close(self._take())
            return False
        if within is not None and self._is(",") and self._is_list(within):
            within.items.append(self._operands.pop())
            self._take()
            return True
        closing = "" if within is None else ", `,` or `)`" if self._is_list(within) else " or `)`"
        raise self._unexpected(f"an operator{closing}" if within is not None else "an operator or the end")

    def _match(self) -> bool:
        self._complete(MATCH)
        negated = self._is("NOT")
        start = self._take() if negated else self._here
        if self._is("LIKE"):
            self._take()
            return self._like(start, negated)
        if not self._is("IN"):
            raise self._unexpected("LIKE or IN behind this NOT", "CESQL 2.3")
        self._take()
        if not self._is("("):
            raise self._unexpected("`(` and the elements", "CESQL 2.3")
        subject = self._operands.pop()
        self._doubts += doubts.tight_not(start, subject)
        self._pending.append(Pending(self._take(), OPEN, subject=subject, negated=negated))
        return True

    def _like(self, start: Lexeme, negated: bool) -> bool:
        here = self._here
        if here.token is not Token.STRING:
            raise self._unexpected("the pattern, a string literal", "CESQL 2.3")
        self._underscores = checked(here.text, here.span[0], self._underscores)
        operand = self._operands.pop()
        self._doubts += doubts.tight_not(start, operand)
        self._take()
        span = (operand.span[0], here.span[1])
        like = Like(operand.finished(), here.text, negated, span=span)
        self._operands.append(Operand(span, one_more(start.span[0], operand), like))
        return False

    @staticmethod
    def _is_list(opened: Pending) -> bool:
        return bool(opened.name) or opened.subject is not None

    # -- what is complete becomes one operand -------------------------------------------------------------------

    def _close(self, closing: Lexeme) -> None:
        opened = self._pending.pop()
        end = closing.span[1]
        if opened.subject is not None:
            items = [opened.subject, *opened.items, self._operands.pop()]
            span = (opened.subject.span[0], end)
            depth = one_more(opened.lexeme.span[0], *items)
            subject, *elements = (item.finished() for item in items)
            self._operands.append(Operand(span, depth, In(subject, tuple(elements), opened.negated, span=span)))
        elif opened.name:
            items = [*opened.items, self._operands.pop()]
            span = (opened.lexeme.span[0], end)
            depth = one_more(span[0], *items)
            call = Call(opened.name, tuple(item.finished() for item in items), span=span)
            self._operands.append(Operand(span, depth, call))
        else:
            inner = self._operands[-1]
            inner.span = (opened.lexeme.span[0], end)
            inner.enclosed = True

    def _complete(self, binding: int) -> None:
        """Give whatever waits and binds at least so tightly its right operand."""
        while self._pending and self._pending[-1].binding >= binding:
            operator = self._pending.pop()
            position = operator.lexeme.span[0]
            right = self._operands.pop()
            if operator.prefix:
                span = (position, right.span[1])
                make = Not if operator.lexeme.text == "NOT" else Minus
                node: Node = make(right.finished(), span=span)
                self._operands.append(Operand(span, one_more(position, right), node))
                continue
            left = self._operands.pop()
            if operator.binding == LOGIC:
                self._doubts += doubts.mix(operator.lexeme, right)
                self._operands.append(joined(operator.lexeme.text, position, left, right))
                continue
            self._doubts += doubts.tight_not(operator.lexeme, left)
            span = (left.span[0], right.span[1])
            kind = Comparison if operator.binding == COMPARISON else Arithmetic
            sign = "!=" if operator.lexeme.text == "<>" else operator.lexeme.text
            node = kind(sign, left.finished(), right.finished(), span=span)
            self._operands.append(Operand(span, one_more(position, left, right), node))
