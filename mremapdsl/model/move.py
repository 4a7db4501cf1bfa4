"""Moving one VMA: copy it, relocate it if asked, move its page tables, take the source away.

    source AAAA      -> destination a neighbour that takes the range in (ordinary merge)
                                    or a copy with the old page offset (plain)
                                    or a VMA as if born there, its folios rewritten (relocated), merged afterwards

Mirrors ``mm/mremap.c:move_vma`` and, for relocation, the June 2025 series.
"""

from __future__ import annotations

from mremapdsl.model.anon import compatible, prepare
from mremapdsl.model.fault import populate
from mremapdsl.model.ksm import move_items, unshare
from mremapdsl.model.machine import HUGE_PAGES, Machine, Mm
from mremapdsl.model.mapping import accounted, unmap
from mremapdsl.model.merge import Ask, merge_changed, merge_new_range, split_counted
from mremapdsl.model.pagetables import move_page_tables
from mremapdsl.model.reason import Refused, Why, refuse, why
from mremapdsl.model.records import (
    ACCOUNT,
    LOCKED,
    LOCKED_MASK,
    LOCKONFAULT,
    MERGEABLE,
    PRESENT,
    SHARED,
    Vma,
)
from mremapdsl.model.relocate import (
    MOMENT_LINKED,
    MOMENT_MOVED,
    MOMENT_OBSTACLE,
    MOMENT_UNLOCKED,
    Goal,
    Obstacle,
    Span,
    find_obstacle,
    gate,
    has_ksm,
    rewrite,
)
from mremapdsl.ops import ARENA, DONTUNMAP, FIXED, MUST_RELOCATE, PAGE, Mremap

