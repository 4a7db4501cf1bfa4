"""Where to act: ranges of what is mapped, and places for something new, chosen with a look at the neighbours."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import TypeVar

from mremapdsl.generate.families import Family, Weights
from mremapdsl.model.machine import Mm
from mremapdsl.model.records import Vma

T = TypeVar("T")
Extent = tuple[int, int]
"""(first page, pages)."""
REMEMBERED = 6


class Memory:
    """What a program has been about lately."""

    def __init__(self) -> None:
        self.ranges: list[Extent] = []
        self.moves: list[tuple[int, int, int]] = []
        """(from, to, pages)."""

    def note(self, at: int, pages: int) -> None:
        if pages:
            self.ranges = [*self.ranges[1 - REMEMBERED :], (at, pages)]

    def note_move(self, at: int, to: int, pages: int) -> None:
        self.note(at, pages)
        self.note(to, pages)
        self.moves = [*self.moves[1 - REMEMBERED :], (at, to, pages)]


class Chooser:
    """Chooses ranges and places in one process."""

    def __init__(self, random: Random, family: Family, mm: Mm, memory: Memory) -> None:
        self.random, self.family, self.mm, self.memory = random, family, mm, memory

    def weighted(self, table: Weights) -> str:
        return weighted(self.random, table)

    # --- ranges ---------------------------------------------------------------------------------------------

    def vma(self) -> Vma | None:
        return self.random.choice(self.mm.vmas) if self.mm.vmas else None

    def extent(self, whole: float = 0.5) -> Extent:
        """A range that is mapped, or mostly so."""
        vma, roll = self.vma(), self.random.random()
        if vma is None or roll < 0.04:
            return self.anywhere(), self.size()
        if roll < whole:
            return vma.start, vma.end - vma.start
        roll = self.random.random()
        if roll < 0.5:
            return self.part(vma)
        if roll < 0.7:
            return self.across(vma)
        if roll < 0.92 and self.memory.ranges:
            return self.random.choice(self.memory.ranges)
        start, pages = self.part(vma)
        return start, pages + self.some_pages(4)

    def part(self, vma: Vma) -> Extent:
        """Some pages at the beginning, at the end or in the middle of a VMA."""
        pages = vma.end - vma.start
        unit = self.unit()
        if pages <= unit:
            return vma.start, pages
        count = self.random.randrange(1, -(-pages // unit)) * unit
        match self.random.randrange(3):
            case 0:
                return vma.start, count
            case 1:
                return vma.end - count, count
            case _:
                offset = self.random.randrange(0, (pages - count) // unit + 1) * unit
                return vma.start + offset, count

    def across(self, vma: Vma) -> Extent:
        """From somewhere in a VMA to somewhere in one of the next two."""
        vmas = self.mm.vmas
        i = vmas.index(vma)
        last = vmas[min(len(vmas) - 1, i + self.random.randrange(1, 3))]
        start = vma.start if self.random.random() < 0.6 else self.part(vma)[0]
        end = last.end if self.random.random() < 0.6 else last.start + self.part(last)[1]
        if end - start > 8 * max(self.family.sizes):
            return vma.start, vma.end - vma.start
        return start, max(end - start, 1)

    def unit(self) -> int:
        """What borders are multiples of: mostly the family's unit."""
        return self.family.unit if self.random.random() < 0.9 else 1

    def some_pages(self, most: int) -> int:
        return self.random.randrange(1, most + 1) * self.family.unit

    def size(self) -> int:
        return self.random.choice(self.family.sizes)

    # --- places ---------------------------------------------------------------------------------------------

    def anywhere(self) -> int:
        coarse = 256 if self.family.unit > 1 else 1
        return self.random.randrange(0, self.family.arena // coarse) * coarse

    def place(self, pages: int) -> int:
        """A place for something new of so many pages: next to something, in a hole, over something, back home."""
        vma, roll = self.vma(), self.random.random()
        if vma is None or roll < 0.1:
            return self.anywhere()
        if roll < 0.42:
            return vma.end
        if roll < 0.7:
            return max(0, vma.start - pages)
        if roll < 0.78:
            return vma.start
        if roll < 0.84:
            return self.part(vma)[0]
        if roll < 0.92:
            return self.hole(pages)
        return vma.end + self.some_pages(2)

    def hole(self, pages: int) -> int:
        """The beginning of a hole that these pages fill, if there is one."""
        vmas = self.mm.vmas
        holes = [a.end for a, b in pairwise(vmas) if b.start - a.end == pages]
        return self.random.choice(holes) if holes else self.place_of_past(pages)

    def place_of_past(self, pages: int) -> int:
        """Where something was moved from, or something happened."""
        if self.memory.moves and self.random.random() < 0.6:
            return self.random.choice(self.memory.moves)[0]
        if self.memory.ranges:
            at, size = self.random.choice(self.memory.ranges)
            return at if self.random.random() < 0.5 else at + size
        return self.anywhere()

    def destination(self, at: int, pages: int) -> int:
        """Where a range may be moved to: where its page offset continues that of a neighbour, or any place."""
        roll = self.random.random()
        if roll < 0.35:
            fits = self.fitting(at, pages)
            if fits:
                return self.random.choice(fits)
        if roll < 0.42:
            return self.place_of_past(pages)
        return self.place(pages)

    def fitting(self, at: int, pages: int) -> list[int]:
        """Places where the range would continue a VMA: same page offset on the way on, or its home."""
        i = self.mm.find(at)
        if i == len(self.mm.vmas):
            return []
        vma = self.mm.vmas[i]
        first = at + vma.skew
        found = [first] if vma.skew and first >= 0 else []
        for other in self.mm.vmas:
            if other is not vma or (at, at + pages) != (vma.start, vma.end):
                if other.end + other.skew == first:
                    found.append(other.end)
                if first + pages == other.start + other.skew and other.start >= pages:
                    found.append(other.start - pages)
        return found


def weighted(random: Random, table: Weights) -> str:
    roll = random.random() * sum(weight for weight, _ in table)
    for weight, word in table:
        roll -= weight
        if roll < 0:
            return word
    return table[-1][1]
