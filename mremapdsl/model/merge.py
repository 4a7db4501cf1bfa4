"""Merging VMAs: a new range with its neighbours, or a changed range of a VMA with its own.

    prev  range  next          the range may be new (mmap, mremap copy, growth in place)
    AAAA..RRRR..BBBB           or part of an existing VMA whose flags change

Mirrors ``mm/vma.c``: vma_merge_new_range, vma_merge_existing_range, vma_modify.
"""

from __future__ import annotations

from typing import NamedTuple

from mremapdsl.model.anon import adopt_chain
from mremapdsl.model.decisions.merging import JoinAsk
from mremapdsl.model.machine import Machine, Mm
from mremapdsl.model.reason import refuse
from mremapdsl.model.records import Vma


class Ask(NamedTuple):
    """A range that would like to join its neighbours, as a VMA record that does not exist (yet)."""

    range: Vma
    source: Vma | None = None
    """The existing VMA that the range belongs to."""
    copied_from: Vma | None = None
    """The VMA that an mremap copies to the range."""
    not_with: Vma | None = None
    """A neighbour that is no candidate (DONTUNMAP's source on some kernels)."""


class Attempt(NamedTuple):
    """A merge that was tried: what each side answered, kept for explanations."""

    process: str
    ask: Ask
    prev: Vma | None
    next: Vma | None
    left: str | None
    """The reason against joining prev; None if it joined."""
    right: str | None


def may_join(machine: Machine, ask: Ask, target: Vma, left: bool) -> str | None:
    """The first reason against joining ``target`` on the given side, in the kernel's order; None if there is none."""
    rules = machine.rules
    new = ask.range
    if (target.flags ^ new.flags) & ~rules.flags_ignored:
        return "flags-differ"
    if target.file != new.file:
        return "files-differ"
    against: str | None = rules.anon_vmas_join(JoinAsk(new.anon, ask.source, ask.copied_from, target), rules.fork_child)
    if against is not None:
        return against
    if target.skew != new.skew:
        return "pgoffs-do-not-continue"
    if target.anon_skew != new.anon_skew and rules.private_file_index:
        return "anon-pgoffs-do-not-continue"
    return None


def sides(machine: Machine, ask: Ask, prev: Vma | None, next_: Vma | None) -> tuple[str | None, str | None]:
    """The reasons against joining left and right."""
    left = may_join(machine, ask, prev, True) if prev is not None else "no-neighbour"
    if next_ is None:
        return left, "no-neighbour"
    right = may_join(machine, ask, next_, False)
    if left is None and right is None and prev is not None and not machine.rules.both_sides(prev, next_):
        right = "neighbours-differ"
    return left, right


def merge_new_range(machine: Machine, mm: Mm, ask: Ask) -> int | None:
    """Let a new, unmapped range join its neighbours. Position of the VMA that took it in, or None.

    Kernel: vma_merge_new_range, vma_expand.
    """
    new = ask.range
    i = mm.find(new.start)
    prev = mm.vmas[i - 1] if i and mm.vmas[i - 1].end == new.start else None
    next_ = mm.vmas[i] if i < len(mm.vmas) and mm.vmas[i].start == new.end else None
    if ask.not_with is not None:
        prev = None if prev == ask.not_with else prev
        next_ = None if next_ == ask.not_with else next_
    left, right = sides(machine, ask, prev, next_)
    if prev is not None or next_ is not None:
        machine.events.append(Attempt(mm.name, ask, prev, next_, left, right))
    if left is not None and right is not None:
        return None
    target = prev if left is None else next_
    removed = next_ if left is None and right is None else None
    assert target is not None
    donor: Vma | None = machine.rules.survivor_anon_vma(removed, ask.copied_from)
    survivor = adopt_chain(machine, target, donor)
    sticky = (new.flags | (removed.flags if removed else 0)) & machine.rules.flags_ignored
    survivor = survivor._replace(flags=survivor.flags | sticky)
    end = removed.end if removed is not None else (new.end if left is None else target.end)
    start = target.start if left is None else new.start
    first = i - 1 if left is None else i
    machine.replace_vmas(mm, first, i + (right is None), [survivor.resized(start, end)])
    if removed is not None:
        machine.unlink(removed)
    return first


