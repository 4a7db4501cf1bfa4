"""Rule sets, statements and the blocks around them."""

from __future__ import annotations

from typing import Any, TypeAlias

from mremapdsl.lang.record import Record
from mremapdsl.lang.syntax.expectations import Predicate
from mremapdsl.lang.syntax.operations import Operation
from mremapdsl.lang.syntax.parts import Expr, Token


class Override(Record):
    """``key=value``."""

    key: Token
    value: Token
    start: int
    end: int


class RuleSet(Record):
    name: Token
    override: Override | None
    start: int
    end: int


class RuleList(Record):
    items: tuple[RuleSet | Override, ...]
    """An override belongs to the rule set before it."""
    start: int
    end: int


class RuleNames(Record):
    names: tuple[Token, ...]
    start: int
    end: int


class Call(Record):
    operation: Operation
    fails: Token | None
    start: int
    end: int


class Expect(Record):
    quantifier: Token | None
    """``always``, ``sometimes`` or ``never``."""
    predicate: Predicate
    on: RuleNames | None
    start: int
    end: int


class Show(Record):
    start: int
    end: int


class Let(Record):
    name: Token
    value: Expr
    start: int
    end: int


class Rules(Record):
    rules: RuleList
    start: int
    end: int


class Loop(Record):
    """``for i in first..last { ... }``: i is below last."""

    variable: Token
    first: Expr
    last: Expr
    body: Body
    start: int
    end: int


class Branch(Record):
    """``if left operator right { ... } else { ... }``; in ``else if ...``, the other body is one Branch."""

    left: Expr
    operator: Token
    right: Expr
    then: Body
    otherwise: Body | None
    start: int
    end: int


class InProcess(Record):
    process: Token
    body: Body
    start: int
    end: int


class Prefixed(Record):
    """``NAME: statement``."""

    process: Token
    statement: Statement
    start: int
    end: int


class Scenario(Record):
    title: Token
    on: RuleList | None
    body: Body
    start: int
    end: int


class Maybe(Record):
    """``maybe STATEMENT``."""

    statement: Statement
    start: int
    end: int


class Choose(Record):
    """``choose { ... } or { ... }``."""

    alternatives: tuple[Body, ...]
    start: int
    end: int


class AnyOrder(Record):
    """``any order { ... }``."""

    body: Body
    start: int
    end: int


class During(Record):
    """``mremap ... during relocation { ... }``."""

    call: Call
    body: Body
    start: int
    end: int


class Bad(Record):
    """A statement that could not be read, already reported. ``words`` are what it may have defined."""

    words: tuple[str, ...]
    body: Body
    start: int
    end: int


Statement: TypeAlias = (
    Call
    | Expect
    | Show
    | Let
    | Rules
    | Loop
    | Branch
    | InProcess
    | Prefixed
    | Maybe
    | Choose
    | AnyOrder
    | During
    | Scenario
    | Bad
)
Body: TypeAlias = tuple[Any, ...]
"""Statements. (Said outright, the types would be recursive, and mypy would compare them without end.)"""
