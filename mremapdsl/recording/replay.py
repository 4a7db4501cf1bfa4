"""Replaying: recorded programs on the model, held against what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mremapdsl.backend import Unsupported, Verdict
from mremapdsl.compare.comparer import Difference
from mremapdsl.compare.states import Comparison
from mremapdsl.model.backend import ModelBackend
from mremapdsl.model.rules import Rules
from mremapdsl.ops import Operation
from mremapdsl.recording.operations import Json, from_record
from mremapdsl.recording.states import RecordedObservation, observation


class Replayed(NamedTuple):
    """One program held against its record."""

    name: str
    operations: Sequence[Operation]
    difference: Difference | None
    unknown: str
    """What the model does not know of it; empty if it knows all."""


def replay(record: Json, rules: Rules, *, lasting: bool) -> Replayed:
    """Carry out a recorded program on the model. ``lasting`` says that frames keep their numbers from state to state.

    Raises Unknown for operations that this version cannot read.
    """
    operations = [from_record(op) for op in record["ops"]]
    try:
        difference = _difference(operations, record["seen"], rules, lasting=lasting)
    except Unsupported as unsupported:
        return Replayed(record["id"], operations, None, str(unsupported))
    return Replayed(record["id"], operations, difference, "")


def _difference(
    operations: Sequence[Operation], seen: Sequence[Json], rules: Rules, *, lasting: bool
) -> Difference | None:
    model = ModelBackend(rules)
    flags = any("flags" in vma for each in seen for process in each["state"].values() for vma in process["vmas"])
    comparison = Comparison(flags=flags, lasting_frames=lasting, lasting_names=False)
    for step, (op, each) in enumerate(zip(operations, seen, strict=True)):
        outcome = model.step(op)
        kernel = observation(each)
        wanted = each["ret"] or "ok"
        if outcome.result != wanted:
            return _made(step, op, ("result", "", None, outcome.result, wanted), outcome.verdict, model, kernel)
        differs = comparison.first_difference(model.observe(), kernel)
        if differs is not None:
            return _made(step, op, differs, outcome.verdict, model, kernel)
    return None


def _made(
    step: int,
    op: Operation,
    differs: tuple[str, str, int | None, str, str],
    verdict: Verdict | None,
    model: ModelBackend,
    kernel: RecordedObservation,
) -> Difference:
    return Difference(step, op, *differs, verdict, (model.observe(), kernel))
