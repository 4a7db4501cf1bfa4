"""What a picture shows of a step, before any thought of where: processes, their VMAs and pages, and what changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mremapdsl.backend import AnonVmaView, PageRun
from mremapdsl.layout import cased
from mremapdsl.ops import Mremap
from mremapdsl.program import Place
from mremapdsl.record import ScenarioRecord, StateRecord, StepRecord
from mremapdsl.trace.changes import NOTHING, ProcessChange, StepChange, step_change
from mremapdsl.trace.identity import Identities, Known

EMPTY = StateRecord({}, {})


class Box(NamedTuple):
    """A VMA as it is after the step."""

    known: Known
    old: Known | None
    """As it was before; None if it is new."""
    changed: bool

    @property
    def letter(self) -> str:
        return cased(self.known.letter, self.known.vma)

    @property
    def shift(self) -> int:
        """How far the VMA is from where its page offset says that it was born; 0 for files and the unseen."""
        vma = self.known.vma
        return 0 if vma.pgoff is None or vma.file is not None else vma.start - vma.pgoff


class Moved(NamedTuple):
    """What a move took along."""

    start: int
    end: int
    to: int


class Asked(NamedTuple):
    """A call that failed: the pages that it was about, and where a move should have taken them."""

    result: str
    source: tuple[int, int]
    """[start, end); of memory that should have grown in place with what it should have covered."""
    target: tuple[int, int] | None


class Panel(NamedTuple):
    """One process."""

    name: str
    born: bool
    gone: bool
    boxes: tuple[Box, ...]
    before: tuple[Known, ...]
    """The VMAs before the step, where it moved the border of one; else nothing."""
    runs: tuple[PageRun, ...]
    touched: tuple[tuple[int, int], ...]
    """[start, end) of pages whose entries changed."""
    moved: Moved | None
    broken: tuple[tuple[int, str], ...] = ()
    """(page, invariant) that the step broke there."""
    asked: Asked | None = None
    """What it asked for in vain."""

    @property
    def changed(self) -> bool:
        return self.born or self.gone or bool(self.touched or self.before) or any(box.changed for box in self.boxes)


class Node(NamedTuple):
    """An anon_vma; ``after`` is None when it is gone."""

    name: str
    before: AnonVmaView | None
    after: AnonVmaView | None

    @property
    def changed(self) -> bool:
        return self.before != self.after

    @property
    def view(self) -> AnonVmaView:
        view = self.after or self.before
        assert view is not None
        return view


class Scene(NamedTuple):
    """All that a picture shows."""

    number: int
    """Of the step, from 1."""
    step: StepRecord
    panels: tuple[Panel, ...]
    nodes: tuple[Node, ...]
    places: tuple[Place, ...]
    change: StepChange


def scenes(record: ScenarioRecord) -> Iterator[Scene]:
    """What to show of each step of a record that holds states."""
    places = record.scenario.places
    identities = Identities(places)
    state = record.initial or EMPTY
    for process, memory in state.processes.items():
        identities.follow(process, memory.vmas)
    for number, step in enumerate(record.steps, 1):
        after = step.state
        if after is None:
            continue
        known = dict(identities.processes)
        change = step_change(step, state, after, identities)
        drawn = tuple(panels(step, after, change, known, identities.processes))
        yield Scene(number, step, drawn, tuple(nodes(state, after)), places, change)
        state = after


def panels(
    step: StepRecord,
    state: StateRecord,
    change: StepChange,
    before: dict[str, tuple[Known, ...]],
    after: dict[str, tuple[Known, ...]],
) -> Iterator[Panel]:
    """The processes after a step, and those that ended in it."""
    changes = {c.process: c for c in change.processes}
    for name in [*state.processes, *(name for name in before if name not in state.processes)]:
        runs = state.processes.get(name, NOTHING).pages
        changed = changes.get(name)
        if changed is None:
            boxes = tuple(Box(known, known, False) for known in after.get(name, ()))
            yield Panel(name, False, False, boxes, (), runs, (), None, broken(step, name), refused(step, name))
        else:
            yield panel(step, changed, runs, before.get(name, ()), after.get(name, ()))


def panel(
    step: StepRecord,
    change: ProcessChange,
    runs: tuple[PageRun, ...],
    before: tuple[Known, ...],
    after: tuple[Known, ...],
) -> Panel:
    """A process in which something changed."""
    old = {known.number: known for known in before}
    boxes = [
        Box(now, old.get(now.number), change.born or now.number not in old or old[now.number].vma != now.vma)
        for now in after
    ]
    borders = {known.number: known.vma[:2] for known in after}
    same = all(borders.get(known.number) == known.vma[:2] for known in before)
    moved = None
    op = step.step.op
    if change.moved_by and isinstance(op, Mremap) and op.process == change.process:
        end = op.at + min(op.pages, op.new_pages)
        moved = Moved(op.at, end, op.at + change.moved_by)
    touched = tuple((page.page, page.page + page.count) for page in change.pages)
    shown = () if change.born or (same and moved is None) else before
    return Panel(
        change.process,
        change.born,
        change.gone,
        tuple(boxes),
        shown,
        runs,
        touched,
        moved,
        broken(step, change.process),
        None if shown else refused(step, change.process),
    )


def refused(step: StepRecord, process: str) -> Asked | None:
    """What a process asked for and did not get."""
    op = step.step.op
    at, pages = getattr(op, "at", -1), getattr(op, "pages", 0)
    if step.result == "ok" or op.process != process or at < 0 or pages <= 0:
        return None
    if not isinstance(op, Mremap):
        return Asked(step.result, (at, at + pages), None)
    if op.to is None:
        return Asked(step.result, (at, at + max(pages, op.new_pages)), None)
    target = (op.to, op.to + op.new_pages) if op.to >= 0 and op.new_pages > 0 else None
    return Asked(step.result, (at, at + pages), target)


def broken(step: StepRecord, process: str) -> tuple[tuple[int, str], ...]:
    """The pages of a process at which the step broke an invariant."""
    return tuple((b.page, b.invariant) for b in step.breaches if b.process == process and b.page >= 0)


def nodes(before: StateRecord, after: StateRecord) -> Iterator[Node]:
    """All anon_vmas, those that are gone last."""
    names = [*after.anon_vmas, *(name for name in before.anon_vmas if name not in after.anon_vmas)]
    for name in names:
        yield Node(name, before.anon_vmas.get(name), after.anon_vmas.get(name))


def overlapping(spans: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    """Whether one of the spans has a page in [start, end)."""
    return any(s < end and e > start for s, e in spans)
