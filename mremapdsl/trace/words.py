"""VMAs, pages and anon_vmas in words: what they are, and what changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mremapdsl.backend import AnonVmaView, PageRun, VmaView
from mremapdsl.program import Expect, Place
from mremapdsl.record import ShowRecord
from mremapdsl.trace.changes import PageChange

KINDS = {
    "P": "anonymous", "Z": "zero page", "K": "KSM", "H": "large folio", "S": "swap entry or marker",
    "M": "migration entry", "F": "file page", "?": "anonymous, of an unknown kind",
}  # fmt: skip
USUAL_FLAGS = {"ac"}
"""Flags that nearly every VMA has; only their change is worth a word."""


def place_name(places: Sequence[Place], start: int, pages: int) -> str:
    """A range as its author would write it; empty if it lies in no place."""
    for place in places:
        first = start - place.start
        if first >= 0 and first + pages <= place.pages:
            if pages == place.pages:
                return place.name
            return f"{place.name}[{first}]" if pages == 1 else f"{place.name}[{first}..{first + pages}]"
    return ""


def marks(places: Sequence[Place]) -> dict[int, str]:
    """Names of the pages where places begin and end."""
    ends = {place.start + place.pages: f"{place.name}+{place.pages}" for place in reversed(places)}
    return ends | {place.start: place.name for place in reversed(places)}


def expect_words(expect: Expect) -> str:
    """An expectation as it was written."""
    process = "" if expect.process == "parent" else f"{expect.process}: "
    return f"{process}expect {expect.quantifier} {expect.text}".replace("expect  ", "expect ")


def show_words(show: ShowRecord) -> str:
    """A ``show`` as it was written."""
    return "show" if show.process == "parent" else f"{show.process}: show"


def loop_words(loop: Sequence[tuple[str, int]]) -> str:
    """The values of the loop variables around a statement, to stand behind it."""
    return f"  ({', '.join(f'{name} = {value}' for name, value in loop)})" if loop else ""


# --- VMAs --------------------------------------------------------------------------------------------------


def vma_words(vma: VmaView) -> str:
    """A VMA with all that sets it apart from a fresh one."""
    parts = [f"[{vma.start},{vma.end}) {vma.prot}", f"pgoff {pgoff_words(vma)}", f"anon_vma {_anon(vma)}"]
    if vma.chain is not None and vma.chain > 1:
        parts.append(f"chain of {vma.chain}")
    flags = [flag for flag in vma.flags if flag not in USUAL_FLAGS]
    if flags:
        parts.append(f"flags {' '.join(flags)}")
    if vma.file is not None:
        parts.append(f"file {vma.file}")
    return ", ".join(parts)


def _shift(vma: VmaView) -> int:
    return (vma.pgoff or 0) - vma.start


def pgoff_words(vma: VmaView) -> str:
    """The page offset, and how far it is from the VMA's own place (anonymous memory only)."""
    if vma.pgoff is None:
        return "?"
    if vma.file is not None or vma.pgoff == vma.start:
        return str(vma.pgoff)
    return f"{vma.pgoff} (shifted {_shift(vma):+})"


def _anon(vma: VmaView) -> str:
    return "?" if vma.anon_vma is None else vma.anon_vma or "none"


def vma_change_words(before: VmaView, after: VmaView) -> str:
    """What became different."""
    parts: list[str] = []
    if (before.start, before.end) != (after.start, after.end):
        parts.append(f"[{before.start},{before.end}) -> [{after.start},{after.end})")
    else:
        parts.append(f"[{after.start},{after.end})")
    if before.prot != after.prot:
        parts.append(f"{before.prot} -> {after.prot}")
    moved = before.end <= after.start or after.end <= before.start
    if moved and before.pgoff == after.pgoff:
        parts.append(f"pgoff stays {pgoff_words(after)}")
    elif moved or _shift(before) != _shift(after):
        parts.append(f"pgoff {before.pgoff} -> {pgoff_words(after)}")
    if before.anon_vma != after.anon_vma:
        parts.append(f"anon_vma {_anon(before)} -> {_anon(after)}")
    if before.chain != after.chain and {before.chain, after.chain} != {0, 1}:
        parts.append(f"chain of {before.chain} -> {after.chain}")
    flags = [f"+{f}" for f in after.flags if f not in before.flags]
    flags += [f"-{f}" for f in before.flags if f not in after.flags]
    if flags:
        parts.append(f"flags {' '.join(flags)}")
    return ", ".join(parts)


