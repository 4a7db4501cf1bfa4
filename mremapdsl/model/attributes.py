"""Calls that change what VMAs say: mprotect, mlock, munlock, mseal. Mirrors ``mm/mprotect.c`` and its neighbours."""

from __future__ import annotations

from mremapdsl.model.fault import lock_in, populate
from mremapdsl.model.machine import Machine, Mm
from mremapdsl.model.merge import modify
from mremapdsl.model.reason import NotModelled, Refused, Why, refuse, why
from mremapdsl.model.records import (
    ACCESS,
    ACCOUNT,
    LOCKED,
    LOCKED_MASK,
    NORESERVE,
    SEALED,
    SHARED,
    WRITE,
    Vma,
    protection,
)
from mremapdsl.ops import TASK_PAGES


def mprotect(machine: Machine, mm: Mm, start: int, pages: int, prot: str) -> Why:
    """mprotect(2): VMA by VMA up to the first hole.

    Errors: ENOMEM at a hole or at the map-count limit, EPERM at a sealed VMA; what came before has changed.
    Kernel: do_mprotect_pkey, mprotect_fixup.
    """
    end = start + pages
    if not pages:
        return why("nothing-to-change")
    if end > TASK_PAGES:
        raise refuse("ENOMEM", "beyond-task-size")
    at, did = start, why("nothing-to-change")
    while at < end:
        i = mm.find(at)
        if i == len(mm.vmas) or mm.vmas[i].start > at:
            raise refuse("ENOMEM", "hole", page=at)
        vma = mm.vmas[i]
        stop = min(vma.end, end)
        if vma.flags & SEALED:
            raise refuse("EPERM", "sealed", start=vma.start, end=vma.end)
        flags = vma.flags & ~ACCESS | protection(prot)
        if flags != vma.flags:
            flags, charge = charged(machine, vma, flags, stop - at)
            modify(machine, mm, i, at, stop, flags)
            machine.committed += charge
            if vma.flags & (WRITE | SHARED | LOCKED) == LOCKED and flags & WRITE:
                populate(machine, mm, at, stop)
            did = why("changed")
        at = stop
    return did


def charged(machine: Machine, vma: Vma, flags: int, pages: int) -> tuple[int, int]:
    """The new flags with VM_ACCOUNT as mprotect leaves it, and the pages that it charges or gives back."""
    if flags & WRITE:
        if not vma.flags & (ACCOUNT | WRITE | SHARED | NORESERVE):
            return flags | ACCOUNT, pages
    elif vma.flags & ACCOUNT and not machine.rules.account_kept(vma.file is None, bool(vma.anon)):
        return flags & ~ACCOUNT, -pages
    return flags, 0


def mlock(machine: Machine, mm: Mm, start: int, pages: int, lock: bool) -> Why:
    """mlock(2), munlock(2): flags VMA by VMA up to the first hole (ENOMEM); mlock then faults everything in.

    Kernel: do_mlock, apply_vma_lock_flags, mlock_fixup, __mm_populate.
    """
    end = start + pages
    at = start
    while at < end:
        i = mm.find(at)
        if i == len(mm.vmas) or mm.vmas[i].start > at:
            raise refuse("ENOMEM", "hole", page=at)
        vma = mm.vmas[i]
        stop = min(vma.end, end)
        flags = vma.flags & ~LOCKED_MASK | (LOCKED if lock else 0)
        if flags != vma.flags:
            modify(machine, mm, i, at, stop, flags)
        at = stop
    if lock and pages:
        populate_locked(machine, mm, start, end)
        return why("locked-in")
    return why("changed")


def populate_locked(machine: Machine, mm: Mm, start: int, end: int) -> None:
    """Fault the locked range in; memory that cannot be accessed at all is ENOMEM, after what lies before it."""
    for vma in [v for v in mm.vmas if v.end > start and v.start < end]:
        if not vma.flags & ACCESS:
            raise refuse("ENOMEM", "no-access", start=vma.start, end=vma.end)
        try:
            lock_in(machine, mm, vma, max(start, vma.start), min(end, vma.end))
        except Refused as refused:
            raise refuse("ENOMEM", refused.reason.reason, **refused.reason.values) from None


def mseal(machine: Machine, mm: Mm, start: int, pages: int) -> Why:
    """mseal(2): nothing is sealed when the range has a hole (ENOMEM). Kernel: do_mseal."""
    end = start + pages
    at = start
    while at < end:
        vma = mm.vma_at(at)
        if vma is None:
            raise refuse("ENOMEM", "hole", page=at)
        at = vma.end
    at = begin = start
    while at < end:
        i = mm.find(at)
        vma = mm.vmas[i]
        stop = min(vma.end, end)
        if not vma.flags & SEALED:
            if begin < vma.start and i + 1 < len(mm.vmas) and mm.vmas[i + 1].flags & SEALED:
                raise NotModelled("the kernel would take a part that begins too early for one that may merge")
            i = modify(machine, mm, i, begin, stop, vma.flags | SEALED)
        at = mm.vmas[i].end
        begin = at if machine.rules.sealed_end else stop
    return why("changed")
