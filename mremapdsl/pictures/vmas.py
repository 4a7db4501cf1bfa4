"""VMAs: what was before the step, what moved where, the boxes after it, and where shifted memory was born."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mremapdsl.backend import VmaView
from mremapdsl.layout import cased
from mremapdsl.pictures.axis import Segment
from mremapdsl.pictures.canvas import Span, first_fitting, fitting, number, spans_width, width
from mremapdsl.pictures.frame import LINE, Frame
from mremapdsl.pictures.scene import Asked, Box, Panel
from mremapdsl.pictures.theme import color, hatch
from mremapdsl.trace.words import USUAL_FLAGS

BAND = 8.0
"""Height of the stripe that shows the anon_vma."""
HEIGHT = 3 * LINE + BAND + 8
STRIP = 18.0
ARROWS = 24.0
HOME = 25.0
MOST_HOMES = 3


class Drawn(NamedTuple):
    """What the row of boxes has said."""

    incomplete: tuple[Box, ...]
    """Boxes without room for all that there is to say."""
    bundled: int
    """VMAs that were drawn in bundles."""


# --- before ----------------------------------------------------------------------------------------------------


def draw_before(frame: Frame, panel: Panel, y: float) -> float:
    """The VMAs before the step as a strip, and an arrow for what moved."""
    if not panel.before:
        return y
    canvas, axis = frame.canvas, frame.axis
    frame.label(y + 13, "before")
    for known in panel.before:
        vma = known.vma
        if not (axis.is_border(vma.start) and axis.is_border(vma.end)):
            continue
        x1, x2 = axis.x(vma.start), axis.x(vma.end)
        canvas.rect(x1 + 0.5, y + 0.5, max(x2 - x1 - 1, 1), STRIP - 1, "bv" if vma.anon_vma else "bu")
        frame.draw_breaks(vma.start, vma.end, y, y + STRIP)
        low, high = frame.clear(vma.start, vma.end, x1, x2)
        letter = cased(known.letter, vma)
        if width(letter) <= high - low:
            canvas.text((low + high) / 2, y + 13, letter, "q", anchor="mi")
    if panel.moved is not None:
        moved = panel.moved
        draw_arrow(frame, (moved.start, moved.end), (moved.to, moved.to + moved.end - moved.start), y + STRIP)
        return y + STRIP + ARROWS
    return y + STRIP + 6


def draw_arrow(
    frame: Frame, source: tuple[int, int], target: tuple[int, int], y: float, *, refused: bool = False
) -> None:
    """From where memory was to where it is, or should have gone."""
    axis, canvas = frame.axis, frame.canvas
    x1, x2 = ((axis.x(start) + axis.x(end)) / 2 for start, end in (source, target))
    bottom = y + ARROWS - 7
    a, b, middle = number(x1), number(x2), number(y + ARROWS / 2)
    canvas.path(f"M{a} {number(y)}C{a} {middle} {b} {number(y + 4)} {b} {number(bottom)}", "rm" if refused else "mv")
    head = "rh" if refused else "mh"
    canvas.path(f"M{number(x2 - 5)} {number(bottom)}H{number(x2 + 5)}L{b} {number(bottom + 7)}Z", head)


def draw_asked(frame: Frame, asked: Asked, y: float) -> float:
    """A call that failed: what it was about, and what should have gone where."""
    frame.label(y + 13, "asked")
    start, end = asked.source
    if asked.target is None:
        draw_range(frame, asked.source, y, (f"{asked.result} [{start},{end})", asked.result, "✗"), "x")
        return y + STRIP + 6
    draw_range(frame, asked.source, y, (f"[{start},{end})",), "q")
    draw_arrow(frame, asked.source, asked.target, y + STRIP, refused=True)
    draw_range(frame, asked.target, y + STRIP + ARROWS, (asked.result, "✗"), "x")
    return y + 2 * STRIP + ARROWS + 6


def draw_range(frame: Frame, span: tuple[int, int], y: float, words: Sequence[str], role: str) -> None:
    """Pages that a failed call was about, with the first of the words that fits; nothing of a range that has no
    borders of its own on the axis."""
    canvas, axis = frame.canvas, frame.axis
    start, end = span
    if not (axis.is_border(start) and axis.is_border(end)):
        return
    x1, x2 = axis.x(start), axis.x(end)
    canvas.rect(x1 + 1, y + 0.5, max(x2 - x1 - 2, 1), STRIP - 1, "rf")
    frame.draw_breaks(start, end, y, y + STRIP)
    low, high = frame.clear(start, end, x1, x2)
    if text := next((word for word in words if width(word, "small") <= high - low - 6), ""):
        canvas.text((low + high) / 2, y + 13, text, role, "small", "mi")


# --- boxes -----------------------------------------------------------------------------------------------------


def draw_vmas(frame: Frame, panel: Panel, y: float) -> Drawn:
    """A box for each VMA; what has no borders of its own on the axis is drawn in bundles."""
    frame.label(y + 4 + LINE, "after" if panel.before else "VMAs")
    axis = frame.axis
    incomplete: list[Box] = []
    bundles: dict[Segment, int] = {}
    for box in panel.boxes:
        vma = box.known.vma
        if axis.is_border(vma.start) and axis.is_border(vma.end):
            if not draw_box(frame, box, y):
                incomplete.append(box)
        else:
            segment = axis.segment(vma.start)
            bundles[segment] = bundles.get(segment, 0) + 1
    draw_gone(frame, panel, y)
    for segment, count in bundles.items():
        draw_bundle(frame, segment, count, y)
    return Drawn(tuple(incomplete), sum(bundles.values()))


def draw_box(frame: Frame, box: Box, y: float) -> bool:
    """One VMA. False if there was no room for all that there is to say of it."""
    canvas, vma = frame.canvas, box.known.vma
    x1, x2 = frame.axis.x(vma.start), frame.axis.x(vma.end)
    role = ("v" if vma.anon_vma else "vu") + (" c" if box.changed else "")
    inset = 1.3 if box.changed else 0.6
    w = max(x2 - x1 - 2 * inset, 1)
    canvas.rect(x1 + inset, y + inset, w, HEIGHT - 2 * inset, role)
    if vma.anon_vma:
        top = y + HEIGHT - BAND - inset - 0.6
        for paint in (color(vma.anon_vma), hatch(vma.anon_vma)):
            if paint:
                canvas.rect(x1 + inset + 1, top, max(w - 2, 0.5), BAND - 0.4, "a", more=paint)
    frame.draw_breaks(vma.start, vma.end, y, y + HEIGHT)
    low, high = frame.clear(vma.start, vma.end, x1, x2)
    pad = 6.0 if high - low > 40 else 2.0
    complete = True
    for i, spans in enumerate(box_lines(box)):
        fit = first_fitting(spans, high - low - 2 * pad)
        complete = complete and len(fit) == len(spans)
        if fit:
            indent = pad if len(spans) == len(fit) or spans_width(fit) > 20 else (high - low - spans_width(fit)) / 2
            canvas.spans(low + max(indent, 0.5), y + 1 + LINE * (i + 1), fit)
    return complete


def box_lines(box: Box) -> list[list[Span]]:
    """What to say in a box, the most important first in each line."""
    vma, old = box.known.vma, box.old.vma if box.old else None
    tag = change_tag(old, vma) if box.changed else ""
    flags = [flag for flag in vma.flags if flag not in USUAL_FLAGS]
    first = [Span(box.letter, "b"), Span(vma.prot, "k" if old and old.prot != vma.prot else "")]
    first += [Span(flag, "" if old and flag in old.flags else "k" if old else "") for flag in flags]
    first += [Span(tag, "k i")] if tag else []
    new = old is not None and old.pgoff != vma.pgoff and (old.pgoff or 0) - old.start != -box.shift
    second = [Span(f"pgoff {'?' if vma.pgoff is None else vma.pgoff}", "k" if new else "")]
    if vma.file is not None:
        second.append(Span(vma.file, "q"))
    elif box.shift:
        second.append(Span(f"({-box.shift:+})", "b"))
    return [first, second, anon_spans(vma, old)]


def anon_spans(vma: VmaView, old: VmaView | None) -> list[Span]:
    """The anon_vma of a VMA, and how long its chain is."""
    if vma.anon_vma is None:
        return [Span("anon_vma ?", "q")]
    if not vma.anon_vma:
        return [Span("unfaulted", "q i")]
    changed = old is not None and old.anon_vma != vma.anon_vma
    spans = [Span(vma.anon_vma, "k" if changed else "")]
    if vma.chain is not None and vma.chain > 1:
        spans.append(Span(f"chain {vma.chain}"))
    return spans


def change_tag(old: VmaView | None, vma: VmaView) -> str:
    """The most telling word for what happened to a VMA."""
    if old is None:
        return "new"
    if old.end <= vma.start or vma.end <= old.start:
        return "moved"
    if old.end - old.start != vma.end - vma.start:
        return "grown" if vma.end - vma.start > old.end - old.start else "cut"
    if not old.anon_vma and vma.anon_vma:
        return "faulted"
    return "changed"


def draw_gone(frame: Frame, panel: Panel, y: float) -> None:
    """A dashed outline where a VMA was and nothing is now."""
    axis, canvas = frame.axis, frame.canvas
    for known in panel.before:
        vma = known.vma
        if not (axis.is_border(vma.start) and axis.is_border(vma.end)):
            continue
        if not any(box.known.vma.start < vma.end and box.known.vma.end > vma.start for box in panel.boxes):
            x1, x2 = axis.x(vma.start), axis.x(vma.end)
            canvas.rect(x1 + 1, y + 1, max(x2 - x1 - 2, 1), HEIGHT - 2, "gh")
            away = panel.moved and panel.moved.start <= vma.start < panel.moved.end
            words = ("moved away", "moved") if away else ("gone",)
            if text := next((word for word in words if width(word, "small") <= x2 - x1 - 8), ""):
                canvas.text((x1 + x2) / 2, y + HEIGHT / 2 + 4, text, "q i", "small", "mi")


def draw_bundle(frame: Frame, segment: Segment, count: int, y: float) -> None:
    """Several VMAs that have no room of their own."""
    canvas = frame.canvas
    for offset in (4.0, 2.0, 0.0):
        w = max(segment.width - 6, 2)
        canvas.rect(segment.x + 1 + offset, y + 1 + 4 - offset, w, HEIGHT - 8, "bv")
    for i, text in enumerate((str(count), "VMA" if count == 1 else "VMAs")):
        if width(text, "small") <= segment.width - 8:
            canvas.text(segment.x + segment.width / 2, y + 8 + LINE * (i + 1), text, "q", "small", "mi")


# --- homes -----------------------------------------------------------------------------------------------------


def homes(panel: Panel) -> list[Box]:
    """The shifted VMAs whose home is worth showing: not where this very step took them from."""
    taken_from = panel.moved.start if panel.moved else None
    found = [box for box in panel.boxes if box.shift and box.known.vma.pgoff != taken_from]
    return sorted(found, key=lambda box: (not box.changed, box.known.vma.start))[:MOST_HOMES]


def draw_homes(frame: Frame, panel: Panel, y: float) -> float:
    """Where the memory of shifted VMAs was born: a bracket there, and a dashed line to where it is now."""
    axis, canvas = frame.axis, frame.canvas
    lane = y
    labels: list[tuple[float, float, str]] = []
    for box in homes(panel):
        vma = box.known.vma
        start = vma.pgoff or 0
        end = start + vma.end - vma.start
        if not (axis.is_border(start) and axis.is_border(vma.start)):
            continue
        x1, x2 = axis.x(start) + 1, axis.x(end) - 1
        to = (axis.x(vma.start) + axis.x(vma.end)) / 2
        bar = lane + 9
        canvas.path(f"M{number(x1)} {number(bar - 5)}V{number(bar)}H{number(x2)}V{number(bar - 5)}", "hm")
        near = x2 if to > x2 else x1 if to < x1 else to
        canvas.path(f"M{number(near)} {number(bar)}H{number(to)}V{number(y + 5)}", "hm")
        canvas.path(f"M{number(to - 4)} {number(y + 6)}H{number(to + 4)}L{number(to)} {number(y)}Z", "hh")
        labels.append((x1, bar + 12, f"home of {box.letter}"))
        lane += HOME
    for x, baseline, label in labels:
        if text := fitting(label, frame.right - x, "small"):
            canvas.rect(x, baseline - 10, width(text, "small"), 12, "g", layer="lines")  # no dashes through the words
            canvas.text(x, baseline, text, "q", "small")
    return lane
