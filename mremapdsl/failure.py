"""Why a scenario failed, in a form in which two failures can be told to be the same one."""

from __future__ import annotations

from typing import Any, NamedTuple

from mremapdsl.program import LastMove, Merged, Not, PageIs, Predicate, Rmap, SameVma, Violation
from mremapdsl.record import ExpectationRecord, ScenarioRecord, StepRecord
from mremapdsl.statements import unnamed


class Failure(NamedTuple):
    """The first thing that failed in a run."""

    signature: tuple[Any, ...]
    """Equal for the same failure: kind of statement, what failed of it, and the reason."""
    words: str


def first_failure(record: ScenarioRecord) -> Failure | None:
    """The first failure of a run; None if nothing failed."""
    if record.outcome == "error":
        return Failure(("error", record.reason.partition(":")[0]), record.reason)
    done = 0
    for expectation in record.expectations:
        for step in record.steps[done : expectation.after]:
            if step.failure:
                return of_step(step)
        done = expectation.after
        if expectation.held is False:
            return of_expectation(expectation, record.steps[:done])
    return next((of_step(step) for step in record.steps[done:] if step.failure), None)


def of_step(step: StepRecord) -> Failure:
    """An unexpected result, or an invariant that a call broke."""
    kind = type(step.step.op).__name__
    reason = step.verdict.reason if step.verdict is not None else ""
    if step.result != (step.step.fails or "ok"):
        return Failure(("result", kind, step.step.fails, step.result, reason), step.failure)
    broken = tuple(sorted({breach.invariant for breach in step.breaches}))
    return Failure(("violation", kind, broken, reason), step.failure)


def of_expectation(expectation: ExpectationRecord, before: tuple[StepRecord, ...]) -> Failure:
    """An expectation that does not hold: the same if it asks the same of a call that went the same way."""
    predicate = expectation.expect.predicate
    last = next((step for step in reversed(before) if step.target is not None), None)
    signature: tuple[Any, ...] = ("expectation", *asked(predicate), expectation.expect.quantifier)
    if last is not None and last.verdict is not None:
        reasons = frozenset(note.reason for note in last.verdict.notes)
        signature += (type(last.step.op).__name__, last.result, last.verdict.reason, reasons)
    return Failure(signature, f"expect {expectation.expect.text}: {expectation.detail}")


def asked(predicate: Predicate) -> tuple[Any, ...]:
    """What a predicate asks, apart from where; of a comparison, which attributes it compares."""
    match predicate:
        case Not(inner):
            return ("not", *asked(inner))
        case Merged() | LastMove() | Violation():
            return (predicate,)
        case SameVma(ranges):
            return ("SameVma", len(ranges))
        case PageIs(_, word):
            return ("PageIs", word)
        case Rmap(_, expected):
            return ("Rmap", len(expected))
        case _:
            return (type(predicate).__name__, placeless(unnamed(predicate)))


def placeless(part: Any) -> Any:
    """Nested tuples without their numbers of pages."""
    if isinstance(part, tuple):
        return tuple(placeless(inner) for inner in part)  # pyright: ignore[reportUnknownVariableType]
    return part if isinstance(part, str) else None
