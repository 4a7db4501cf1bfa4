"""A whole picture: the head, the processes one below the other on one axis, anon_vmas, the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mremapdsl.backend import PageRun
from mremapdsl.pictures import alt, pages, ruler, vmas
from mremapdsl.pictures.axis import Axis, Border, axis
from mremapdsl.pictures.canvas import Canvas, escape, number, width, wrapped
from mremapdsl.pictures.frame import MARGIN, Frame, joined, left
from mremapdsl.pictures.scene import Box, Panel, Scene, overlapping, scenes
from mremapdsl.pictures.theme import STYLE, patterns
from mremapdsl.pictures.tree import draw_tree
from mremapdsl.record import ScenarioRecord
from mremapdsl.trace.changes import cut
from mremapdsl.trace.words import range_words, run_words, vma_words

WIDTH = 880.0
NARROW = 350.0
MOST_PANELS = 6
MANY = 600
"""VMAs or runs of a process of which no picture has room for those that have nothing to do with the step."""
MOST_FACTS = 8
NARROW_CELL = 150.0
"""Points below which a run of pages that changed is put into words as well."""
LINE = 15.0


class Picture(NamedTuple):
    """The picture of one step."""

    number: int
    """Of the step, from 1."""
    svg: str


def pictures(
    record: ScenarioRecord, *, width: float = WIDTH, embedded: bool = False, prefix: str = "s"
) -> Iterator[Picture]:
    """A picture for each step of a record that holds states.

    ``width`` is that of the pictures in points, ``embedded`` leaves out what a page that shows many has once or says
    elsewhere, ``prefix`` begins the ids of elements.
    """
    for scene in scenes(record):
        svg = draw(scene, record, width=width, embedded=embedded, prefix=f"{prefix}{scene.number}")
        yield Picture(scene.number, svg)


def draw(scene: Scene, record: ScenarioRecord, *, width: float, embedded: bool, prefix: str) -> str:
    """One picture as SVG text."""
    canvas = Canvas()
    shown = chosen(scene.panels)
    frame = Frame(canvas, make_axis(scene, shown, width), width)
    y = 4.0 if embedded else draw_head(frame, scene, record)
    y = draw_state(frame, scene, shown, y)
    if not embedded:
        y = draw_verdict(frame, scene, y)
    return document(canvas, width, y + MARGIN, scene, embedded=embedded, prefix=prefix)


def document(canvas: Canvas, width: float, height: float, scene: Scene, *, embedded: bool, prefix: str) -> str:
    """The elements with all that makes them an SVG document."""
    size = f'width="{number(width)}" height="{number(height)}"'
    title = f"Step {scene.number}: {alt.statement(scene)}"
    parts = [
        "" if embedded else '<?xml version="1.0" encoding="UTF-8"?>\n',
        f'<svg xmlns="http://www.w3.org/2000/svg" class="m" viewBox="0 0 {number(width)} {number(height)}" {size} ',
        f'role="img" aria-labelledby="{prefix}-t" aria-describedby="{prefix}-d">',
        f'<title id="{prefix}-t">{escape(title)}</title><desc id="{prefix}-d">{escape(alt.description(scene))}</desc>',
    ]
    if not embedded:
        parts += [f"<style>{STYLE}</style>", patterns(), '<rect class="g" width="100%" height="100%"/>']
    return "".join([*parts, '<g aria-hidden="true">', *canvas.render(), "</g></svg>", "" if embedded else "\n"])


# --- what to show ------------------------------------------------------------------------------------------------


def chosen(panels: Sequence[Panel]) -> list[Panel]:
    """The processes to draw: all, or of many those that something happened to, and the first ones."""
    if len(panels) <= MOST_PANELS:
        return list(panels)
    ranked = sorted(range(len(panels)), key=lambda i: (not panels[i].changed, i))[:MOST_PANELS]
    return [panels[i] for i in sorted(ranked)]


def make_axis(scene: Scene, panels: Sequence[Panel], width: float) -> Axis:
    """The axis that all processes share."""
    borders: list[Border] = []
    mapped: list[tuple[int, int]] = []
    for panel in panels:
        homes = [(box.known.vma.pgoff or 0, home_end(box)) for box in vmas.homes(panel)]
        borders += panel_borders(panel)
        borders += [Border(page, 4) for home in homes for page in home]
        spans = [(box.known.vma.start, box.known.vma.end) for box in panel.boxes]
        spans += [(known.vma.start, known.vma.end) for known in panel.before]
        spans += homes
        if panel.asked:
            spans += [span for span in (panel.asked.source, panel.asked.target) if span]
        mapped += spans
    for place in scene.places:
        start, end = place.start, place.start + place.pages
        if any(s <= start < e or start <= s < end for s, e in mapped):
            borders += [Border(start, 7), Border(end, 7)]
    used = [border for border in borders if border.page >= 0]
    return axis(used, mapped, left(width), width - left(width) - MARGIN)


def panel_borders(panel: Panel) -> Iterator[Border]:
    """Where something begins or ends in a process: what changed first, then what touches it, then the rest."""
    numbers = {box.known.number for box in panel.boxes if not box.changed}
    changed = [box.known.vma for box in panel.boxes if box.changed]
    changed += [known.vma for known in panel.before if known.number not in numbers]
    edges = {page for vma in changed for page in (vma.start, vma.end)}
    many = len(panel.boxes) > MANY
    for box in panel.boxes:
        vma = box.known.vma
        rank = 0 if box.changed else 2 if vma.start in edges or vma.end in edges else 3
        if rank < 3 or not many:
            yield from (Border(page, rank) for page in (vma.start, vma.end))
    if many:
        yield from (Border(panel.boxes[0].known.vma.start, 3), Border(panel.boxes[-1].known.vma.end, 3))
    for known in panel.before:
        rank = 3 if known.number in numbers else 1
        if rank < 3 or not many:
            yield from (Border(page, rank) for page in (known.vma.start, known.vma.end))
    for page, _ in panel.broken[: pages.MOST_BROKEN]:
        yield from (Border(page, 1), Border(page + 1, 1))
    if panel.asked:
        yield from (Border(page, 1) for page in (*panel.asked.source, *(panel.asked.target or ())))
    for start, end in panel.touched:
        yield from (Border(page, 5) for page in (start, end))
    for run in panel.runs if len(panel.runs) <= MANY else ():
        yield from (Border(page, 6) for page in (run.page, run.page + run.count))


def home_end(box: Box) -> int:
    vma = box.known.vma
    return (vma.pgoff or 0) + vma.end - vma.start


# --- parts -------------------------------------------------------------------------------------------------------


def draw_head(frame: Frame, scene: Scene, record: ScenarioRecord) -> float:
    """Whose step this is, and the step as written."""
    canvas = frame.canvas
    y = 18.0
    source = f'step {scene.number} of {len(record.steps)} of "{record.scenario.title}", '
    source += f"line {scene.step.step.line}, rules {record.rules}"
    for line in wrapped(source, frame.width - 2 * MARGIN, "small", 3):
        canvas.text(MARGIN, y, line, "q", "small")
        y += LINE
    y += 5
    for line in wrapped(alt.statement(scene), frame.width - 2 * MARGIN, "head", 3):
        canvas.text(MARGIN, y, line, "", "head")
        y += 19
    return y


def draw_state(frame: Frame, scene: Scene, panels: Sequence[Panel], y: float) -> float:
    """Ruler, processes, anon_vmas."""
    if any(panel.boxes or panel.before for panel in panels):
        y = ruler.draw_places(frame, scene.places, y)
        y = ruler.draw_ruler(frame, y) + 4
    else:
        frame.canvas.text(MARGIN, y + 14, "nothing is mapped", "q i")
        y += 22
    top = y
    above: dict[str, tuple[list[pages.Cell], float]] = {}
    for panel in panels:
        y = draw_panel(frame, panel, y, above, named=len(scene.panels) > 1 or panel.name != "parent")
    draw_grid(frame, top, y - 8)
    if len(panels) < len(scene.panels):
        rest = len(scene.panels) - len(panels)
        frame.canvas.text(MARGIN, y + 12, f"and {rest} more process{'es' if rest > 1 else ''}, unchanged", "q", "small")
        y += 20
    y = draw_tree(frame, scene.nodes, y)
    return draw_legend(frame, panels, y)


def draw_grid(frame: Frame, top: float, bottom: float) -> None:
    """Faint lines from the ruler down, at the borders of what is mapped."""
    pages_ = {page for s in frame.axis.segments if s.mapped for page in (s.start, s.end)}
    for page in sorted(pages_):
        x = frame.axis.x(page)
        frame.canvas.line(x, top - 4, x, bottom, "gr", layer="grid")


def draw_panel(
    frame: Frame, panel: Panel, y: float, above: dict[str, tuple[list[pages.Cell], float]], *, named: bool
) -> float:
    """One process; ``above`` collects the cells of the processes above it."""
    canvas = frame.canvas
    if named:
        canvas.text(MARGIN, y + 12, panel.name, "b")
        word = "new in this step" if panel.born else "ended in this step" if panel.gone else ""
        if word:
            canvas.text(MARGIN + (len(panel.name) + 2) * 7.5, y + 12, word, "k i", "small")
        y += 19
    if panel.gone:
        y = vmas.draw_before(frame, panel._replace(moved=None), y) + 6
        return y + 6
    y = vmas.draw_asked(frame, panel.asked, y) if panel.asked else vmas.draw_before(frame, panel, y)
    drawn = vmas.draw_vmas(frame, panel, y)
    top = y
    y += vmas.HEIGHT + 3 if panel.boxes or panel.before else 4
    strip = y
    cells = pages.draw_pages(frame, panel, y)
    if cells or panel.runs:
        y += pages.HEIGHT
    link_above(frame, cells, top, above)
    above[panel.name] = (cells, y)
    y = pages.draw_links(frame, cells, y)
    y = pages.draw_broken(frame, panel, strip, y)
    y = vmas.draw_homes(frame, panel, y + 3)
    return draw_facts(frame, panel, drawn, y + 2) + 12


def link_above(
    frame: Frame, cells: list[pages.Cell], top: float, above: dict[str, tuple[list[pages.Cell], float]]
) -> None:
    """Bands to the nearest process above that maps the same frames."""
    for upper, bottom in reversed(above.values()):
        if pages.share_frames(upper, cells):
            pages.draw_ribbons(frame, upper, bottom, cells, top)
            return


def draw_facts(frame: Frame, panel: Panel, drawn: vmas.Drawn, y: float) -> float:
    """In words what had no room in the boxes and cells: what changed, then the rest if it is short."""
    lines = [(f"{box.letter}  {vma_words(box.known.vma)}", True) for box in drawn.incomplete if box.changed]
    narrow = [run for run in changed_runs(panel) if frame.axis.width(run.page, run.page + run.count) < NARROW_CELL]
    lines += [(f"{range_words(run.page, run.count)}: {run_words(run)}", True) for run in narrow]
    others = [(f"{box.letter}  {vma_words(box.known.vma)}", False) for box in drawn.incomplete if not box.changed]
    if len(lines) + len(others) <= MOST_FACTS:
        lines += others
    room = frame.right - frame.left
    for text, marked in lines[:MOST_FACTS]:
        for i, part in enumerate(wrapped(text, room - 14, "small", 4)):
            x = frame.left + (14 if i else 0)
            frame.canvas.rect(x - 2, y + 2, width(part, "small") + 4, 14, "g")  # no ribbon through the words
            frame.canvas.text(x, y + 12, part, "" if marked else "q", "small")
            y += 14
    if len(lines) > MOST_FACTS:
        frame.canvas.text(frame.left, y + 12, f"and {len(lines) - MOST_FACTS} more", "q", "small")
        y += 14
    return y


def changed_runs(panel: Panel) -> Iterator[PageRun]:
    """The parts of runs that the step changed."""
    touched = joined(panel.touched)
    for run in panel.runs:
        for first, last in pages.pieces(run.page, run.page + run.count, touched):
            if overlapping(touched, first, last):
                yield cut(run, first, last - first)


def draw_legend(frame: Frame, panels: Sequence[Panel], y: float) -> float:
    """What the letters of pages mean, for the kinds that are drawn."""
    runs = [run for panel in panels for run in panel.runs]
    kinds = [kind for kind in pages.KINDS if any(run.kind == kind for run in runs)]
    words = [f"{kind} {pages.KINDS[kind]}" for kind in kinds]
    words += ["f frame"] if any(run.frame is not None for run in runs) else []
    words += ["i index"] if any(run.index is not None for run in runs) else []
    if any(box.shift for panel in panels for box in panel.boxes):
        words.append("(+n) pgoff beside its own place")
    if any(not run.exclusive and run.frame is not None for run in runs):
        words.append("thick line below: mapped more than once")
    if not words:
        return y
    for line in wrapped(", ".join(words), frame.right - frame.left, "small"):
        frame.canvas.text(frame.left, y + 14, line, "q", "small")
        y += 14
    return y + 6


def draw_verdict(frame: Frame, scene: Scene, y: float) -> float:
    """What the call did and why, and what it broke."""
    canvas, room = frame.canvas, frame.width - 2 * MARGIN
    verdict = scene.step.verdict
    y += 8
    if verdict is not None:
        canvas.line(MARGIN, y, frame.right, y, "gr")
        y += 18
        for line in wrapped(f"{verdict.outcome} [{verdict.reason}]", room):
            canvas.text(MARGIN, y, line, "b" if scene.step.result == "ok" else "b x")
            y += LINE
        for line in wrapped(verdict.sentence, room):
            canvas.text(MARGIN, y, line)
            y += LINE
        for line in wrapped(verdict.function, room, "small"):
            canvas.text(MARGIN, y, line, "q", "small")
            y += LINE
    for breach in scene.step.breaches:
        lines = wrapped(f"INVARIANT BROKEN: {breach.invariant}: {breach.sentence}", room - 16)
        canvas.rect(MARGIN, y, room, LINE * len(lines) + 10, "bx")
        for i, line in enumerate(lines):
            canvas.text(MARGIN + 8, y + 17 + LINE * i, line, "b x" if i == 0 else "")
        y += LINE * len(lines) + 18
    return y
