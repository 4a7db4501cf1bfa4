"""KSM: ksmd's passes, the stable and unstable trees, un-sharing. Mirrors ``mm/ksm.c``.

Two pages are equal when their first bytes are (the rest of a page is never written).  The trees are maps from
content; an rmap_item says what ksmd remembers of one (process, page).
"""

from __future__ import annotations

from collections.abc import Iterator

from mremapdsl.model.ksmd import RmapItem
from mremapdsl.model.machine import Machine, Mm
from mremapdsl.model.reason import NotModelled
from mremapdsl.model.records import ANON, KSM, MERGEABLE, MIGRATION, PRESENT, SHARED, ZERO, Frame, Pte, Vma
from mremapdsl.model.rmap import ksm_found, walk
from mremapdsl.model.thp import split_folio

PASSES = 3
"""Full passes of one scan, at the least: remember the checksums, merge, let stragglers join."""
MAX_PAGE_SHARING = 256
"""Mappings of one KSM page before ksmd starts another of the same content."""


def enter(machine: Machine, mm: Mm) -> None:
    """The process is scanned from now on (__ksm_enter)."""
    if mm.name not in machine.ksm.mms:
        machine.ksm.mms.append(mm.name)
        machine.ksm.items[mm.name] = {}


def leave(machine: Machine, mm: Mm) -> None:
    """The process exits; what ksmd remembers of it goes when ksmd comes by (__ksm_exit)."""
    ksm = machine.ksm
    if mm.name in ksm.mms:
        ksm.mms.remove(mm.name)
        items = ksm.items.pop(mm.name)
        ksm.orphans += [(page, RmapItem(0, 0, -1, *item[3:])) for page, item in items.items() if item.frame >= 0]


def scan(machine: Machine) -> int:
    """ksmd's passes over all mergeable memory until one merges nothing. Returns how many pages were merged."""
    passes = [one_pass(machine) for _ in range(PASSES)]
    while passes[-1]:
        passes.append(one_pass(machine))
    return sum(passes)


def one_pass(machine: Machine) -> int:
    """Every page that is due, compared with the stable tree, then with the unstable tree of this pass."""
    unstable: dict[int, tuple[Mm, int]] = {}
    merged = 0
    machine.ksm.orphans.clear()
    for name in machine.ksm.mms[:]:
        mm = machine.mms[name]
        seen: set[int] = set()
        items = machine.ksm.items[name]
        if not any(vma.flags & MERGEABLE for vma in mm.vmas):
            machine.ksm.mms.remove(name)
            del machine.ksm.items[name]
            continue
        for page in candidates(machine, mm):
            item = items.get(page, RmapItem())
            item, skip = age(machine, mm, page, item)
            items[page] = item
            if not skip and compare_and_merge(machine, mm, page, unstable):
                merged += 1
            seen.add(page)
        for page in items.keys() - seen:
            forget(mm, items, page)
    return merged


def forget(mm: Mm, items: dict[int, RmapItem], page: int) -> None:
    """Drop the rmap_item of a page that is no longer there, which takes the lock of the KSM page it was."""
    pte = mm.ptes.at(page)
    if pte is not None and pte.kind == MIGRATION and items[page].frame >= 0:
        raise NotModelled(f"waiting: page {page} is under migration, ksmd would sleep until it ends")
    del items[page]


def candidates(machine: Machine, mm: Mm) -> Iterator[int]:
    """Present anonymous pages of mergeable, faulted VMAs in order of address.

    A merge may split a large folio and leave the zero page behind pages that come later.
    """
    for vma in mm.vmas[:]:
        if vma.flags & MERGEABLE and vma.anon:
            for s, e, pte in mm.ptes.clip(vma.start, vma.end):
                if pte.kind == PRESENT:
                    for fs, fe, frame in machine.frames.clip(s + pte.delta, e + pte.delta):
                        if frame.kind in (ANON, KSM):
                            pages = range(fs - pte.delta, fe - pte.delta)
                            yield from (page for page in pages if not frame.order or is_mapped(mm, page))


