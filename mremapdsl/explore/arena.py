"""Where in the arena a search may put things, and what is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mremapdsl.model.machine import Machine, Mm


class Bounds(NamedTuple):
    """How far a search goes."""

    pages: int
    """Pages that all VMAs of all processes together may span."""
    processes: int
    kinds: tuple[str, ...]
    """Names of :data:`KINDS`."""
    window: tuple[int, int] | None = None
    """The pages [start, end) that may be used; None: the span may lie anywhere."""


class Place(NamedTuple):
    """Where a process may put things: pages [low, high), of which no more than ``pages`` at once."""

    mm: Mm
    low: int
    high: int
    pages: int
    used_from: int
    used_to: int

    def fits(self, start: int, end: int) -> bool:
        return max(end, self.used_to) - min(start, self.used_from) <= self.pages


def place(machine: Machine, mm: Mm, bounds: Bounds) -> Place:
    """The window of a process: what is used, widened to the bound on either side."""
    pages = bounds.pages
    if bounds.window is not None:
        low, high = bounds.window
        return Place(mm, low, high, high - low, low, high)
    used = [(m.vmas[0].start, m.vmas[-1].end) for m in machine.mms.values() if m.vmas]
    if not used:
        return Place(mm, pages, 2 * pages, pages, pages, pages)
    first, last = min(start for start, _ in used), max(end for _, end in used)
    return Place(mm, last - pages, first + pages, pages, first, last)


def free_ranges(at: Place) -> Iterator[tuple[int, int]]:
    """(start, pages) of every range of the window that fits the bound, mapped or not."""
    for pages in range(1, at.pages + 1):
        for start in range(at.low, at.high - pages + 1):
            if at.fits(start, start + pages):
                yield start, pages


def mapped_ranges(at: Place) -> Iterator[tuple[int, int]]:
    """(start, pages) of every range that is mapped throughout."""
    vmas = at.mm.vmas
    for i, vma in enumerate(vmas):
        for start in range(vma.start, vma.end):
            end, j = vma.end, i
            while True:
                for stop in range(max(start, vmas[j].start) + 1, end + 1):
                    yield start, stop - start
                j += 1
                if j == len(vmas) or vmas[j].start != end:
                    break
                end = vmas[j].end


def pieces(at: Place) -> Iterator[tuple[int, int]]:
    """(start, pages) of every part of every VMA."""
    for vma in at.mm.vmas:
        for start in range(vma.start, vma.end):
            for end in range(start + 1, vma.end + 1):
                yield start, end - start


def pages_of(at: Place, kind: int) -> Iterator[int]:
    """Pages that hold an entry of a kind."""
    for start, end, pte in at.mm.ptes:
        if pte.kind == kind:
            yield from range(start, end)


def destinations(at: Place, start: int, pages: int) -> Iterator[int]:
    """Where a range may move: upwards, then downwards, the nearest first."""
    for to in (*range(start + pages, at.high - pages + 1), *range(start - pages, at.low - 1, -1)):
        if at.fits(to, to + pages):
            yield to
