"""Tokens, numbers and places."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from mremapdsl.lang.record import Record

if TYPE_CHECKING:
    from mremapdsl.lang.syntax.expectations import Value


class Token(Record):
    """A word, number or sign as written."""

    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def unquoted(token: Token) -> str:
    """The content of a text in quotes; in it, ``\\"`` is a quote and ``\\\\`` a backslash."""
    return re.sub(r'\\(["\\])', r"\1", token.text[1:-1])


# --- numbers ---------------------------------------------------------------------------------------------------


class Number(Record):
    value: int
    start: int
    end: int


class Size(Record):
    """``64K``."""

    text: str
    start: int
    end: int


class Constant(Record):
    """The name of a ``let`` or of a loop variable."""

    name: str
    start: int
    end: int


class Chain(Record):
    """``a + b - c`` or ``a * b / c``: operands with the signs between them."""

    items: tuple[Value | Token, ...]
    start: int
    end: int


Expr: TypeAlias = Number | Size | Constant | Chain

# --- places ----------------------------------------------------------------------------------------------------


class Whole(Record):
    """``A``."""

    name: Token
    start: int
    end: int


class OnePage(Record):
    """``A[3]``."""

    name: Token
    page: Expr
    start: int
    end: int


class Pages(Record):
    """``A[2..5]``."""

    name: Token
    first: Expr
    last: Expr
    """The page behind the range."""
    start: int
    end: int


class Arena(Record):
    """``@16+5``."""

    page: Expr
    pages: Expr
    start: int
    end: int


NamedRange: TypeAlias = Whole | OnePage | Pages
Range: TypeAlias = NamedRange | Arena


class OfProcess(Record):
    """``child:A[0]``."""

    process: Token
    range: Range
    start: int
    end: int


Subject: TypeAlias = Range | OfProcess


class AtPage(Record):
    """``@16``."""

    page: Expr
    start: int
    end: int


class AtStart(Record):
    """``A`` as a point."""

    name: Token
    start: int
    end: int


class Beside(Record):
    """``after A``, ``before A[2..5]``."""

    side: Token
    range: NamedRange
    start: int
    end: int


class Point(Record):
    """An anchor and what is added to it: signs and numbers in turn."""

    anchor: AtPage | AtStart | Beside
    offsets: tuple[Expr | Token, ...]
    start: int
    end: int