ADDRESS_0 = -(ARENA // PAGE)
"""Where a call points that passes no destination; far below the arena's page 0."""


class Call:
    """One mremap call on its way (the kernel's vma_remap_struct)."""

    def __init__(self, machine: Machine, mm: Mm, op: Mremap) -> None:
        self.machine = machine
        self.mm = mm
        self.at = op.at
        self.old = op.pages
        self.new = op.new_pages
        self.to = op.to if op.to is not None else ADDRESS_0
        self.flags = op.flags
        self.grows = op.new_pages > op.pages
        self.shrinks = op.new_pages < op.pages
        self.stale_charge = 0
        self.had_ksm = False
        self.source_gone = False
        """The source VMA was swallowed by the second merge of a relocation."""

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


def move(call: Call) -> Why:
    """Move [at, at + old) to a free place (move_vma)."""
    machine, mm, rules = call.machine, call.mm, call.machine.rules
    count, limit = len(mm.vmas), machine.settings.max_map_count
    if not rules.move_map_count(count, limit):
        raise refuse("ENOMEM", "map-count", count=count, limit=limit)
    source = call.source()
    asked: int = rules.trigger(call.flags)
    against = gate(machine, source) if asked else None
    if against is None and asked and rules.ksm == "stop" and has_ksm(machine, mm, call.at, call.at + call.old):
        against = "ksm-pages"
    ksm_pages(call, source, bool(asked) and against is None)
    if call.flags & DONTUNMAP and source.flags & LOCKED and rules.dontunmap_locked:
        source = split_off(call, source)
    charge = charged(call, source)
    machine.committed += call.stale_charge * bool(source.flags & ACCOUNT) + charge
    if not asked or not source.anon or against is not None:
        did = not_relocating(call, source, asked, against)
        new = copy_vma(call, source)
        move_page_tables(machine, mm, call.at, call.at + call.old, call.to)
    else:
        did, new = relocating(call, source, asked, charge)
    if call.flags & DONTUNMAP:
        keep_source(call, new)
    else:
        unmap_source(call)
    if source.flags & LOCKED and not source.flags & LOCKONFAULT and call.grows:
        populate(machine, mm, call.to + call.old, call.to + call.new)
    return did


def charged(call: Call, source: Vma) -> int:
    """Pages that the move adds to Committed_AS (vrm_calc_charge)."""
    if not source.flags & ACCOUNT:
        return 0
    return call.new if call.flags & DONTUNMAP else max(0, call.new - call.old)


def ksm_pages(call: Call, source: Vma, relocating: bool) -> None:
    """KSM pages of the range are un-shared before a move, unless the rules let a relocation keep them."""
    machine, mm = call.machine, call.mm
    if not (source.flags & MERGEABLE and source.anon):
        return
    call.had_ksm = has_ksm(machine, mm, call.at, call.at + call.old)
    if not relocating or machine.rules.ksm not in ("skip", "update"):
        unshare_range(call, source)


def unshare_range(call: Call, source: Vma) -> None:
    unshared = unshare(call.machine, call.mm, source, call.at, call.at + call.old)
    if unshared:
        call.machine.note("ksm-unshared", pages=unshared)


def split_off(call: Call, source: Vma) -> Vma:
    """Cut the range out of a locked source, so that only it loses the lock."""
    mm = call.mm
    if call.at > source.start:
        split_counted(call.machine, mm, mm.find(call.at), call.at, new_below=True)
    if call.at + call.old < source.end:
        split_counted(call.machine, mm, mm.find(call.at), call.at + call.old, new_below=False)
    return call.source()


# --- the copy ------------------------------------------------------------------------------------------------


def copy_vma(call: Call, source: Vma) -> Vma:
    """A VMA at the destination: a neighbour that takes the range in, or a copy of the source (copy_vma)."""
    new = carried(call, source)
    return ordinary_merge(call, source, new) or insert_copy(call, new)


def carried(call: Call, source: Vma) -> Vma:
    """The VMA that a plain move makes, before any merge: with its old page offset, or reset if unfaulted."""
    shift = call.at - call.to
    anon_skew = source.anon_skew + shift
    origin = source.origin
    if call.machine.rules.moved_pgoff(source):
        anon_skew = 0
        if source.file is None:
            origin = origin._replace(pgoff=call.machine.step_number)
    skew = anon_skew if source.file is None else source.skew + shift
    if source.file is not None and (source.flags & SHARED or not call.machine.rules.private_file_index):
        anon_skew = skew
    return Vma(
        call.to, call.to + call.new, source.flags, skew, anon_skew, source.anon, source.chain, source.file, origin
    )


def ordinary_merge(call: Call, source: Vma, new: Vma) -> Vma | None:
    """The neighbour that took the range in, if one did."""
    apart = call.flags & DONTUNMAP and not call.machine.rules.dontunmap_next_to_itself
    ask = Ask(new, copied_from=source, not_with=source if apart else None)
    position = merge_new_range(call.machine, call.mm, ask)
    return None if position is None else call.mm.vmas[position]


def insert_copy(call: Call, new: Vma) -> Vma:
    """A VMA of its own, linked to the source's anon_vmas."""
    machine, mm = call.machine, call.mm
    new = new._replace(chain=machine.cloned_chain(new.chain))
    position = mm.find(new.start)
    machine.replace_vmas(mm, position, position, [new])
    machine.link(new)
    return new


# --- relocation ----------------------------------------------------------------------------------------------


def not_relocating(call: Call, source: Vma, asked: int, against: str | None) -> Why:
    """What the move will be: not asked for, nothing to relocate, or refused. Raises EFAULT if it had to relocate."""
    if not asked:
        if not call.old:
            return why("duplicated", to=call.to)
        return why("plain-move" if source.anon or source.file else "moved-unfaulted", to=call.to)
    if against is None:
        return why("nothing-to-relocate", to=call.to)
    return refused(call, against, call.at)


def refused(call: Call, reason: str, page: int) -> Why:
    """A refusal: EFAULT under MUST_RELOCATE, else a plain move."""
    values = {"start": call.at, "end": call.at + call.old, "page": page}
    if call.flags & MUST_RELOCATE:
        raise Refused("EFAULT", Why(reason, values))
    return Why(reason, values)


def relocating(call: Call, source: Vma, asked: int, charge: int) -> tuple[Why, Vma]:
    """An ordinary merge if there is one, else a VMA as if born at the destination; a plain copy if that fails."""
    machine, mm = call.machine, call.mm
    merged = ordinary_merge(call, source, carried(call, source))
    if merged is not None:
        if call.had_ksm:
            unshare_range(call, call.source())
        move_page_tables(machine, mm, call.at, call.at + call.old, call.to)
        return why("ordinary-merge", to=call.to), merged
    try:
        relocated = rewrite_folios(call, source)
    except Obstacle as obstacle:
        try:
            did = refused(call, obstacle.reason, obstacle.page)
        except Refused:
            machine.committed -= charge
            raise
        if call.had_ksm:
            unshare_range(call, call.source())
        new = insert_copy(call, carried(call, source))
        move_page_tables(machine, mm, call.at, call.at + call.old, call.to)
        return did, new
    except Refused:
        machine.committed -= charge
        raise
    move_page_tables(machine, mm, call.at, call.at + call.old, call.to)
    machine.moment(mm, MOMENT_MOVED, call.to, call.to + call.old)
    machine.unlock_anon_vma()
    machine.moment(mm, MOMENT_UNLOCKED, call.to, call.to + call.old)
    position = mm.find(call.to)
    behind = mm.vmas[position + 1] if position + 1 < len(mm.vmas) else None
    joined = merge_changed(machine, mm, position, mm.vmas[position])
    if joined is not None and behind is not None and mm.vmas[joined].start < call.to:
        call.source_gone = behind.start <= call.at < behind.end and mm.vmas[joined].end == behind.end
    new = mm.vmas[position if joined is None else joined]
    return why("relocated", to=call.to, folios=relocated), new


def rewrite_folios(call: Call, source: Vma) -> int:
    """Make the new VMA and point the folios at it; how many. Raises Obstacle with everything undone but splits."""
    machine, mm, rules = call.machine, call.mm, call.machine.rules
    span = Span(call.at, call.at + call.old, call.to)
    origin = source.origin._replace(pgoff=machine.step_number, anon_vma=0)
    new = Vma(call.to, call.to + call.new, source.flags, 0, 0, 0, (), None, origin)
    position = mm.find(new.start)
    if not rules.failure:
        find_obstacle(machine, mm, span, root_to_be(machine, mm, position, new))
    machine.replace_vmas(mm, position, position, [new])
    if rules.relocation_memory == "no anon_vma":
        unmap_destination(call)
        raise refuse("ENOMEM", "no-anon-vma", start=new.start, end=new.end)
    new = prepare(machine, mm, position)
    root = machine.lock_anon_vma(new.anon)
    machine.moment(mm, MOMENT_LINKED, span.start, span.end)
    try:
        done = rewrite(machine, mm, span, Goal(new.anon, call.to - call.at), root)
    except Obstacle as obstacle:
        machine.note("relocation-stopped", folios=obstacle.done, page=obstacle.page)
        machine.moment(mm, MOMENT_OBSTACLE, span.start, span.end)
        undo(call, source, span, root)
        raise
    if rules.relocation_memory == "no page table":
        fail_half_way(call, source, span, root)
    machine.counters["folios_relocated"] += done
    if rules.ksm == "update" and call.had_ksm:
        move_items(machine, mm, span.start, span.end, span.to, new)
    return done


def root_to_be(machine: Machine, mm: Mm, position: int, new: Vma) -> int:
    """The root of the anon_vma that a VMA would get if it stood before position ``position``; 0 for a fresh one."""
    around = [vma for vma in mm.vmas[position : position + 1] if vma.start == new.end]
    around += [vma for vma in mm.vmas[max(0, position - 1) : position] if vma.end == new.start]
    for neighbour in around:
        if compatible(machine, new, neighbour) and machine.rules.adopt_anon_vma(neighbour):
            return machine.anon_vmas[neighbour.anon].root
    return 0


def undo(call: Call, source: Vma, span: Span, root: int) -> None:
    """Walk again from the start up to the same obstacle, pointing folios back; then the new VMA goes."""
    point_back(call, source, span, root)
    unmap_destination(call)


def point_back(call: Call, source: Vma, span: Span, root: int) -> None:
    """Walk the range once more, with the source's goal; then the lock goes."""
    machine = call.machine
    try:
        done = rewrite(machine, call.mm, span, Goal(source.anon, source.anon_skew), root, undoing=True)
    except Obstacle as obstacle:
        done = obstacle.done
    machine.counters["folios_undone"] += done
    machine.note("relocation-undone", folios=done)
    machine.unlock_anon_vma()


def unmap_destination(call: Call) -> None:
    """The VMA that was made for the relocation goes, and with it a charge that was never taken."""
    gone = unmap(call.machine, call.mm, call.to, call.to + call.new)
    if not call.machine.rules.undo_charge:
        call.machine.committed += accounted(gone)


def fail_half_way(call: Call, source: Vma, span: Span, root: int) -> None:
    """If the destination needs a second page table it is not to be had. Raises Refused (ENOMEM).

    The walk that points folios back goes on where the page tables stopped, so that it does not reach those moved.
    """
    machine, mm = call.machine, call.mm
    border = span.start + HUGE_PAGES - span.to % HUGE_PAGES
    if border >= span.end:
        return
    move_page_tables(machine, mm, span.start, border, span.to)
    point_back(call, source, span._replace(start=border, to=span.to + border - span.start), root)
    move_page_tables(machine, mm, span.to, span.to + border - span.start, span.start)
    unmap_destination(call)
    raise refuse("ENOMEM", "no-page-table-to-move-to", page=span.to + border - span.start)


def unmap_source(call: Call) -> None:
    """The moved range leaves the source; its charge went along with it (unmap_source_vma).

    That is arranged by hiding VM_ACCOUNT on the source VMA.  When a second merge has done away with that VMA, the mark
    is set on memory no longer in use, and the unmap takes the charge away.
    """
    machine, mm = call.machine, call.mm
    if call.old:
        gone = unmap(machine, mm, call.at, call.at + call.old)
        if not call.source_gone:
            machine.committed += accounted(gone)


def keep_source(call: Call, new: Vma) -> None:
    """DONTUNMAP: the source stays, empty and unlocked; a whole source is unfaulted again (dontunmap_complete)."""
    machine, mm = call.machine, call.mm
    i = mm.find(call.at)
    vma = mm.vmas[i]
    kept = vma._replace(flags=vma.flags & ~LOCKED_MASK)
    if kept != vma:
        machine.note("lock-dropped", start=vma.start, end=vma.end)
        for s, e, pte in mm.ptes.clip(vma.start, vma.end):
            if pte.kind == PRESENT:
                machine.edit_frames(s + pte.delta, e + pte.delta, lambda f: f._replace(mlocked=True))
    if not machine.rules.dontunmap_account and kept.flags & ACCOUNT:
        machine.note("account-dropped", start=vma.start, end=vma.end)
        kept = kept._replace(flags=kept.flags & ~ACCOUNT)
    whole = vma.start == call.at and vma.end == call.at + call.old
    if whole and vma != new:
        machine.unlink(vma)
        kept = kept.with_anon(0, (), machine.step_number)
        if machine.rules.dontunmap_source_pgoff and kept.file is None:
            kept = kept._replace(skew=0, anon_skew=0)
        if kept.anon_skew and kept.file is None:
            machine.note("source-kept-shifted", start=vma.start, end=vma.end, pgoff=vma.start + vma.skew)
    machine.replace_vmas(mm, i, i + 1, [kept])
