"""Faults: what reading and writing a page do to the tables, the frames and the VMA. Mirrors ``mm/memory.c``."""

from __future__ import annotations

from mremapdsl.model.anon import prepare
from mremapdsl.model.machine import Machine, Mm
from mremapdsl.model.reason import NotModelled, refuse
from mremapdsl.model.records import (
    ACCESS,
    ANON,
    GUARD,
    MIGRATION,
    PRESENT,
    SHARED,
    SWAP,
    WRITE,
    ZERO,
    Frame,
    Pte,
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
                fault_none(machine, mm, i, s, e, byte)
        elif pte.kind == PRESENT:
            if byte is not None:
                write_present(machine, mm, i, s, e, pte, byte)
        elif pte.kind == SWAP:
            raise NotModelled("swap")
        elif pte.kind == MIGRATION:
            raise NotModelled("migration")


def fault_none(machine: Machine, mm: Mm, i: int, start: int, end: int, byte: int | None) -> None:
    """First access of pages that hold nothing (or the zero page): zero page for reads, new folios for writes.

    Kernel: do_anonymous_page.
    """
    vma = mm.vmas[i]
    if vma.file is not None:
        raise NotModelled("file mappings")
    if byte is None:
        machine.set_ptes(mm, start, end, [(start, end, Pte(ZERO))])
        return
    prepare(machine, mm, i)
    map_new_folios(machine, mm, i, start, end, byte)


def map_new_folios(machine: Machine, mm: Mm, i: int, start: int, end: int, byte: int) -> None:
    """Map fresh, exclusive small folios with the VMA's linear index at [start, end)."""
    vma = mm.vmas[i]
    frame = machine.allocate(end - start)
    count = end - start
    index_delta = start + vma.anon_skew - frame
    new = Frame(ANON, vma.anon, index_delta, 1, True, byte)
    machine.put_folios(frame, count, new)
    machine.set_ptes(mm, start, end, [(start, end, Pte(PRESENT, frame - start))])


def write_present(machine: Machine, mm: Mm, i: int, start: int, end: int, pte: Pte, byte: int) -> None:
    """Write to mapped pages: in place if exclusive, reused if alone, else copied (do_wp_page)."""
    delta = pte.delta
    for s, e, frame in machine.frames.clip(start + delta, end + delta):
        if frame.exclusive:
            if frame.data != byte:
                machine.edit_frames(s, e, lambda f: f._replace(data=byte))
        elif machine.rules.reuse_page(frame):
            machine.note("pages-reused", start=s - delta, last=e - delta - 1)
            home = mm.vmas[i].anon if machine.rules.reused_page_home else frame.home
            machine.edit_frames(s, e, lambda f: f._replace(exclusive=True, data=byte, home=home))  # noqa: B023
        else:
            machine.note("pages-copied", start=s - delta, last=e - delta - 1)
            prepare(machine, mm, i)
            map_new_folios(machine, mm, i, s - delta, e - delta, byte)
            machine.put_frames(s, e)


def populate(machine: Machine, mm: Mm, start: int, end: int, write: bool | None = None) -> None:
    """Fault in mapped pages as mlock and MAP_POPULATE do: writable private memory for write, the rest for read."""
    for vma in [v for v in mm.vmas if v.end > start and v.start < end]:
        i = mm.find(vma.start)
        wants_write = write if write is not None else vma.flags & (WRITE | SHARED) == WRITE
        populate_vma(machine, mm, i, max(start, vma.start), min(end, vma.end), wants_write)


def populate_vma(machine: Machine, mm: Mm, i: int, start: int, end: int, write: bool) -> None:
    """Fault in pages of one VMA without changing the content of pages that are there."""
    for s, e, pte in mm.ptes.cover(start, end):
        if pte is None or (pte.kind == ZERO and write):
            fault_none(machine, mm, i, s, e, 0 if write else None)
        elif pte.kind == PRESENT and write:
            unshare_present(machine, mm, i, s, e, pte)
        elif pte.kind == GUARD:
            raise refuse("EFAULT", "guard", page=s)


def unshare_present(machine: Machine, mm: Mm, i: int, start: int, end: int, pte: Pte) -> None:
    """Write faults that keep the content."""
    for s, e, frame in machine.frames.clip(start + pte.delta, end + pte.delta):
        write_present(machine, mm, i, s - pte.delta, e - pte.delta, pte, frame.data)
