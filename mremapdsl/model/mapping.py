"""mmap, munmap: making VMAs and taking them away. Mirrors ``mm/vma.c`` and ``mm/mmap.c``."""

from __future__ import annotations

from mremapdsl.model.machine import HUGE_PAGES, File, Machine, Mm
from mremapdsl.model.merge import Ask, Attempt, merge_new_range
from mremapdsl.model.reason import Why, refuse, why
from mremapdsl.model.records import (
    ACCOUNT,
    MERGEABLE,
    NORESERVE,
    SEALED,
    SHARED,
    WRITE,
    Origin,
    Vma,
    protection,
)
from mremapdsl.model.runs import RunMap
from mremapdsl.ops import TASK_PAGES, Mmap


def mmap(machine: Machine, mm: Mm, op: Mmap) -> Why:
    """Map at a fixed place.

    Errors: EINVAL for no pages, ENOMEM beyond TASK_SIZE or over max_map_count, EPERM over a sealed VMA.
    Kernel: do_mmap, mmap_region.
    """
    if not op.pages:
        raise refuse("EINVAL", "no-length")
    if op.at + op.pages > TASK_PAGES:
        raise refuse("ENOMEM", "beyond-task-size")
    limit = machine.settings.max_map_count
    if len(mm.vmas) > limit:
        raise refuse("ENOMEM", "map-count", count=len(mm.vmas), limit=limit)
    unmap(machine, mm, op.at, op.at + op.pages)
    vma = new_vma(machine, mm, op)
    if vma.flags & ACCOUNT:
        machine.committed += op.pages
    position = merge_new_range(machine, mm, Ask(vma))
    if position is None:
        position = mm.find(vma.start)
        if mm.merge_any and not vma.flags & SHARED:
            vma = vma._replace(flags=vma.flags | MERGEABLE)
        machine.replace_vmas(mm, position, position, [vma])
        return why("new-vma")
    return joined(machine)


def joined(machine: Machine) -> Why:
    """What the merge attempt that succeeded last did."""
    attempt = next(event for event in reversed(machine.events) if isinstance(event, Attempt))
    if attempt.left is None:
        return why("joined-left" if attempt.right is not None else "joined-both")
    return why("joined-right")


def new_vma(machine: Machine, mm: Mm, op: Mmap) -> Vma:
    """The VMA that mmap asks for, before any merge."""
    step = machine.step_number
    flags = protection(op.prot)
    flags |= SHARED if op.shared else 0
    flags |= NORESERVE if op.noreserve else 0
    if flags & (WRITE | SHARED | NORESERVE) == WRITE:
        flags |= ACCOUNT
    file, skew, anon_skew = None, 0, 0
    if op.file is not None:
        file, skew = op.file, op.file_page - op.at
        machine.files.setdefault(file, File(None, RunMap(), RunMap()))
        anon_skew = 0 if machine.rules.private_file_index and not op.shared else skew
    elif op.shared:
        file, skew = f"shmem{len(machine.files) + 1}", -op.at
        machine.files[file] = File(op.pages, RunMap(), RunMap())
        anon_skew = skew
    if mm.merge_any and not flags & SHARED and machine.rules.merge_any_first:
        flags |= MERGEABLE
    return Vma(op.at, op.at + op.pages, flags, skew, anon_skew, 0, (), file, Origin(step, step, step, 0))


def unmap(machine: Machine, mm: Mm, start: int, end: int) -> list[Vma]:
    """Take [start, end) out of the address space; returns the VMAs (or parts) that went.

    Errors: ENOMEM when cutting the middle out of a VMA at max_map_count; EPERM when a VMA is sealed. A sealed VMA
    behind the first leaves the first one split (nothing is unmapped).
    Kernel: do_vmi_align_munmap, vms_gather_munmap_vmas, vms_complete_munmap_vmas.
    """
    i = mm.find(start)
    if i == len(mm.vmas) or mm.vmas[i].start >= end:
        return []
    if mm.vmas[i].start < start:
        vma = mm.vmas[i]
        limit = machine.settings.max_map_count
        if end < vma.end and len(mm.vmas) >= limit:
            raise refuse("ENOMEM", "map-count", count=len(mm.vmas), limit=limit)
        if vma.flags & SEALED:
            raise refuse("EPERM", "sealed", start=vma.start, end=vma.end)
        machine.split(mm, i, start, new_below=True)
        i += 1
    j = i
    while j < len(mm.vmas) and mm.vmas[j].start < end:
        vma = mm.vmas[j]
        if vma.flags & SEALED:
            raise refuse("EPERM", "sealed", start=vma.start, end=vma.end)
        if vma.end > end:
            machine.split(mm, j, end, new_below=False)
        j += 1
    gone = mm.vmas[i:j]
    for vma in gone:
        machine.zap(mm, vma.start, vma.end)
    machine.replace_vmas(mm, i, j, [])
    for vma in gone:
        machine.unlink(vma)
    free_tables(machine, mm, i, gone)
    machine.committed -= accounted(gone)
    return gone


def free_tables(machine: Machine, mm: Mm, i: int, gone: list[Vma]) -> None:
    """Free the page tables under VMAs that went, but not those that a neighbour's block shares (free_pgtables)."""
    if not mm.tables:
        return
    floor = -(-mm.vmas[i - 1].end // HUGE_PAGES) if i else 0
    ceiling = mm.vmas[i].start // HUGE_PAGES if i < len(mm.vmas) else 1 << 60
    for vma in gone:
        first = max(floor, vma.start // HUGE_PAGES)
        last = min(ceiling, -(-vma.end // HUGE_PAGES))
        if first < last:
            machine.drop_tables(mm, first, last)


def accounted(vmas: list[Vma]) -> int:
    """Pages that count towards Committed_AS."""
    return sum(vma.end - vma.start for vma in vmas if vma.flags & ACCOUNT)


def munmap(machine: Machine, mm: Mm, start: int, pages: int) -> Why:
    """munmap(2). Errors: EINVAL for no pages or beyond TASK_SIZE, and those of :func:`unmap`."""
    if not pages:
        raise refuse("EINVAL", "no-length")
    if start + pages > TASK_PAGES:
        raise refuse("EINVAL", "beyond-task-size")
    gone = unmap(machine, mm, start, start + pages)
    return why("unmapped", vmas=len(gone)) if gone else why("nothing-mapped")
