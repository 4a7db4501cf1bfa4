"""Faults of file and shared memory: the page cache, and copies of private pages (``mm/memory.c``, ``mm/filemap.c``).

Every file is held in memory as shmem is: a page enters the cache when it is first accessed, without readahead.
"""

from __future__ import annotations

from mremapdsl.model.anon import prepare
from mremapdsl.model.machine import HUGE_PAGES, File, Machine, Mm
from mremapdsl.model.reason import refuse
from mremapdsl.model.records import ANON, FILE, PRESENT, SHARED, Frame, Pte, Vma

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
        if byte is None:
            map_cached(machine, mm, vma, file, start, stop)
            fault_around(machine, mm, vma, file, start, stop)
        elif vma.flags & SHARED:
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
    for start, end, frame in file.cache.cover(first, last):
        if frame is None:
            for s, e, data in file.swapped.cover(start, end):
                number = machine.allocate(e - s)
                machine.put_folios(number, e - s, Frame(FILE, 0, s - number, 0, False, data or 0))
                file.cache.splice(s, e, [(s, e, number - s)])
            file.swapped.splice(start, end)


def page_out_cached(machine: Machine, mm: Mm, vma: Vma, start: int, end: int, frame: Frame) -> None:
    """Pages [start, end), which nobody else maps, leave the page cache for swap (shmem_writeout)."""
    first, last, number = start + vma.skew, end + vma.skew, start + vma.skew - frame.delta
    file = machine.files[vma.file or ""]
    machine.set_ptes(mm, start, end)
    machine.edit_frames(number, number + end - start, lambda _: None)
    file.cache.splice(first, last)
    file.swapped.splice(first, last, [(first, last, frame.data)])


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
        machine.edit_frames(s + pte.delta, e + pte.delta, lambda f: f._replace(data=byte))


def copy_from_cache(machine: Machine, mm: Mm, i: int, start: int, end: int, byte: int) -> None:
    """A first write to a private file mapping: an anonymous copy of the file's page (do_cow_fault)."""
    vma = prepare(machine, mm, i)
    count = end - start
    frame = machine.allocate(count)
    machine.put_folios(frame, count, Frame(ANON, vma.anon, start + vma.anon_skew - frame, 1, True, byte))
    machine.set_ptes(mm, start, end, [(start, end, Pte(PRESENT, frame - start))])
