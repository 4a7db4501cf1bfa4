"""Moving page tables: entries one by one, or whole tables and huge mappings where addresses allow.

Mirrors ``mm/mremap.c:move_page_tables``.
"""

from __future__ import annotations

from mremapdsl.model.machine import HUGE_PAGES, Machine, Mm
from mremapdsl.model.records import MIGRATION, PRESENT, SWAP, Pte
from mremapdsl.model.runs import Run


def move_page_tables(machine: Machine, mm: Mm, start: int, end: int, to: int) -> None:
    """Move every entry; a PMD mapping stays one if it is moved whole to an aligned place, else it is split."""
    shift = to - start
    machine.split_huge_at(mm, start)
    machine.split_huge_at(mm, end)
    for s, e, pte in mm.ptes.clip(start, end) if shift % HUGE_PAGES else ():
        for block in range(s, e, HUGE_PAGES) if pte.huge else ():
            machine.split_huge_block(mm, block)
    runs = mm.ptes.clip(start, end)
    moved: list[Run[Pte]] = []
    for s, e, pte in runs:
        points = pte.kind in (PRESENT, SWAP, MIGRATION)
        moved.append((s + shift, e + shift, pte._replace(delta=pte.delta - shift) if points else pte))
    whole = move_tables(machine, mm, start, end, to)
    huge = sum(e - s for s, e, pte in runs if pte.huge) // HUGE_PAGES
    machine.counters["pmds_moved"] += huge + sum(last - first for first, last in whole)
    machine.counters["ptes_moved"] += sum(single_entries(s, e, whole) for s, e, pte in runs if not pte.huge)
    machine.set_ptes(mm, start, end)
    machine.set_ptes(mm, to, to + end - start, moved)


def single_entries(start: int, end: int, whole: list[tuple[int, int]]) -> int:
    """How many of the entries for [start, end) lie outside tables that move whole."""
    inside = sum(max(0, min(end, last * HUGE_PAGES) - max(start, first * HUGE_PAGES)) for first, last in whole)
    return end - start - inside


def move_tables(machine: Machine, mm: Mm, start: int, end: int, to: int) -> list[tuple[int, int]]:
    """A page table moves whole where source and destination blocks coincide, else the destination gets its own.

    The blocks of 512 source pages whose tables moved whole, as (first, end).

    Kernel: move_pgt_entry, try_realign_addr.
    """
    whole_from, whole_to = 0, 0
    if (to - start) % HUGE_PAGES == 0:
        first = start
        if start % HUGE_PAGES and end - start >= HUGE_PAGES - start % HUGE_PAGES and alone_below(mm, start, to):
            first = start - start % HUGE_PAGES
        whole_from, whole_to = -(-first // HUGE_PAGES), end // HUGE_PAGES
    shift = (to - start) // HUGE_PAGES
    moved: list[tuple[int, int]] = []
    for s, e, _ in mm.tables.clip(start // HUGE_PAGES, -(-end // HUGE_PAGES)):
        for first, last in ((s, min(e, whole_from)), (max(s, whole_to), e)) if whole_from < whole_to else ((s, e),):
            if first < last:
                low, high = max(start, first * HUGE_PAGES), min(end, last * HUGE_PAGES)
                machine.need_tables(mm, low - start + to, high - start + to)
        first, last = max(s, whole_from), min(e, whole_to)
        if first < last:
            machine.drop_tables(mm, first, last)
            machine.need_tables(mm, (first + shift) * HUGE_PAGES, (last + shift) * HUGE_PAGES)
            moved.append((first, last))
    border = (end - 1) // HUGE_PAGES
    if border == to // HUGE_PAGES and start < to and mm.tables.at(border) is not None:
        # the first pages moved may have given the block of the last ones a table
        machine.need_tables(mm, max(start, border * HUGE_PAGES) - start + to, end - start + to)
    return moved


def alone_below(mm: Mm, start: int, to: int) -> bool:
    """Both addresses begin their VMA and nothing else is mapped below them in their block (can_align_down)."""
    for at in (start, to):
        i = mm.find(at)
        if mm.vmas[i].start != at or (i and mm.vmas[i - 1].end > at - at % HUGE_PAGES):
            return False
    return True
