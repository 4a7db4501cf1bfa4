"""Judging expectations: each predicate against what a backend shows, with the part that failed and both values."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from mremapdsl.backend import Observation, PageView, Unseen, VmaView
from mremapdsl.layout import initials, layout, letters, mismatch, vma_line
from mremapdsl.program import (
    Arithmetic,
    Compare,
    Const,
    Count,
    Expect,
    IsVma,
    LastMove,
    Layout,
    Merged,
    Not,
    PageIs,
    PageValue,
    Place,
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
from mremapdsl.record import StepRecord


class Verdict(NamedTuple):
    held: bool
    detail: str


MOST_SHOWN = 40
"""Lines of the state around an expectation."""


class Context(NamedTuple):
    """What an expectation may look at."""

    now: Observation
    steps: tuple[StepRecord, ...]
    last_call: StepRecord | None
    last_move: StepRecord | None
    places: tuple[Place, ...]

    def vma_at(self, process: str, page: int) -> VmaView | None:
        return next((v for v in self.now.vmas(process) if v.start <= page < v.end), None)

    def name(self, start: int, pages: int) -> str:
        """A range as its author would write it."""
        for place in self.places:
            if place.start <= start and start + pages <= place.start + place.pages:
                if (start, pages) == (place.start, place.pages):
                    return place.name
                first = start - place.start
                return f"{place.name}[{first}..{first + pages}]" if pages != 1 else f"{place.name}[{first}]"
        return f"@{start}+{pages}"

    def around(self, expect: Expect) -> tuple[str, ...]:
        """The state around an expectation, in words that can be pasted back into the scenario."""
        shown: list[str] = []
        for process, start, end in _windows(expect.predicate, self):
            try:
                shown.extend(self.show(process, start, end))
            except Unseen:
                continue
        lines = [*dict.fromkeys(shown)]
        if len(lines) > MOST_SHOWN:
            lines[MOST_SHOWN:] = [f"... and {len(lines) - MOST_SHOWN} more (`show` prints all)"]
        return tuple(lines)

    def show(self, process: str, start: int | None = None, end: int | None = None) -> tuple[str, ...]:
        """The VMAs of a process that touch [start, end), as a layout and a line each."""
        vmas = [
            v for v in self.now.vmas(process) if (start is None or v.end >= start) and (end is None or v.start <= end)
        ]
        prefix = "" if process == "parent" else f"{process}: "
        if not vmas:
            if process not in self.now.processes():
                return (f"{process} has exited",)
            where = "" if start is None or end is None else f" between pages {start} and {end}"
            return (f"{prefix}nothing is mapped{where}",)
        lines: list[str] = []
        first, last = vmas[0].start, vmas[-1].end
        of_places = initials(self.places)
        if last - first <= 60:
            lines.append(f'{prefix}layout @{first} "{layout(vmas, first, last, of_places)}"')
        for letter, vma in zip(letters(vmas, of_places), vmas, strict=True):
            lines.append(prefix + vma_line(vma, letter if last - first <= 60 else ""))
        return tuple(lines)


def _windows(predicate: Predicate, context: Context) -> list[tuple[str, int, int]]:
    """The pages that a predicate is about, per process."""
    match predicate:
        case Not(inner):
            return _windows(inner, context)
        case Merged() | LastMove() | Violation():
            call = context.last_call
            return [(call.target.process, call.target.start, call.target.end)] if call and call.target else []
        case SameVma(ranges):
            return [(r.process, r.start, r.end) for r in ranges]
        case IsVma(r) | Unmapped(r) | PageIs(r, _):
            return [(r.process, r.start, r.end)]
        case Layout(process, start, pattern):
            return [(process, start, start + len(pattern))]
        case Rmap(page, expected):
            return [(r.process, r.start, r.end) for r in [page, *expected]]
        case VmaCount(process, _) | Compare(Count(process, "vmas"), _, _) | Compare(_, _, Count(process, "vmas")):
            return [(process, 0, 1 << 60)]
        case Compare(left, _, right):
            return [(r.process, r.start, r.end) for value in (left, right) for r in _ranges(value)]


def _ranges(value: Value) -> list[Range]:
    match value:
        case VmaValue(r, _) | PageValue(r, _):
            return [r]
        case Arithmetic(_, left, right):
            return _ranges(left) + _ranges(right)
        case _:
            return []


REMEDY = "to make it hold: "


# --- judging -------------------------------------------------------------------------------------------------


def judge(predicate: Predicate, context: Context) -> Verdict:
    """Whether a predicate holds, and why (not). Raises Unseen when this machine cannot tell."""
    if isinstance(predicate, Not):
        inner = judge(predicate.predicate, context)
        return Verdict(not inner.held, without_remedy(inner.detail).replace(", expected ", ", not "))
    return JUDGES[type(predicate)](predicate, context)


def without_remedy(detail: str) -> str:
    """The detail of a predicate that should not hold: without what would make it."""
    return "\n".join(line for line in detail.split("\n") if not line.startswith(REMEDY))


def _merged(p: Merged, context: Context) -> Verdict:
    call = context.last_call
    if call is None or call.target is None:
        return Verdict(False, "no call with a target has run yet")
    text = f"`{call.step.text}`"
    if call.result != "ok":
        return Verdict(False, f"the last call {text} failed with {call.result}, so nothing merged")
    start, end = call.target.start, call.target.end
    name = context.name(start, end - start)
    vma = context.vma_at(call.target.process, start)
    if vma is None or vma.end < end:
        return Verdict(False, f"the target {name} = [{start},{end}) is not (wholly) mapped in one VMA any more")
    left, right = vma.start < start, vma.end > end
    held = {"left": left, "right": right, "both": left and right, None: left or right}[p.side]
    if left or right:
        reach = " and ".join(side for side, is_so in (("left", left), ("right", right)) if is_so)
        detail = f"the target {name} = [{start},{end}) is part of VMA [{vma.start},{vma.end}), "
        detail += f"which reaches beyond it on the {reach}"
        if held:
            return Verdict(True, detail)
        return Verdict(False, "\n".join([detail, *_why_apart(call, context, left, right)]))
    detail = f"the target {name} = [{start},{end}) is a VMA of its own"
    return Verdict(held, "\n".join([detail, *_why_apart(call, context, left, right)]))


def _why_apart(call: StepRecord, context: Context, left: bool, right: bool) -> list[str]:
    """For each side that did not merge: nobody there, or the backend's reason."""
    assert call.target is not None
    lines: list[str] = []
    vmas = context.now.vmas(call.target.process)
    notes = call.verdict.notes if call.verdict is not None else ()
    lonely = 0
    for side, merged in (("left", left), ("right", right)):
        if merged:
            continue
        if side == "left":
            neighbour = next((v for v in vmas if v.end == call.target.start), None)
        else:
            neighbour = next((v for v in vmas if v.start == call.target.end), None)
        if neighbour is None:
            lonely += 1
            lines.append(f"{side}: no VMA touches it")
            continue
        said = [n for n in notes if f" on its {side} " in n.sentence]
        apart = said[-1].sentence if said else f"VMA [{neighbour.start},{neighbour.end}) stays apart"
        lines.append(f"{side}: {apart}")
    if call.verdict is not None and call.verdict.outcome != "mapped":
        lines.append(f"the call: {call.verdict.outcome}, {call.verdict.sentence} [{call.verdict.reason}]")
    if lonely == 2:
        remedy = "put the memory next to a VMA that it fits, as with `after NAME` or `before NAME`"
        lines.append(f"{REMEDY}{remedy}")
    return lines


