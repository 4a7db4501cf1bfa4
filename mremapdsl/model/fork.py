"""fork and exit. Mirrors ``kernel/fork.c:dup_mmap``, ``mm/memory.c:copy_page_range``, ``mm/rmap.c``."""

from __future__ import annotations

from mremapdsl.model.anon import fork_anon_vma
from mremapdsl.model.ksm import enter, leave
from mremapdsl.model.machine import HUGE_PAGES, Machine, Mm
from mremapdsl.model.records import (
    ACCOUNT,
    DONTCOPY,
    LOCKED_MASK,
    MIGRATION,
    PRESENT,
    SWAP,
    WIPEONFORK,
    Frame,
    Pte,
    Vma,
)


def fork(machine: Machine, parent: Mm, name: str) -> None:
    """A child with a copy of the parent's memory: each VMA is forked by itself, pages are shared copy-on-write."""
    child = Mm(name)
    child.merge_any = parent.merge_any
    machine.mms[name] = child
    if parent.name in machine.ksm.mms:
        enter(machine, child)
    for vma in parent.vmas:
        if vma.flags & DONTCOPY:
            continue
        copy = vma._replace(flags=vma.flags & ~LOCKED_MASK, anon=0, chain=())
        if vma.flags & ACCOUNT:
            machine.committed += vma.end - vma.start
        if vma.flags & WIPEONFORK:
            machine.replace_vmas(child, len(child.vmas), len(child.vmas), [copy])
            continue
        copy = fork_anon_vma(machine, vma, copy)
        machine.replace_vmas(child, len(child.vmas), len(child.vmas), [copy])
        if vma.anon:
            copy_pages(machine, parent, child, vma, len(child.vmas) - 1)


def copy_pages(machine: Machine, parent: Mm, child: Mm, vma: Vma, i: int) -> None:
    """Share each entry of a faulted VMA with the child."""
    for first, last, _ in parent.tables.clip(vma.start // HUGE_PAGES, -(-vma.end // HUGE_PAGES)):
        machine.need_tables(child, first * HUGE_PAGES, last * HUGE_PAGES)
    for s, e, pte in parent.ptes.clip(vma.start, vma.end):
        if pte.kind == PRESENT:
            share_present(machine, child, s, e, pte)
        elif pte.kind in (SWAP, MIGRATION):
            share_entry(machine, parent, child, s, e, pte)
        else:
            machine.set_ptes(child, s, e, [(s, e, pte)])


def share_present(machine: Machine, child: Mm, start: int, end: int, pte: Pte) -> None:
    """One more mapping for each page; anonymous pages are no longer exclusive."""
    keep: bool = machine.rules.fork_shares_page

    def shared(frame: Frame) -> Frame:
        return frame._replace(maps=frame.maps + 1, exclusive=frame.exclusive and keep, ever_shared=True)

    machine.set_ptes(child, start, end, [(start, end, pte)])
    machine.edit_frames(start + pte.delta, end + pte.delta, shared)


def share_entry(machine: Machine, parent: Mm, child: Mm, start: int, end: int, pte: Pte) -> None:
    """Swap and migration entries are duplicated and lose the exclusive mark on both sides."""
    shared = pte._replace(exclusive=False)
    machine.set_ptes(parent, start, end, [(start, end, shared)])
    machine.set_ptes(child, start, end, [(start, end, shared)])
    if pte.kind == SWAP:
        machine.edit_slots(start + pte.delta, end + pte.delta, lambda slot: slot._replace(users=slot.users + 1, ever_shared=True))
    else:
        machine.edit_frames(
            start + pte.delta, end + pte.delta, lambda f: f._replace(maps=f.maps + 1, ever_shared=True)
        )


def exit_process(machine: Machine, mm: Mm) -> None:
    """All memory of a process goes (exit_mmap)."""
    for vma in mm.vmas:
        machine.zap(mm, vma.start, vma.end)
        if vma.flags & ACCOUNT:
            machine.committed -= vma.end - vma.start
    gone = mm.vmas[:]
    machine.replace_vmas(mm, 0, len(mm.vmas), [])
    for vma in gone:
        machine.unlink(vma)
    leave(machine, mm)
    del machine.mms[mm.name]
