"""What a step changed: two states compared, VMA by VMA, run by run, anon_vma by anon_vma."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from mremapdsl.backend import AnonVmaView, PageRun
from mremapdsl.ops import Fork, Mmap, Mremap
from mremapdsl.record import ProcessState, StateRecord, StepRecord
from mremapdsl.trace.identity import Change, Identities, Known, common

NOTHING = ProcessState((), ())


class PageChange(NamedTuple):
    """``count`` pages from ``page`` whose entries changed alike; None is no entry."""

    page: int
    count: int  # type: ignore[assignment]
    before: PageRun | None
    after: PageRun | None
    one_before: bool = False
    """All pages mapped one frame (KSM), not consecutive ones."""
    one_after: bool = False


class ProcessChange(NamedTuple):
    """What changed in one process."""

    process: str
    born: bool
    gone: bool
    before: tuple[Known, ...]
    """The VMAs, without those that are the same at the beginning and at the end (but the next to what changed)."""
    after: tuple[Known, ...]
    pages: tuple[PageChange, ...]
    moved: tuple[PageRun, ...]
    """Runs, at their old place, that a move took along."""
    moved_by: int = 0
    """How far they were moved."""

    @property
    def vmas(self) -> list[tuple[Known | None, Known | None]]:
        """The VMAs that came, went or changed, in order of address."""
        old = {known.number: known for known in self.before}
        new = {known.number: known for known in self.after}
        pairs = [(old.get(number), new.get(number)) for number in old | new]
        changed = [(o, n) for o, n in pairs if o is None or n is None or o.vma != n.vma]
        return sorted(changed, key=lambda pair: (pair[1] or pair[0]).vma.start)  # type: ignore[union-attr]


class StepChange(NamedTuple):
    """What changed in a step; processes in which nothing did are left out."""

    processes: tuple[ProcessChange, ...]
    anon_vmas: tuple[tuple[str, AnonVmaView | None, AnonVmaView | None], ...]
    """(name, before, after)"""


def step_change(record: StepRecord, before: StateRecord, after: StateRecord, identities: Identities) -> StepChange:
    """Compare the states around a step. ``identities`` is carried along from step to step."""
    change = range_change(record)
    found: list[ProcessChange] = []
    for process in [*after.processes, *(p for p in before.processes if p not in after.processes)]:
        old, new = before.processes.get(process, NOTHING), after.processes.get(process, NOTHING)
        known = identities.processes.get(process, ())
        parent = record.process if isinstance(record.step.op, Fork) else None
        if old.vmas != new.vmas or process not in before.processes:
            now = identities.follow(process, new.vmas, change, parent)
        else:
            now = known
        own = change if change is not None and change.process == process else None
        pages, moved = process_pages(old.pages, new.pages, own)
        born, gone = process not in before.processes, process not in after.processes
        if born or gone or known != now or pages or moved:
            by = own.fresh[0] - own.source if own is not None and own.source is not None else 0
            found.append(ProcessChange(process, born, gone, *_around(known, now), pages, moved, by))
        if gone:
            identities.processes.pop(process, None)
    return StepChange(tuple(found), tuple(_anon_vmas(before, after)))


def _around(before: tuple[Known, ...], after: tuple[Known, ...]) -> tuple[tuple[Known, ...], tuple[Known, ...]]:
    """What differs between two states, with one VMA more on either side."""
    left, right = common(before, after)
    left, right = max(left - 1, 0), max(right - 1, 0)
    return before[left : len(before) - right], after[left : len(after) - right]


def range_change(record: StepRecord) -> Change | None:
    """The range that a step filled anew, and where from."""
    op, target = record.step.op, record.target
    if target is None or record.result != "ok":
        return None
    if isinstance(op, Mmap):
        return Change(op.process, (target.start, target.end))
    if isinstance(op, Mremap) and target.start != op.at:
        pages = min(op.pages, op.new_pages)
        return Change(op.process, (target.start, target.end), op.at if pages else None, pages)
    return None


def _anon_vmas(
    before: StateRecord, after: StateRecord
) -> Iterator[tuple[str, AnonVmaView | None, AnonVmaView | None]]:
    for name in before.anon_vmas | after.anon_vmas:
        old, new = before.anon_vmas.get(name), after.anon_vmas.get(name)
        if old != new:
            yield name, old, new


# --- pages -------------------------------------------------------------------------------------------------


def process_pages(
    before: Sequence[PageRun], after: Sequence[PageRun], change: Change | None
) -> tuple[tuple[PageChange, ...], tuple[PageRun, ...]]:
    """The changed pages of a process and the runs that moved; what only moved is not a changed page."""
    moved: tuple[PageRun, ...] = ()
    if change is not None and change.source is not None:
        low, high = change.fresh
        source, length = change.source, change.pages
        moved = tuple(clipped(before, source, source + length))
        by = low - source
        rest = [*clipped(before, 0, source), *clipped(before, source + length, 1 << 62)]
        rest = [run for r in rest for run in (*clipped([r], 0, low), *clipped([r], high, 1 << 62))]
        before = sorted([*rest, *(run._replace(page=run.page + by) for run in moved)])
    return tuple(page_changes(before, after)), moved


def clipped(runs: Sequence[PageRun], start: int, end: int) -> Iterator[PageRun]:
    """The parts of the runs within [start, end)."""
    for run in runs:
        first, last = max(run.page, start), min(run.page + run.count, end)
        if first < last:
            yield cut(run, first, last - first)


def cut(run: PageRun, page: int, count: int) -> PageRun:
    """The part of a run from ``page``."""
    skip = page - run.page
    frame = None if run.frame is None else run.frame + skip
    index = None if run.index is None else run.index + skip
    return PageRun(page, count, run.kind, frame, run.exclusive, index)


def page_changes(before: Sequence[PageRun], after: Sequence[PageRun]) -> Iterator[PageChange]:
    """The pages whose entry is not what it was, in runs as long as can be."""
    left, right = common(before, after)
    before, after = before[left : len(before) - right], after[left : len(after) - right]
    same = set(before) & set(after)
    old = [run for run in before if run not in same]
    new = [run for run in after if run not in same]
    borders = sorted({border for run in (*old, *new) for border in (run.page, run.page + run.count)})
    last: PageChange | None = None
    i = j = 0
    for start, end in pairwise(borders):
        i, b = _piece(old, i, start, end)
        j, a = _piece(new, j, start, end)
        if a == b:
            continue
        change = PageChange(start, end - start, b, a)
        joined = _joined(last, change) if last is not None else None
        if last is not None and joined is None:
            yield last
        last = joined or change
    if last is not None:
        yield last


def _piece(runs: Sequence[PageRun], i: int, start: int, end: int) -> tuple[int, PageRun | None]:
    """The part of runs[i:] at [start, end), which no border cuts, and where to look for the next."""
    while i < len(runs) and runs[i].page + runs[i].count <= start:
        i += 1
    if i < len(runs) and runs[i].page <= start:
        return i, cut(runs[i], start, end - start)
    return i, None


def _joined(last: PageChange, change: PageChange) -> PageChange | None:
    """Two changes as one, if the second continues the first."""
    if last.page + last.count != change.page:
        return None
    ones: list[bool] = []
    for old, new, one in ((last.before, change.before, last.one_before), (last.after, change.after, last.one_after)):
        if old is None or new is None:
            if old is not new:
                return None
            ones.append(False)
        elif not one and cut(old, change.page, change.count) == new:
            ones.append(False)
        elif _one_frame(old, new) and (one or last.count == 1) and change.count == 1:
            ones.append(True)
        else:
            return None
    return last._replace(count=last.count + change.count, one_before=ones[0], one_after=ones[1])


def _one_frame(old: PageRun, new: PageRun) -> bool:
    return old.kind == new.kind == "K" and old.frame == new.frame and old.exclusive == new.exclusive
