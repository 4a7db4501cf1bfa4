"""The head of a picture: names of places over the pages they are, and page numbers."""

from __future__ import annotations

from collections.abc import Sequence

from mremapdsl.pictures.canvas import fitting, number, width
from mremapdsl.pictures.frame import Frame, lanes
from mremapdsl.program import Place

LANE = 19.0
MOST_LANES = 4
APART = 7.0
"""Points between two page numbers."""


def draw_places(frame: Frame, places: Sequence[Place], y: float) -> float:
    """Brackets with names; returns where the next row begins."""
    axis = frame.axis
    shown = [p for p in places if p.pages and axis.is_border(p.start) and axis.width(p.start, p.start + p.pages) >= 4]
    shown = sorted({(p.start, p.pages): p for p in reversed(shown)}.values(), key=lambda p: (p.start, -p.pages))
    spans: list[tuple[float, float]] = []
    for place in shown:
        x1, x2 = axis.x(place.start), axis.x(place.start + place.pages)
        spans.append((x1, max(x2, min(x1 + width(place.name, "small"), frame.right)) + 4))
    rows = lanes(spans, MOST_LANES)
    height = LANE * (1 + max((row for row in rows if row is not None), default=-1))
    following = dict.fromkeys(range(len(rows)), frame.right)
    for i, row in enumerate(rows):
        later = [spans[j][0] for j in range(i + 1, len(rows)) if rows[j] == row]
        following[i] = min([frame.right, *(x - 4 for x in later)])
    for i, (place, row) in enumerate(zip(shown, rows, strict=True)):
        if row is not None:
            top = y + height - LANE * (row + 1)
            draw_place(frame, place, top, following[i])
    return y + height + (2 if height else 0)


def draw_place(frame: Frame, place: Place, top: float, limit: float) -> None:
    """One name: in the middle over its bracket, or from its left end on."""
    canvas, axis = frame.canvas, frame.axis
    x1, x2 = axis.x(place.start) + 1, axis.x(place.start + place.pages) - 1
    bar = number(top + LANE - 4)
    canvas.path(f"M{number(x1)} {number(top + LANE - 1)}V{bar}H{number(x2)}V{number(top + LANE - 1)}", "tk")
    room = width(place.name, "small")
    if room <= x2 - x1:
        canvas.text((x1 + x2) / 2, top + LANE - 7, place.name, "b", "small", "mi")
    elif text := fitting(place.name, limit - x1, "small"):
        canvas.text(x1, top + LANE - 7, text, "b", "small")


def draw_ruler(frame: Frame, y: float) -> float:
    """Page numbers at borders, as many as have room, on a line that is broken at folds."""
    canvas, segments = frame.canvas, frame.axis.segments
    if not segments:
        return y
    frame.label(y + 11, "page")
    baseline, line = y + 11, y + 17
    canvas.line(segments[0].x, line, segments[-1].right, line, "ru")
    occupied: list[tuple[float, float]] = []
    pages = [s.start for s in segments] + [segments[-1].end]
    starts = {s.start for s in segments if s.mapped}
    ends = {s.end for s in segments if s.mapped} - starts
    for page in sorted(pages, key=lambda p: (p not in starts, p not in ends, p)):
        x, room = frame.axis.x(page), width(str(page), "small")
        canvas.line(x, line - 3, x, line + 3, "tk")
        # Where mapped memory ends its number is on its side, so that the next one's start has room.
        for wished in (x - room, x) if page in ends else (x,):
            left = min(wished, frame.right - room)
            if all(left + room + APART <= x1 or left >= x2 + APART for x1, x2 in occupied):
                occupied.append((left, left + room))
                canvas.text(left, baseline, str(page), "q", "small")
                break
    for segment in segments:
        if segment.folded:
            frame.draw_breaks(segment.start, segment.end, line - 3, line + 3)
    return y + 24
