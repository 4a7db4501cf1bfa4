"""Swap: pages that leave for a slot and come back. Mirrors ``mm/vmscan.c``, ``mm/swapfile.c``, ``mm/memory.c``.

A slot holds the content; ``Slot.cached`` and ``Frame.swap`` tie it to a folio in the swap cache.  A folio comes back
through the swap cache and stays there while other entries still refer to its slot.
"""

from __future__ import annotations

from collections.abc import Iterator

from mremapdsl.model.machine import HUGE_ORDER, HUGE_PAGES, Machine, Mm
from mremapdsl.model.reason import NotModelled
from mremapdsl.model.records import ANON, FILE, PRESENT, SWAP, Frame, Pte, Slot, Vma
from mremapdsl.model.rmap import walk
from mremapdsl.model.thp import enabled_orders


def swap_out(machine: Machine, start: int, end: int, *, keep_cached: bool = False) -> int:
    """Unmap frames [start, end) everywhere and leave swap entries; ``keep_cached`` leaves them in the swap cache.

    Pinned pages stay.  How many frames left.  Kernel: shrink_folio_list, try_to_unmap_one.
    """
    count = 0
    for s, e, frame in free_of_pins(machine, start, end):
        if frame.kind == FILE:
            continue
        count += e - s
        slot = s + frame.swap if frame.swap is not None else machine.next_slot
        if frame.swap is None:
            machine.next_slot += e - s
        cached = s - slot if keep_cached else None
        users = machine.slots.at(slot)
        record = Slot(users.users if users is not None else 0, frame.data, cached, frame.ever_shared)
        machine.slots.splice(slot, slot + e - s, [(slot, slot + e - s, record)])
        machine.edit_frames(s, e, lambda f: f._replace(swap=slot - s if keep_cached else None))  # noqa: B023
        replace_entries(machine, s, e, frame, slot - s)
    return count


def free_of_pins(machine: Machine, start: int, end: int) -> Iterator[tuple[int, int, Frame]]:
    """The runs of [start, end) without folios of which any page is pinned."""
    for s, e, frame in machine.frames.clip(start, end):
        if frame.pins:
            continue
        size = 1 << frame.order
        head, tail = s - s % size, (e - 1) - (e - 1) % size
        first = head + size if has_pins(machine, head, head + size) else s
        last = tail if tail >= first and has_pins(machine, tail, tail + size) else e
        if first < last:
            yield first, last, frame


def has_pins(machine: Machine, start: int, end: int) -> bool:
    return any(frame.pins for _, _, frame in machine.frames.clip(start, end))


def drop_clean(machine: Machine, start: int, end: int) -> None:
    """MADV_FREE pages whose entries were not written since are dropped; the others are ordinary pages again.

    Reclaim splits a mapping of a huge page first: its page table stays.
    """
    for s, e, frame in free_of_pins(machine, start, end):
        for mm, page, stop in list(walk(machine, s, e)):
            entry = mm.ptes.at(page)
            assert entry is not None
            for block in range(page - page % HUGE_PAGES, stop, HUGE_PAGES) if entry.huge else ():
                machine.split_huge_block(mm, block)
            if entry.clean and frame.maps == 1:
                replace_entries(machine, page + entry.delta, stop + entry.delta, frame, None)
            else:
                machine.edit_frames(page + entry.delta, stop + entry.delta, lambda f: f._replace(lazyfree=False))


def replace_entries(machine: Machine, start: int, end: int, frame: Frame, slot_delta: int | None) -> None:
    """Turn every entry that a walk of frames [start, end) finds into a swap entry (slot - frame) or nothing (None)."""
    for mm, page, stop in list(walk(machine, start, end)):
        entry = mm.ptes.at(page)
        assert entry is not None
        first, last = page + entry.delta, stop + entry.delta
        new: list[tuple[int, int, Pte]] = []
        if slot_delta is not None:
            new.append((page, stop, Pte(SWAP, entry.delta + slot_delta, False, frame.exclusive)))
            machine.edit_slots(first + slot_delta, last + slot_delta, lambda slot: slot._replace(users=slot.users + 1))
        machine.set_ptes(mm, page, stop, new)
        machine.edit_frames(first, last, _unmapped)


def _unmapped(frame: Frame) -> Frame | None:
    if frame.maps == 1 and frame.swap is None and not frame.pins:
        return None
    return frame._replace(maps=frame.maps - 1, exclusive=False)