# --- pages -------------------------------------------------------------------------------------------------


def range_words(page: int, count: int) -> str:
    return f"page {page}" if count == 1 else f"pages [{page},{page + count})"


def run_words(run: PageRun, *, one: bool = False) -> str:
    """What lies at the pages of a run; ``one`` says that they all map its frame."""
    parts = [KINDS[run.kind]]
    if run.frame is not None:
        several = run.count > 1 and not one
        parts.append(f"{'frames' if several else 'frame'} {_numbers(run.frame, run.count, one)}")
    if run.index is not None:
        parts.append(f"index {_numbers(run.index, run.count)}")
    if run.kind not in "ZSM":
        parts.append("exclusive" if run.exclusive else "shared")
    return ", ".join(parts)


def _numbers(first: int | None, count: int, one: bool = False) -> str:
    """``count`` numbers from ``first``, or that one number."""
    if first is None:
        return "none"
    return str(first) if one or count == 1 else f"{first}-{first + count - 1}"


def page_change_words(change: PageChange) -> str:
    """What became of the pages."""
    b = change.before and change.before._replace(count=change.count)
    a = change.after and change.after._replace(count=change.count)
    if a is None:
        return f"gone: {run_words(b, one=change.one_before)}" if b is not None else "none"
    if b is None:
        return f"new: {run_words(a, one=change.one_after)}"
    if a.frame is None or b.frame is None:
        return f"{run_words(b, one=change.one_before)} -> {run_words(a, one=change.one_after)}"
    parts = [] if a.kind == b.kind else [f"{KINDS[b.kind]} -> {KINDS[a.kind]}"]
    return ", ".join([*parts, *_differences(change, b, a)])


def _differences(change: PageChange, b: PageRun, a: PageRun) -> Iterator[str]:
    count = change.count
    if (b.frame, change.one_before) != (a.frame, change.one_after):
        frames = [_numbers(b.frame, count, change.one_before), _numbers(a.frame, count, change.one_after)]
        yield f"{'frames' if count > 1 else 'frame'} {frames[0]} -> {frames[1]}"
    if b.index != a.index and a.index is not None:
        yield f"index {_numbers(b.index, count)} -> {_numbers(a.index, count)}"
    if b.exclusive != a.exclusive:
        yield "now exclusive" if a.exclusive else "now shared"


# --- anon_vmas ---------------------------------------------------------------------------------------------


def anon_vma_lines(changes: Iterable[tuple[str, AnonVmaView | None, AnonVmaView | None]]) -> Iterator[str]:
    """A line for each changed anon_vma, one for all that are gone."""
    gone: list[str] = []
    for name, before, after in changes:
        if after is None:
            gone.append(name)
        else:
            yield f"anon_vma {name} {anon_vma_words(name, before, after)}"
    if gone:
        yield f"anon_vma {gone[0]} is gone" if len(gone) == 1 else f"anon_vmas {' '.join(gone)} are gone"


def anon_vma_state(name: str, view: AnonVmaView) -> str:
    """What an anon_vma is."""
    tree = "its own root" if view.root == name else f"child of {view.parent}, root {view.root}"
    return f"{tree}: children {view.num_children}, active VMAs {view.num_active_vmas}"


def anon_vma_words(name: str, before: AnonVmaView | None, after: AnonVmaView) -> str:
    """What became of an anon_vma."""
    if before is None:
        return f"new, {anon_vma_state(name, after)}"
    counts = {"children": after.num_children, "active VMAs": after.num_active_vmas}
    old = {"children": before.num_children, "active VMAs": before.num_active_vmas}
    parts = [f"{what} {old[what]} -> {number}" for what, number in counts.items() if old[what] != number]
    if before.parent != after.parent:
        parts.append(f"parent {before.parent} -> {after.parent}")
    return ", ".join(parts)