def is_mapped(mm: Mm, page: int) -> bool:
    """Whether the page maps a folio (now)."""
    pte = mm.ptes.at(page)
    return pte is not None and pte.kind == PRESENT


def split_large(machine: Machine, mm: Mm, page: int) -> bool:
    """Before a page of a large folio is merged, the folio is split; False if it cannot be, or if the page, being all
    zero, became the zero page (try_to_merge_one_page, split_huge_page).
    """
    number, frame = mapped(machine, mm, page)
    return not frame.order or (split_folio(machine, number) and is_mapped(mm, page))


def age(machine: Machine, mm: Mm, page: int, item: RmapItem) -> tuple[RmapItem, bool]:
    """Smart scan: pages that stayed unmerged for several passes are passed over more and more often.

    Kernel: should_skip_rmap_item.
    """
    _, frame = mapped(machine, mm, page)
    if frame.kind == KSM:
        return item, False
    was = item.age
    item = item._replace(age=min(was + 1, 255))
    if was < 3:
        return item, False
    if not item.skips:
        return item._replace(skips=1 if was <= 3 else 2 if was <= 5 else 4 if was <= 8 else 8), False
    return off_the_tree(machine, item._replace(skips=item.skips - 1)), True


def off_the_tree(machine: Machine, item: RmapItem) -> RmapItem:
    """What remains of an item that is no longer in a tree (remove_rmap_item_from_tree)."""
    if item.frame >= 0 and machine.rules.ksm_age == "anew":
        item = item._replace(age=0, skips=0)
    return item._replace(frame=-1)


def mapped(machine: Machine, mm: Mm, page: int) -> tuple[int, Frame]:
    """The frame that a present page maps."""
    pte = mm.ptes.at(page)
    assert pte is not None
    number = page + pte.delta
    frame = machine.frames.at(number)
    assert frame is not None
    return number, frame


def compare_and_merge(machine: Machine, mm: Mm, page: int, unstable: dict[int, tuple[Mm, int]]) -> bool:
    """One page of a pass. True if it was merged (cmp_and_merge_page)."""
    ksm = machine.ksm
    number, frame = mapped(machine, mm, page)
    item = ksm.items[mm.name][page]
    if frame.kind == KSM:
        if item.frame != number:
            append(machine, mm, page, number)
        return False
    item = off_the_tree(machine, item)
    ksm.items[mm.name][page] = item
    if item.checksum != frame.data:
        ksm.items[mm.name][page] = item._replace(checksum=frame.data)
        return False
    if frame.data == 0 and machine.settings.ksm_zero_pages and not frame.pins:
        if not split_large(machine, mm, page):
            return False
        machine.set_ptes(mm, page, page + 1, [(page, page + 1, Pte(ZERO, 0, False, True))])
        machine.put_frames(number, number + 1)
        return True
    stable = stable_frame(machine, frame.data)
    if stable is not None:
        return merge_with(machine, mm, page, stable)
    found = unstable_search(unstable, frame.data, mm, page)
    return found is not None and merge_two(machine, (mm, page), found, unstable)


def unstable_search(unstable: dict[int, tuple[Mm, int]], data: int, mm: Mm, page: int) -> tuple[Mm, int] | None:
    """The page of equal content in this pass's tree; a page without equals is put there.

    A node whose page has gone (a zero page since its huge page was split) is a dead end for every search that meets it;
    the tree is searched from its first page as long as it has no more than two (unstable_tree_search_insert).
    """
    on_the_way = [next(iter(unstable.values()))] if 0 < len(unstable) <= 2 else []
    if data in unstable:
        on_the_way.append(unstable[data])
    if not all(is_mapped(there, at) for there, at in on_the_way):
        return None
    if data in unstable:
        return unstable[data]
    unstable[data] = (mm, page)
    return None


