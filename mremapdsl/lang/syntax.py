"""What the parser makes of a text: one record per construct, with its place in the text.

The fields of a record are the parts of the grammar rule of the same name (``touch`` -> :class:`Touch`) in
order, followed by ``start`` and ``end``, offsets into the text (half open).  Names are not looked up and
numbers not computed here.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from mremapdsl.lang.record import Record


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


# --- numbers -----------------------------------------------------------------------------------------------


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

# --- places ------------------------------------------------------------------------------------------------


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


# --- operations --------------------------------------------------------------------------------------------


class Prot(Record):
    word: Token
    start: int
    end: int


class Mapping(Record):
    """``shared``, ``noreserve`` or ``populate``."""

    word: Token
    start: int
    end: int


class Backing(Record):
    """``file F + PAGES``."""

    file: Token
    page: Expr | None
    start: int
    end: int


class Placed(Record):
    """``at POINT``, ``after X`` or ``before X``."""

    point: Point
    start: int
    end: int


MmapOption: TypeAlias = Prot | Mapping | Backing | Placed


class Mmap(Record):
    name: Token
    size: Expr
    options: tuple[MmapOption, ...]
    start: int
    end: int


class RangeCall(Record):
    """A call that takes a range and nothing else: ``munmap``, ``read``, ``pin``..."""

    word: Token
    range: Range
    start: int
    end: int


class Mprotect(Record):
    range: Range
    prot: Token
    start: int
    end: int


class Madvise(Record):
    range: Range
    advice: Token
    start: int
    end: int


class Touch(Record):
    range: Range
    byte: Expr | None
    start: int
    end: int


class Named(Record):
    """A name as the destination of mremap."""

    name: Token
    start: int
    end: int


class NewSize(Record):
    pages: Expr
    start: int
    end: int


class Flag(Record):
    word: Token
    start: int
    end: int


class Mremap(Record):
    range: Range
    destination: Named | Point | None
    options: tuple[NewSize | Flag, ...]
    start: int
    end: int


class Fork(Record):
    name: Token | None
    start: int
    end: int


class Exit(Record):
    name: Token | None
    start: int
    end: int


class KsmScan(Record):
    start: int
    end: int


class KsmMerge(Record):
    switch: Token
    start: int
    end: int


class Migrate(Record):
    range: Range
    phase: Token
    start: int
    end: int


class SetThp(Record):
    mode: Token
    start: int
    end: int


class SetMthp(Record):
    size: Expr
    mode: Token
    start: int
    end: int


class SetMaxMapCount(Record):
    most: Expr
    start: int
    end: int


class SetSwitch(Record):
    knob: Token
    switch: Token
    start: int
    end: int


Operation: TypeAlias = (
    Mmap | RangeCall | Mprotect | Madvise | Touch | Mremap | Fork | Exit | KsmScan | KsmMerge | Migrate
    | SetThp | SetMthp | SetMaxMapCount | SetSwitch
)

# --- expectations ------------------------------------------------------------------------------------------


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
    Merged | SameVma | IsVma | VmaCount | Unmapped | Layout | LastMove | Fallback | Comparison | PageIs | Rmap
    | Violation | Negation
)

# --- rules -------------------------------------------------------------------------------------------------


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


# --- statements --------------------------------------------------------------------------------------------


class Call(Record):
    operation: Operation
    fails: Token | None
    start: int
    end: int


class Expect(Record):
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


class Bad(Record):
    """A statement that could not be read, already reported. ``words`` are what it may have defined."""

    words: tuple[str, ...]
    body: Body
    start: int
    end: int


Statement: TypeAlias = Call | Expect | Show | Let | Rules | Loop | InProcess | Prefixed | Scenario | Bad
Body: TypeAlias = tuple[Statement, ...]


def stands_in(node: Statement) -> bool:
    """Whether a block was made up around statements whose own beginning could not be read."""
    match node:
        case InProcess():
            return not node.process.text
        case Scenario():
            return not node.title.text
        case _:
            return False