def swap_in(machine: Machine, mm: Mm, i: int, start: int, end: int, pte: Pte, byte: int | None) -> None:
    """A read (``byte`` None) or write fault on swap entries of VMA i. Kernel: do_swap_page."""
    delta = pte.delta
    for s, e, slot in list(slot_runs(machine, start + delta, end + delta)):
        page, stop = s - delta, e - delta
        vma = mm.vmas[i]
        alone = slot.users == 1 and not held_elsewhere(machine, s, slot)
        if slot.cached is None and slot.users == 1 and machine.rules.swap_device == "memory":
            check_small(machine, mm, vma, page, stop)
            frame = bring_back(machine, vma, s, e, slot, page, exclusive=True)
            map_back(machine, mm, page, stop, frame, exclusive=True, byte=byte)
            continue
        if slot.cached is None:
            frame = bring_back(machine, vma, s, e, slot, page, exclusive=pte.exclusive or (alone and byte is not None))
        else:
            frame = s + slot.cached
            if misplaced(machine, vma, frame, page) and machine.rules.swap_cache_mismatch:
                copy_back(machine, mm, vma, page, stop, slot.data if byte is None else byte)
                continue
        if pte.exclusive or (alone and byte is not None):
            map_back(machine, mm, page, stop, frame, exclusive=True, byte=byte)
            if not pte.exclusive and machine.rules.last_swap_user == "write_fault":
                home = vma.anon
                machine.edit_frames(frame, frame + stop - page, lambda f: f if f.order else f._replace(home=home))  # noqa: B023
        elif byte is None:
            map_back(machine, mm, page, stop, frame, exclusive=False, byte=None)
        else:
            copy_back(machine, mm, vma, page, stop, byte)


def check_small(machine: Machine, mm: Mm, vma: Vma, start: int, end: int) -> None:
    """Raises NotModelled where pages may come back in a larger folio: that depends on the places of their slots.

    Kernel: alloc_swap_folio, thp_swap_suitable_orders.
    """
    for order in enabled_orders(machine, vma):
        size = 1 << order
        for block in range(start - start % size, end, size) if order < HUGE_ORDER else ():
            entries = mm.ptes.clip(max(block, vma.start), min(block + size, vma.end))
            if len(entries) == 1 and entries[0][:2] == (block, block + size):
                raise NotModelled(f"pages {block} to {block + size - 1} may come back from memory as one folio")


def slot_runs(machine: Machine, start: int, end: int) -> Iterator[tuple[int, int, Slot]]:
    """The slots [start, end) in runs whose folios in the swap cache, if they have some, are alike."""
    for s, e, slot in machine.slots.clip(start, end):
        if slot.cached is None:
            yield s, e, slot
        else:
            for first, last, _ in machine.frames.cover(s + slot.cached, e + slot.cached):
                yield first - slot.cached, last - slot.cached, slot


def misplaced(machine: Machine, vma: Vma, frame: int, page: int) -> bool:
    """Whether a folio in the swap cache has another index or root than this VMA would give it."""
    record = machine.frames.at(frame)
    if record is None or record.kind != ANON:
        return False
    home = machine.anon_vmas.get(record.home)
    same_root = home is not None and home.root == machine.anon_vmas[vma.anon].root
    return frame + record.delta != page + vma.anon_skew or not same_root


def held_elsewhere(machine: Machine, number: int, slot: Slot) -> bool:
    """Whether the folio in the swap cache is mapped or pinned by somebody already."""
    frame = machine.frames.at(number + slot.cached) if slot.cached is not None else None
    return frame is not None and (frame.maps > 0 or frame.pins > 0)


def bring_back(machine: Machine, vma: Vma, start: int, end: int, slot: Slot, page: int, *, exclusive: bool) -> int:
    """Read slots [start, end) into new folios in the swap cache; the first frame.

    A folio that may be shared is homed at the root, from where every process that can refer to it is reached.
    Kernel: folio_add_new_anon_rmap, __folio_set_anon.
    """
    count = end - start
    frame = machine.allocate(count)
    home = vma.anon if exclusive else machine.anon_vmas[vma.anon].root
    index_delta = page + vma.anon_skew - frame
    new = Frame(ANON, home, index_delta, 0, False, slot.data, swap=start - frame, ever_shared=slot.ever_shared)
    machine.put_folios(frame, count, new)
    machine.edit_slots(start, end, lambda s: s._replace(cached=frame - start))
    return frame


def map_back(machine: Machine, mm: Mm, page: int, stop: int, frame: int, *, exclusive: bool, byte: int | None) -> None:
    """Map folios of the swap cache in the place of swap entries and drop the entries' use of the slots."""
    runs = mm.ptes.clip(page, stop)
    machine.set_ptes(mm, page, stop, [(page, stop, Pte(PRESENT, frame - page))])

    def mapped(f: Frame) -> Frame:
        return f._replace(maps=f.maps + 1, exclusive=exclusive, data=f.data if byte is None else byte)

    machine.edit_frames(frame, frame + stop - page, mapped)
    for s, e, pte in runs:
        machine.put_slots(s + pte.delta, e + pte.delta)


def copy_back(machine: Machine, mm: Mm, vma: Vma, page: int, stop: int, byte: int) -> None:
    """A write to swapped pages that others still refer to: the writer gets copies, the cache keeps the originals."""
    runs = mm.ptes.clip(page, stop)
    count = stop - page
    frame = machine.allocate(count)
    machine.put_folios(frame, count, Frame(ANON, vma.anon, page + vma.anon_skew - frame, 1, True, byte))
    machine.set_ptes(mm, page, stop, [(page, stop, Pte(PRESENT, frame - page))])
    machine.note("pages-copied", start=page, last=stop - 1)
    for s, e, pte in runs:
        machine.put_slots(s + pte.delta, e + pte.delta)
