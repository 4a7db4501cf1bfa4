"""madvise. Mirrors ``mm/madvise.c``."""

from __future__ import annotations

from collections.abc import Callable

from mremapdsl.model.anon import prepare
from mremapdsl.model.collapse import collapse
from mremapdsl.model.fault import populate_vma
from mremapdsl.model.ksm import enter, unshare
from mremapdsl.model.machine import HUGE_PAGES, Machine, Mm
from mremapdsl.model.merge import modify
from mremapdsl.model.reason import Refused, Why, refuse, why
from mremapdsl.model.reclaim import cold, free, page_out
from mremapdsl.model.records import (
    DONTCOPY,
    GUARD,
    HUGEPAGE,
    LOCKED,
    MERGEABLE,
    NOHUGEPAGE,
    READ,
    SEALED,
    SHARED,
    WIPEONFORK,
    WRITE,
    Pte,
    Vma,
)

FLAG_ADVICE: dict[str, Callable[[int], int]] = {
    "DONTFORK": lambda flags: flags | DONTCOPY,
    "DOFORK": lambda flags: flags & ~DONTCOPY,
    "WIPEONFORK": lambda flags: flags | WIPEONFORK,
    "KEEPONFORK": lambda flags: flags & ~WIPEONFORK,
    "HUGEPAGE": lambda flags: flags & ~NOHUGEPAGE | HUGEPAGE,
    "NOHUGEPAGE": lambda flags: flags & ~HUGEPAGE | NOHUGEPAGE,
    "MERGEABLE": lambda flags: flags | MERGEABLE,
    "UNMERGEABLE": lambda flags: flags & ~MERGEABLE,
}
DISCARDS = {"DONTNEED", "FREE", "DONTFORK", "WIPEONFORK", "GUARD_INSTALL"}
"""Advice that loses content, refused on sealed memory that cannot be written (can_madvise_modify)."""


def madvise(machine: Machine, mm: Mm, start: int, pages: int, advice: str) -> Why:
    """madvise(2): VMA by VMA; holes are skipped and make the call ENOMEM at its end.

    Kernel: madvise_walk_vmas.
    """
    if advice.startswith("GUARD_") and not machine.rules.guards:
        raise refuse("EINVAL", "unknown-advice", advice=advice)
    if not pages:
        return why("advised")
    end = start + pages
    if advice in ("POPULATE_READ", "POPULATE_WRITE"):
        populate_range(machine, mm, start, end, advice == "POPULATE_WRITE")
        return why("advised")
    hole: int | None = None
    at = start
    while at < end:
        i = mm.find(at)
        if i == len(mm.vmas) or mm.vmas[i].start >= end:
            hole = at if hole is None else hole
            break
        vma = mm.vmas[i]
        if vma.start > at:
            hole = at if hole is None else hole
            at = vma.start
        stop = min(vma.end, end)
        if vma.flags & SEALED and advice in DISCARDS and vma.file is None and not vma.flags & WRITE:
            raise refuse("EPERM", "sealed", start=vma.start, end=vma.end)
        advise_vma(machine, mm, i, at, stop, advice)
        at = stop
    if hole is not None:
        raise refuse("ENOMEM", "hole", page=hole)
    return why("advised")


def advise_vma(machine: Machine, mm: Mm, i: int, start: int, end: int, advice: str) -> None:
    """One VMA's part of the range."""
    vma = mm.vmas[i]
    if advice in FLAG_ADVICE:
        advise_flags(machine, mm, i, start, end, advice)
        return
    if vma.flags & LOCKED and advice in NOT_ON_LOCKED:
        raise refuse("EINVAL", "locked", start=vma.start, end=vma.end)
    if advice == "FREE" and (vma.file is not None or vma.flags & SHARED):
        raise refuse("EINVAL", "not-private-anonymous", start=vma.start, end=vma.end)
    PAGE_ADVICE[advice](machine, mm, i, start, end)


