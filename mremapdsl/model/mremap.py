"""mremap: its checks and its ways. Mirrors ``mm/mremap.c``; the order of the checks is that of the rule set.

parameters -> source -> destination unmapped -> tail cut off -> move.py
"""

from __future__ import annotations

from collections.abc import Callable

from mremapdsl.model.fault import populate
from mremapdsl.model.machine import HUGE_PAGES, Machine, Mm
from mremapdsl.model.mapping import unmap
from mremapdsl.model.merge import Ask, merge_new_range
from mremapdsl.model.move import ADDRESS_0, Call, move
from mremapdsl.model.reason import Why, refuse, why
from mremapdsl.model.records import ACCOUNT, LOCKED, LOCKONFAULT, SEALED, SHARED, Vma
from mremapdsl.ops import DONTUNMAP, FIXED, MAYMOVE, MUST_RELOCATE, PAGE, RELOCATE, TASK_PAGES, TASK_SIZE, Mremap

MMAP_BASE = 20_000_000_000
"""Arena page below which the model, like the kernel, looks top-down for an address of its own choice."""


# --- parameters ----------------------------------------------------------------------------------------------


def _flags(call: Call) -> None:
    unknown = call.flags & ~(MAYMOVE | FIXED | DONTUNMAP | call.machine.rules.relocate_flags)
    if unknown:
        raise refuse("EINVAL", "unknown-flags", flags=unknown)


def _new_length(call: Call) -> None:
    if not call.new:
        raise refuse("EINVAL", "no-length")


def _beyond_task(call: Call) -> None:
    if call.new > TASK_SIZE // PAGE:
        raise refuse("EINVAL", "beyond-task-size")


def _to_beyond_task(call: Call) -> None:
    if call.to_address and call.to + call.new > TASK_PAGES:
        raise refuse("EINVAL", "beyond-task-size")


def _relocate_without_maymove(call: Call) -> None:
    if call.flags & (RELOCATE | MUST_RELOCATE) and not call.flags & MAYMOVE:
        raise refuse("EINVAL", "relocate-needs-maymove")


def _fixed_without_maymove(call: Call) -> None:
    if call.to_address and not call.flags & MAYMOVE:
        raise refuse("EINVAL", "maymove-missing")


def _dontunmap_resizes(call: Call) -> None:
    if call.flags & DONTUNMAP and call.old != call.new:
        raise refuse("EINVAL", "dontunmap-resizes", old=call.old, new=call.new)


def _overlap(call: Call) -> None:
    if call.to_address and call.at + call.old > call.to and call.to + call.new > call.at:
        raise refuse("EINVAL", "overlap", start=call.at, end=call.at + call.old, to=call.to, to_end=call.to + call.new)


def _map_count(call: Call) -> None:
    count, limit = len(call.mm.vmas), call.machine.settings.max_map_count
    dontunmap = bool(call.flags & DONTUNMAP)
    if not call.machine.rules.mremap_map_count(count, limit, call.to_address, dontunmap):
        raise refuse("ENOMEM", "map-count", count=count, limit=limit)


def _source(call: Call) -> None:
    if several_vmas(call):
        return
    if call.source().flags & SEALED:
        vma = call.source()
        raise refuse("EPERM", "sealed", start=vma.start, end=vma.end)


PARAMETERS: dict[str, Callable[[Call], None]] = {
    "flags": _flags,
    "new-length": _new_length,
    "beyond-task": _beyond_task,
    "relocate-without-maymove": _relocate_without_maymove,
    "to-beyond-task": _to_beyond_task,
    "fixed-without-maymove": _fixed_without_maymove,
    "dontunmap-resizes": _dontunmap_resizes,
    "overlap": _overlap,
    "map-count": _map_count,
    "source": _source,
}


# --- the call ------------------------------------------------------------------------------------------------


def mremap(machine: Machine, mm: Mm, op: Mremap) -> tuple[Why, int]:
    """What mremap did and the page that it returns. A failure (Refused) may leave its first half done."""
    call = Call(machine, mm, op)
    for name in machine.rules.mremap_parameters:
        PARAMETERS[name](call)
    if several_vmas(call):
        return move_several(call), call.to
    if call.to_address:
        did = to_address(call)
        return did, call.to
    return in_place(call)


def several_vmas(call: Call) -> bool:
    """The call moves whatever VMAs its range holds, one by one."""
    return bool(call.machine.rules.move_range) and bool(call.flags & FIXED) and call.old == call.new


