"""Two rule sets side by side: a program, operation by operation, up to the first difference."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from mremapdsl.backend import Outcome, Unsupported, Verdict
from mremapdsl.generate.shape import (
    PAGE_ASPECTS,
    VMA_ASPECTS,
    Names,
    Numbers,
    page_shapes,
    same_pages,
    same_vmas,
    vma_shapes,
)
from mremapdsl.model.backend import ModelBackend
from mremapdsl.model.machine import Machine
from mremapdsl.model.reason import Why
from mremapdsl.model.reasons import REASONS
from mremapdsl.model.rules import Rules
from mremapdsl.ops import Operation

FIELDS = ("result", "outcome", "reason", "vmas", "pages", "violation", "counts")
"""What can differ, in the order in which it is looked at. A crash of the model is always a difference."""
CRASH = "crash"
OF_VIEW = ("pagemap_huge_exclusive",)
"""Decisions about what is shown of a state."""


class Difference(NamedTuple):
    """The first difference of a program between two machines."""

    step: int
    """Position of the operation."""
    op: Operation
    field: str
    """One of FIELDS, CRASH, or (of a kernel) ``state``."""
    aspect: str
    """What of it: the borders of a VMA, the index of a page, the process…"""
    left: str
    right: str
    """What the two machines say, in words."""
    reasons: tuple[str, str]
    """Why the operation did what it did, on each."""

    @property
    def signature(self) -> tuple[str, ...]:
        """What makes two differences the same one: kind of operation, field, aspect, reasons."""
        values = () if self.field in ("vmas", "pages", "counts", "state") else (self.left, self.right)
        return (type(self.op).__name__, self.field, self.aspect, *self.reasons, *values)


class Quick(ModelBackend):
    """The model without explanations."""

    def _verdict(self, outcome: str, why: Why) -> Verdict:
        return Verdict(outcome, why.reason, "", REASONS[why.reason].function)


class Pair:
    """Two machines that take the same operations."""

    def __init__(self, left: Rules, right: Rules, fields: Sequence[str] = FIELDS) -> None:
        self.left, self.right = Quick(left), Quick(right)
        self.fields = fields
        self.steps = 0
        self.names: tuple[Names, Names] | None = None
        """Names of frames and anon_vmas, once their numbers have gone apart (or equal numbers may look different)."""
        if any(left.choices[name] != right.choices[name] for name in OF_VIEW):
            self.name_from(0, 0)
        self.broken = False
        """An invariant does not hold any more, on both: what follows means little."""

    def step(self, op: Operation) -> Difference | None:
        """Carry out an operation on both. Raises Unsupported if one cannot."""
        self.steps += 1
        frames, anons = self.next_numbers()
        try:
            outcomes = self.left.step(op), self.right.step(op)
        except Unsupported:
            raise
        except Exception as error:
            return Difference(self.steps - 1, op, CRASH, type(error).__name__, *crash(error), ("", ""))
        if self.names is None and not (same_vmas(self.left.machine, self.right.machine)
                                       and same_pages(self.left.machine, self.right.machine)):  # fmt: skip
            self.name_from(frames, anons)
        found = next(self.differences(*outcomes), None)
        self.broken = bool(outcomes[0].breaches)
        if found is None:
            return None
        reasons = [o.verdict.reason if o.verdict else "" for o in outcomes]
        return Difference(self.steps - 1, op, *found, (reasons[0], reasons[1]))

    def name_from(self, frames: int, anons: int) -> None:
        self.names = (Names(Numbers(frames), Numbers(anons)), Names(Numbers(frames), Numbers(anons)))

    def next_numbers(self) -> tuple[int, int]:
        """Numbers of frames and anon_vmas below these mean the same on both machines, if they do so far."""
        machines = self.left.machine, self.right.machine
        return min(m.next_frame for m in machines), min(m.next_anon for m in machines)

    def differences(self, left: Outcome, right: Outcome) -> Iterator[tuple[str, str, str, str]]:
        """(field, aspect, left, right) of each difference in the fields asked for."""
        for field in self.fields:
            for aspect, one, other in FIND[field](self, left, right):
                yield field, aspect, one, other


def crash(error: Exception) -> tuple[str, str]:
    """Where the model gave up, and what it said."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{os.path.basename(place.filename)}:{place.name}", str(error)


