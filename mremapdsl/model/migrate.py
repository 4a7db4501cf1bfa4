"""Migration, pins and forced swap: what ``migrate``, ``pin`` and ``swapout`` do (``mm/migrate.c``, ``mm/gup.c``)."""

from __future__ import annotations

from mremapdsl.model.fault import populate_vma, unshare_present, write_zero
from mremapdsl.model.filemap import replace_cached
from mremapdsl.model.fork import by_folio
from mremapdsl.model.ksm import follow
from mremapdsl.model.machine import Machine, Mm
from mremapdsl.model.reason import Why, refuse, why
from mremapdsl.model.records import ACCESS, ANON, FILE, KSM, MIGRATION, PRESENT, SHARED, WRITE, ZERO, Frame, Pte
from mremapdsl.model.rmap import walk
from mremapdsl.model.runs import RunMap
from mremapdsl.model.swap import swap_out
from mremapdsl.model.thp import mappers


def migrate(machine: Machine, mm: Mm, start: int, pages: int, phase: str) -> Why:
    """One phase of migrating the folios mapped in a range."""
    if phase == "begin":
        return begin(machine, mm, start, start + pages)
    return finish(machine, mm, start, start + pages, new=phase == "end")


def present_frames(machine: Machine, mm: Mm, start: int, end: int, kind: int) -> list[tuple[int, int]]:
    """The frames behind entries of a kind, whole folios, in runs of one record each."""
    found: list[tuple[int, int]] = []
    seen: RunMap[bool] = RunMap()
    for s, e, pte in mm.ptes.clip(start, end):
        if pte.kind == kind:
            for first, last, frame in machine.frames.clip(s + pte.delta, e + pte.delta):
                for head, tail, known in seen.cover(*whole_folios(first, last, frame.order)):
                    found += [] if known else [(a, b) for a, b, _ in machine.frames.clip(head, tail)]
                    seen.splice(head, tail, [(head, tail, True)])
    return found


def begin(machine: Machine, mm: Mm, start: int, end: int) -> Why:
    """Replace every entry that a walk of each folio finds by a migration entry (try_to_migrate).

    Pinned folios cannot be migrated (EBUSY).
    """
    runs = present_frames(machine, mm, start, end, PRESENT)
    for first, _ in runs:
        frame = machine.frames.at(first)
        assert frame is not None
        if frame.pins:
            raise refuse("EBUSY", "migration-pinned", start=start, end=end)
    for first, last in runs:
        frame = machine.frames.at(first)
        assert frame is not None
        for other, s, e in list(walk(machine, first, last)):
            entry = other.ptes.at(s)
            assert entry is not None
            exclusive = frame.exclusive
            machine.set_ptes(other, s, e, [(s, e, Pte(MIGRATION, entry.delta, entry.huge, exclusive))])
        machine.edit_frames(first, last, lambda f: f._replace(exclusive=False))
    return why("migration-begun", folios=len(runs))


def finish(machine: Machine, mm: Mm, start: int, end: int, *, new: bool) -> Why:
    """Put folios back where a walk finds migration entries: new ones, or the old ones when migration failed.

    A folio that somebody still maps, because the walk that began it missed an entry, is put back in any case
    (migrate_folio_unmap). Entries that the walk does not find now stay (remove_migration_ptes).
    """
    runs = present_frames(machine, mm, start, end, MIGRATION)
    lost = done = 0
    places: dict[int, int] = {}
    for first, last, frame in by_folio([run for pair in runs for run in machine.frames.clip(*pair)]):
        found = [(other, s, e) for other, s, e in walk(machine, first, last)
                 if (run := other.ptes.run_at(s)) is not None and run[2].kind == MIGRATION]  # fmt: skip
        leaves = new and not mappers(machine, *whole_folios(first, last, frame.order))
        target = new_place(machine, places, first, last, frame.order) if leaves else first
        if leaves:
            done += 1
            machine.put_folios(target, last - first, moved(frame, first, target))
            if frame.kind == KSM:
                follow(machine, first, last, target)
        for other, s, e in found:
            put_back(machine, other, s, e, target - first)
        if leaves and frame.kind == FILE:
            replace_cached(machine, first, last, target)
        lost += frame.maps - len(found)
    return why("migrated" if done else "migration-failed", folios=len(runs), lost=lost)