def _same_vma(p: SameVma, context: Context) -> Verdict:
    lines: list[str] = []
    found: list[tuple[str, VmaView]] = []
    for r in p.ranges:
        vma = context.vma_at(r.process, r.start)
        if vma is None or vma.end < r.end:
            lines.append(f"{r.name} = [{r.start},{r.end}) lies in no single VMA")
            continue
        lines.append(f"{r.name} = [{r.start},{r.end}) lies in VMA [{vma.start},{vma.end})")
        found.append((r.process, vma))
    pairs = [(one, other) for one, other in pairwise(dict.fromkeys(found)) if one != other]
    lines.extend(_between(*pair, context) for pair in pairs)
    return Verdict(len(found) == len(p.ranges) and not pairs, "\n".join(lines))


def _between(one: tuple[str, VmaView], other: tuple[str, VmaView], context: Context) -> str:
    """What keeps two VMAs from being one, as far as the steps have told."""
    if one[0] != other[0]:
        return f"{one[0]} and {other[0]} are two processes"
    left, right = sorted((one[1], other[1]))
    if left.end < right.start:
        return f"[{left.start},{left.end}) and [{right.start},{right.end}) do not touch"
    for step in reversed(context.steps):
        for note in step.verdict.notes if step.verdict is not None and step.process == one[0] else ():
            for a, b, side in ((right, left, "left"), (left, right, "right")):
                if note.sentence.startswith(f"[{a.start},{a.end}) and [{b.start},{b.end}) on its {side} "):
                    return note.sentence
    differ = f" ({left.prot} and {right.prot})" if left.prot != right.prot else ""
    return (
        f"[{left.start},{left.end}) and [{right.start},{right.end}) touch, but no step has tried to join them{differ}"
    )


