"""What must hold after every step, each under its own name.

``check_step`` looks only at what the journal says has changed, so that its cost follows the step and not the
machine; ``check_all`` looks at everything and is what the tests hold the first against.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from mremapdsl.model.machine import Machine, Mm
from mremapdsl.model.records import ANON, FILE, KSM, MIGRATION, PRESENT, SWAP, Frame, Pte, Vma
from mremapdsl.model.rmap import ksm_found
from mremapdsl.model.runs import RunMap
from mremapdsl.ops import TASK_PAGES

INVARIANTS = {
    "vma-order": "VMAs are non-empty, sorted by address, disjoint and below TASK_SIZE.",
    "pte-inside-vma": "Every page table entry lies in a VMA of its process.",
    "rmap-complete": "Every mapped anonymous page is found by a reverse-map walk of its folio: the VMA is linked to "
    "the folio's anon_vma, and the folio's index is the VMA's index at that address. To a KSM page lead the rmap_items "
    "of the processes in which it was merged, and of their forks.",
    "mapcount": "A folio's count of mappings is the number of page table entries that map it.",
    "swap-count": "A swap slot's count of users is the number of swap entries that refer to it.",
    "folio-whole": "All pages of a large folio have one anon_vma and consecutive indices.",
    "exclusive": "A page marked exclusive is anonymous and mapped once.",
    "anon-vma-links": "An anon_vma's tree holds exactly the VMAs that are linked to it, each VMA's active anon_vma "
    "among them, all of one root.",
    "anon-vma-counts": "num_active_vmas and num_children are what VMAs and anon_vmas say.",
}


class Broken(NamedTuple):
    """A breach as the model sees it."""

    invariant: str
    process: str
    page: int
    """First page concerned, or -1."""
    frames: tuple[int, int]
    """Frames (or other numbers) concerned: the identity of a breach that lasts over several steps."""
    sentence: str


def check_step(machine: Machine) -> list[Broken]:
    """The breaches in what has changed since the journal was last cleared."""
    journal = machine.journal
    broken: list[Broken] = []
    for name, vmas, entries in changed_ranges(machine):
        mm = machine.mms[name]
        for start, end in vmas:
            broken += check_vmas(machine, mm, start - 1, end + 1)
        for start, end in entries:
            broken += check_entries(machine, mm, start, end)
    for start, end in journal.frames:
        broken += check_frames(machine, start, end)
    pointed: RunMap[bool] = RunMap()
    for start, end in journal.pointed:
        pointed.splice(start, end, [(start, end, True)])
    if pointed:
        broken += check_mappings_of(machine, pointed)
    broken += check_sums(machine, "mapcount", journal.maps, "frames")
    broken += check_sums(machine, "swap-count", journal.users, "swap slots")
    for invariant, sums, what in (
        ("anon-vma-links", journal.links, "links"),
        ("anon-vma-counts", journal.active, "active VMAs"),
        ("anon-vma-counts", journal.children, "children"),
    ):
        for number, n in sums.items():
            if n:
                sentence = f"anon_vma av{number} has {abs(n)} {what} {'more' if n > 0 else 'fewer'} than it counts"
                broken.append(Broken(invariant, "", -1, (number, number + 1), sentence))
    return list(dict.fromkeys(broken))


Ranges: TypeAlias = list[tuple[int, int]]
SMALL = 16
"""Processes with fewer VMAs and runs of entries are checked whole: that is cheaper than range by range."""


def changed_ranges(machine: Machine) -> Iterator[tuple[str, Ranges, Ranges]]:
    """Per process that the journal names and that still exists: where VMAs, and where entries, are to be checked."""
    journal = machine.journal
    for name, mm in machine.mms.items():
        vmas = [(start, end) for who, start, end in journal.vmas if who == name]
        entries = [(start, end) for who, start, end in journal.ptes if who == name]
        if not vmas and not entries:
            continue
        if len(mm.vmas) + len(mm.ptes) < SMALL:
            whole = [(0, TASK_PAGES)]
            yield name, whole if vmas else [], whole
        else:
            yield name, vmas, vmas + entries


def check_inside(machine: Machine, mm: Mm, start: int, end: int) -> list[Broken]:
    """Pages of [start, end) that a walk would miss in the middle of a relocation.

    A walk of a folio whose anon_vma's root is locked waits until the relocation lets go, and so misses nothing.
    """
    return [b for b in check_entries(machine, mm, start, end) if not held_off(machine, b)]


def held_off(machine: Machine, broken: Broken) -> bool:
    """Whether the relocation's lock keeps walks of these folios waiting."""
    if not machine.locked_root:
        return False
    for _, _, frame in machine.frames.clip(*broken.frames):
        home = machine.anon_vmas.get(frame.home)
        if home is None or home.root != machine.locked_root:
            return False
    return True


