"""What can happen inside a relocating mremap, and which lock forbids the rest.

The call holds its process's mmap lock for writing, the VMA locks of source and destination, and the anon_vma of the new
VMA (its root's rwsem) until the page tables have moved.
"""

from __future__ import annotations

from mremapdsl import ops
from mremapdsl.model.machine import Machine, Mm
from mremapdsl.model.reason import Why, why
from mremapdsl.model.records import FILE, PRESENT, WRITE, ZERO
from mremapdsl.ops import Operation

LOCKLESS = (ops.Pin, ops.Unpin, ops.Touch, ops.Read)
"""What a thread of the same process can do without the mmap lock, if it need not fault."""
WALKS = (ops.Migrate, ops.Swapout)
"""What walks the reverse map of folios."""
TREE_CHANGES = (ops.Fork, ops.Exit, ops.Munmap, ops.Mmap, ops.Mremap, ops.Mprotect, ops.Madvise)
"""What links VMAs to anon_vmas or takes links away."""


def waits_for(machine: Machine, holder: str, op: Operation) -> Why | None:
    """The lock that an operation would wait for while process ``holder`` relocates; None if it need not wait."""
    mm = machine.mms.get(op.process)
    if mm is None:
        return why("waits-for-mmap-lock", process=op.process)
    if isinstance(op, WALKS):
        return waits_for_tree(machine, mm, op.at, op.at + op.pages)
    if op.process == holder:
        if isinstance(op, LOCKLESS) and needs_no_fault(machine, mm, op):
            return None
        return why("waits-for-mmap-lock", process=holder)
    if isinstance(op, ops.KsmScan):
        return why("waits-for-mmap-lock", process=holder)
    if isinstance(op, TREE_CHANGES) and machine.locked_root:
        for vma in mm.vmas:
            if vma.anon and machine.anon_vmas[vma.anon].root == machine.locked_root:
                return why("waits-for-anon-vma", root=machine.locked_root)
    return None


def waits_for_tree(machine: Machine, mm: Mm, start: int, end: int) -> Why | None:
    """A walk of the folios mapped (or under migration) in a range waits if their anon_vma's root is locked."""
    for s, e, pte in mm.ptes.clip(start, end):
        for _, _, frame in machine.frames.clip(s + pte.delta, e + pte.delta):
            home = machine.anon_vmas.get(frame.home)
            if machine.locked_root and home is not None and home.root == machine.locked_root:
                return why("waits-for-anon-vma", root=machine.locked_root)
    return None


def needs_no_fault(machine: Machine, mm: Mm, op: ops.Pin | ops.Unpin | ops.Touch | ops.Read) -> bool:
    """Whether every page is there with the rights wanted, so that the access or a fast GUP takes no lock."""
    if isinstance(op, ops.Unpin):
        return True
    for s, e, pte in mm.ptes.cover(op.at, op.at + op.pages):
        if pte is None:
            return False
        if isinstance(op, ops.Read):
            if pte.kind not in (PRESENT, ZERO):
                return False
        elif pte.kind != PRESENT or not writable(machine, mm, s, e, pte.delta, isinstance(op, ops.Pin)):
            return False
    return True


def writable(machine: Machine, mm: Mm, start: int, end: int, delta: int, pin: bool) -> bool:
    """Whether entries allow writes as they are; a pin of read-only memory needs exclusive pages only."""
    vma = mm.vma_at(start)
    if vma is not None and not vma.flags & WRITE and not pin:
        return False
    return all(frame.exclusive or frame.kind == FILE for _, _, frame in machine.frames.clip(start + delta, end + delta))
