"""A map from page or frame numbers to values, kept as maximal runs of equal values.

It knows nothing of memory.  Values are stored so that they do not depend on the position (differences, not
numbers), hence cutting a run copies its value and joining two is ``==``.  Cost follows the number of runs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeAlias, TypeVar

V = TypeVar("V")
Run: TypeAlias = tuple[int, int, V]
"""(start, end, value), half open."""


class RunMap(Generic[V]):
    """Sorted, disjoint, non-empty runs; neighbouring runs never hold equal values."""

    __slots__ = ("runs",)

    def __init__(self, runs: Iterable[Run[V]] = ()) -> None:
        self.runs: list[Run[V]] = list(runs)

    def copy(self) -> RunMap[V]:
        return RunMap(self.runs)

    def __iter__(self) -> Iterator[Run[V]]:
        return iter(self.runs)

    def __len__(self) -> int:
        """Number of runs."""
        return len(self.runs)

    def first(self, key: int) -> int:
        """Position of the first run that ends after ``key``."""
        runs = self.runs
        i = bisect_left(runs, (key + 1,))  # a one-tuple sorts before every run from key + 1
        return i - 1 if i and runs[i - 1][1] > key else i

    def at(self, key: int) -> V | None:
        i = self.first(key)
        if i < len(self.runs) and self.runs[i][0] <= key:
            return self.runs[i][2]
        return None

    def run_at(self, key: int) -> Run[V] | None:
        i = self.first(key)
        if i < len(self.runs) and self.runs[i][0] <= key:
            return self.runs[i]
        return None

    def clip(self, start: int, end: int) -> list[Run[V]]:
        """The runs within [start, end), cut at its borders."""
        found: list[Run[V]] = []
        if start >= end:
            return found
        runs = self.runs
        i = self.first(start)
        while i < len(runs):
            s, e, value = runs[i]
            if s >= end:
                break
            found.append((s if s > start else start, e if e < end else end, value))
            i += 1
        return found

    def cover(self, start: int, end: int) -> list[tuple[int, int, V | None]]:
        """Like :meth:`clip`, with the gaps as runs of None: the pieces cover [start, end) without holes."""
        pieces: list[tuple[int, int, V | None]] = []
        at = start
        for run in self.clip(start, end):
            if run[0] > at:
                pieces.append((at, run[0], None))
            pieces.append(run)
            at = run[1]
        if at < end:
            pieces.append((at, end, None))
        return pieces

    def splice(self, start: int, end: int, new: Iterable[Run[V]] = ()) -> None:
        """Put ``new`` (sorted runs within [start, end)) in the place of whatever [start, end) held."""
        if start >= end:
            return
        runs = self.runs
        i = j = self.first(start)
        fresh: list[Run[V]] = []
        if i < len(runs) and runs[i][0] < start:
            fresh.append((runs[i][0], start, runs[i][2]))
        elif i and runs[i - 1][1] == start:
            i -= 1
            fresh.append(runs[i])
        for run in new:
            _join(fresh, run)
        while j < len(runs) and runs[j][1] <= end:
            j += 1
        if j < len(runs) and runs[j][0] <= end:
            s, e, value = runs[j]
            _join(fresh, (s if s > end else end, e, value))
            j += 1
        runs[i:j] = fresh

    def edit(self, start: int, end: int, change: Callable[[V], V | None]) -> None:
        """Replace each value within [start, end) by ``change(value)``; None removes it."""
        new: list[Run[V]] = []
        for s, e, value in self.clip(start, end):
            changed = change(value)
            if changed is not None:
                new.append((s, e, changed))
        self.splice(start, end, new)


def _join(runs: list[Run[V]], run: Run[V]) -> None:
    if runs:
        start, end, value = runs[-1]
        if end == run[0] and value == run[2]:
            runs[-1] = (start, run[1], value)
            return
    runs.append(run)
