"""Faults of file and shared memory: the page cache, and copies of private pages (``mm/memory.c``, ``mm/filemap.c``).

Every file is held in memory as shmem is: a page enters the cache when it is first accessed, without readahead.
Huge pages enter it by MADV_COLLAPSE only (shmem_enabled is ``never``).
"""

from __future__ import annotations

from collections.abc import Iterator

from mremapdsl.model.anon import prepare
from mremapdsl.model.machine import HUGE_ORDER, HUGE_PAGES, File, Machine, Mm, Swapped
from mremapdsl.model.reason import refuse
from mremapdsl.model.records import ANON, FILE, NOHUGEPAGE, PRESENT, SHARED, Frame, Pte, Vma
from mremapdsl.model.rmap import walk_file

FAULT_AROUND = 16
"""Pages that a read fault maps around it if they are in the cache (fault_around_bytes)."""


def fault_file(machine: Machine, mm: Mm, i: int, start: int, end: int, byte: int | None) -> None:
    """First access of pages of a file mapping. Errors: BUS behind the end of the object.

    Kernel: do_read_fault, do_cow_fault, do_shared_fault.
    """
    vma = mm.vmas[i]
    file = machine.files[vma.file or ""]
    stop = end if file.pages is None else min(end, file.pages - vma.skew)
    if start < stop:
        fill_cache(machine, file, start + vma.skew, stop + vma.skew)
        if byte is None or vma.flags & SHARED:
            map_huge(machine, mm, vma, file, start, stop)
        if byte is None:
            if machine.rules.fault_around_folio:
                map_whole(machine, mm, vma, file, start, stop)
            map_cached(machine, mm, vma, file, start, stop)
            fault_around(machine, mm, vma, file, start, stop)
        elif vma.flags & SHARED:
            map_whole(machine, mm, vma, file, start, stop, only_if_empty=True)
            map_cached(machine, mm, vma, file, start, stop)
            write_cached(machine, mm, start, stop, byte)
        else:
            copy_from_cache(machine, mm, i, start, stop, byte)
    if stop < end:
        if byte is None:
            fault_around(machine, mm, vma, file, max(start, stop), max(start, stop) + 1)
        raise refuse("BUS", "behind-end", page=max(start, stop))


def populate_file(machine: Machine, mm: Mm, i: int, start: int, end: int) -> None:
    """Write faults of empty pages of a file mapping that write nothing: the file's content stays.

    Errors: BUS behind the end of the object.
    """
    vma = mm.vmas[i]
    file = machine.files[vma.file or ""]
    fill_cache(machine, file, start + vma.skew, min(end + vma.skew, file.pages or end + vma.skew))
    for s, e, delta in file.cache.clip(start + vma.skew, end + vma.skew):
        for first, last, frame in machine.frames.clip(s + delta, e + delta):
            shift = delta + vma.skew
            fault_file(machine, mm, i, first - shift, last - shift, frame.data)
            start = last - shift
    fault_file(machine, mm, i, start, end, 0)


def fill_cache(machine: Machine, file: File, first: int, last: int) -> None:
    """Bring file pages [first, last) into the page cache; new ones are zero."""
    if machine.rules.swap_device == "memory":
        for s, _, swapped in file.swapped.clip(first, last):
            if swapped.order:
                swap_in_whole(machine, file, s - s % HUGE_PAGES)
    for start, end, frame in file.cache.cover(first, last):
        if frame is None:
            for s, e, found in file.swapped.cover(start, end):
                number = machine.allocate(e - s)
                new = Frame(FILE, 0, s - number, 0, False, found.data if found else 0, lazyfree=found is None)
                machine.put_folios(number, e - s, new)
                file.cache.splice(s, e, [(s, e, number - s)])
            file.swapped.splice(start, end)


def swap_in_whole(machine: Machine, file: File, first: int) -> None:
    """A huge page comes back from swap as it went (shmem_swap_alloc_folio)."""
    last = first + HUGE_PAGES
    pages = file.swapped.clip(first, last)
    if sum(e - s for s, e, _ in pages) < HUGE_PAGES:
        return
    number = machine.allocate(HUGE_PAGES, HUGE_ORDER)
    for s, e, swapped in pages:
        frame = Frame(FILE, 0, first - number, 0, False, swapped.data, HUGE_ORDER)
        machine.put_folios(s + number - first, e - s, frame)
    file.cache.splice(first, last, [(first, last, number - first)])
    file.swapped.splice(first, last)


def page_out_cached(machine: Machine, first: int, last: int) -> None:
    """Frames of the page cache that nobody maps any more leave it: to swap if there is some, for good if never written.

    Kernel: shmem_writeout, __remove_mapping.
    """
    file = file_of(machine, first)
    for s, e, frame in machine.frames.clip(first, last):
        page, stop = s + frame.delta, e + frame.delta
        if frame.lazyfree or machine.settings.swap:
            file.cache.splice(page, stop)
            machine.edit_frames(s, e, lambda _: None)
        if not frame.lazyfree and machine.settings.swap:
            file.swapped.splice(page, stop, [(page, stop, Swapped(frame.data, frame.order))])


def file_of(machine: Machine, number: int) -> File:
    """The file that a frame of the page cache holds a page of."""
    frame = machine.frames.at(number)
    assert frame is not None
    return next(file for file in machine.files.values() if file.cache.at(number + frame.delta) == -frame.delta)


def replace_cached(machine: Machine, first: int, last: int, target: int) -> None:
    """Other frames hold the pages of frames [first, last) of the page cache (__folio_migrate_mapping)."""
    file, frame = file_of(machine, first), machine.frames.at(first)
    assert frame is not None
    page, stop = first + frame.delta, last + frame.delta
    file.cache.splice(page, stop, [(page, stop, target - page)])
    machine.edit_frames(first, last, lambda _: None)