def check_sums(machine: Machine, invariant: str, changes: list[tuple[int, int, int]], what: str) -> Iterator[Broken]:
    """Ranges with a weight each, which must cancel out everywhere."""
    if not changes:
        return
    borders: defaultdict[int, int] = defaultdict(int)
    for start, end, n in changes:
        borders[start] += n
        borders[end] -= n
    total, at = 0, 0
    for border in sorted(borders):
        if total:
            sentence = (
                f"{what} {at} to {border - 1}: {abs(total)} {'more' if total > 0 else 'fewer'} entries than counted"
            )
            yield Broken(invariant, "", -1, (at, border), sentence)
        total += borders[border]
        at = border


def check_vmas(machine: Machine, mm: Mm, start: int, end: int) -> Iterator[Broken]:
    """The VMAs from the one before ``start`` to the one behind ``end``."""
    i = max(0, mm.find(start) - 1)
    before = 0
    while i < len(mm.vmas):
        vma = mm.vmas[i]
        if not before <= vma.start < vma.end <= TASK_PAGES:
            sentence = f"VMA [{vma.start},{vma.end}) is empty, out of order or overlaps its neighbour"
            yield Broken("vma-order", mm.name, vma.start, (vma.start, vma.end), sentence)
        yield from check_links(machine, mm, vma)
        before = vma.end
        if vma.start >= end:
            break
        i += 1


def check_links(machine: Machine, mm: Mm, vma: Vma) -> Iterator[Broken]:
    """One VMA's chain: alive, one root, the active anon_vma in it."""
    roots: set[int] = set()
    for number in vma.chain:
        anon_vma = machine.anon_vmas.get(number)
        if anon_vma is None:
            sentence = f"VMA [{vma.start},{vma.end}) is linked to av{number}, which is gone"
            yield Broken("anon-vma-links", mm.name, vma.start, (number, number + 1), sentence)
        else:
            roots.add(anon_vma.root)
    if len(roots) > 1:
        sentence = f"VMA [{vma.start},{vma.end}) is linked to anon_vmas of {len(roots)} roots"
        yield Broken("anon-vma-links", mm.name, vma.start, (vma.anon, vma.anon + 1), sentence)
    if bool(vma.anon) != bool(vma.chain) or (vma.anon and vma.anon not in vma.chain):
        sentence = f"VMA [{vma.start},{vma.end}): active anon_vma av{vma.anon} is not in its chain"
        yield Broken("anon-vma-links", mm.name, vma.start, (vma.anon, vma.anon + 1), sentence)


def check_entries(machine: Machine, mm: Mm, start: int, end: int) -> Iterator[Broken]:
    """The page table entries of [start, end): inside VMAs, and their folios findable."""
    for s, e, pte in mm.ptes.clip(start, end):
        i = mm.find(s)
        at = s
        while at < e:
            if i == len(mm.vmas) or mm.vmas[i].start > at:
                stop = min(e, mm.vmas[i].start) if i < len(mm.vmas) else e
                sentence = f"entries for pages {at} to {stop - 1} lie in no VMA"
                yield Broken("pte-inside-vma", mm.name, at, (at, stop), sentence)
                at = stop
                continue
            vma = mm.vmas[i]
            stop = min(e, vma.end)
            if pte.kind == PRESENT or pte.kind == MIGRATION:
                yield from check_found(machine, mm, vma, at, stop, pte)
            at = stop
            i += 1


def check_found(machine: Machine, mm: Mm, vma: Vma, start: int, end: int, pte: Pte) -> Iterator[Broken]:
    """Whether the folios mapped at [start, end) of one VMA lead back to it."""
    delta = pte.delta
    for s, e, frame in machine.frames.cover(start + delta, end + delta):
        page = s - delta
        if frame is None:
            sentence = f"page {page} maps frame {s}, which is free"
            yield Broken("rmap-complete", mm.name, page, (s, e), sentence)
        elif frame.kind == ANON:
            against = not_found_because(machine, vma, frame, s, page)
            if against:
                yield Broken("rmap-complete", mm.name, page, (s, e), against)
        elif frame.kind == KSM and not pte.stray:
            for number in range(s, e):
                if not ksm_found(machine, mm, vma, number - delta, number):
                    sentence = f"page {number - delta} (KSM frame {number}) cannot be found: no rmap_item leads to it"
                    yield Broken("rmap-complete", mm.name, number - delta, (number, number + 1), sentence)