def _is_vma(p: IsVma, context: Context) -> Verdict:
    r = p.range
    vma = context.vma_at(r.process, r.start)
    if vma is None:
        return Verdict(False, f"{r.name} should be the VMA [{r.start},{r.end}); page {r.start} is not mapped")
    have = f"the VMA at page {r.start} is [{vma.start},{vma.end})"
    if (vma.start, vma.end) == (r.start, r.end):
        return Verdict(True, have)
    ends: list[str] = []
    if vma.start != r.start:
        ends.append(f"starts at {vma.start} instead of {r.start}")
    if vma.end != r.end:
        ends.append(f"ends at {vma.end} instead of {r.end}")
    return Verdict(False, f"{have}: it {' and '.join(ends)}")


def _vma_count(p: VmaCount, context: Context) -> Verdict:
    have = len(context.now.vmas(p.process))
    detail = f"{p.process} has {have} VMA(s)"
    return Verdict(have == p.count, detail if have == p.count else f"{detail}, expected {p.count}")


def _unmapped(p: Unmapped, context: Context) -> Verdict:
    r = p.range
    for vma in context.now.vmas(r.process):
        if vma.start < r.end and vma.end > r.start:
            return Verdict(False, f"page {max(vma.start, r.start)} of {r.name} lies in VMA [{vma.start},{vma.end})")
    return Verdict(True, f"nothing is mapped in [{r.start},{r.end})")


def _layout(p: Layout, context: Context) -> Verdict:
    vmas = context.now.vmas(p.process)
    have = layout(vmas, p.start, p.start + len(p.pattern), initials(context.places))
    try:
        wrong = mismatch(vmas, p.start, p.pattern)
    except Unseen as unseen:
        raise Unseen(f'{unseen} (layout @{p.start} "{have}")') from None
    if not wrong:
        return Verdict(True, f'layout @{p.start} "{have}"')
    return Verdict(False, f'expected "{p.pattern}"\nhave     "{have}"\n{wrong}')


def _last_move(p: LastMove, context: Context) -> Verdict:
    move = context.last_move
    if move is None:
        return Verdict(False, "no mremap has run yet")
    if move.verdict is None:
        raise Unseen("what mremap decided inside cannot be seen")
    v = move.verdict
    have = f"`{move.step.text}`: {v.outcome} [{v.reason}], {v.sentence} ({v.function})"
    did = "fallback" if v.outcome == "refused" else v.outcome
    held = did == p.outcome and p.reason in (None, v.reason)
    if held or did != p.outcome:
        return Verdict(held, have)
    return Verdict(False, f"it was a {v.outcome}, but because {v.reason}, not {p.reason}\n{have}")


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": lambda a, b: a // b, "%": operator.mod,
}  # fmt: skip


