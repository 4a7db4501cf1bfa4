"""The reverse map: from a folio to everything that maps it. Mirrors rmap_walk_anon and rmap_walk_ksm."""

from __future__ import annotations

from collections.abc import Iterator

from mremapdsl.model.machine import Machine, Mm
from mremapdsl.model.records import FILE, KSM, MIGRATION, PRESENT, Frame, Vma


def walk(machine: Machine, first: int, last: int) -> Iterator[tuple[Mm, int, int]]:
    """The page ranges (process, start, end) at which walks of the folios of frames [first, last) find them.

    The frames must have one record.  A walk sees what the folio says, not what the page tables say: mappings that it
    misses are the subject of the ``rmap-complete`` invariant.
    """
    frame = machine.frames.at(first)
    if frame is None:
        return
    if frame.kind == KSM:
        for number in range(first, last):
            yield from walk_ksm(machine, number)
    elif frame.kind == FILE:
        yield from walk_file(machine, first, last)
    else:
        yield from walk_anon(machine, frame, first, last)


def walk_anon(machine: Machine, frame: Frame, first: int, last: int) -> Iterator[tuple[Mm, int, int]]:
    """Every VMA in the anon_vma's tree whose indices cover the folio's, and there the entries that point to it."""
    index = first + frame.delta
    for mm in machine.mms.values():
        for vma in mm.vmas:
            if frame.home in vma.chain:
                start, end = index - vma.anon_skew, index + last - first - vma.anon_skew
                if start < vma.end and end > vma.start:
                    yield from entries_of(mm, max(start, vma.start), min(end, vma.end), start, first)


def entries_of(mm: Mm, start: int, end: int, origin: int, first: int) -> Iterator[tuple[Mm, int, int]]:
    """The part of [start, end) whose entries map frame ``first + page - origin``."""
    for s, e, pte in mm.ptes.clip(start, end):
        if pte.kind in (PRESENT, MIGRATION) and pte.delta == first - origin:
            yield mm, s, e


def walk_ksm(machine: Machine, number: int) -> Iterator[tuple[Mm, int, int]]:
    """For each rmap_item of the KSM page, the VMAs of its anon_vma's tree that hold its address."""
    seen: set[tuple[str, int]] = set()
    for page, item in machine.ksm.pages():
        if item.frame != number:
            continue
        for mm in machine.mms.values():
            vma = mm.vma_at(page)
            if vma is None or item.anon_vma not in vma.chain or (mm.name, page) in seen:
                continue
            if machine.rules.ksm_lookup(item, vma, page):
                run = mm.ptes.run_at(page)
                if run is not None and run[2].kind in (PRESENT, MIGRATION) and page + run[2].delta == number:
                    seen.add((mm.name, page))
                    yield mm, page, page + 1


def walk_file(machine: Machine, first: int, last: int) -> Iterator[tuple[Mm, int, int]]:
    """Every entry for the page-cache frames (the file's own tree of VMAs always leads there)."""
    for mm in machine.mms.values():
        for s, e, pte in mm.ptes:
            if pte.kind in (PRESENT, MIGRATION) and s + pte.delta < last and e + pte.delta > first:
                yield mm, max(s, first - pte.delta), min(e, last - pte.delta)


def ksm_found(machine: Machine, mm: Mm, vma: Vma, page: int, number: int) -> bool:
    """Whether a walk of the KSM page finds this mapping of it."""
    return any(other is mm and start == page for other, start, _ in walk_ksm(machine, number))
