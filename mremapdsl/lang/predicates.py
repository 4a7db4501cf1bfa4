"""Expectations: from their syntax to the predicates of a compiled program."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from mremapdsl import program
from mremapdsl.lang import syntax
from mremapdsl.lang.context import Context
from mremapdsl.lang.diagnostics import Problem
from mremapdsl.lang.expr import apply, count, evaluate
from mremapdsl.lang.places import guard, no_place, point, settle
from mremapdsl.lang.syntax import Subject, Token, Value
from mremapdsl.lang.words import nearest

MAX_OPERANDS = 100
"""In one value: machines walk through values recursively."""
PICTURE = r"[A-Za-z.]+"


def merged(context: Context, node: syntax.Merged) -> program.Predicate:
    if node.side is not None:
        no_place(context, node.side, "side")
    mention_latest(context)
    return program.Merged(None if node.side is None else node.side.text)


def mention_latest(context: Context) -> None:
    """The predicate is about what the last call made, so that is no unused name."""
    if context.latest:
        context.mentioned.add(context.latest)


def same_vma(context: Context, node: syntax.SameVma) -> program.Predicate:
    for subject in node.subjects:
        if isinstance(subject, syntax.Whole) and subject.name.text not in context.places:
            if subject.name.text == "because":
                raise takes_no_reason("merged", subject.start)
            guard(subject.name, "side")
    return program.SameVma(tuple(settle(context, subject) for subject in node.subjects))


def takes_no_reason(predicate: str, start: int) -> Problem:
    """The error for ``because`` behind anything but ``fallback``, given where the word begins."""
    return Problem("MRS101", start, start + len("because"), f"`{predicate}` takes no reason, only `fallback` does",
                   "leave it out, or write `expect fallback because REASON`; --trace text prints the reason of each "
                   "step")  # fmt: skip


def is_vma(context: Context, node: syntax.IsVma) -> program.Predicate:
    return program.IsVma(settle(context, node.subject))


def vma_count(context: Context, node: syntax.VmaCount) -> program.Predicate:
    context.counts_vmas = True
    return program.VmaCount(context.process, count(context, node.number))


def unmapped(context: Context, node: syntax.Unmapped) -> program.Predicate:
    return program.Unmapped(settle(context, node.subject))


def layout(context: Context, node: syntax.Layout) -> program.Predicate:
    context.counts_vmas = True
    picture = node.picture.text[1:-1]
    if not re.fullmatch(PICTURE, picture):
        raise Problem("MRS310", node.picture.start, node.picture.end, "the picture is not letters and dots",
                      'write one character a page, such as "AAAA..bb"')  # fmt: skip
    process = context.process if node.process is None else context.seen(node.process)
    return program.Layout(process, point(context, node.point, len(picture)), picture)


def last_move(context: Context, node: syntax.LastMove) -> program.Predicate:
    mention_latest(context)
    return program.LastMove(node.outcome.text)


def fallback(context: Context, node: syntax.Fallback) -> program.Predicate:
    mention_latest(context)
    known = context.vocabulary.reasons
    return program.LastMove("fallback", listed(context, "MRS213", "reason", node.reason, known, "--list-reasons"))


def violation(context: Context, node: syntax.Violation) -> program.Predicate:
    known = context.vocabulary.invariants
    return program.Violation(listed(context, "MRS214", "invariant", node.invariant, known))


def listed(
    context: Context, code: str, what: str, word: Token | None, known: frozenset[str], option: str = ""
) -> str | None:
    """The word, if it is one of those known; ``option`` shows them all, if they are many. Raises Problem otherwise."""
    if word is None or word.text in known:
        return None if word is None else word.text
    shown = nearest(word.text, known) if option else sorted(known)
    remedy = f"nearest are: {', '.join(shown)} ({option} shows all)" if option else f"known are: {', '.join(shown)}"
    raise context.unknown(code, what, word, sorted(known), remedy)


def comparison(context: Context, node: syntax.Comparison) -> program.Predicate:
    room = [MAX_OPERANDS]
    left, right = value(context, node.left, room), value(context, node.right, room)
    return program.Compare(left, node.operator.text, right)


def page_is(context: Context, node: syntax.PageIs) -> program.Predicate:
    return program.PageIs(settle(context, node.subject), node.word.text)


def rmap(context: Context, node: syntax.Rmap) -> program.Predicate:
    return program.Rmap(one_page(context, node.subject), tuple(one_page(context, page) for page in node.expected))


def one_page(context: Context, subject: Subject) -> program.Range:
    """A range of one page. Raises Problem (MRS309) if it is longer."""
    found = settle(context, subject)
    if found.pages != 1:
        raise Problem("MRS309", subject.start, subject.end, f"`{found.name}` is {found.pages} pages, and one is needed",
                      f"name one of them: `{found.name.partition('[')[0]}[0]`")  # fmt: skip
    return found


def negation(context: Context, node: syntax.Negation) -> program.Predicate:
    return program.Not(predicate(context, node.predicate))


def predicate(context: Context, node: syntax.Predicate) -> program.Predicate:
    """Settle a predicate. Raises Problem."""
    return PREDICATES[type(node)](context, node)


PREDICATES: Mapping[type[Any], Callable[[Context, Any], program.Predicate]] = MappingProxyType(
    {
        syntax.Merged: merged,
        syntax.SameVma: same_vma,
        syntax.IsVma: is_vma,
        syntax.VmaCount: vma_count,
        syntax.Unmapped: unmapped,
        syntax.Layout: layout,
        syntax.LastMove: last_move,
        syntax.Fallback: fallback,
        syntax.Violation: violation,
        syntax.Comparison: comparison,
        syntax.PageIs: page_is,
        syntax.Rmap: rmap,
        syntax.Negation: negation,
    }
)

# --- values ------------------------------------------------------------------------------------------------

Room: TypeAlias = list[int]
"""How many operands the value may still have."""


def value(context: Context, node: Value, room: Room) -> program.Value:
    """Settle a value; what is known now becomes one number. Raises Problem."""
    room[0] -= 1
    if room[0] < 0:
        raise Problem("MRS313", node.start, node.end, f"the value has more than {MAX_OPERANDS} parts",
                      "compute what is constant with `let`")  # fmt: skip
    match node:
        case syntax.Chain():
            return chain(context, node, room)
        case syntax.VmaValue():
            return program.VmaValue(settle(context, node.subject), node.attribute.text)
        case syntax.PageValue():
            return program.PageValue(settle(context, node.subject), node.attribute.text)
        case syntax.AnonVmaValue():
            return anon_vma_value(context, node)
        case syntax.Count():
            return counted(context, node)
        case syntax.Nothing():
            return program.Const(None)
        case _:
            return program.Const(evaluate(context, node))


def chain(context: Context, node: syntax.Chain, room: Room) -> program.Value:
    items: tuple[Any, ...] = node.items
    found = value(context, items[0], room)
    for sign, operand in zip(items[1::2], items[2::2], strict=True):
        right = value(context, operand, room)
        if isinstance(right, program.Const) and right.value == 0 and sign.text in "/%":
            raise Problem("MRS305", node.start, node.end, "this divides by zero", "divide by something else")
        if program.Const(None) in (found, right):
            raise Problem("MRS101", node.start, node.end, "`none` is not a number", "compare with `none` alone")
        known = [side.value for side in (found, right) if isinstance(side, program.Const) and side.value is not None]
        if len(known) == 2:
            found = program.Const(apply(sign, known[0], known[1], node))
        else:
            found = program.Arithmetic(sign.text, found, right)
    return found


def anon_vma_value(context: Context, node: syntax.AnonVmaValue) -> program.Value:
    """``A[0].anon_vma`` is that of the folio; of anything longer, and with an attribute, it is that of the VMA."""
    found = settle(context, node.subject)
    if node.attribute is not None:
        return program.VmaValue(found, f"{node.anon_vma.text}.{node.attribute.text}")
    inner = node.subject.range if isinstance(node.subject, syntax.OfProcess) else node.subject
    kind = program.PageValue if isinstance(inner, syntax.OnePage) else program.VmaValue
    return kind(found, node.anon_vma.text)


def counted(context: Context, node: syntax.Count) -> program.Value:
    known = context.vocabulary.counts
    if node.what.text not in known:
        raise context.unknown("MRS215", "count", node.what, [*known], f"known are: {', '.join(known)}")
    context.counts_vmas = True
    return program.Count(context.process, node.what.text)
