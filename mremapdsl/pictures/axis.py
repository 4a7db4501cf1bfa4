"""From pages to points: which borders get room of their own, and where the folds are.

Stretches are drawn to one scale, or they are folded and marked so.  Borders compete for room by rank: those that the
step changed come first, a picture of 200 VMAs shows the rest in bundles.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

SCALES = (150.0, 120.0, 95.0, 76.0, 60.0, 48.0, 38.0, 31.0, 26.0, 22.0, 18.0, 15.0, 13.0, 11.0, 9.5, 8.0)
"""Points a page, when everything mapped fits unfolded."""
FOLDED_SCALES = ((13.0, 10.5), (8.0, 6.0))
"""The same with folds; one page should have room for a letter, if that can be."""
FOLDS = (560.0, 400.0, 300.0, 230.0, 180.0, 140.0, 110.0, 86.0, 64.0, 46.0, 34.0, 26.0)
"""Points that a folded stretch takes."""
WIDE, USUAL = 280.0, 26.0
"""Points that a stretch may take at a scale above the usual."""
GAP, LEAST_GAP = 34.0, 16.0
"""Points of an empty stretch, if it is folded."""
LEAST = 12.0
"""Points of a stretch when there is no room for a scale at all."""


NEEDED = 2
"""The last rank of borders that are kept even if not all of their rank can be."""


class Border(NamedTuple):
    """A page where something begins or ends."""

    page: int
    rank: int
    """Less is more important."""


class Segment(NamedTuple):
    """Pages [start, end) drawn from ``x`` on."""

    start: int
    end: int
    x: float
    width: float
    folded: bool
    mapped: bool

    @property
    def right(self) -> float:
        return self.x + self.width


class Axis:
    """A map from pages to points."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.segments = tuple(segments)
        self._starts = [segment.start for segment in segments]
        self._borders = {page for segment in segments for page in (segment.start, segment.end)}

    def x(self, page: int) -> float:
        """Where the left edge of a page is; pages beyond the ends are at the ends."""
        if not self.segments:
            return 0.0
        segment = self.segment(page)
        share = (page - segment.start) / (segment.end - segment.start)
        return segment.x + segment.width * min(max(share, 0.0), 1.0)

    def segment(self, page: int) -> Segment:
        """The segment that has a page, or the nearest one."""
        return self.segments[max(bisect_right(self._starts, page) - 1, 0)]

    def width(self, start: int, end: int) -> float:
        return self.x(end) - self.x(start)

    def within(self, start: int, end: int) -> list[Segment]:
        """The segments that have a page in [start, end)."""
        first, last = max(bisect_right(self._starts, start) - 1, 0), bisect_left(self._starts, end)
        return [segment for segment in self.segments[first:last] if segment.end > start]

    def is_border(self, page: int) -> bool:
        """Whether a segment begins or ends at this page."""
        return page in self._borders


def kept(borders: Iterable[Border], most: int) -> list[int]:
    """The pages of the most important borders, in order.

    Of the ranks up to ``NEEDED`` as many are kept as there is room for; of the others all of a rank or none.
    """
    best: dict[int, int] = {}
    for page, rank in borders:
        best[page] = min(rank, best.get(page, rank))
    if len(best) <= most:
        return sorted(best)
    chosen = {min(best), max(best)}
    for rank in sorted(set(best.values())):
        group = [page for page in sorted(best) if best[page] == rank and page not in chosen]
        if len(chosen) + len(group) <= most:
            chosen.update(group)
        elif rank <= NEEDED:
            chosen.update(group[: most - len(chosen)])
    return sorted(chosen)


def axis(borders: Iterable[Border], mapped: Sequence[tuple[int, int]], left: float, room: float) -> Axis:
    """Lay out the stretches between borders in ``room`` points from ``left`` on; ``mapped`` are [start, end) in use."""
    pages = kept(borders, max(8, int(room / 17)))
    spans = list(pairwise(pages))
    used = _used(spans, mapped)
    widths = _widths(spans, used, room)
    segments: list[Segment] = []
    x = left
    for (start, end), is_mapped, (width, folded) in zip(spans, used, widths, strict=True):
        segments.append(Segment(start, end, x, width, folded, is_mapped))
        x += width
    return Axis(segments)


def _used(spans: Sequence[tuple[int, int]], mapped: Sequence[tuple[int, int]]) -> list[bool]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(mapped):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    starts = [start for start, _ in merged]
    found: list[bool] = []
    for start, end in spans:
        at = bisect_right(starts, end - 1) - 1
        found.append(at >= 0 and merged[at][1] > start)
    return found


def _widths(spans: Sequence[tuple[int, int]], used: Sequence[bool], room: float) -> list[tuple[float, bool]]:
    """(points, folded) of each stretch: the largest scale without folds, else the mildest folds."""
    longest = max((end - start for (start, end), is_mapped in zip(spans, used, strict=True) if is_mapped), default=1)
    tries = [(scale, room, GAP) for scale in SCALES if scale * longest <= WIDE or scale <= USUAL]
    tries += [
        (scale, fold, gap) for gap in (GAP, LEAST_GAP) for scales in FOLDED_SCALES for fold in FOLDS for scale in scales
    ]
    for scale, fold, gap in tries:
        widths = [
            _width(end - start, scale, fold if is_mapped else gap)
            for (start, end), is_mapped in zip(spans, used, strict=True)
        ]
        if sum(width for width, _ in widths) <= room:
            return widths
    least = min(LEAST, room / max(len(spans), 1))
    return [(least, end - start > 1) for start, end in spans]


def _width(pages: int, scale: float, most: float) -> tuple[float, bool]:
    return (pages * scale, False) if pages * scale <= most else (most, True)
