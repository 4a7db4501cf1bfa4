"""Expectations that hold on one machine and fail on another, after the same operations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

from mremapdsl.backend import AnonVmaView, PageRun, VmaView
from mremapdsl.layout import layout
from mremapdsl.ops import Mremap, Operation
from mremapdsl.predicatetext import Unsayable
from mremapdsl.program import (
    Compare,
    Const,
    Count,
    Expect,
    IsVma,
    LastMove,
    Layout,
    Merged,
    Not,
    PageIs,
    PageValue,
    Predicate,
    Range,
    Statement,
    Violation,
    VmaCount,
    VmaValue,
)
from mremapdsl.record import ScenarioRecord, StateRecord, StepRecord
from mremapdsl.statements import Writer, steps

MOST_PAGES = 60
"""Of a layout."""
MOST_LOOKS = 12
"""Pages of a process that are looked at one by one."""
ENOUGH = 2
"""Expectations for a side."""
WORDS = ("none", "anon", "zero", "ksm", "huge", "swap", "migration", "guard", "exclusive", "shared", "pinned")
SMALL = range(4)
"""Values and mapping counts that are tried."""


class Side(NamedTuple):
    """One of the machines."""

    results: Callable[[Sequence[Operation]], list[str]]
    """What each operation returns there."""
    run: Callable[[Sequence[Statement]], ScenarioRecord]
    """Runs a body, with states."""
    counts: Callable[[Sequence[Operation]], dict[str, int]]
    """The machine's counts at the end, as far as they can be seen."""


def telling(operations: Sequence[Operation], sides: Sequence[Side], field: str) -> list[list[Statement]]:
    """For each of two sides a body: the operations with their results there, and what fails on the other side."""
    bodies: list[list[Statement]] = [list(steps(operations, side.results(operations))) for side in sides]
    found: list[list[Statement]] = []
    for own, other in ((0, 1), (1, 0)):
        record, counts = sides[own].run(bodies[own]), sides[own].counts(operations)
        predicates = sayable(facts(record, counts, field), bodies[own])
        here, there = (held(sides[i], bodies[i], predicates) for i in (own, other))
        told = [p for p, yes, no in zip(predicates, here, there, strict=True) if yes is True and no is False]
        found.append([*bodies[own], *map(expect, told[:ENOUGH])])
    return found


def expect(predicate: Predicate) -> Expect:
    inner = predicate.predicate if isinstance(predicate, Not) else predicate
    return Expect(predicate, inner.process if isinstance(inner, VmaCount) else "parent", 0, "", (), "", ())


def held(side: Side, body: Sequence[Statement], predicates: Sequence[Predicate]) -> list[bool | None]:
    """What a side says to each of the predicates."""
    record = side.run([*body, *map(expect, predicates)])
    return [e.held for e in record.expectations] or [None] * len(predicates)


def sayable(predicates: Iterable[Predicate], body: Sequence[Statement]) -> list[Predicate]:
    """Those that the language has words for, behind a body; each once."""
    writer = Writer(style="places")
    for statement in body:
        writer.statement(statement)
    found: list[Predicate] = []
    for predicate in dict.fromkeys(predicates):
        with suppress(Unsayable):
            writer.statement(expect(predicate))
            found.append(predicate)
    return found


# --- what can be said of a state -----------------------------------------------------------------------------


def facts(record: ScenarioRecord, counts: dict[str, int], field: str) -> list[Predicate]:
    """Predicates that hold at the end of a run, those about the field first."""
    if not record.steps or record.steps[-1].state is None:
        return []
    step, state = record.steps[-1], record.steps[-1].state
    groups: dict[str, list[Predicate]] = {
        "verdict": list(verdict_facts(step)),
        "violation": list(violation_facts(step)),
        "vmas": list(vma_facts(state)),
        "pages": list(page_facts(state)),
        "counts": [Compare(Count("parent", what), "==", Const(value)) for what, value in counts.items()],
    }
    return [*groups.pop(field, []), *(fact for group in groups.values() for fact in group)]