def not_found_because(machine: Machine, vma: Vma, frame: Frame, number: int, page: int) -> str:
    """Why a walk of this folio does not come to this VMA and page; empty if it does."""
    where = f"page {page} (frame {number}) of VMA [{vma.start},{vma.end})"
    if frame.home not in machine.anon_vmas:
        return f"{where} cannot be found: its folio points to av{frame.home}, which is gone"
    if frame.home not in vma.chain:
        has = f"linked to {', '.join(f'av{n}' for n in vma.chain)}" if vma.chain else "unfaulted"
        return f"{where} cannot be found: its folio points to av{frame.home}, but the VMA is {has}"
    index, expected = number + frame.delta, page + vma.anon_skew
    if index != expected:
        return f"{where} cannot be found: its folio has index {index}, the VMA's index there is {expected}"
    return ""


def check_frames(machine: Machine, start: int, end: int) -> Iterator[Broken]:
    """Frame records by themselves: exclusive marks and whole folios."""
    for s, e, frame in machine.frames.clip(start, end):
        if frame.exclusive and (frame.kind != ANON or frame.maps > 1):
            what = {KSM: "a KSM page", FILE: "a file page"}.get(frame.kind, f"mapped {frame.maps} times")
            yield Broken("exclusive", "", -1, (s, e), f"frame {s} is marked exclusive but is {what}")
        if frame.order:
            yield from check_whole(machine, s, e, frame)


def check_whole(machine: Machine, start: int, end: int, frame: Frame) -> Iterator[Broken]:
    """All frames of the folios at the borders of [start, end) agree."""
    size = 1 << frame.order
    for head in {start - start % size, (end - 1) - (end - 1) % size}:
        seen = {(f.home, f.delta, f.order) for _, _, f in machine.frames.clip(head, head + size)}
        if len(seen) > 1:
            sentence = f"the order-{frame.order} folio at frame {head} has pages of different anon_vma or index"
            yield Broken("folio-whole", "", -1, (head, head + size), sentence)


def check_mappings_of(machine: Machine, frames: RunMap[bool]) -> Iterator[Broken]:
    """Every mapping of these frames in any process."""
    for mm in machine.mms.values():
        for start, end, pte in mm.ptes:
            if pte.kind == PRESENT or pte.kind == MIGRATION:
                for s, e, _ in frames.clip(start + pte.delta, end + pte.delta):
                    yield from check_entries(machine, mm, s - pte.delta, e - pte.delta)


def check_all(machine: Machine) -> list[Broken]:
    """Every invariant over the whole machine."""
    broken: list[Broken] = []
    maps: list[tuple[int, int, int]] = [(s, e, -frame.maps) for s, e, frame in machine.frames]
    users: list[tuple[int, int, int]] = [(s, e, -slot.users) for s, e, slot in machine.slots]
    links: dict[int, list[int]] = {
        n: [-a.links, -a.num_active_vmas, -a.num_children] for n, a in machine.anon_vmas.items()
    }
    for mm in machine.mms.values():
        broken += check_vmas(machine, mm, 0, TASK_PAGES)
        broken += check_entries(machine, mm, 0, TASK_PAGES)
        for s, e, pte in mm.ptes:
            if pte.kind == PRESENT or pte.kind == MIGRATION:
                maps.append((s + pte.delta, e + pte.delta, 1))
            elif pte.kind == SWAP:
                users.append((s + pte.delta, e + pte.delta, 1))
        for vma in mm.vmas:
            for number in vma.chain:
                links.setdefault(number, [0, 0, 0])[0] += 1
            if vma.anon:
                links.setdefault(vma.anon, [0, 0, 0])[1] += 1
    for anon_vma in machine.anon_vmas.values():
        if anon_vma.links and anon_vma.parent in links:
            links[anon_vma.parent][2] += 1
    for s, e, _ in machine.frames:
        broken += check_frames(machine, s, e)
    broken += check_sums(machine, "mapcount", maps, "frames")
    broken += check_sums(machine, "swap-count", users, "swap slots")
    for number, sums in links.items():
        for n, invariant, what in zip(sums, ("anon-vma-links", "anon-vma-counts", "anon-vma-counts"),
                                      ("links", "active VMAs", "children"), strict=True):  # fmt: skip
            if n:
                sentence = f"anon_vma av{number} has {abs(n)} {what} {'more' if n > 0 else 'fewer'} than it counts"
                broken.append(Broken(invariant, "", -1, (number, number + 1), sentence))
    return list(dict.fromkeys(broken))
