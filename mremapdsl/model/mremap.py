"""mremap. Mirrors ``mm/mremap.c``; the order of the checks is that of the rule set.

    parameters -> source -> destination unmapped -> tail cut off -> copy VMA -> move page tables -> unmap source
"""

from __future__ import annotations

from collections.abc import Callable

from mremapdsl.model.anon import cloned_chain
from mremapdsl.model.fault import populate
from mremapdsl.model.ksm import unshare
from mremapdsl.model.machine import HUGE_PAGES, Machine, Mm
from mremapdsl.model.mapping import accounted, unmap
from mremapdsl.model.merge import Ask, merge_new_range, split_counted
from mremapdsl.model.reason import Why, refuse, why
from mremapdsl.model.records import (
    ACCOUNT,
    LOCKED,
    LOCKED_MASK,
    LOCKONFAULT,
    MERGEABLE,
    MIGRATION,
    PRESENT,
    SEALED,
    SHARED,
    SWAP,
    Origin,
    Pte,
    Vma,
)
from mremapdsl.model.runs import Run
from mremapdsl.ops import DONTUNMAP, FIXED, MAYMOVE, TASK_PAGES, Mremap

MMAP_BASE = 20_000_000_000
"""Arena page below which the model, like the kernel, looks top-down for an address of its own choice."""


class Call:
    """One mremap call on its way (the kernel's vma_remap_struct)."""

    def __init__(self, machine: Machine, mm: Mm, op: Mremap) -> None:
        self.machine = machine
        self.mm = mm
        self.at = op.at
        self.old = op.pages
        self.new = op.new_pages
        self.to = op.to if op.to is not None else 0
        self.flags = op.flags
        self.grows = op.new_pages > op.pages
        self.shrinks = op.new_pages < op.pages
        self.stale_charge = 0

    @property
    def to_address(self) -> bool:
        """The call names its destination (or asks for a copy anywhere): always a move."""
        return bool(self.flags & (FIXED | DONTUNMAP))

    def source(self) -> Vma:
        """The VMA at the source address now."""
        vma = self.mm.vma_at(self.at)
        if vma is None:
            raise refuse("EFAULT", "source-not-mapped", page=self.at)
        return vma


# --- parameters ----------------------------------------------------------------------------------------------


def _flags(call: Call) -> None:
    unknown = call.flags & ~(MAYMOVE | FIXED | DONTUNMAP)
    if unknown:
        raise refuse("EINVAL", "unknown-flags", flags=unknown)


def _new_length(call: Call) -> None:
    if not call.new:
        raise refuse("EINVAL", "no-length")


def _beyond_task(call: Call) -> None:
    if call.new > TASK_PAGES:
        raise refuse("EINVAL", "beyond-task-size")


def _to_beyond_task(call: Call) -> None:
    if call.to_address and call.to + call.new > TASK_PAGES:
        raise refuse("EINVAL", "beyond-task-size")


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
    "to-beyond-task": _to_beyond_task,
    "fixed-without-maymove": _fixed_without_maymove,
    "dontunmap-resizes": _dontunmap_resizes,
    "overlap": _overlap,
    "map-count": _map_count,
    "source": _source,
}


# --- the call ------------------------------------------------------------------------------------------------


def mremap(machine: Machine, mm: Mm, op: Mremap) -> tuple[Why, int]:
    """What mremap did and the page that it returns. Errors as the guards say; a failure may leave its first half done."""
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
    if not call.flags & FIXED and (not call.to or not is_free(mm, call.to, call.to + call.new)):
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


# --- moving one VMA ------------------------------------------------------------------------------------------


def move(call: Call) -> Why:
    """Move [at, at + old) to a free place (move_vma)."""
    machine, mm, rules = call.machine, call.mm, call.machine.rules
    count, limit = len(mm.vmas), machine.settings.max_map_count
    if not rules.move_map_count(count, limit):
        raise refuse("ENOMEM", "map-count", count=count, limit=limit)
    source = call.source()
    if source.flags & MERGEABLE and source.anon:
        unshared = unshare(machine, mm, source, call.at, call.at + call.old)
        if unshared:
            machine.note("ksm-unshared", pages=unshared)
    if call.flags & DONTUNMAP and source.flags & LOCKED and rules.dontunmap_locked:
        source = split_off(call, source)
    if source.flags & ACCOUNT:
        machine.committed += call.stale_charge + (call.new if call.flags & DONTUNMAP else max(0, call.new - call.old))
    new = copy_vma(call, source)
    move_page_tables(machine, mm, call.at, call.at + call.old, call.to)
    if call.flags & DONTUNMAP:
        keep_source(call, new)
    else:
        unmap_source(call)
    if source.flags & LOCKED and not source.flags & LOCKONFAULT and call.grows:
        populate(machine, mm, call.to + call.old, call.to + call.new)
    if not call.old:
        return why("duplicated", to=call.to)
    return why("plain-move" if source.anon or source.file else "moved-unfaulted", to=call.to)


def split_off(call: Call, source: Vma) -> Vma:
    """Cut the range out of a locked source, so that only it loses the lock."""
    mm = call.mm
    if call.at > source.start:
        split_counted(call.machine, mm, mm.find(call.at), call.at)
    if call.at + call.old < source.end:
        split_counted(call.machine, mm, mm.find(call.at), call.at + call.old)
    return call.source()


