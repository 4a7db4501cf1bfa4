"""The operations and their options."""

from __future__ import annotations

from typing import TypeAlias

from mremapdsl.lang.record import Record
from mremapdsl.lang.syntax.parts import Expr, Point, Range, Token


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


class Swapout(Record):
    """``cached`` leaves the pages in the swap cache."""

    range: Range
    cached: Token | None
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
    Mmap
    | RangeCall
    | Mprotect
    | Madvise
    | Touch
    | Mremap
    | Fork
    | Exit
    | KsmScan
    | KsmMerge
    | Migrate
    | Swapout
    | SetThp
    | SetMthp
    | SetMaxMapCount
    | SetSwitch
)