def check_source(call: Call) -> None:
    """Whether the source VMA can be resized or moved so (check_prep_vma, earlier vma_to_resize)."""
    vma = call.source()
    if vma.flags & SEALED:
        raise refuse("EPERM", "sealed", start=vma.start, end=vma.end)
    if not call.grows and not call.to_address:
        return
    if not call.old and not vma.flags & SHARED:
        raise refuse("EINVAL", "no-old-length")
    if call.at + min(call.old, call.new) > vma.end:
        raise refuse("EFAULT", "leaves-vma", start=vma.start, end=vma.end)


def in_place(call: Call) -> tuple[Why, int]:
    """No destination is named: shrink, grow in place, or move to wherever there is room (mremap_at)."""
    machine, mm = call.machine, call.mm
    check_source(call)
    if call.shrinks:
        unmap(machine, mm, call.at + call.new, call.at + call.old)
        return why("shrunk", old=call.old, new=call.new), call.at
    if not call.grows:
        return why("same-size"), call.at
    vma = call.source()
    if call.at + call.old == vma.end and is_free(mm, vma.end, call.at + call.new):
        grow_in_place(call, vma)
        return why("grown", old=call.old, new=call.new), call.at
    if call.new > TASK_SIZE // PAGE:
        raise refuse("ENOMEM", "beyond-task-size")
    if not call.flags & MAYMOVE:
        raise refuse("ENOMEM", "no-room", end=call.at + call.old)
    call.to = choose_address(mm, call.new)
    return move(call), call.to


def is_free(mm: Mm, start: int, end: int) -> bool:
    i = mm.find(start)
    return end <= TASK_PAGES and (i == len(mm.vmas) or mm.vmas[i].start >= end)


def choose_address(mm: Mm, pages: int) -> int:
    """The top of the highest hole below MMAP_BASE that fits; multiples of 2 MiB are aligned so (get_unmapped_area)."""
    align = HUGE_PAGES if pages % HUGE_PAGES == 0 else 1
    high = MMAP_BASE
    for vma in reversed(mm.vmas):
        if vma.start >= MMAP_BASE:
            continue
        place = (high - pages) // align * align
        if place >= vma.end:
            return place
        high = min(high, vma.start)
    return (high - pages) // align * align


def grow_in_place(call: Call, vma: Vma) -> None:
    """The space behind joins the VMA, and through it maybe the next one (expand_vma, vma_merge_extend)."""
    machine, mm = call.machine, call.mm
    added = call.new - call.old
    extension = vma.resized(vma.end, vma.end + added)
    merge_new_range(machine, mm, Ask(extension))
    if vma.flags & ACCOUNT:
        machine.committed += added
    if vma.flags & LOCKED and not vma.flags & LOCKONFAULT:
        populate(machine, mm, call.at + call.old, call.at + call.new)


def to_address(call: Call) -> Why:
    """A move to a named place, or a DONTUNMAP copy: make room, cut off the tail, move (mremap_to)."""
    machine, mm = call.machine, call.mm
    first: bool = machine.rules.source_checked
    if first:
        check_source(call)
    if call.flags & FIXED:
        unmap(machine, mm, call.to, call.to + call.new)
    if call.shrinks:
        unmap(machine, mm, call.at + call.new, call.at + call.old)
        if machine.rules.shrink_charge:
            call.stale_charge = call.old - call.new
            if call.source().flags & ACCOUNT:
                machine.note("charge-leaks", pages=call.stale_charge)
        call.old = call.new
    if not first:
        check_source(call)
    if call.flags & FIXED and call.to < 0:
        raise refuse("EPERM", "below-min-address")
    if not call.flags & FIXED and (call.to == ADDRESS_0 or not is_free(mm, call.to, call.to + call.new)):
        call.to = choose_address(mm, call.new)
    return move(call)


def move_several(call: Call) -> Why:
    """Move each VMA of the range by itself; gaps are kept, and a failure leaves the earlier ones moved (remap_move)."""
    mm = call.mm
    start, end, to = call.at, call.at + call.old, call.to
    at, moved, did = start, 0, None
    while at < end:
        i = mm.find(at)
        if i == len(mm.vmas) or mm.vmas[i].start >= end:
            break
        vma = mm.vmas[i]
        if vma.start > at and not moved:
            break
        at = max(at, vma.start)
        stop = min(end, vma.end)
        call.at, call.old, call.new, call.to = at, stop - at, stop - at, to + at - start
        if (at, stop) != (start, end):
            call.machine.note("next-piece", start=at, end=stop, to=call.to)
        did = to_address(call)
        moved += 1
        at = stop
    call.to = to
    if did is None:
        raise refuse("EFAULT", "source-not-mapped", page=start)
    return did
