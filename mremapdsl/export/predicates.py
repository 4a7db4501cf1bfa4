"""Expectations as conditions of C."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from mremapdsl.export.scenario import FIRST, Writer, size
from mremapdsl.export.text import string
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

SIDES = {"left": "LEFT", "right": "RIGHT", "both": "BOTH", None: "EITHER"}
PAGE_VALUES = {
    "index": "page_index", "anon_vma": "folio_anon_vma", "frame": "frame", "mapcount": "mapcount", "value": "value",
}  # fmt: skip
ONE_CALL = (IsVma, Unmapped, Layout, PageIs, Rmap, Violation)
"""Predicates that are always one call."""
COUNTS = {
    "anon_vmas": "the number of anon_vmas cannot be seen",
    "committed": "what these processes alone add to Committed_AS cannot be seen",
}
INSIDE = "what the call counted inside cannot be seen"
DECIDED = "what mremap decided inside cannot be seen"
COMPLETE = "whether the reverse map is complete cannot be seen"
UNNUMBERED = "frames have no numbers to expect"


def predicate(writer: Writer, asked: Predicate, process: str) -> str:
    """A condition for a process to look at."""
    if isinstance(asked, Not):
        inner = predicate(writer, asked.predicate, process)
        return f"!{inner}" if isinstance(asked.predicate, ONE_CALL) else f"!({inner})"
    return PREDICATES[type(asked)](writer, asked, process)


def seen(writer: Writer, by: str, whose: str, looked: str) -> str:
    """What one process sees of another, or of itself."""
    return looked if by == whose else f"of({writer.process(whose)}, {looked})"


def ranged(writer: Writer, process: str, r: Range, function: str, *before: str) -> str:
    arguments = ", ".join([*before, writer.range(r.start, r.pages)])
    return seen(writer, process, r.process, f"{function}({arguments})")


# --- VMAs --------------------------------------------------------------------------------------------------------


def merged(writer: Writer, asked: Merged, process: str) -> str:
    call = writer.last_call
    if call is None or call.failed:
        return "0 /* no call before it could merge */"
    return seen(writer, process, call.process, f"merged({SIDES[asked.side]}, {call.at}, {size(call.pages)})")


def same_vma(writer: Writer, asked: SameVma, process: str) -> str:
    if len({r.process for r in asked.ranges}) > 1:
        return "0 /* places of different processes */"
    ranges = ", ".join(writer.range(r.start, r.pages) for r in asked.ranges)
    return seen(writer, process, asked.ranges[0].process, f"in_one_vma({ranges}, NULL)")


def layout(writer: Writer, asked: Layout, process: str) -> str:
    return seen(writer, process, asked.process, f"layout({writer.at(asked.start)}, {string(asked.pattern)})")


def vma_count(writer: Writer, asked: VmaCount, process: str) -> str:
    return f"{seen(writer, process, asked.process, 'count_vmas()')} == {asked.count}"


def last_move(writer: Writer, asked: LastMove, process: str) -> str:
    return hidden(DECIDED) if writer.moved else "0 /* no mremap before it */"


def rmap(writer: Writer, asked: Rmap, process: str) -> str:
    places = ", ".join(r.name if ":" in r.name else f"{FIRST}:{r.name}" for r in asked.expected)
    looked = f"rmap({writer.at(asked.page.start)}, {string(places)})"
    return seen(writer, process, asked.page.process, looked)


def hidden(why: str) -> str:
    return f"hidden({string(why)})"


# --- values ------------------------------------------------------------------------------------------------------


def compare(writer: Writer, asked: Compare, process: str) -> str:
    sides = [asked.left, asked.right]
    if any(map(is_frame, sides)) and (
        asked.op not in ("==", "!=") or any(isinstance(v, Const) and v.value is not None for v in sides)
    ):
        return hidden(UNNUMBERED)
    left, right = (value(writer, side, process) for side in sides)
    if asked.op in ("==", "!=") or all(map(always_a_number, sides)):
        return f"{left} {asked.op} {right}"
    return f"ORDERED({left}, {asked.op}, {right})"


def is_frame(asked: Value) -> bool:
    return isinstance(asked, PageValue) and asked.attribute == "frame"


def always_a_number(asked: Value) -> bool:
    """Whether it can never be ``none``."""
    match asked:
        case Const(number):
            return number is not None
        case VmaValue(_, attribute):
            return attribute == "page"
        case PageValue(_, attribute):
            return attribute == "mapcount"
        case Count():
            return True
        case Arithmetic():
            return False


def value(writer: Writer, asked: Value, process: str, *, counted: bool = False) -> str:
    """An expression; ``counted`` says that something is calculated with it."""
    match asked:
        case Const(number):
            return "NONE" if number is None else str(number)
        case Count(whose, what):
            if what == "vmas":
                return seen(writer, process, whose, "count_vmas()")
            return hidden(COUNTS.get(what, INSIDE))
        case VmaValue(r, "page"):
            return f"page_number({writer.at(r.start)})"
        case VmaValue(r, "pgoff"):
            return seen(writer, process, r.process, f"pgoff({writer.at(r.start)})")
        case VmaValue(r, attribute):
            return seen(writer, process, r.process, f"internal({string(attribute)}, {writer.at(r.start)})")
        case PageValue(r, attribute):
            name = "frame_in_folio" if counted and attribute == "frame" else PAGE_VALUES[attribute]
            return seen(writer, process, r.process, f"{name}({writer.at(r.start)})")
        case Arithmetic(op, left, right):
            one = value(writer, left, process, counted=True)
            return f"calculate({one}, '{op}', {value(writer, right, process, counted=True)})"


PREDICATES: Mapping[type, Callable[[Writer, Any, str], str]] = MappingProxyType({
    Merged: merged,
    SameVma: same_vma,
    IsVma: lambda writer, asked, process: ranged(writer, process, asked.range, "is_vma"),
    VmaCount: vma_count,
    Unmapped: lambda writer, asked, process: ranged(writer, process, asked.range, "is_unmapped"),
    Layout: layout,
    LastMove: last_move,
    Compare: compare,
    PageIs: lambda writer, asked, process: ranged(writer, process, asked.range, f"is_{asked.word}"),
    Rmap: rmap,
    Violation: lambda _writer, _asked, _process: hidden(COMPLETE),
})  # fmt: skip
