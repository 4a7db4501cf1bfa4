"""What all parts of a picture need to know to place themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from mremapdsl.pictures.axis import Axis
from mremapdsl.pictures.canvas import Canvas, number

GUTTER = 58.0
MARGIN = 6.0
LINE = 15.0
"""From baseline to baseline."""
BREAK = 15.0
"""From a break mark to the right end of its stretch."""
ROOMY = 600
"""Width from which on rows are labelled at their left."""


class Frame(NamedTuple):
    """The canvas, its width, and where pages are on it."""

    canvas: Canvas
    axis: Axis
    width: float

    @property
    def left(self) -> float:
        return left(self.width)

    @property
    def right(self) -> float:
        return self.width - MARGIN

    @property
    def labelled(self) -> bool:
        return self.width >= ROOMY

    def label(self, y: float, text: str) -> None:
        """The label of a row, if there is a place for it."""
        if self.labelled:
            self.canvas.text(MARGIN, y, text, "q", "small")

    def breaks(self, start: int, end: int) -> list[float]:
        """Where break marks are within [start, end)."""
        return [s.right - BREAK for s in self.axis.within(start, end) if s.folded]

    def draw_breaks(self, start: int, end: int, top: float, bottom: float) -> None:
        """Cut what is drawn of [start, end) open where pages are left out."""
        for x in self.breaks(start, end):
            low, high = number(bottom + 2), number(top - 2)
            a, b = (number(x - 4), number(x)), (number(x + 1), number(x + 5))
            self.canvas.path(f"M{a[0]} {low}L{b[0]} {high}L{b[1]} {high}L{a[1]} {low}Z", "fo g", layer="lines")
            self.canvas.path(f"M{a[0]} {low}L{b[0]} {high}M{a[1]} {low}L{b[1]} {high}", "ru", layer="lines")

    def clear(self, start: int, end: int, x1: float, x2: float) -> tuple[float, float]:
        """The widest part of [x1, x2] that no break mark of [start, end) touches."""
        walls = [x1, *(edge for x in self.breaks(start, end) for edge in (x - 6, x + 7)), x2]
        gaps = [(walls[i], walls[i + 1]) for i in range(0, len(walls) - 1, 2)]
        return max(gaps, key=lambda gap: gap[1] - gap[0])


def left(width: float) -> float:
    """Where page axes begin."""
    return GUTTER if width >= ROOMY else MARGIN


def lanes(spans: Iterable[tuple[float, float]], most: int) -> list[int | None]:
    """For each [x1, x2] a lane in which it overlaps none before it; None if there are no more lanes."""
    ends: list[float] = []
    found: list[int | None] = []
    for x1, x2 in spans:
        lane = next((i for i, end in enumerate(ends) if end <= x1), None)
        if lane is None and len(ends) < most:
            ends.append(x2)
            lane = len(ends) - 1
        elif lane is not None:
            ends[lane] = x2
        found.append(lane)
    return found


def joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in order, those that touch made one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def gaps(pages: Sequence[int]) -> list[tuple[int, int]]:
    """Neighbours among the pages."""
    return list(pairwise(pages))