def _compare(p: Compare, context: Context) -> Verdict:
    left, left_words = value_of(p.left, context)
    right, right_words = value_of(p.right, context)
    if p.op in ("==", "!="):
        held = OPERATORS[p.op](left, right)
    else:
        held = isinstance(left, int) and isinstance(right, int) and OPERATORS[p.op](left, right)
    known = "; ".join(w for v, w in ((p.left, left_words), (p.right, right_words)) if not isinstance(v, Const))
    if held and known:
        return Verdict(True, known)
    wanted = f"{p.op} {right_words}" if isinstance(p.right, Const) else f"the first {p.op} the second"
    return Verdict(held, f"{known or left_words}, expected {wanted}")


def value_of(value: Value, context: Context) -> tuple[int | str | None, str]:
    """A value and how it came about, in words (empty for constants). None stands for ``none``."""
    match value:
        case Const(number):
            return number, str(number) if number is not None else "none"
        case Count(process, what):
            number = context.now.count(process, what)
            return number, f"count {what} is {number}"
        case VmaValue(r, attribute):
            have = vma_value(r, attribute, context)
            return have, f"{r.name}.{attribute} is {'none' if have is None else have}"
        case PageValue(r, attribute):
            have = page_value(context.now.page(r.process, r.start), attribute)
            return have, f"{r.name}.{attribute} is {'none' if have is None else have}"
        case Arithmetic(op, left, right):
            a, a_words = value_of(left, context)
            b, b_words = value_of(right, context)
            words = "; ".join(w for v, w in ((left, a_words), (right, b_words)) if not isinstance(v, Const))
            if not isinstance(a, int) or not isinstance(b, int) or (op in "/%" and b == 0):
                return None, f"{words}; cannot compute {a} {op} {b}"
            number = ARITHMETIC[op](a, b)
            return number, f"{words}; {a} {op} {b} is {number}"


def vma_value(r: Range, attribute: str, context: Context) -> int | str | None:
    """An attribute of the VMA that covers the first page of a range; None if there is none."""
    if attribute == "page":
        return r.start
    vma = context.vma_at(r.process, r.start)
    if vma is None:
        return None
    if attribute == "pgoff":
        if vma.pgoff is None:
            raise Unseen("the page offset of anonymous memory cannot be seen")
        return vma.pgoff + (r.start - vma.start)
    if attribute == "chain":
        if vma.chain is None:
            raise Unseen("anon_vma chains cannot be seen")
        return vma.chain
    if vma.anon_vma is None:
        raise Unseen("anon_vmas cannot be seen")
    if not vma.anon_vma:
        return None
    if attribute == "anon_vma":
        return vma.anon_vma
    record = context.now.anon_vmas()[vma.anon_vma]
    found: int | str = getattr(record, attribute.removeprefix("anon_vma."))
    return found


def page_value(view: PageView, attribute: str) -> int | str | None:
    """An attribute of one page; None where nothing is mapped."""
    if view.kind in ".GZSM" and attribute != "value":
        return None if attribute != "mapcount" else 0
    if view.kind in ".G":
        return None
    found = getattr(view, attribute)
    if found is None and not (attribute == "index" and view.kind == "K"):
        raise Unseen(f"the {attribute} of a page cannot be seen")
    return found or (None if attribute == "anon_vma" else found)


def _page_is(p: PageIs, context: Context) -> Verdict:
    r = p.range
    for page in representatives(r, p.word, context.now):
        view = context.now.page(r.process, page)
        if not page_is(view, p.word):
            return Verdict(False, f"page {page} ({context.name(page, 1)}) is not {p.word}: {describe(view)}")
    return Verdict(True, f"{r.name} is {p.word}: {describe(context.now.page(r.process, r.start))}")


def representatives(r: Range, word: str, now: Observation) -> Iterator[int]:
    """The pages of a range to look at: one of each run of pages that are alike as far as the word goes."""
    at = r.start
    for run in now.pages(r.process):
        start, end = max(run.page, r.start), min(run.page + run.count, r.end)
        if start >= end:
            continue
        if at < start:
            yield at
        alike = word != "pinned" and run.kind != "S" and (run.kind not in "HZ" or word in KIND_WORDS)
        at = start
        while at < end:
            yield at
            at = end if alike else now.alike(r.process, at)
        at = end
    if at < r.end:
        yield at


