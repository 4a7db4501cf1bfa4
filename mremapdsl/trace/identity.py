"""Which VMA after a step is which before it, and a letter for each that it keeps for life.

The kernel has no such notion (a merge frees one of two structures, which one is an accident), a reader has:
what grows over another keeps its name, the left part of a cut VMA too, and what moves takes its name along.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from string import ascii_lowercase
from typing import Any, NamedTuple

from mremapdsl.backend import VmaView
from mremapdsl.layout import initials
from mremapdsl.program import Place


class Known(NamedTuple):
    """A VMA and who it is."""

    vma: VmaView
    number: int
    """Unique within its process."""
    letter: str
    """Lower case; unique within its process as long as it never had more than 26 VMAs."""


class Change(NamedTuple):
    """What a step did to the ranges of a process, as far as its operation tells."""

    process: str
    fresh: tuple[int, int]
    """[start, end) holds nothing of what was there before."""
    source: int | None = None
    """The page that the memory now at ``fresh`` came from, if it was moved."""
    pages: int = 0
    """How many pages were moved."""


class Identities:
    """The VMAs of all processes, followed from step to step."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.processes: dict[str, tuple[Known, ...]] = {}
        self._last = 0
        self._initials = initials(places)

    def follow(
        self, process: str, vmas: Sequence[VmaView], change: Change | None = None, parent: str | None = None
    ) -> tuple[Known, ...]:
        """Recognize the VMAs of a process after a step; ``parent`` is the process that a new one was forked from."""
        before = self.processes.get(process if process in self.processes else parent or "", ())
        left, right = common([known.vma for known in before], vmas)
        middle = before[left : len(before) - right]
        heirs = _heirs(middle, vmas[left : len(vmas) - right], change if change and change.process == process else None)
        gone = {known.letter for known in before}
        taken = {heir.letter for heir in heirs if heir is not None}
        taken |= {known.letter for known in (*before[:left], *before[len(before) - right :])}
        after: list[Known] = []
        for vma, heir in zip(vmas[left : len(vmas) - right], heirs, strict=True):
            if heir is None:
                self._last += 1
                letter = self._letter(vma, taken, gone, after[-1].letter if after else "")
                taken.add(letter)
                after.append(Known(vma, self._last, letter))
            else:
                after.append(Known(vma, heir.number, heir.letter))
        self.processes[process] = (*before[:left], *after, *before[len(before) - right :])
        return self.processes[process]

    def _letter(self, vma: VmaView, taken: set[str], gone: set[str], left: str) -> str:
        """A free letter: the initial of the place that the VMA begins in, else one that is no place's initial.

        The letters of VMAs that this step removed come last, and are shared only when all are ``taken``.
        """
        own = [initial for start, end, initial in self._initials if start <= vma.start < end and initial not in gone]
        initials = {initial for _, _, initial in self._initials}
        others = sorted(ascii_lowercase, key=lambda letter: (letter in gone, letter in initials))
        for letter in (*own, *others):
            if letter not in taken:
                return letter
        return ascii_lowercase[(self._last + (ascii_lowercase[self._last % 26] == left)) % 26]


def common(old: Sequence[Any], new: Sequence[Any]) -> tuple[int, int]:
    """How many items at the beginning and how many at the end are the same in both; they do not overlap."""
    most = min(len(old), len(new))
    left = right = 0
    while left < most and old[left] == new[left]:
        left += 1
    while right < most - left and old[-1 - right] == new[-1 - right]:
        right += 1
    return left, right


def _heirs(before: Sequence[Known], vmas: Sequence[VmaView], change: Change | None) -> list[Known | None]:
    """For each VMA after a step the one before it that lives on in it; each lives on once."""
    starts = [known.vma.start for known in before]
    low, high = change.fresh if change is not None else (0, 0)
    free = {known.number for known in before}

    def first_free(start: int, end: int, but: tuple[int, int]) -> Known | None:
        i = max(bisect_right(starts, start) - 1, 0)
        while i < len(before) and starts[i] < end:
            known = before[i]
            s, e = max(known.vma.start, start), min(known.vma.end, end)
            if s < e and known.number in free and not (but[0] <= s and e <= but[1]):
                free.remove(known.number)
                return known
            i += 1
        return None

    heirs = [first_free(vma.start, vma.end, (low, high)) for vma in vmas]
    if change is not None and change.source is not None:
        back = change.source - low
        for i, vma in enumerate(vmas):
            if heirs[i] is None and low <= vma.start < low + change.pages:
                heirs[i] = first_free(vma.start + back, min(vma.end, low + change.pages) + back, (0, 0))
    return heirs