def unmap_cached(machine: Machine, first: int, last: int) -> None:
    """Take every mapping of frames of the page cache away (try_to_unmap)."""
    for mm, start, end in list(walk_file(machine, first, last)):
        machine.zap(mm, start, end)


def split_cached(machine: Machine, first: int, last: int) -> None:
    """A huge page of the page cache becomes small ones, which nobody maps; those behind the file's end are dropped.

    Kernel: split_huge_page_to_list_to_order, unmap_folio.
    """
    unmap_cached(machine, first, last)
    file, frame = file_of(machine, first), machine.frames.at(first)
    assert frame is not None
    machine.edit_frames(first, last, lambda f: f._replace(order=0))
    if file.pages is not None and file.pages < last + frame.delta:
        file.cache.splice(file.pages, last + frame.delta)
        machine.edit_frames(file.pages - frame.delta, last, lambda _: None)


# --- mapping -----------------------------------------------------------------------------------------------------


def is_huge(machine: Machine, file: File, page: int) -> bool:
    """Whether a huge page of the page cache holds this page of a file."""
    delta = file.cache.at(page)
    frame = machine.frames.at(page + delta) if delta is not None else None
    return frame is not None and frame.order == HUGE_ORDER


def holds_block(vma: Vma, block: int) -> bool:
    """Whether the VMA maps 512 pages of a file that may be one huge page at [block, block + 512)."""
    return not (block % HUGE_PAGES or vma.skew % HUGE_PAGES) and vma.start <= block and block + HUGE_PAGES <= vma.end


def map_huge(machine: Machine, mm: Mm, vma: Vma, file: File, start: int, end: int) -> None:
    """Map huge pages of the page cache by one entry each, where there is no page table yet (do_set_pmd)."""
    if vma.flags & NOHUGEPAGE:
        return
    for block in huge_blocks(machine, vma, file, start, end):
        if mm.tables.at(block // HUGE_PAGES) is None and not mm.ptes.clip(block, block + HUGE_PAGES):
            install_huge(machine, mm, block, vma.skew + (file.cache.at(block + vma.skew) or 0))


def map_whole(
    machine: Machine, mm: Mm, vma: Vma, file: File, start: int, end: int, *, only_if_empty: bool = False
) -> None:
    """Map all pages of a huge page of the page cache one by one; a write does so only if none of them is mapped yet.

    Kernel: filemap_map_folio_range, finish_fault.
    """
    for block in huge_blocks(machine, vma, file, start, end):
        last = block + HUGE_PAGES
        if not (only_if_empty and mm.ptes.clip(block, last)):
            map_cached(machine, mm, vma, file, block, last)


def huge_blocks(machine: Machine, vma: Vma, file: File, start: int, end: int) -> Iterator[int]:
    """Where huge pages of the page cache lie in the VMA that hold any of the pages [start, end)."""
    for s, e, delta in file.cache.clip(start - start % HUGE_PAGES + vma.skew, end + vma.skew):
        for first, last, frame in machine.frames.clip(s + delta, e + delta):
            if frame.order == HUGE_ORDER:
                blocks = range(-(first // -HUGE_PAGES) * HUGE_PAGES, last, HUGE_PAGES)
                pages = (block - delta - vma.skew for block in blocks)
                yield from (page for page in pages if holds_block(vma, page))


def install_huge(machine: Machine, mm: Mm, block: int, delta: int) -> None:
    """Map a huge page by one entry (set_huge_pmd)."""
    end = block + HUGE_PAGES
    machine.set_ptes(mm, block, end, [(block, end, Pte(PRESENT, delta, True))])
    machine.get_frames(block + delta, end + delta)


def map_cached(machine: Machine, mm: Mm, vma: Vma, file: File, start: int, end: int) -> None:
    """Map cached pages of the file at pages [start, end), where nothing is mapped yet."""
    for s, e, frame_delta in file.cache.clip(start + vma.skew, end + vma.skew):
        page, stop = s - vma.skew, e - vma.skew
        for first, last, entry in mm.ptes.cover(page, stop):
            if entry is None:
                delta = vma.skew + frame_delta
                machine.set_ptes(mm, first, last, [(first, last, Pte(PRESENT, delta))])
                machine.get_frames(first + delta, last + delta)


def fault_around(machine: Machine, mm: Mm, vma: Vma, file: File, start: int, end: int) -> None:
    """Read faults also map what is cached in windows around them (do_fault_around).

    A window begins at an aligned address or at the VMA's start and ends 16 pages further, inside the page table.
    """
    first = max(vma.start, start - start % FAULT_AROUND)
    last = max(vma.start, (end - 1) - (end - 1) % FAULT_AROUND) + FAULT_AROUND
    last = min(last, vma.end, ((end - 1) // HUGE_PAGES + 1) * HUGE_PAGES)
    map_cached(machine, mm, vma, file, first, last)


def write_cached(machine: Machine, mm: Mm, start: int, end: int, byte: int) -> None:
    """Write through a shared mapping."""
    for s, e, pte in mm.ptes.clip(start, end):
        machine.edit_frames(s + pte.delta, e + pte.delta, lambda f: f._replace(data=byte, lazyfree=False))


def copy_from_cache(machine: Machine, mm: Mm, i: int, start: int, end: int, byte: int) -> None:
    """A first write to a private file mapping: an anonymous copy of the file's page (do_cow_fault)."""
    vma = prepare(machine, mm, i)
    count = end - start
    frame = machine.allocate(count)
    machine.put_folios(frame, count, Frame(ANON, vma.anon, start + vma.anon_skew - frame, 1, True, byte))
    machine.set_ptes(mm, start, end, [(start, end, Pte(PRESENT, frame - start))])
