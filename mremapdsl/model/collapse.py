"""MADV_COLLAPSE: blocks of small pages become huge ones, in the page cache too. Mirrors ``mm/khugepaged.c``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from mremapdsl.model.filemap import fill_cache, holds_block, install_huge, is_huge, unmap_cached
from mremapdsl.model.machine import HUGE_ORDER, HUGE_PAGES, File, Machine, Mm
from mremapdsl.model.reason import refuse
from mremapdsl.model.records import ANON, FILE, MAYBE_GUARD, NOHUGEPAGE, PRESENT, SWAP, WRITE, ZERO, Frame, Pte, Vma
from mremapdsl.model.rmap import walk_file
from mremapdsl.model.swap import swap_in

GOES_ON = {
    "pinned-page": "EAGAIN",
    "merged-page-twice": "EAGAIN",
    "cached-page-held": "EAGAIN",
    "no-writable-page": "EINVAL",
    "marker-in-the-way": "EINVAL",
}
"""What fails one block only, and the error; anything else keeps MADV_COLLAPSE from trying those behind it."""


def collapse(machine: Machine, mm: Mm, i: int, start: int, end: int) -> None:
    """MADV_COLLAPSE over one VMA's part of a range: each aligned block becomes one huge page.

    Errors, the last block's that failed: EINVAL when the VMA cannot hold a huge page, is unfaulted, or a block has no
    page table, no page in the cache, or an entry in the way; EAGAIN when a page is held by others, or merged with
    another of its block.  Kernel: madvise_collapse.
    """
    vma = mm.vmas[i]
    last_block = vma.end - vma.end % HUGE_PAGES - HUGE_PAGES
    able = not vma.skew % HUGE_PAGES if vma.file is not None else vma.anon
    if vma.flags & NOHUGEPAGE or last_block < vma.start or not able:
        raise refuse("EINVAL", "not-collapsible", start=vma.start, end=vma.end)
    first, last = -(-start // HUGE_PAGES) * HUGE_PAGES, end - end % HUGE_PAGES
    if last < first and machine.rules.collapse_without_block:
        raise refuse("EINVAL", "no-whole-block", start=start, end=end)
    collapse_one = collapse_block if vma.file is None else collapse_file
    failed = None
    for block in range(first, last, HUGE_PAGES):
        failed = collapse_one(machine, mm, vma, block) or failed
        if failed is not None and failed not in GOES_ON:
            break
    if failed is not None:
        raise refuse(GOES_ON.get(failed, "EINVAL"), failed, start=start, end=end)


# --- anonymous memory ------------------------------------------------------------------------------------------


def collapse_block(machine: Machine, mm: Mm, vma: Vma, block: int) -> str | None:
    """Copy 512 pages into a new huge page; the reason if that cannot be.

    Kernel: hpage_collapse_scan_pmd; __collapse_huge_page_swapin, which stops at what is no swap entry and leaves
    swapped in what came before; __collapse_huge_page_isolate, which cannot lock a folio twice.
    """
    end = block + HUGE_PAGES
    entries = mm.ptes.clip(block, end)
    if entries and entries[0][2].huge:
        return None
    if mm.tables.at(block // HUGE_PAGES) is None:
        return "no-page-table"
    if any(frame.pins for _, _, frame in contents(machine, entries)):
        return "pinned-page"
    if not machine.rules.collapse_read_only and not is_writable(machine, vma, entries):
        return "no-writable-page"
    for s, e, pte in entries:
        if pte.kind == SWAP:
            swap_in(machine, mm, mm.find(block), s, e, pte, None)
        elif pte.kind not in (PRESENT, ZERO):
            return "entry-in-the-way"
    entries = mm.ptes.clip(block, end)
    numbers = sorted((s + pte.delta, e + pte.delta) for s, e, pte in entries if pte.kind == PRESENT)
    if any(start < end for (_, end), (start, _) in pairwise(numbers)):
        return "merged-page-twice"
    pages = list(contents(machine, entries))
    machine.zap(mm, block, end)
    first = machine.allocate(HUGE_PAGES, HUGE_ORDER)
    shift = first - block
    new = Frame(ANON, vma.anon, vma.anon_skew - shift, 1, True, 0, HUGE_ORDER)
    machine.put_folios(first, HUGE_PAGES, new)
    for s, e, frame in pages:
        machine.edit_frames(s + shift, e + shift, lambda f: f._replace(data=frame.data))  # noqa: B023
    machine.drop_tables(mm, block // HUGE_PAGES, block // HUGE_PAGES + 1)
    machine.set_ptes(mm, block, end, [(block, end, Pte(PRESENT, shift, True))])
    return None


def is_writable(machine: Machine, vma: Vma, entries: list[tuple[int, int, Pte]]) -> bool:
    """Whether one of the entries allows writes: those of exclusive pages in writable memory do."""
    return bool(vma.flags & WRITE) and any(frame.exclusive for _, _, frame in contents(machine, entries))


def contents(machine: Machine, entries: list[tuple[int, int, Pte]]) -> Iterator[tuple[int, int, Frame]]:
    """The frames that present entries map, by the pages that map them."""
    for s, e, pte in entries:
        if pte.kind == PRESENT:
            for first, last, frame in machine.frames.clip(s + pte.delta, e + pte.delta):
                yield first - pte.delta, last - pte.delta, frame


# --- files and shared memory -----------------------------------------------------------------------------------


def collapse_file(machine: Machine, mm: Mm, vma: Vma, block: int) -> str | None:
    """Make 512 pages of the page cache one huge page, and map it here; the reason if that cannot be.

    Kernel: hpage_collapse_scan_file, collapse_pte_mapped_thp.
    """
    file = machine.files[vma.file or ""]
    first = block + vma.skew
    if is_huge(machine, file, first) or (failed := collapse_cached(machine, vma, file, first)) is None:
        return map_collapsed(machine, mm, block, vma.skew + (file.cache.at(first) or 0))
    return failed


def collapse_cached(machine: Machine, vma: Vma, file: File, first: int) -> str | None:
    """Copy pages of the page cache, and those in swap, into a new huge page; nobody maps them any more.

    Kernel: collapse_file.
    """
    last = first + HUGE_PAGES
    if any(held(machine, s + delta, e + delta) for s, e, delta in file.cache.clip(first, last)):
        return "cached-page-held"
    for s, e, _ in file.swapped.clip(first, last):
        fill_cache(machine, file, s, e)
    if is_huge(machine, file, first):
        return None
    old = file.cache.clip(first, last)
    if not old:
        return "nothing-cached"
    number = machine.allocate(HUGE_PAGES, HUGE_ORDER)
    machine.put_folios(number, HUGE_PAGES, Frame(FILE, 0, first - number, 0, False, 0, HUGE_ORDER))
    for s, e, delta in old:
        unmap_cached(machine, s + delta, e + delta)
        for a, b, frame in machine.frames.clip(s + delta, e + delta):
            shift = number - first - delta
            machine.edit_frames(a + shift, b + shift, lambda f: f._replace(data=frame.data))  # noqa: B023
        machine.edit_frames(s + delta, e + delta, lambda _: None)
    file.cache.splice(first, last, [(first, last, number - first)])
    drop_file_tables(machine, vma, first)
    return None


def held(machine: Machine, first: int, last: int) -> bool:
    """Whether someone holds one of these frames besides the page cache and those who map it."""
    if any(frame.pins for _, _, frame in machine.frames.clip(first, last)):
        return True
    return any(pte.kind != PRESENT for mm, s, e in walk_file(machine, first, last) for _, _, pte in mm.ptes.clip(s, e))


def drop_file_tables(machine: Machine, vma: Vma, first: int) -> None:
    """Whoever maps the whole block and has no private pages or guard pages gives its empty page table back.

    Kernel: retract_page_tables.
    """
    for mm in machine.mms.values():
        for other in mm.vmas:
            block = first - other.skew
            if other.file == vma.file and holds_block(other, block) and not (other.anon or other.flags & MAYBE_GUARD):
                machine.drop_tables(mm, block // HUGE_PAGES, block // HUGE_PAGES + 1)


def map_collapsed(machine: Machine, mm: Mm, block: int, delta: int) -> str | None:
    """Map a huge page of the page cache by one entry, if nothing else is mapped there (collapse_pte_mapped_thp)."""
    end = block + HUGE_PAGES
    entries = mm.ptes.clip(block, end)
    if entries and entries[0][2].huge:
        return None
    for _, _, pte in entries:
        if pte.kind != PRESENT:
            return "marker-in-the-way"
        if pte.delta != delta:
            return "private-pages"
    machine.zap(mm, block, end)
    machine.drop_tables(mm, block // HUGE_PAGES, block // HUGE_PAGES + 1)
    install_huge(machine, mm, block, delta)
    return None
