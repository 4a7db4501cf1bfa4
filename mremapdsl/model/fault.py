"""Faults: what reading and writing a page do to the tables, the frames and the VMA. Mirrors ``mm/memory.c``."""

from __future__ import annotations

from contextlib import suppress

from mremapdsl.model.anon import prepare
from mremapdsl.model.filemap import fault_file, populate_file
from mremapdsl.model.machine import HUGE_ORDER, HUGE_PAGES, Machine, Mm
from mremapdsl.model.reason import NotModelled, Refused, refuse
from mremapdsl.model.records import (
    ACCESS,
    ANON,
    FILE,
    GUARD,
    MIGRATION,
    PRESENT,
    SHARED,
    SWAP,
    WRITE,
    ZERO,
    Frame,
    Pte,
    Vma,
)
from mremapdsl.model.swap import swap_in
from mremapdsl.model.thp import (
    Chunk,
    enabled_orders,
    map_folios,
    map_huge_zero,
    may_reuse_huge,
    may_reuse_large,
    next_chunk,
)


def access(machine: Machine, mm: Mm, start: int, pages: int, byte: int | None) -> None:
    """Write ``byte`` to (None: read) each page in order. SEGV at the first page that may not be accessed so.

    Pages before it have been accessed.  Kernel: do_user_addr_fault, handle_mm_fault.
    """
    at, end = start, start + pages
    while at < end:
        i = mm.find(at)
        if i == len(mm.vmas) or mm.vmas[i].start > at:
            raise refuse("SEGV", "not-mapped", page=at)
        vma = mm.vmas[i]
        # x86 has no write-only or execute-only page table entries: any access flag allows reads.
        if not vma.flags & (WRITE if byte is not None else ACCESS):
            raise refuse("SEGV", "protection", page=at, wanted="write" if byte is not None else "read")
        stop = min(end, vma.end)
        fault_in(machine, mm, i, at, stop, byte)
        at = stop


def fault_in(machine: Machine, mm: Mm, i: int, start: int, end: int, byte: int | None) -> None:
    """Access pages of one VMA run by run."""
    for s, e, pte in mm.ptes.cover(start, end):
        if pte is None:
            fault_none(machine, mm, i, s, e, byte)
        elif pte.kind == GUARD:
            raise refuse("SEGV", "guard", page=s)
        elif pte.kind == ZERO:
            if byte is not None:
                write_zero(machine, mm, i, s, e, pte, byte)
        elif pte.kind == PRESENT:
            if byte is not None:
                write_present(machine, mm, i, s, e, pte, byte)
        elif pte.kind == SWAP:
            swap_in(machine, mm, i, s, e, pte, byte)
        elif pte.kind == MIGRATION:
            raise NotModelled(f"waiting: page {s} is under migration, the access would sleep until it ends")


def fault_none(machine: Machine, mm: Mm, i: int, start: int, end: int, byte: int | None) -> None:
    """First access of pages that hold nothing (or the zero page): zero page for reads, new folios for writes.

    Kernel: do_anonymous_page.
    """
    vma = mm.vmas[i]
    if vma.file is not None:
        fault_file(machine, mm, i, start, end, byte)
        return
    orders = enabled_orders(machine, vma)
    if byte is None:
        fault_zero(machine, mm, i, start, end, orders)
        return
    prepare(machine, mm, i)
    if not orders:
        map_new_folios(machine, mm, i, start, end, byte)
        return
    at = start
    while at < end:
        chunk = next_chunk(machine, mm, vma, at, end, orders)
        if chunk.order:
            map_folios(machine, mm, i, chunk, at, end, byte)
        else:
            map_new_folios(machine, mm, i, chunk.start, chunk.end, byte)
        at = chunk.end


