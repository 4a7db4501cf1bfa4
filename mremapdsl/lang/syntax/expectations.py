"""Values and predicates."""

from __future__ import annotations

from typing import TypeAlias

from mremapdsl.lang.record import Record
from mremapdsl.lang.syntax.parts import Expr, Point, Subject, Token


class VmaValue(Record):
    subject: Subject
    attribute: Token
    start: int
    end: int


class PageValue(Record):
    subject: Subject
    attribute: Token
    start: int
    end: int


class AnonVmaValue(Record):
    """``A.anon_vma`` or ``A.anon_vma.root``."""

    subject: Subject
    anon_vma: Token
    attribute: Token | None
    start: int
    end: int


class Count(Record):
    what: Token
    start: int
    end: int


class Nothing(Record):
    """The word ``none`` as a value."""

    start: int
    end: int


Value: TypeAlias = Expr | VmaValue | PageValue | AnonVmaValue | Count | Nothing


class Merged(Record):
    side: Token | None
    start: int
    end: int


class SameVma(Record):
    subjects: tuple[Subject, ...]
    start: int
    end: int


class IsVma(Record):
    subject: Subject
    start: int
    end: int


class VmaCount(Record):
    number: Expr
    start: int
    end: int


class Unmapped(Record):
    subject: Subject
    start: int
    end: int


class Layout(Record):
    process: Token | None
    point: Point
    picture: Token
    start: int
    end: int


class LastMove(Record):
    outcome: Token
    start: int
    end: int


class Fallback(Record):
    reason: Token | None
    start: int
    end: int


class Comparison(Record):
    left: Value
    operator: Token
    right: Value
    start: int
    end: int


class PageIs(Record):
    subject: Subject
    word: Token
    start: int
    end: int


class Rmap(Record):
    subject: Subject
    operator: Token
    expected: tuple[Subject, ...]
    start: int
    end: int


class Violation(Record):
    invariant: Token | None
    start: int
    end: int


class Negation(Record):
    predicate: Predicate
    start: int
    end: int


Predicate: TypeAlias = (
    Merged
    | SameVma
    | IsVma
    | VmaCount
    | Unmapped
    | Layout
    | LastMove
    | Fallback
    | Comparison
    | PageIs
    | Rmap
    | Violation
    | Negation
)
