"""What a search looks for, from the words of the command line."""

from __future__ import annotations

from collections.abc import Callable

from mremapdsl.backend import Unseen, Verdict
from mremapdsl.expectations import Context, judge
from mremapdsl.explore.search import Taken
from mremapdsl.model.machine import Machine
from mremapdsl.model.observe import ModelObservation
from mremapdsl.model.reasons import REASONS, sentence
from mremapdsl.ops import Mremap
from mremapdsl.program import Compare, Count, Expect, Not, Predicate, Step, Value, VmaCount
from mremapdsl.record import StepRecord
from mremapdsl.running import target_of


def predicate_test(expect: Expect) -> Callable[[Machine, Taken], bool]:
    """A predicate of the language as a test of transitions.

    It is judged for the process that made the call; ``parent`` in it stands for that process.
    """

    def holds(machine: Machine, taken: Taken) -> bool:
        process = taken.op.process
        if process not in machine.mms:
            return False
        record = as_record(taken)
        move = record if isinstance(taken.op, Mremap) else None
        context = Context(ModelObservation(machine), (record,), record if record.target else None, move, ())
        try:
            return judge(about(expect.predicate, process), context).held
        except Unseen:
            return False

    return holds


def as_record(taken: Taken) -> StepRecord:
    """A transition as the record that expectations look at."""
    verdict = None
    if taken.why is not None:
        reason = REASONS[taken.why.reason]
        outcome = reason.outcome if taken.result == "ok" else "refused" if reason.outcome == "fallback" else "failed"
        verdict = Verdict(outcome, taken.why.reason, sentence(taken.why), reason.function)
    step = Step(taken.op, 0, "", None, "", ())
    return StepRecord(step, taken.op.process, taken.result, verdict, (), target_of(taken.op, taken.address), None, "")


def about(predicate: Predicate, process: str) -> Predicate:
    """The predicate with counts taken of this process."""
    match predicate:
        case Not(inner):
            return Not(about(inner, process))
        case VmaCount(_, count):
            return VmaCount(process, count)
        case Compare(left, op, right):
            return Compare(_value(left, process), op, _value(right, process))
        case _:
            return predicate


def _value(value: Value, process: str) -> Value:
    return Count(process, value.what) if isinstance(value, Count) else value
