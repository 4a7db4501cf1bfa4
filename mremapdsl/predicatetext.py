"""Predicates of expectations as the language writes them: the inverse of ``lang.predicates``."""

from __future__ import annotations

from typing import Protocol

from mremapdsl.program import (
    Arithmetic,
    Compare,
    Const,
    Count,
    IsVma,
    LastMove,
    Layout,
    Merged,
    Not,
    PageIs,
    PageValue,
    Predicate,
    Range,
    Rmap,
    SameVma,
    Unmapped,
    Value,
    Violation,
    VmaCount,
    VmaValue,
)


class Unsayable(ValueError):
    """The language has no words for this; the message says why."""


class Places(Protocol):
    """How ranges are written."""

    def range(self, start: int, pages: int) -> str: ...

    def point(self, start: int, pages: int) -> str: ...

    def page(self, page: int) -> str | None:
        """One page as ``A[3]``; None if no name can say so."""
        ...

    def not_one_page(self, start: int, pages: int) -> str:
        """A range in any way but ``A[3]``."""
        ...


def predicate_text(predicate: Predicate, process: str, places: Places) -> str:
    """The words behind ``expect`` in a statement of ``process``. Raises Unsayable."""
    return _Predicate(process, places).text(predicate)


class _Predicate:
    def __init__(self, process: str, places: Places) -> None:
        self.process = process
        self.places = places

    def text(self, predicate: Predicate) -> str:
        match predicate:
            case Not(Not()):
                raise Unsayable("`not not`")
            case Not(inner):
                return f"not {self.text(inner)}"
            case Merged(side):
                return f"merged {side}" if side else "merged"
            case SameVma(ranges):
                return " ".join(["merged", *map(self.range, ranges)])
            case IsVma(found):
                return f"vma {self.range(found)}"
            case VmaCount(process, number):
                self.own(process)
                return f"vmas {number}"
            case Unmapped(found):
                return f"unmapped {self.range(found)}"
            case Layout(process, start, pattern):
                return f'layout {self.prefix(process)}{self.places.point(start, len(pattern))} "{pattern}"'
            case LastMove(outcome, reason):
                return f"{outcome} because {reason}" if reason else outcome
            case Compare(left, op, right):
                return f"{self.value(left)} {op} {self.value(right)}"
            case PageIs(found, word):
                return f"{self.range(found)} is {word}"
            case Rmap(page, expected):
                return f"rmap {self.range(page)} == {', '.join(map(self.range, expected)) or 'none'}"
            case Violation(invariant):
                return f"violation {invariant}" if invariant else "violation"

    def prefix(self, process: str) -> str:
        return "" if process == self.process else f"{process}:"

    def own(self, process: str) -> None:
        if process != self.process:
            raise Unsayable(f"a count of {process} in an expectation of {self.process}")

    def range(self, found: Range) -> str:
        return self.prefix(found.process) + self.places.range(found.start, found.pages)

    def value(self, value: Value) -> str:
        match value:
            case Const(number):
                return "none" if number is None else str(number) if number >= 0 else f"(0 - {-number})"
            case Count(process, what):
                self.own(process)
                return f"count {what}"
            case Arithmetic(op, left, right):
                return f"({self.value(left)} {op} {self.value(right)})"
            case VmaValue(found, "anon_vma"):
                return f"{self.prefix(found.process)}{self.places.not_one_page(found.start, found.pages)}.anon_vma"
            case PageValue(found, "anon_vma"):
                page = self.places.page(found.start) if found.pages == 1 else None
                if page is None:
                    raise Unsayable("the anon_vma of the folio at a page without a name")
                return f"{self.prefix(found.process)}{page}.anon_vma"
            case VmaValue(found, attribute) | PageValue(found, attribute):
                return f"{self.range(found)}.{attribute}"
