"""Large folios: which size a fault takes, huge pages at PMD level, split. Mirrors ``mm/huge_memory.c``,
``mm/memory.c:alloc_anon_folio``.

Frames of a folio of order n are aligned to 2**n; a folio is the aligned group, whatever runs its frames are in.
"""

from __future__ import annotations

from typing import NamedTuple

from mremapdsl.model.anon import prepare
from mremapdsl.model.filemap import split_cached
from mremapdsl.model.machine import HUGE_ORDER, HUGE_PAGES, Machine, Mm
from mremapdsl.model.reason import Why, why
from mremapdsl.model.records import ANON, FILE, HUGEPAGE, LOCKED, NOHUGEPAGE, PRESENT, ZERO, Frame, Pte, Vma
from mremapdsl.model.rmap import walk


class Chunk(NamedTuple):
    """Pages that one fault, or a row of equal faults, fills."""

    start: int
    end: int
    order: int


def enabled_orders(machine: Machine, vma: Vma) -> list[int]:
    """The folio orders that faults of this VMA may use, largest first (thp_vma_allowable_orders)."""
    if vma.flags & NOHUGEPAGE or vma.file is not None:
        return []
    advised = bool(vma.flags & HUGEPAGE)
    settings = machine.settings

    def enabled(mode: str) -> bool:
        return mode == "always" or (mode == "madvise" and advised)

    orders = [order for order, mode in settings.mthp if order < HUGE_ORDER and enabled(mode)]
    return [HUGE_ORDER, *orders] if enabled(settings.thp) else orders