def merge_changed(machine: Machine, mm: Mm, i: int, changed: Vma) -> int | None:
    """Let the part ``changed`` of VMA i (with its new flags) join VMAs i-1 and i+1. Position of its VMA, or None.

    Kernel: vma_merge_existing_range. A part that reaches neither border of its VMA never merges.
    """
    vma = mm.vmas[i]
    at_left, at_right = changed.start == vma.start, changed.end == vma.end
    prev = mm.vmas[i - 1] if at_left and i and mm.vmas[i - 1].end == changed.start else None
    next_ = None
    if at_right and i + 1 < len(mm.vmas) and mm.vmas[i + 1].start == changed.end:
        next_ = mm.vmas[i + 1]
    if prev is None and next_ is None:
        return None
    ask = Ask(changed, source=vma)
    left, right = sides(machine, ask, prev, next_)
    machine.events.append(Attempt(mm.name, ask, prev, next_, left, right))
    if left is None and right is None:
        return _join_both(machine, mm, i, changed)
    if left is None:
        return _join_prev(machine, mm, i, changed)
    if right is None:
        return _join_next(machine, mm, i, changed)
    return None


def _join_both(machine: Machine, mm: Mm, i: int, changed: Vma) -> int:
    """prev takes the whole VMA and next; both vanish."""
    prev, vma, next_ = mm.vmas[i - 1 : i + 2]
    survivor = adopt_chain(machine, prev, next_ if next_.anon else vma)
    sticky = (changed.flags | next_.flags) & machine.rules.flags_ignored
    survivor = survivor._replace(flags=survivor.flags | sticky)
    machine.replace_vmas(mm, i - 1, i + 2, [survivor.resized(prev.start, next_.end)])
    machine.unlink(vma)
    machine.unlink(next_)
    return i - 1


def _join_prev(machine: Machine, mm: Mm, i: int, changed: Vma) -> int:
    """prev grows over the part; the VMA shrinks from the left or vanishes."""
    prev, vma = mm.vmas[i - 1 : i + 1]
    survivor = adopt_chain(machine, prev, vma)
    survivor = survivor._replace(flags=survivor.flags | (changed.flags & machine.rules.flags_ignored))
    new = [survivor.resized(prev.start, changed.end)]
    if changed.end < vma.end:
        machine.split_huge_at(mm, changed.end)
        new.append(vma.resized(changed.end, vma.end))
        machine.replace_vmas(mm, i - 1, i + 1, new)
    else:
        machine.replace_vmas(mm, i - 1, i + 1, new)
        machine.unlink(vma)
    return i - 1


def _join_next(machine: Machine, mm: Mm, i: int, changed: Vma) -> int:
    """next grows down over the part; the VMA shrinks from the right or vanishes."""
    vma, next_ = mm.vmas[i : i + 2]
    survivor = adopt_chain(machine, next_, vma)
    survivor = survivor._replace(flags=survivor.flags | (changed.flags & machine.rules.flags_ignored))
    new = [survivor.resized(changed.start, next_.end)]
    if changed.start > vma.start:
        machine.split_huge_at(mm, changed.start)
        new.insert(0, vma.resized(vma.start, changed.start))
        machine.replace_vmas(mm, i, i + 2, new)
        return i + 1
    machine.replace_vmas(mm, i, i + 2, new)
    machine.unlink(vma)
    return i


def modify(machine: Machine, mm: Mm, i: int, start: int, end: int, flags: int) -> int:
    """Give pages [start, end) of VMA i other flags: merge, or split as needed. Position of the VMA they are in now.

    Errors: ENOMEM when a split would exceed max_map_count; what was split before stays so.
    Kernel: vma_modify.
    """
    vma = mm.vmas[i]
    changed = vma.resized(start, end).with_flags(flags, machine.step_number)
    merged = merge_changed(machine, mm, i, changed)
    if merged is not None:
        return merged
    if start > vma.start:
        split_counted(machine, mm, i, start, new_below=True)
        i += 1
    if end < vma.end:
        split_counted(machine, mm, i, end, new_below=False)
    machine.replace_vmas(mm, i, i + 1, [mm.vmas[i].with_flags(flags, machine.step_number)])
    return i


def split_counted(machine: Machine, mm: Mm, i: int, at: int, *, new_below: bool) -> None:
    """Split VMA i at ``at``, unless the process has all the VMAs it may have (split_vma)."""
    limit = machine.settings.max_map_count
    if len(mm.vmas) >= limit:
        raise refuse("ENOMEM", "map-count", count=len(mm.vmas), limit=limit)
    machine.split(mm, i, at, new_below=new_below)
