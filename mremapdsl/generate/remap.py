"""Random calls of mremap: moves to where something may happen, resizes to the neighbour, and odd mixtures of flags."""

from __future__ import annotations

from mremapdsl.generate.places import Chooser
from mremapdsl.ops import DONTUNMAP, FIXED, MAYMOVE, MUST_RELOCATE, RELOCATE, Mremap

KINDS = ((64.0, "move"), (14.0, "grow"), (9.0, "shrink"), (10.0, "dontunmap"))


def mremap(chooser: Chooser, process: str, *, kernel: bool) -> Mremap:
    """A call that may move, resize or be refused. ``kernel``: it must not choose an address of its own."""
    at, pages = chooser.extent(0.6)
    if chooser.random.random() < chooser.family.odd:
        return odd(chooser, process, at, pages, kernel)
    match chooser.weighted(KINDS):
        case "grow":
            return grow(chooser, process, kernel)
        case "shrink":
            less = chooser.random.randrange(1, pages) if pages > 1 else 1
            return Mremap(process, at, pages, less, None, 0)
        case "dontunmap":
            to = chooser.destination(at, pages)
            return Mremap(process, at, pages, pages, to, MAYMOVE | FIXED | DONTUNMAP | relocation(chooser))
        case _:
            return move(chooser, process, at, pages)


def move(chooser: Chooser, process: str, at: int, pages: int) -> Mremap:
    new = resized(chooser, pages) if chooser.random.random() < chooser.family.resize else pages
    to = chooser.destination(at, new)
    if to < at + pages and at < to + new and chooser.random.random() < 0.7:
        to = chooser.random.choice((at + pages, max(0, at - new), chooser.anywhere()))
    return Mremap(process, at, pages, new, to, MAYMOVE | FIXED | relocation(chooser))


def relocation(chooser: Chooser) -> int:
    if chooser.random.random() >= chooser.family.relocate:
        return 0
    return RELOCATE if chooser.random.random() < 0.6 else MUST_RELOCATE


def resized(chooser: Chooser, pages: int) -> int:
    if chooser.random.random() < 0.5 and pages > 1:
        return chooser.random.randrange(1, pages)
    return pages + chooser.some_pages(3)


def grow(chooser: Chooser, process: str, kernel: bool) -> Mremap:
    """The end of a VMA grows: into the hole behind it, just up to the next VMA, or further than there is room."""
    random, vmas = chooser.random, chooser.mm.vmas
    i = random.randrange(len(vmas))
    vma = vmas[i]
    room = vmas[i + 1].start - vma.end if i + 1 < len(vmas) else 1 << 20
    start = vma.start if random.random() < 0.6 else chooser.part(vma)[0]
    added = chooser.some_pages(3)
    if 0 < room <= 4 * max(chooser.family.sizes) and random.random() < 0.6:
        added = room
    flags = MAYMOVE | relocation(chooser) if random.random() < 0.3 and (added <= room or not kernel) else 0
    end = vma.end if random.random() < 0.9 else max(start + 1, vma.end - 1)
    if kernel and end != vma.end:
        flags = 0
    return Mremap(process, start, end - start, end - start + added, None, flags)


def odd(chooser: Chooser, process: str, at: int, pages: int, kernel: bool) -> Mremap:
    """Flags and sizes as nobody should write them."""
    random = chooser.random
    known = [MAYMOVE, FIXED, DONTUNMAP] + [RELOCATE, MUST_RELOCATE] * (chooser.family.relocate > 0)
    flags = sum({flag for flag in known if random.random() < (0.7 if flag <= FIXED else 0.4)})
    new = random.choice((pages, pages, 0, resized(chooser, max(pages, 1)), pages + 1))
    pages = random.choice((pages, pages, pages, pages, 0))
    to = random.choice((chooser.destination(at, new), at, at + 1, max(0, at - 1), chooser.anywhere()))
    if not flags & (MAYMOVE | FIXED) or random.random() < 0.15:
        return Mremap(process, at, pages, new, None, flags & ~(MAYMOVE | FIXED | DONTUNMAP) if kernel else flags)
    if kernel and not flags & FIXED:
        flags |= FIXED
    return Mremap(process, at, pages, new, to, flags)