def verdict_facts(step: StepRecord) -> Iterator[Predicate]:
    verdict = step.verdict
    if isinstance(step.step.op, Mremap) and verdict is not None and verdict.outcome in ("moved", "relocated"):
        yield LastMove(verdict.outcome)
    elif isinstance(step.step.op, Mremap) and verdict is not None and verdict.outcome == "fallback":
        yield LastMove(verdict.outcome, verdict.reason)
    if step.target is not None and step.result == "ok":
        yield Merged(None)
        yield Not(Merged(None))


def violation_facts(step: StepRecord) -> Iterator[Predicate]:
    for breach in step.breaches:
        yield Violation(breach.invariant)
    yield Not(Violation(None))


def vma_facts(state: StateRecord) -> Iterator[Predicate]:
    for process, seen in state.processes.items():
        for group in near(seen.vmas):
            start, end = group[0].start, group[-1].end
            if end - start <= MOST_PAGES:
                yield Layout(process, start, layout(group, start, end))
        yield from (IsVma(Range(process, vma.start, vma.end - vma.start, "")) for vma in seen.vmas)
        yield VmaCount(process, len(seen.vmas))
    for process, seen in state.processes.items():
        for vma in seen.vmas:
            yield from values_of_vma(process, vma, state.anon_vmas)
        for one, other in pairwise(vma for vma in seen.vmas if vma.anon_vma):
            values = [VmaValue(Range(process, v.start, v.end - v.start, ""), "anon_vma") for v in (one, other)]
            yield Compare(values[0], "==" if one.anon_vma == other.anon_vma else "!=", values[1])


def near(vmas: Sequence[VmaView]) -> list[list[VmaView]]:
    """VMAs in groups that fit into a layout."""
    groups: list[list[VmaView]] = []
    for vma in vmas:
        if groups and vma.end - groups[-1][0].start <= MOST_PAGES:
            groups[-1].append(vma)
        else:
            groups.append([vma])
    return groups


def values_of_vma(process: str, vma: VmaView, graph: dict[str, AnonVmaView]) -> Iterator[Predicate]:
    where = Range(process, vma.start, vma.end - vma.start, "")
    if vma.pgoff is not None:
        yield Compare(VmaValue(where, "pgoff"), "==", Const(vma.pgoff))
    if vma.anon_vma is not None:
        yield Compare(VmaValue(where, "anon_vma"), "!=" if vma.anon_vma else "==", Const(None))
    if vma.chain is not None:
        yield Compare(VmaValue(where, "chain"), "==", Const(vma.chain))
    if vma.anon_vma in graph:
        seen = graph[vma.anon_vma]
        yield Compare(VmaValue(where, "anon_vma.num_children"), "==", Const(seen.num_children))
        yield Compare(VmaValue(where, "anon_vma.num_active_vmas"), "==", Const(seen.num_active_vmas))


def page_facts(state: StateRecord) -> Iterator[Predicate]:
    frames: dict[int, Range] = {}
    for process, seen in state.processes.items():
        looks = 0
        for vma in seen.vmas:
            for page in range(vma.start, min(vma.end, vma.start + MOST_LOOKS)):
                looks += 1
                if looks <= MOST_LOOKS:
                    yield from facts_of_page(Range(process, page, 1, ""))
        for run in seen.pages:
            for page in (run.page, run.page + run.count - 1):
                yield from facts_of_run(Range(process, page, 1, ""), run, frames)


def facts_of_page(where: Range) -> Iterator[Predicate]:
    """What may be true of any page."""
    for word in WORDS:
        yield PageIs(where, word)
        yield Not(PageIs(where, word))
    for number in SMALL:
        yield Compare(PageValue(where, "mapcount"), "==", Const(number))
        yield Compare(PageValue(where, "value"), "==", Const(number))


def facts_of_run(where: Range, run: PageRun, frames: dict[int, Range]) -> Iterator[Predicate]:
    """What is true of a page in a run; ``frames`` remembers where each frame was seen first."""
    offset = where.start - run.page
    yield from facts_of_page(where)
    if run.index is not None:
        yield Compare(PageValue(where, "index"), "==", Const(run.index + offset))
    if run.frame is not None:
        first = frames.setdefault(run.frame + offset, where)
        for other in list(frames.values())[:MOST_LOOKS]:
            if other != where:
                same = "==" if other == first else "!="
                yield Compare(PageValue(where, "frame"), same, PageValue(other, "frame"))