def fault_zero(machine: Machine, mm: Mm, i: int, start: int, end: int, orders: list[int]) -> None:
    """Read faults of empty pages: the zero page, huge where a whole block is empty."""
    at = start
    huge = [order for order in orders if order == HUGE_ORDER]
    while at < end:
        chunk = next_chunk(machine, mm, mm.vmas[i], at, end, huge)
        if chunk.order:
            map_huge_zero(machine, mm, i, chunk)
        else:
            machine.set_ptes(mm, at, chunk.end, [(at, chunk.end, Pte(ZERO))])
        at = chunk.end


def map_new_folios(machine: Machine, mm: Mm, i: int, start: int, end: int, byte: int) -> None:
    """Map fresh, exclusive small folios with the VMA's linear index at [start, end)."""
    vma = mm.vmas[i]
    frame = machine.allocate(end - start)
    count = end - start
    index_delta = start + vma.anon_skew - frame
    new = Frame(ANON, vma.anon, index_delta, 1, True, byte)
    machine.put_folios(frame, count, new)
    machine.set_ptes(mm, start, end, [(start, end, Pte(PRESENT, frame - start))])


def write_zero(machine: Machine, mm: Mm, i: int, start: int, end: int, pte: Pte, byte: int) -> None:
    """Write to the zero page: a new page, or a new huge page for the huge zero page."""
    if pte.huge and not machine.rules.huge_zero_write:
        for block in range(start - start % HUGE_PAGES, end, HUGE_PAGES):
            machine.split_huge_block(mm, block)
    if not pte.huge or not machine.rules.huge_zero_write:
        map_new_folios_in(machine, mm, i, start, end, byte)
        return
    first, last = start - start % HUGE_PAGES, -(-end // HUGE_PAGES) * HUGE_PAGES
    prepare(machine, mm, i)
    map_folios(machine, mm, i, Chunk(first, last, HUGE_ORDER), start, end, byte)


def map_new_folios_in(machine: Machine, mm: Mm, i: int, start: int, end: int, byte: int) -> None:
    """Small folios in the place of zero pages."""
    prepare(machine, mm, i)
    map_new_folios(machine, mm, i, start, end, byte)


def write_present(machine: Machine, mm: Mm, i: int, start: int, end: int, pte: Pte, byte: int) -> None:
    """Write to mapped pages: in place if exclusive, reused if alone, else copied (do_wp_page)."""
    delta = pte.delta
    if pte.huge and machine.is_file(start + delta):
        if not mm.vmas[i].flags & SHARED:
            write_huge_file(machine, mm, i, start, end, byte)
            return
    elif pte.huge:
        for block in range(start - start % HUGE_PAGES, end, HUGE_PAGES):
            prepare_huge_write(machine, mm, i, block, pte)
    for s, e, frame in machine.frames.clip(start + delta, end + delta):
        if frame.exclusive or (frame.kind == FILE and mm.vmas[i].flags & SHARED):
            if frame.data != byte or frame.kind == FILE:
                machine.edit_frames(s, e, lambda f: f._replace(data=byte, lazyfree=f.lazyfree and f.kind != FILE))
            mark_dirty(machine, mm, s - delta, e - delta, pte)
        elif may_reuse(machine, mm, s, frame):
            machine.note("pages-reused", start=s - delta, last=e - delta - 1)
            home = mm.vmas[i].anon if machine.rules.reused_page_home and not frame.order else frame.home
            only_at = (mm.name, s - delta) if frame.maps == 1 else None
            machine.edit_frames(s, e, lambda f: f._replace(exclusive=True, data=byte, home=home), only_at)  # noqa: B023
            mark_dirty(machine, mm, s - delta, e - delta, pte)
        else:
            machine.note("pages-copied", start=s - delta, last=e - delta - 1)
            prepare(machine, mm, i)
            map_new_folios(machine, mm, i, s - delta, e - delta, byte)
            machine.put_frames(s, e)


def write_huge_file(machine: Machine, mm: Mm, i: int, start: int, end: int, byte: int) -> None:
    """Write to private pages where a huge page of the page cache is mapped: it goes, they are copied (wp_huge_pmd)."""
    for block in range(start - start % HUGE_PAGES, end, HUGE_PAGES):
        machine.split_huge_block(mm, block)
    fault_file(machine, mm, i, start, end, byte)


def mark_dirty(machine: Machine, mm: Mm, start: int, end: int, pte: Pte) -> None:
    """A write through entries that MADV_FREE had cleaned; a huge page has one for all of it."""
    if pte.huge:
        start, end = start - start % HUGE_PAGES, -(-end // HUGE_PAGES) * HUGE_PAGES
    if pte.clean:
        for s, e, entry in mm.ptes.clip(start, end):
            machine.set_ptes(mm, s, e, [(s, e, entry._replace(clean=False))])


def may_reuse(machine: Machine, mm: Mm, number: int, frame: Frame) -> bool:
    """Whether a write to a page that is not exclusive keeps it."""
    if frame.order and frame.kind == ANON:
        return bool(machine.rules.reuse_large) and may_reuse_large(machine, mm, number)
    return bool(machine.rules.reuse_page(frame))


def prepare_huge_write(machine: Machine, mm: Mm, i: int, block: int, pte: Pte) -> None:
    """A write to a shared huge page keeps it if this mapping is its only one, else splits the mapping first."""
    number = block + pte.delta
    frame = machine.frames.at(number)
    assert frame is not None
    if frame.exclusive:
        return
    if may_reuse_huge(machine, number):
        home = mm.vmas[i].anon if machine.rules.reused_page_home else frame.home
        machine.note("pages-reused", start=block, last=block + HUGE_PAGES - 1)
        machine.edit_frames(number, number + HUGE_PAGES, lambda f: f._replace(exclusive=True, home=home))
    else:
        machine.split_huge_block(mm, block)


def populate(machine: Machine, mm: Mm, start: int, end: int) -> None:
    """Fault in mapped pages; a VMA is left at the first page that cannot be (mm_populate)."""
    for vma in [v for v in mm.vmas if v.end > start and v.start < end and v.flags & ACCESS]:
        with suppress(Refused):
            lock_in(machine, mm, vma, max(start, vma.start), min(end, vma.end))


def lock_in(machine: Machine, mm: Mm, vma: Vma, start: int, end: int) -> None:
    """Fault in pages of a VMA as mlock does: writable private memory for write, the rest for read.

    Raises Refused. Kernel: populate_vma_page_range.
    """
    populate_vma(machine, mm, mm.find(vma.start), start, end, vma.flags & (WRITE | SHARED) == WRITE)


def populate_vma(machine: Machine, mm: Mm, i: int, start: int, end: int, write: bool) -> None:
    """Fault in pages of one VMA without changing the content of pages that are there."""
    for s, e, pte in mm.ptes.cover(start, end):
        if pte is None and write and mm.vmas[i].file is not None:
            populate_file(machine, mm, i, s, e)
        elif pte is None:
            fault_none(machine, mm, i, s, e, 0 if write else None)
        elif pte.kind == ZERO and write:
            write_zero(machine, mm, i, s, e, pte, 0)
        elif pte.kind == PRESENT and write:
            unshare_present(machine, mm, i, s, e, pte)
        elif pte.kind == GUARD:
            raise refuse("EFAULT", "guard", page=s)
        elif pte.kind == SWAP:
            populate_swapped(machine, mm, i, s, e, pte, write)


def populate_swapped(machine: Machine, mm: Mm, i: int, start: int, end: int, pte: Pte, write: bool) -> None:
    """Bring swapped pages back with their content."""
    for s, e, slot in machine.slots.clip(start + pte.delta, end + pte.delta):
        swap_in(machine, mm, i, s - pte.delta, e - pte.delta, pte, slot.data if write else None)


def unshare_present(machine: Machine, mm: Mm, i: int, start: int, end: int, pte: Pte) -> None:
    """Write faults that keep the content; the first one of a block may split its huge mapping."""
    for s, e, frame in machine.frames.clip(start + pte.delta, end + pte.delta):
        for page, stop, now in mm.ptes.clip(s - pte.delta, e - pte.delta):
            write_present(machine, mm, i, page, stop, now, frame.data)
