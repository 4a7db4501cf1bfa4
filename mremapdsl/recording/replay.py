"""Replaying: recorded programs on the model, held against what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mremapdsl.backend import Unsupported, Verdict
from mremapdsl.compare.comparer import Difference
from mremapdsl.compare.states import Comparison
from mremapdsl.model.backend import ModelBackend
from mremapdsl.model.rules import Rules
from mremapdsl.ops import Operation
from mremapdsl.recording.operations import Json, Unknown, from_record
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

    Raises Unknown for what this version cannot read.
    """
    operations = [from_record(op) for op in each(record, "ops")]
    seen = each(record, "seen")
    if len(operations) != len(seen):
        raise Unknown(f"`{record['id']}` has {len(operations)} operations, and saw {len(seen)}")
    states = [observation(state) for state in seen]
    results = [state.get("ret") or "ok" for state in seen]
    flags = any("flags" in vma for state in seen for process in state["state"].values() for vma in process["vmas"])
    comparison = Comparison(flags=flags, lasting_frames=lasting, lasting_names=False)
    try:
        difference = _difference(operations, results, states, ModelBackend(rules), comparison)
    except Unsupported as unsupported:
        return Replayed(record["id"], operations, None, str(unsupported))
    return Replayed(record["id"], operations, difference, "")


def each(record: Json, key: str) -> list[Json]:
    """The objects of a list. Raises Unknown."""
    found: Any = record[key]
    parts: list[Any] = found if isinstance(found, list) else [None]  # pyright: ignore[reportUnknownVariableType]
    if not all(isinstance(part, dict) for part in parts):
        raise Unknown(f"`{key}` of `{record['id']}` is no list of objects")
    return parts


def _difference(
    operations: Sequence[Operation],
    results: Sequence[str],
    states: Sequence[RecordedObservation],
    model: ModelBackend,
    comparison: Comparison,
) -> Difference | None:
    for step, (op, wanted, kernel) in enumerate(zip(operations, results, states, strict=True)):
        outcome = model.step(op)
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