def dontneed(machine: Machine, mm: Mm, i: int, start: int, end: int) -> None:
    """Drop the pages; the page tables of blocks that the range covers wholly may be freed."""
    machine.zap(mm, start, end, keep_guards=True)
    if not machine.rules.discarded_tables:
        return
    first, last = -(-start // HUGE_PAGES), end // HUGE_PAGES
    for s, e, _ in mm.tables.clip(first, last) if first < last else ():
        if not mm.ptes.clip(s * HUGE_PAGES, e * HUGE_PAGES):
            machine.drop_tables(mm, s, e)


def guard_install(machine: Machine, mm: Mm, i: int, start: int, end: int) -> None:
    """Markers in the place of whatever is there.

    So that fork copies them the VMA becomes faulted or, since it has a flag that says so, is marked; anonymous memory
    is both.
    """
    flag = machine.rules.guard_flag
    if mm.vmas[i].file is None or not flag:
        prepare(machine, mm, i)
    machine.zap(mm, start, end)
    machine.set_ptes(mm, start, end, [(start, end, Pte(GUARD))])
    if flag and not mm.vmas[i].flags & flag:
        machine.replace_vmas(mm, i, i + 1, [mm.vmas[i]._replace(flags=mm.vmas[i].flags | flag)])


def guard_remove(machine: Machine, mm: Mm, i: int, start: int, end: int) -> None:
    """Take the markers away; other entries stay."""
    for s, e, pte in mm.ptes.clip(start, end):
        if pte.kind == GUARD:
            machine.set_ptes(mm, s, e)


PAGE_ADVICE: dict[str, Callable[[Machine, Mm, int, int, int], None]] = {
    "DONTNEED": dontneed,
    "FREE": free,
    "COLD": cold,
    "PAGEOUT": page_out,
    "COLLAPSE": collapse,
    "GUARD_INSTALL": guard_install,
    "GUARD_REMOVE": guard_remove,
}
NOT_ON_LOCKED = {"DONTNEED", "FREE", "COLD", "PAGEOUT", "GUARD_INSTALL"}


def advise_flags(machine: Machine, mm: Mm, i: int, start: int, end: int, advice: str) -> None:
    """Advice that sets or clears VMA flags; splitting at the map-count limit is EAGAIN (madvise_vma_behavior)."""
    vma = mm.vmas[i]
    if advice == "WIPEONFORK" and (vma.file is not None or vma.flags & SHARED):
        raise refuse("EINVAL", "not-private-anonymous", start=vma.start, end=vma.end)
    if advice in ("MERGEABLE", "UNMERGEABLE") and vma.flags & SHARED:
        return
    if advice == "MERGEABLE":
        enter(machine, mm)
    if advice == "UNMERGEABLE" and vma.flags & MERGEABLE:
        unshare(machine, mm, vma, start, end)
    flags = FLAG_ADVICE[advice](vma.flags)
    if flags == vma.flags:
        return
    try:
        modify(machine, mm, i, start, end, flags)
    except Refused as refused:
        raise refuse("EAGAIN", refused.reason.reason, **refused.reason.values) from None


def populate_range(machine: Machine, mm: Mm, start: int, end: int, write: bool) -> None:
    """MADV_POPULATE_READ, MADV_POPULATE_WRITE: stops at the first page that cannot be faulted in.

    Errors: ENOMEM at a hole, EINVAL where the protection forbids it, EFAULT at a guard page.
    Kernel: madvise_populate, faultin_page_range.
    """
    at = start
    while at < end:
        i = mm.find(at)
        if i == len(mm.vmas) or mm.vmas[i].start > at:
            raise refuse("ENOMEM", "hole", page=at)
        vma = mm.vmas[i]
        stop = min(vma.end, end)
        if not may_populate(vma, write):
            raise refuse("EINVAL", "protection", page=at, wanted="write" if write else "read")
        try:
            populate_vma(machine, mm, i, at, stop, write)
        except Refused as refused:
            raise refuse("EFAULT", refused.reason.reason, **refused.reason.values) from None
        at = stop


def may_populate(vma: Vma, write: bool) -> bool:
    return bool(vma.flags & (WRITE if write else READ))