def copy_vma(call: Call, source: Vma) -> Vma:
    """A VMA at the destination: a neighbour that takes the range in, or a copy of the source (copy_vma)."""
    machine, mm, step = call.machine, call.mm, call.machine.step_number
    shift = call.at - call.to
    anon_skew = source.anon_skew + shift
    origin = Origin(step, source.origin.flags, source.origin.pgoff, source.origin.anon_vma)
    if machine.rules.moved_pgoff(source):
        anon_skew = 0
        origin = Origin(step, source.origin.flags, step, source.origin.anon_vma)
    skew = anon_skew if source.file is None else source.skew + shift
    new = Vma(call.to, call.to + call.new, source.flags, skew, anon_skew, source.anon, source.chain, source.file, origin)
    apart = call.flags & DONTUNMAP and not machine.rules.dontunmap_next_to_itself
    ask = Ask(new, copied_from=source, not_with=source if apart else None)
    position = merge_new_range(machine, mm, ask)
    if position is None:
        new = new._replace(chain=cloned_chain(machine, source.chain))
        position = mm.find(new.start)
        machine.replace_vmas(mm, position, position, [new])
        machine.link(new)
    return mm.vmas[position]


def move_page_tables(machine: Machine, mm: Mm, start: int, end: int, to: int) -> None:
    """Move every entry; a PMD mapping stays one if it is moved whole to an aligned place, else it is split."""
    shift = to - start
    machine.split_huge_at(mm, start)
    machine.split_huge_at(mm, end)
    runs = mm.ptes.clip(start, end)
    if shift % HUGE_PAGES:
        runs = [(s, e, pte._replace(huge=False)) if pte.huge else (s, e, pte) for s, e, pte in runs]
    moved: list[Run[Pte]] = []
    for s, e, pte in runs:
        points = pte.kind in (PRESENT, SWAP, MIGRATION)
        moved.append((s + shift, e + shift, pte._replace(delta=pte.delta - shift) if points else pte))
    move_tables(machine, mm, start, end, to)
    machine.set_ptes(mm, start, end)
    machine.set_ptes(mm, to, to + end - start, moved)


def move_tables(machine: Machine, mm: Mm, start: int, end: int, to: int) -> None:
    """A page table moves whole where source and destination blocks coincide, else the destination gets its own.

    Kernel: move_pgt_entry, try_realign_addr.
    """
    whole_from, whole_to = 0, 0
    if (to - start) % HUGE_PAGES == 0:
        first = start
        if start % HUGE_PAGES and end - start >= HUGE_PAGES - start % HUGE_PAGES and alone_below(mm, start, to):
            first = start - start % HUGE_PAGES
        whole_from, whole_to = -(-first // HUGE_PAGES), end // HUGE_PAGES
    shift = (to - start) // HUGE_PAGES
    for s, e, _ in mm.tables.clip(start // HUGE_PAGES, -(-end // HUGE_PAGES)):
        for first, last in ((s, min(e, whole_from)), (max(s, whole_to), e)) if whole_from < whole_to else ((s, e),):
            if first < last:
                low, high = max(start, first * HUGE_PAGES), min(end, last * HUGE_PAGES)
                machine.need_tables(mm, low - start + to, high - start + to)
        first, last = max(s, whole_from), min(e, whole_to)
        if first < last:
            machine.drop_tables(mm, first, last)
            machine.need_tables(mm, (first + shift) * HUGE_PAGES, (last + shift) * HUGE_PAGES)


def alone_below(mm: Mm, start: int, to: int) -> bool:
    """Both addresses begin their VMA and nothing else is mapped below them in their block (can_align_down)."""
    for at in (start, to):
        i = mm.find(at)
        if mm.vmas[i].start != at or (i and mm.vmas[i - 1].end > at - at % HUGE_PAGES):
            return False
    return True


def unmap_source(call: Call) -> None:
    """The moved range leaves the source; its charge went along with it (unmap_source_vma)."""
    machine, mm = call.machine, call.mm
    if call.old:
        machine.committed += accounted(unmap(machine, mm, call.at, call.at + call.old))


def keep_source(call: Call, new: Vma) -> None:
    """DONTUNMAP: the source stays, empty and unlocked; a whole source is unfaulted again (dontunmap_complete)."""
    machine, mm = call.machine, call.mm
    i = mm.find(call.at)
    vma = mm.vmas[i]
    kept = vma._replace(flags=vma.flags & ~LOCKED_MASK)
    if kept != vma:
        machine.note("lock-dropped", start=vma.start, end=vma.end)
    whole = vma.start == call.at and vma.end == call.at + call.old
    if whole and vma != new:
        machine.unlink(vma)
        kept = kept.with_anon(0, (), machine.step_number)
        if machine.rules.dontunmap_source_pgoff and kept.file is None:
            kept = kept._replace(skew=0, anon_skew=0)
        if kept.anon_skew and kept.file is None:
            machine.note("source-kept-shifted", start=vma.start, end=vma.end, pgoff=vma.start + vma.skew)
    machine.replace_vmas(mm, i, i + 1, [kept])