def merge_two(machine: Machine, one: tuple[Mm, int], two: tuple[Mm, int], unstable: dict[int, tuple[Mm, int]]) -> bool:
    """The first of two equal pages becomes a KSM page and the second maps it (try_to_merge_two_pages)."""
    number, frame = mapped(machine, *one)
    other, other_frame = mapped(machine, *two)
    if other == number or frame.pins:
        return False
    if frame.order and frame.order == other_frame.order and number >> frame.order == other >> frame.order:
        split_folio(machine, number)  # two references to one folio: it is split, but nothing is merged yet
        return False
    if not split_large(machine, *one):
        return False
    if other_frame.pins:
        break_cow(machine, *one)
        return False
    if not split_large(machine, *two):
        return False
    del unstable[frame.data]
    others = become_ksm(machine, number)
    known = [n for n in machine.ksm.stable.get(frame.data, []) if machine.frames.at(n) is not None]
    machine.ksm.stable[frame.data] = [*known, number]
    append(machine, *one, number)
    merge_with(machine, *two, number)
    mark_strays(machine, others, number)
    return True


def stable_frame(machine: Machine, data: int) -> int | None:
    """A KSM page of this content with room for one more mapping (stable_tree_search)."""
    for number in machine.ksm.stable.get(data, []):
        frame = machine.frames.at(number)
        if frame is not None and frame.kind == KSM and frame.maps < MAX_PAGE_SHARING:
            return number
    return None


def become_ksm(machine: Machine, number: int) -> list[tuple[Mm, int]]:
    """The page itself becomes a KSM page, for everyone who maps it; where that is, if they are several.

    Kernel: folio_set_stable_node.
    """
    frame = machine.frames.at(number)
    others = frame is not None and frame.maps > 1
    places = [(mm, page) for mm, page, _ in walk(machine, number, number + 1)] if others else []

    def shared(frame: Frame) -> Frame:
        return frame._replace(kind=KSM, home=0, exclusive=False, lazyfree=False)

    machine.edit_frames(number, number + 1, shared)
    return places


def mark_strays(machine: Machine, places: list[tuple[Mm, int]], number: int) -> None:
    """Mappings of a page that are lost to walks since it is a KSM page: ksmd knows of others only.

    They are those of processes that shared the page with the one in which it was merged, but are no fork of it.
    """
    for mm, page in places:
        vma, pte = mm.vma_at(page), mm.ptes.at(page)
        assert vma is not None
        assert pte is not None
        if page + pte.delta == number and not ksm_found(machine, mm, vma, page, number):
            machine.set_ptes(mm, page, page + 1, [(page, page + 1, pte._replace(stray=True))])


def break_cow(machine: Machine, mm: Mm, page: int) -> None:
    """A page has become a KSM page, and its equal turns out to be pinned: it is copied; others keep the KSM page."""
    number, _ = mapped(machine, mm, page)
    vma = mm.vma_at(page)
    assert vma is not None
    others = become_ksm(machine, number)
    unshare(machine, mm, vma, page, page + 1)
    mark_strays(machine, others, number)


def merge_with(machine: Machine, mm: Mm, page: int, stable: int) -> bool:
    """Map the KSM page instead of this one (try_to_merge_with_ksm_page, replace_page)."""
    number, frame = mapped(machine, mm, page)
    if frame.pins or not split_large(machine, mm, page):
        return False
    machine.set_ptes(mm, page, page + 1, [(page, page + 1, Pte(PRESENT, stable - page))])
    machine.get_frames(stable, stable + 1)
    machine.put_frames(number, number + 1)
    append(machine, mm, page, stable)
    return True


