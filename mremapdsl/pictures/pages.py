"""Pages: a strip below the VMAs with a cell for each run, and links between what maps the same frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from mremapdsl.backend import PageRun
from mremapdsl.pictures.canvas import Span, first_fitting, fitting, number, spans_width, width
from mremapdsl.pictures.frame import Frame, joined
from mremapdsl.pictures.scene import Panel, overlapping
from mremapdsl.trace.changes import cut

HEIGHT = 19.0
LINKS = 12.0
MOST_LINKS = 12
BROKEN = 16.0
MOST_BROKEN = 3
CROSSED = 24.0
"""Cells less wide have no text of their own that a cross would strike out."""
FRAMED = 1.5
"""Points at each end of a cell that the frame around changed pages takes."""
ROLES = {"P": "pg", "H": "pg", "K": "pk", "F": "pg", "Z": "pn", "S": "pn", "M": "pn"}
HATCHES = {"S": 'fill="url(#m-s)"', "M": 'fill="url(#m-m)"'}
KINDS = {
    "P": "anonymous", "H": "large folio", "K": "KSM", "Z": "zero page", "S": "swap entry or marker",
    "M": "migration entry", "F": "file page",
}  # fmt: skip


class Cell(NamedTuple):
    """A run as it was drawn."""

    run: PageRun
    x1: float
    x2: float


def draw_pages(frame: Frame, panel: Panel, y: float) -> list[Cell]:
    """The strip; returns the cells."""
    if not panel.runs:
        return []
    frame.label(y + 14, "pages")
    cells: list[Cell] = []
    touched = joined(panel.touched)
    broken = [page for page, _ in panel.broken[:MOST_BROKEN]]
    framed = [*touched, *((page, page + 1) for page in broken)]
    crossed = {page for page in broken if frame.axis.width(page, page + 1) < CROSSED}
    for run, start, end in whole_runs(frame, panel.runs):
        x1, x2 = frame.axis.x(start), frame.axis.x(end)
        draw_cell(frame, run, start, end, y)
        for first, last in pieces(start, end, framed):
            if first not in crossed:
                inset = FRAMED if overlapping(framed, first, last) else 0.0
                draw_text(frame, cut(run, first, last - first), y, inset)
        cells.append(Cell(run, x1, x2))
    for segment, count in mixed(frame, panel.runs):
        text = f"{count} runs" if count > 1 else "1 run"
        frame.canvas.rect(segment[0] + 0.5, y + 0.5, segment[1] - segment[0] - 1, HEIGHT - 1, "pn")
        spans = first_fitting([Span(text, "q")], segment[1] - segment[0] - 4, "small")
        if spans:
            frame.canvas.spans((segment[0] + segment[1]) / 2, y + 14, spans, size="small", anchor="mi")
    for start, end in touched:
        x1, x2 = frame.axis.x(start), frame.axis.x(end)
        if x2 - x1 >= 2:
            frame.canvas.rect(x1 + 1, y + 1, x2 - x1 - 2, HEIGHT - 2, "pc", layer="lines")
    return cells


def whole_runs(frame: Frame, runs: Sequence[PageRun]) -> Iterator[tuple[PageRun, int, int]]:
    """The runs that fill whole segments, with the pages that they fill."""
    for run in runs:
        end = run.page + run.count
        whole = [s for s in frame.axis.within(run.page, end) if run.page <= s.start and s.end <= end]
        for first, last in joined([(s.start, s.end) for s in whole]):
            yield run, first, last


def mixed(frame: Frame, runs: Sequence[PageRun]) -> Iterator[tuple[tuple[float, float], int]]:
    """The segments that no run fills but some run touches, and how many do."""
    found: dict[tuple[float, float], int] = {}
    for run in runs:
        end = run.page + run.count
        for segment in frame.axis.within(run.page, end):
            if not (run.page <= segment.start and segment.end <= end):
                key = (segment.x, segment.right)
                found[key] = found.get(key, 0) + 1
    yield from found.items()


def draw_cell(frame: Frame, run: PageRun, start: int, end: int, y: float) -> None:
    """One run of pages."""
    canvas = frame.canvas
    x1, x2 = frame.axis.x(start), frame.axis.x(end)
    w = max(x2 - x1 - 1, 0.8)
    canvas.rect(x1 + 0.5, y + 0.5, w, HEIGHT - 1, ROLES[run.kind])
    if run.kind in HATCHES:
        canvas.rect(x1 + 0.5, y + 0.5, w, HEIGHT - 1, "a", more=HATCHES[run.kind])
    draw_ticks(frame, run, start, end, y)
    if not run.exclusive and run.frame is not None and x2 - x1 > 4:
        canvas.line(x1 + 2, y + HEIGHT - 2.2, x2 - 2, y + HEIGHT - 2.2, "sh")
    frame.draw_breaks(start, end, y, y + HEIGHT)


def pieces(start: int, end: int, framed: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """[start, end) cut where a frame around some of its pages begins or ends, so that none crosses a label."""
    borders = sorted({start, end, *(page for span in framed for page in span if start < page < end)})
    yield from pairwise(borders)


def draw_text(frame: Frame, run: PageRun, y: float, inset: float) -> None:
    """What a run, or a part of one, is."""
    end = run.page + run.count
    low, high = frame.clear(run.page, end, frame.axis.x(run.page) + inset, frame.axis.x(end) - inset)
    spans = cell_text(run, high - low - 6 if high - low > 16 else high - low)
    if spans:
        room = spans_width(spans, "small")
        frame.canvas.spans(max(low + (high - low - room) / 2, low), y + 13, spans, size="small")


def draw_ticks(frame: Frame, run: PageRun, start: int, end: int, y: float) -> None:
    """Where pages begin, as far as they are drawn to scale."""
    if run.kind == "H":
        return
    ticks: list[str] = []
    for segment in frame.axis.within(start, end):
        if not segment.folded:
            inside = range(max(segment.start, start + 1), min(segment.end, end))
            ticks += [f"M{number(frame.axis.x(page))} {number(y + 1)}v3" for page in inside]
    if ticks:
        frame.canvas.path("".join(ticks), "ct", layer="boxes")


def cell_text(run: PageRun, room: float) -> list[Span]:
    """Kind, index and frame of a run as far as they fit; a strange index before the frame."""
    kind = Span(run.kind, "b")
    frame = Span(f"f{numbers(run.frame, run.count)}") if run.frame is not None else None
    index = None
    if run.index is not None:
        index = Span(f"i{numbers(run.index, run.count)}", "" if run.index == run.page else "b")
    displaced = run.index is not None and run.index != run.page
    parts = [index, frame] if displaced else [frame, index]
    return first_fitting([kind, *(part for part in parts if part is not None)], room, "small")


def numbers(first: int, count: int) -> str:
    return str(first) if count == 1 else f"{first}-{first + count - 1}"


# --- links -----------------------------------------------------------------------------------------------------


def draw_links(frame: Frame, cells: Sequence[Cell], y: float) -> float:
    """Bows below the strip between runs of one process that map the same frames."""
    last: dict[int, Cell] = {}
    bows: list[str] = []
    for cell in cells:
        if cell.run.frame is None:
            continue
        same = last.get(cell.run.frame)
        last[cell.run.frame] = cell
        if same is not None and len(bows) < MOST_LINKS:
            x1, x2 = (same.x1 + same.x2) / 2, (cell.x1 + cell.x2) / 2
            low = number(y + LINKS - 2)
            bows.append(f"M{number(x1)} {number(y)}C{number(x1)} {low} {number(x2)} {low} {number(x2)} {number(y)}")
    if not bows:
        return y
    frame.canvas.path("".join(bows), "lk")
    return y + LINKS


def share_frames(upper: Sequence[Cell], lower: Sequence[Cell]) -> bool:
    """Whether two processes map a frame in common."""
    spans = joined([(c.run.frame, c.run.frame + c.run.count) for c in upper if c.run.frame is not None])
    below = [(c.run.frame, c.run.frame + c.run.count) for c in lower if c.run.frame is not None]
    return any(start < high and low < end for start, end in spans for low, high in below)


def draw_broken(frame: Frame, panel: Panel, strip: float, y: float) -> float:
    """Pages at which the step broke an invariant: framed, with its name below."""
    for page, invariant in panel.broken[:MOST_BROKEN]:
        x1, x2 = frame.axis.x(page), frame.axis.x(page + 1)
        if not frame.axis.is_border(page) or x2 - x1 < 3:
            continue
        left, right, top, low = number(x1 + 1), number(x2 - 1), number(strip - 2), number(strip + HEIGHT + 2)
        frame.canvas.path(f"M{left} {top}H{right}V{low}H{left}Z", "br")
        if x2 - x1 < CROSSED:
            frame.canvas.path(f"M{left} {top}L{right} {low}M{right} {top}L{left} {low}", "bc")
        text = fitting(f"page {page} breaks {invariant}", frame.right - frame.left, "small")
        x = min(x1, frame.right - width(text, "small"))
        frame.canvas.text(x, y + 14, text, "x b", "small")
        y += BROKEN
    return y


def draw_ribbons(frame: Frame, upper: Sequence[Cell], y1: float, lower: Sequence[Cell], y2: float) -> None:
    """Bands from one process's runs to another's that map the same frames: for frames that are there several times
    one band to the nearest run."""
    drawn = 0
    for below in lower:
        linked: list[tuple[int, int]] = []
        for above in sorted(upper, key=lambda cell: abs(cell.x1 - below.x1)):
            first, other = above.run.frame, below.run.frame
            if first is None or other is None or drawn >= MOST_LINKS:
                continue
            low, high = max(first, other), min(first + above.run.count, other + below.run.count)
            if low < high and not overlapping(linked, low, high):
                a, b = ([share(cell, number) for number in (low, high)] for cell in (above, below))
                draw_ribbon(frame, (a[0], a[1]), y1, (b[0], b[1]), y2)
                linked.append((low, high))
                drawn += 1


def share(cell: Cell, frame_number: int) -> float:
    """Where a frame is within a cell."""
    first = cell.run.frame or 0
    return cell.x1 + (cell.x2 - cell.x1) * (frame_number - first) / cell.run.count


def draw_ribbon(frame: Frame, a: tuple[float, float], y1: float, b: tuple[float, float], y2: float) -> None:
    middle = number((y1 + y2) / 2)
    data = f"M{number(a[0])} {number(y1)}C{number(a[0])} {middle} {number(b[0])} {middle} {number(b[0])} {number(y2)}"
    data += f"H{number(b[1])}C{number(b[1])} {middle} {number(a[1])} {middle} {number(a[1])} {number(y1)}Z"
    frame.canvas.path(data, "rb", layer="ribbons")