def whole_folios(first: int, last: int, order: int) -> tuple[int, int]:
    """Frames [first, last) and the rest of the folios that they are part of."""
    size = 1 << order
    return first - first % size, -(-last // size) * size


def new_place(machine: Machine, places: dict[int, int], first: int, last: int, order: int) -> int:
    """Where frames [first, last) of one folio, or several small ones, go; ``places`` knows the new large folios."""
    if not order:
        return machine.allocate(last - first)
    head = first - first % (1 << order)
    if head not in places:
        places[head] = machine.allocate(1 << order, order)
    return places[head] + first - head


def moved(frame: Frame, first: int, target: int) -> Frame:
    """The record of a new folio that takes an old one's place."""
    return frame._replace(delta=frame.delta + first - target, maps=0, exclusive=False)


def put_back(machine: Machine, mm: Mm, start: int, end: int, shift: int) -> None:
    """A migration entry becomes present again, at the frame ``shift`` further."""
    for s, e, pte in mm.ptes.clip(start, end):
        if pte.kind != MIGRATION:
            continue
        first, last = s + pte.delta, e + pte.delta
        machine.set_ptes(mm, s, e, [(s, e, Pte(PRESENT, pte.delta + shift, pte.huge))])
        if shift:
            machine.get_frames(first + shift, last + shift)
            machine.put_frames(first, last)
        if pte.exclusive:
            machine.edit_frames(first + shift, last + shift, lambda f: f._replace(exclusive=f.kind == ANON))


# --- pins ----------------------------------------------------------------------------------------------------


def pin(machine: Machine, mm: Mm, start: int, pages: int) -> Why:
    """Take a long-term pin on each page: faulted in for write where it may be written, un-shared where it may only be
    read.

    Errors: EFAULT where nothing is mapped or access is forbidden. Kernel: pin_user_pages(FOLL_LONGTERM).
    """
    end, at = start + pages, start
    while at < end:
        vma = mm.vma_at(at)
        if vma is None or not vma.flags & ACCESS:
            raise refuse("EFAULT", "not-mapped", page=at)
        stop = min(end, vma.end)
        populate_vma(machine, mm, mm.find(at), at, stop, bool(vma.flags & WRITE))
        if not vma.flags & (WRITE | SHARED):
            unshare_read_only(machine, mm, mm.find(at), at, stop)
        at = stop
    for s, e, pte in mm.ptes.clip(start, end):
        if pte.kind == PRESENT:
            machine.edit_frames(s + pte.delta, e + pte.delta, lambda f: f._replace(pins=f.pins + 1))
            mm.pins.append((s, e, pte.delta))
    mm.pinned_before = True
    return why("pinned", pages=pages)


def unshare_read_only(machine: Machine, mm: Mm, i: int, start: int, end: int) -> None:
    """Pages that are not exclusive to the process are replaced by copies of its own (gup_must_unshare)."""
    for s, e, pte in mm.ptes.clip(start, end):
        if pte.kind == ZERO:
            write_zero(machine, mm, i, s, e, pte, 0)
        elif pte.kind == PRESENT:
            for first, last, frame in machine.frames.clip(s + pte.delta, e + pte.delta):
                if not frame.exclusive:
                    unshare_present(machine, mm, i, first - pte.delta, last - pte.delta, pte)


def unpin(machine: Machine, mm: Mm, start: int, pages: int) -> Why:
    """Drop the pins that were taken on this range; if none were, those on the folios mapped there now."""
    end = start + pages
    held = [p for p in mm.pins if p[0] < end and p[1] > start]
    if held:
        dropped = [(max(s, start) + delta, min(e, end) + delta) for s, e, delta in held]
    else:
        dropped = [(s + pte.delta, e + pte.delta) for s, e, pte in mm.ptes.clip(start, end) if pte.kind == PRESENT]
    for first, last in dropped:
        mm.pins = [rest for p in mm.pins for rest in without(p, first, last)]
        machine.edit_frames(first, last, unpinned)
    return why("unpinned", pages=sum(last - first for first, last in dropped))


def without(held: tuple[int, int, int], first: int, last: int) -> list[tuple[int, int, int]]:
    """A record of pins less the frames [first, last)."""
    s, e, delta = held
    pieces = [(s, min(e, first - delta), delta), (max(s, last - delta), e, delta)]
    return [piece for piece in pieces if piece[0] < piece[1]]


def unpinned(frame: Frame) -> Frame | None:
    if not frame.pins:
        return frame
    if frame.pins == 1 and not frame.maps and frame.swap is None and frame.kind != FILE:
        return None
    return frame._replace(pins=frame.pins - 1)


# --- forced swap ---------------------------------------------------------------------------------------------


def force_out(machine: Machine, mm: Mm, start: int, pages: int, *, keep_cached: bool) -> Why:
    """Swap out every folio of the range, whoever maps it; ``keep_cached`` leaves it in the swap cache.

    Errors: ENOMEM without swap.
    """
    if not machine.settings.swap:
        raise refuse("ENOMEM", "no-swap")
    runs = present_frames(machine, mm, start, start + pages, PRESENT)
    count = 0
    for first, last in runs:
        frame = machine.frames.at(first)
        if frame is not None and frame.kind in (ANON, KSM):
            count += swap_out(machine, first, last, keep_cached=keep_cached)
    return why("swapped-out", pages=count, kept=" and stay in the swap cache" if keep_cached else "")
