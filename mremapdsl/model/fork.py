"""fork and exit. Mirrors ``mm/mmap.c:dup_mmap``, ``mm/memory.c:copy_page_range``, ``mm/rmap.c``."""

from __future__ import annotations

from collections.abc import Iterator

from mremapdsl.model.anon import fork_anon_vma
from mremapdsl.model.ksm import enter, leave
from mremapdsl.model.machine import HUGE_PAGES, Machine, Mm
from mremapdsl.model.records import (
    ACCOUNT,
    ANON,
    DONTCOPY,
    LOCKED_MASK,
    MAYBE_GUARD,
    MIGRATION,
    PRESENT,
    SWAP,
    WIPEONFORK,
    ZERO,
    Frame,
    Pte,
    Vma,
)
from mremapdsl.model.thp import folio_of


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
        if vma.anon or vma.flags & MAYBE_GUARD:
            copy_pages(machine, parent, child, vma, len(child.vmas) - 1)


def copy_pages(machine: Machine, parent: Mm, child: Mm, vma: Vma, i: int) -> None:
    """Share each entry of a VMA with the child; pages that may be pinned are copied at once."""
    for first, last, _ in parent.tables.clip(vma.start // HUGE_PAGES, -(-vma.end // HUGE_PAGES)):
        machine.need_tables(child, first * HUGE_PAGES, last * HUGE_PAGES)
    for s, e, pte in parent.ptes.clip(vma.start, vma.end):
        if pte.huge and pte.kind != ZERO and machine.is_file(s + pte.delta):
            continue  # copy_huge_pmd: faults will map it again
        if pte.kind == PRESENT and parent.pinned_before:
            share_or_copy(machine, parent, child, i, s, e, pte)
        elif pte.kind == PRESENT:
            share_present(machine, child, s, e, pte)
        elif pte.kind in (SWAP, MIGRATION):
            share_entry(machine, parent, child, s, e, pte)
        else:
            machine.set_ptes(child, s, e, [(s, e, pte)])


def share_or_copy(machine: Machine, parent: Mm, child: Mm, i: int, start: int, end: int, pte: Pte) -> None:
    """Entries of a process that has pinned pages: exclusive pages of pinned folios are copied for the child.

    Kernel: folio_try_dup_anon_rmap_ptes, folio_needs_cow_for_dma, copy_present_page.
    """
    for s, e, frame in by_folio(machine.frames.clip(start + pte.delta, end + pte.delta)):
        page, stop = s - pte.delta, e - pte.delta
        if not (frame.exclusive and is_pinned(machine, s)):
            share_present(machine, child, page, stop, pte)
            continue
        if pte.huge:
            for block in range(page - page % HUGE_PAGES, stop, HUGE_PAGES):
                machine.split_huge_block(parent, block)
        vma = child.vmas[i]
        new = machine.allocate(e - s)
        machine.put_folios(new, e - s, Frame(ANON, vma.anon, page + vma.anon_skew - new, 1, True, frame.data))
        machine.set_ptes(child, page, stop, [(page, stop, Pte(PRESENT, new - page))])
        machine.note("pages-copied-pinned", start=page, last=stop - 1)


def by_folio(runs: list[tuple[int, int, Frame]]) -> Iterator[tuple[int, int, Frame]]:
    """The runs, cut at the borders of large folios."""
    for s, e, frame in runs:
        size = 1 << frame.order if frame.order else e - s
        first = s - s % size if frame.order else s
        for head in range(first, e, size):
            yield max(head, s), min(head + size, e), frame


def is_pinned(machine: Machine, number: int) -> bool:
    """Whether any page of the frame's folio is pinned (folio_maybe_dma_pinned)."""
    return any(frame.pins for _, _, frame in folio_of(machine, number)[2])


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
        machine.edit_slots(
            start + pte.delta, end + pte.delta, lambda slot: slot._replace(users=slot.users + 1, ever_shared=True)
        )
    else:
        machine.edit_frames(start + pte.delta, end + pte.delta, lambda f: f._replace(maps=f.maps + 1, ever_shared=True))


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