def next_chunk(machine: Machine, mm: Mm, vma: Vma, at: int, end: int, orders: list[int]) -> Chunk:
    """What a write fault at the empty page ``at`` fills, extended over the equal faults that follow up to ``end``.

    A PMD-sized folio needs its aligned block inside the VMA and no page table there; a smaller one needs its aligned
    block inside the VMA and empty.  The row ends where a larger folio might fit again.
    """
    i = mm.ptes.first(at)
    limit = vma.end
    if i < len(mm.ptes.runs):
        limit = min(limit, mm.ptes.runs[i][0])
    for order in orders:
        size = 1 << order
        start = at - at % size
        last = limit
        if order == HUGE_ORDER:
            last = min(limit, first_table(mm, start // HUGE_PAGES) * HUGE_PAGES)
        inside = start >= vma.start and start + size <= last
        if inside and (order == HUGE_ORDER or not mm.ptes.clip(start, start + size)):
            return Chunk(start, min(-(-end // size) * size, last - last % size), order)
        end = min(end, start + size)
    return Chunk(at, end, 0)


def first_table(mm: Mm, block: int) -> int:
    """The first block (of 512 pages) from ``block`` on that has a page table."""
    i = mm.tables.first(block)
    if i == len(mm.tables.runs):
        return 1 << 62
    return max(block, mm.tables.runs[i][0])


def map_folios(machine: Machine, mm: Mm, i: int, chunk: Chunk, start: int, end: int, byte: int) -> None:
    """Map fresh, exclusive folios over a chunk; pages [start, end) of it are written, the rest is zero."""
    vma = mm.vmas[i]
    first = machine.allocate(chunk.end - chunk.start, chunk.order)
    shift = first - chunk.start
    for s, e, data in (
        (chunk.start, max(start, chunk.start), 0),
        (max(start, chunk.start), min(end, chunk.end), byte),
        (min(end, chunk.end), chunk.end, 0),
    ):
        if s < e:
            frame = Frame(ANON, vma.anon, vma.anon_skew - shift, 1, True, data, chunk.order)
            machine.put_folios(s + shift, e - s, frame)
    pte = Pte(PRESENT, shift, chunk.order == HUGE_ORDER)
    machine.set_ptes(mm, chunk.start, chunk.end, [(chunk.start, chunk.end, pte)])


def map_huge_zero(machine: Machine, mm: Mm, i: int, chunk: Chunk) -> None:
    """A read fault of a whole empty block maps the huge zero page; that, too, makes the VMA faulted."""
    prepare(machine, mm, i)
    machine.set_ptes(mm, chunk.start, chunk.end, [(chunk.start, chunk.end, Pte(ZERO, 0, True))])


def folio_of(machine: Machine, number: int) -> tuple[int, int, list[tuple[int, int, Frame]]]:
    """The folio that a frame is part of: (first frame, end, its live runs)."""
    frame = machine.frames.at(number)
    size = 1 << (frame.order if frame is not None else 0)
    head = number - number % size
    return head, head + size, machine.frames.clip(head, head + size)


def mappers(machine: Machine, head: int, end: int) -> set[str]:
    """The processes that map frames [head, end)."""
    found: set[str] = set()
    for mm in machine.mms.values():
        for s, e, pte in mm.ptes:
            if pte.kind == PRESENT and s + pte.delta < end and e + pte.delta > head:
                found.add(mm.name)
                break
    return found


def large_mapcount(runs: list[tuple[int, int, Frame]]) -> int:
    return sum((e - s) * frame.maps for s, e, frame in runs)


def may_reuse_large(machine: Machine, mm: Mm, number: int) -> bool:
    """A write may keep a page of a large folio if no other process maps the folio, nothing else holds it, and more
    than one page of it is still mapped (__wp_can_reuse_large_anon_folio).
    """
    head, end, runs = folio_of(machine, number)
    if large_mapcount(runs) <= 1 or any(frame.pins or frame.swap is not None for _, _, frame in runs):
        return False
    return mappers(machine, head, end) == {mm.name}


def may_reuse_huge(machine: Machine, number: int) -> bool:
    """A write may keep a huge page whose only reference is one PMD mapping (do_huge_pmd_wp_page)."""
    _, _, runs = folio_of(machine, number)
    return large_mapcount(runs) == HUGE_PAGES and all(f.maps == 1 and not f.pins for _, _, f in runs)


def split_folio(machine: Machine, number: int) -> bool:
    """Split a large folio into small ones; mapped sub-pages that are all zero become the zero page.

    False (nothing changed) if it is pinned, in the swap cache, or not all of its mappings can be found.
    Kernel: split_huge_page_to_list_to_order, remap_page.
    """
    head, end, runs = folio_of(machine, number)
    if any(frame.pins or frame.swap is not None for _, _, frame in runs):
        return False
    if runs[0][2].kind == FILE:
        split_cached(machine, head, end)
        machine.counters["folios_split"] += 1
        return True
    found = [(s, frame, place) for s, e, frame in runs for place in walk(machine, s, e)]
    if sum(stop - page for _, _, (_, page, stop) in found) != large_mapcount(runs):
        return False
    for _, _, (mm, page, _) in found:
        machine.split_huge_at(mm, page) if page % HUGE_PAGES else machine.split_huge_block(mm, page)
    for _, frame, (mm, page, stop) in found:
        if frame.data == 0 and not frame.mlocked:
            map_zero_page(machine, mm, page, stop)
    machine.edit_frames(head, end, lambda f: f._replace(order=0))
    machine.counters["folios_split"] += 1
    return True


def map_zero_page(machine: Machine, mm: Mm, page: int, stop: int) -> None:
    """The zero page instead of zero-filled sub-pages, except in locked memory (try_to_map_unused_to_zeropage)."""
    vma = mm.vma_at(page)
    if vma is None or vma.flags & LOCKED:
        return
    for s, e, pte in mm.ptes.clip(page, stop):
        if pte.kind == PRESENT:
            machine.set_ptes(mm, s, e, [(s, e, Pte(ZERO))])
            machine.put_frames(s + pte.delta, e + pte.delta)


def split_range(machine: Machine, mm: Mm, start: int, end: int) -> Why:
    """Split every large folio with a page mapped in the range; folios that cannot be split stay."""
    count = failed = 0
    for s, e, pte in mm.ptes.clip(start, end):
        if pte.kind != PRESENT:
            continue
        for first, last, frame in machine.frames.clip(s + pte.delta, e + pte.delta):
            size = 1 << frame.order
            for head in range(first - first % size, last, size) if frame.order else ():
                number = max(head, first)
                current = machine.frames.at(number)
                if current is not None and current.order:
                    done = split_folio(machine, number)
                    count += done
                    failed += not done
    return why("split", folios=count, failed=failed)