def append(machine: Machine, mm: Mm, page: int, stable: int) -> None:
    """The rmap_item goes on the KSM page's list (stable_tree_append)."""
    vma, pte = mm.vma_at(page), mm.ptes.at(page)
    assert vma is not None
    if pte is not None and pte.stray:
        machine.set_ptes(mm, page, page + 1, [(page, page + 1, pte._replace(stray=False))])
    items = machine.ksm.items[mm.name]
    item = items.get(page, RmapItem())
    items[page] = item._replace(frame=stable, anon_vma=vma.anon, linear=page + vma.anon_skew)


def unshare(machine: Machine, mm: Mm, vma: Vma, start: int, end: int) -> int:
    """Give each KSM page of [start, end) back as an exclusive page of the VMA; how many there were (break_ksm).

    Zero pages that ksmd put there are given back too.
    """
    count = 0
    for s, e, pte in mm.ptes.clip(start, end):
        if pte.kind == ZERO and pte.exclusive:
            fresh(machine, mm, vma, s, e, 0)
            count += e - s
        elif pte.kind == MIGRATION:
            for first, _, frame in machine.frames.clip(s + pte.delta, e + pte.delta):
                if frame.kind == KSM:
                    where = first - pte.delta
                    raise NotModelled(f"waiting: page {where} is under migration, the call would sleep until it ends")
        elif pte.kind == PRESENT:
            for first, last, frame in machine.frames.clip(s + pte.delta, e + pte.delta):
                if frame.kind == KSM:
                    fresh(machine, mm, vma, first - pte.delta, last - pte.delta, frame.data)
                    machine.put_frames(first, last)
                    count += last - first
    return count


def fresh(machine: Machine, mm: Mm, vma: Vma, start: int, end: int, data: int) -> None:
    """New exclusive folios of the VMA with this content in the place of whatever the entries were."""
    new = machine.allocate(end - start)
    machine.put_folios(new, end - start, Frame(ANON, vma.anon, start + vma.anon_skew - new, 1, True, data))
    machine.set_ptes(mm, start, end, [(start, end, Pte(PRESENT, new - start))])


def merge_any(machine: Machine, mm: Mm, on: bool) -> None:
    """PR_SET_MEMORY_MERGE: marks all private mappings, present and future, mergeable; off un-shares and unmarks them.

    The marks are set VMA by VMA, without merging or splitting; nothing is done if it is on (or off) already.
    Kernel: ksm_enable_merge_any, ksm_disable_merge_any.
    """
    if mm.merge_any == on:
        return
    mm.merge_any = on
    if on:
        enter(machine, mm)
    for i, vma in enumerate(mm.vmas):
        if vma.flags & SHARED or bool(vma.flags & MERGEABLE) == on:
            continue
        if not on:
            unshare(machine, mm, vma, vma.start, vma.end)
        flags = vma.flags | MERGEABLE if on else vma.flags & ~MERGEABLE
        machine.replace_vmas(mm, i, i + 1, [vma.with_flags(flags, machine.step_number)])


def follow(machine: Machine, first: int, last: int, target: int) -> None:
    """KSM pages were migrated to new frames: the stable nodes and their rmap_items go along (folio_migrate_ksm)."""
    shift = target - first

    def followed(item: RmapItem) -> RmapItem:
        return item._replace(frame=item.frame + shift) if first <= item.frame < last else item

    for items in machine.ksm.items.values():
        items.update({page: followed(item) for page, item in items.items()})
    machine.ksm.orphans = [(page, followed(item)) for page, item in machine.ksm.orphans]
    for data, numbers in machine.ksm.stable.items():
        machine.ksm.stable[data] = [n + shift if first <= n < last else n for n in numbers]


def move_items(machine: Machine, mm: Mm, start: int, end: int, to: int, vma: Vma) -> None:
    """KSM pages of [start, end) move as they are: their rmap_items get the new address and anon_vma."""
    items = machine.ksm.items.get(mm.name, {})
    for page in [page for page in items if start <= page < end]:
        item = items.pop(page)
        new = page - start + to
        items[new] = item._replace(anon_vma=vma.anon, linear=new + vma.anon_skew)
