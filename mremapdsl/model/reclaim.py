"""Advice about reclaim: MADV_FREE, MADV_COLD, MADV_PAGEOUT. Mirrors ``mm/madvise.c`` and ``mm/vmscan.c``.

Large folios are taken whole when the range maps them whole, split when it does not, and left alone when somebody
else maps them.
"""

from __future__ import annotations

from collections.abc import Iterator

from mremapdsl.model.filemap import page_out_cached, unmap_cached
from mremapdsl.model.machine import HUGE_PAGES, Machine, Mm
from mremapdsl.model.records import ANON, FILE, LOCKED, PRESENT, SWAP, Frame
from mremapdsl.model.rmap import walk
from mremapdsl.model.swap import drop_clean, swap_out
from mremapdsl.model.thp import folio_of, mappers, split_folio


def free(machine: Machine, mm: Mm, i: int, start: int, end: int) -> None:
    """Mark pages free to drop until they are written again; swap entries are dropped at once.

    Pages that someone has locked are not marked. Kernel: madvise_free_pte_range, folio_mark_lazyfree.
    """
    split_partly_mapped(machine, mm, start, end)
    for s, e, pte in mm.ptes.clip(start, end):
        if pte.kind == SWAP:
            machine.zap(mm, s, e)
        elif pte.kind == PRESENT:
            for first, last, frame in of_own_folios(machine, mm, s + pte.delta, e + pte.delta):
                if frame.kind == ANON:
                    page, stop = first - pte.delta, last - pte.delta
                    machine.set_ptes(mm, page, stop, [(page, stop, pte._replace(clean=True))])
                    if not is_locked(machine, first, last):
                        machine.edit_frames(first, last, lambda f: f._replace(lazyfree=True))


def cold(machine: Machine, mm: Mm, i: int, start: int, end: int) -> None:
    """Deactivate pages: nothing that the model shows, but large folios mapped in part are split."""
    split_partly_mapped(machine, mm, start, end)


def page_out(machine: Machine, mm: Mm, i: int, start: int, end: int) -> None:
    """Reclaim the pages of the range that nobody else maps (madvise_cold_or_pageout_pte_range)."""
    split_partly_mapped(machine, mm, start, end)
    for s, e, pte in mm.ptes.clip(start, end):
        if pte.kind == PRESENT:
            for first, last, frame in of_own_folios(machine, mm, s + pte.delta, e + pte.delta):
                if frame.mlocked:
                    continue
                if frame.kind == FILE:
                    page_out_file(machine, first, last, frame)
                elif frame.maps == 1:
                    reclaim(machine, first, last, frame)


def page_out_file(machine: Machine, first: int, last: int, frame: Frame) -> None:
    """Unmap pages of the page cache; unless they are pinned, they leave it too.

    A small page must be mapped once only; of a large one it is known that nobody else maps it.
    """
    if frame.order:
        first, last, _ = folio_of(machine, first)
    elif frame.maps > 1:
        return
    unmap_cached(machine, first, last)
    if not any(f.pins for _, _, f in machine.frames.clip(first, last)):
        page_out_cached(machine, first, last)


def reclaim(machine: Machine, first: int, last: int, frame: Frame) -> None:
    """Frames of one record leave: clean MADV_FREE pages are dropped, dirty ones stay this time, others go to swap."""
    if frame.lazyfree:
        drop_clean(machine, first, last)
    elif machine.settings.swap:
        swap_out(machine, first, last)


def of_own_folios(machine: Machine, mm: Mm, start: int, end: int) -> Iterator[tuple[int, int, Frame]]:
    """The runs of frames [start, end) without large folios of which another process maps a page."""
    for s, e, frame in machine.frames.clip(start, end):
        if not frame.order:
            yield s, e, frame
            continue
        size = 1 << frame.order
        for head in range(s - s % size, e, size):
            first, last = max(s, head), min(e, head + size)
            if not is_shared(machine, mm, first):
                yield first, last, frame


def is_shared(machine: Machine, mm: Mm, number: int) -> bool:
    """Whether another process maps a page of the frame's folio (folio_maybe_mapped_shared)."""
    head, end, _ = folio_of(machine, number)
    return mappers(machine, head, end) != {mm.name}


def is_locked(machine: Machine, first: int, last: int) -> bool:
    """Whether a locked VMA maps one of the frames, or did (folio_test_mlocked)."""
    if any(frame.mlocked for _, _, frame in machine.frames.clip(first, last)):
        return True
    for mm, page, _ in walk(machine, first, last):
        vma = mm.vma_at(page)
        if vma is not None and vma.flags & LOCKED:
            return True
    return False


def split_partly_mapped(machine: Machine, mm: Mm, start: int, end: int) -> None:
    """Split each large folio that the range does not map whole, in order and under one PMD, if nobody else maps it."""
    at = start
    while at < end:
        runs = mm.ptes.clip(at, end)
        if not runs:
            return
        s, e, pte = runs[0]
        at = e
        if pte.kind != PRESENT:
            continue
        first, last, frame = machine.frames.clip(s + pte.delta, e + pte.delta)[0]
        at = last - pte.delta
        if not frame.order:
            continue
        head, tail, _ = folio_of(machine, first)
        page, stop = head - pte.delta, tail - pte.delta
        at = min(e, stop)
        inside = page >= start and stop <= end and page // HUGE_PAGES == (stop - 1) // HUGE_PAGES
        whole = inside and mm.ptes.clip(page, stop) == [(page, stop, pte)]
        if not whole and not is_shared(machine, mm, first):
            split_folio(machine, first)