Found: TypeAlias = Iterator[tuple[str, str, str]]
"""(aspect, left, right) of each difference in one field."""


def _result(_pair: Pair, left: Outcome, right: Outcome) -> Found:
    if left.result != right.result:
        yield "", left.result, right.result
    elif left.address != right.address:
        yield "address", str(left.address), str(right.address)


def _verdict(attribute: str) -> Callable[[Pair, Outcome, Outcome], Found]:
    def find(_pair: Pair, left: Outcome, right: Outcome) -> Found:
        one, other = getattr(left.verdict, attribute), getattr(right.verdict, attribute)
        if one != other:
            yield "", one, other

    return find


def _violation(_pair: Pair, left: Outcome, right: Outcome) -> Found:
    one, other = ({(b.invariant, b.process, b.page) for b in o.breaches} for o in (left, right))
    if one != other:
        words = [", ".join(sorted({name for name, _, _ in found})) or "none" for found in (one - other, other - one)]
        yield "", words[0], words[1]


def _vmas(pair: Pair, _left: Outcome, _right: Outcome) -> Found:
    left, right = pair.left.machine, pair.right.machine
    if left.mms.keys() != right.mms.keys():
        yield "processes", ", ".join(left.mms), ", ".join(right.mms)
    elif pair.names is not None:
        one, other = pair.names
        yield from vma_differences(vma_shapes(left, one), vma_shapes(right, other))


def vma_differences(left: dict[str, list[dict[str, Any]]], right: dict[str, list[dict[str, Any]]]) -> Found:
    for aspect in VMA_ASPECTS:
        for process in left:
            one, other = ([vma[aspect] for vma in shapes[process]] for shapes in (left, right))
            if one != other:
                yield aspect, f"{process}: {one}", f"{process}: {other}"


def _pages(pair: Pair, _left: Outcome, _right: Outcome) -> Found:
    left, right = pair.left.machine, pair.right.machine
    if left.mms.keys() == right.mms.keys() and pair.names is not None:
        one, other = pair.names
        yield from page_differences(page_shapes(left, one), page_shapes(right, other))


def page_differences(left: dict[str, dict[int, dict[str, Any]]], right: dict[str, dict[int, dict[str, Any]]]) -> Found:
    for aspect in PAGE_ASPECTS:
        for process, one in left.items():
            other = right[process]
            for page in sorted(one.keys() | other.keys()):
                values = [found.get(page, {"kind": "."}).get(aspect) for found in (one, other)]
                if values[0] != values[1]:
                    where = f"{process}: page {page} {aspect}"
                    yield aspect, f"{where} {values[0]}", f"{where} {values[1]}"
                    break


def _counts(pair: Pair, _left: Outcome, _right: Outcome) -> Found:
    left, right = (counts(backend.machine) for backend in (pair.left, pair.right))
    for what, value in left.items():
        if value != right[what]:
            yield what, f"{what} {value}", f"{what} {right[what]}"


def counts(machine: Machine) -> dict[str, int]:
    return {"committed": machine.committed, **machine.counters}


FIND: dict[str, Callable[[Pair, Outcome, Outcome], Found]] = {
    "result": _result,
    "outcome": _verdict("outcome"),
    "reason": _verdict("reason"),
    "vmas": _vmas,
    "pages": _pages,
    "violation": _violation,
    "counts": _counts,
}


def first_difference(
    operations: Iterable[Operation], left: Rules, right: Rules, fields: Sequence[str] = FIELDS
) -> Difference | None:
    """The first difference of a program under two rule sets; None also where the model does not know an operation."""
    pair = Pair(left, right, fields)
    for op in operations:
        if op.process not in pair.left.machine.mms:
            return None
        try:
            found = pair.step(op)
        except Unsupported:
            return None
        if found or pair.broken:
            return found
    return None