MAPPED = "PHKF"
PRESENT = MAPPED + "Z"
KIND_WORDS = {
    "anon": "PHK", "zero": "Z", "ksm": "K", "huge": "H", "swap": "S", "migration": "M", "guard": "G", "none": ".",
}  # fmt: skip


def page_is(view: PageView, word: str) -> bool:
    if word in KIND_WORDS:
        return view.kind in KIND_WORDS[word]
    if word == "pinned":
        return _seen(view.pinned, "pins", view)
    if word == "pmd":
        return view.kind in PRESENT and _seen(view.pmd, "what maps a page", view, PRESENT)
    mapped = view.kind in MAPPED
    if mapped and view.mapcount is None:
        raise Unseen("how often a page is mapped cannot be seen")
    return mapped and (view.mapcount == 1 if word == "exclusive" else (view.mapcount or 0) > 1)


def _seen(value: bool | None, what: str, view: PageView, kinds: str = MAPPED) -> bool:
    if value is None and view.kind in kinds:
        raise Unseen(f"{what} cannot be seen")
    return bool(value)


WORDS = {
    "P": "an anonymous page", "H": "part of a large folio", "K": "a KSM page", "Z": "the zero page",
    "S": "a swap entry", "M": "a migration entry", "G": "a guard marker", ".": "nothing there", "F": "a file page",
}  # fmt: skip


def describe(view: PageView) -> str:
    """A page in words."""
    parts = [WORDS[view.kind]]
    if view.kind in MAPPED:
        if view.frame is not None:
            parts.append(f"frame {view.frame}")
        if view.mapcount is not None:
            parts.append("mapped once" if view.mapcount == 1 else f"mapped {view.mapcount} times")
        if view.pmd:
            parts.append("mapped by a PMD")
        if view.pinned:
            parts.append("pinned")
    return ", ".join(parts)


def _rmap(p: Rmap, context: Context) -> Verdict:
    view = context.now.page(p.page.process, p.page.start)
    if view.kind not in MAPPED:
        return Verdict(False, f"{p.page.name} maps no folio: {describe(view)}")
    found = context.now.rmap(p.page.process, p.page.start)
    wanted = {(r.process, r.start) for r in p.expected}

    def words(places: set[tuple[str, int]]) -> str:
        return ", ".join(f"{process}:{context.name(page, 1)}" for process, page in sorted(places)) or "nothing"

    detail = f"a walk of the folio at {p.page.name} finds {words(set(found))}"
    if set(found) == wanted:
        return Verdict(True, detail)
    missing, extra = wanted - found, set(found) - wanted
    parts = [detail]
    if missing:
        parts.append(f"it misses {words(missing)}")
    if extra and found & wanted:
        parts.append(f"it also finds {words(extra)}")
    return Verdict(False, "\n".join(parts))


def _violation(p: Violation, context: Context) -> Verdict:
    if not context.steps:
        return Verdict(False, "no step has run yet")
    breaches = context.steps[-1].breaches
    if not breaches:
        context.now.would_show(p.invariant)
    held = bool(breaches) if p.invariant is None else any(b.invariant == p.invariant for b in breaches)
    if not breaches:
        return Verdict(held, f"`{context.steps[-1].step.text}` broke no invariant")
    return Verdict(held, "\n".join(f"{b.invariant}: {b.sentence}" for b in breaches))


JUDGES: dict[type, Callable[[Any, Context], Verdict]] = {
    Merged: _merged,
    SameVma: _same_vma,
    IsVma: _is_vma,
    VmaCount: _vma_count,
    Unmapped: _unmapped,
    Layout: _layout,
    LastMove: _last_move,
    Compare: _compare,
    PageIs: _page_is,
    Rmap: _rmap,
    Violation: _violation,
}
