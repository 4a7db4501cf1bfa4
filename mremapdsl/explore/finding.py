"""What a search looks for, from the words of the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from mremapdsl.backend import Breach, Unseen, Verdict
from mremapdsl.expectations import Context, judge
from mremapdsl.explore.taking import Taken
from mremapdsl.model.machine import Machine
from mremapdsl.model.observe import ModelObservation
from mremapdsl.model.reasons import REASONS, sentence
from mremapdsl.ops import Mremap
from mremapdsl.program import Compare, Const, Count, Expect, PageValue, Predicate, Range, Step, VmaValue
from mremapdsl.record import StepRecord
from mremapdsl.running import target_of

CALLER = "parent"
"""In a predicate this stands for the process that made the last call."""
COUNTED = ("vmas", "anon_vmas")
"""What is counted at a moment; the rest adds up over a run."""
NUMBERED = ("frame", "anon_vma", "anon_vma.root", "anon_vma.parent")
T = TypeVar("T")


def predicate_test(expect: Expect) -> Callable[[Machine, Taken], bool]:
    """A predicate of the language as a test of transitions.

    It is judged for the process that made the call.  ValueError for what a search cannot tell.
    """
    refuse_what_is_forgotten(expect.predicate)

    def holds(machine: Machine, taken: Taken) -> bool:
        process = taken.op.process
        if process not in machine.mms:
            return False
        record = as_record(taken)
        move = record if isinstance(taken.op, Mremap) else None
        context = Context(ModelObservation(machine), (record,), record if record.target else None, move, ())
        try:
            return judge(spoken_of(expect.predicate, process), context).held
        except Unseen:
            return False

    return holds


def refuse_what_is_forgotten(predicate: Predicate) -> None:
    """Raises ValueError for what tells states apart that a search takes for equal."""
    for part in parts(predicate):
        process = getattr(part, "process", CALLER)
        if process != CALLER:
            raise ValueError(f"--find: `{process}` is a name, and names of processes are interchangeable in a search; "
                             "a predicate is about the process that made the last call")  # fmt: skip
        if isinstance(part, Count) and part.what not in COUNTED:
            raise ValueError(f"--find: `count {part.what}` adds up over a run, which a search does not keep")
        if isinstance(part, Compare):
            for one, other in ((part.left, part.right), (part.right, part.left)):
                numbered = isinstance(one, PageValue | VmaValue) and one.attribute in NUMBERED
                if numbered and isinstance(other, Const) and other.value is not None:
                    raise ValueError("--find: numbers of frames and anon_vmas are interchangeable in a search; "
                                     "compare them with each other")  # fmt: skip


def names_places(predicate: Predicate) -> bool:
    """Whether it is about certain pages of the arena."""
    return any(isinstance(part, Range) or hasattr(part, "start") for part in parts(predicate))


def parts(part: Any) -> Iterator[Any]:
    """A record and everything in it."""
    yield part
    if isinstance(part, tuple):
        for inner in part:  # pyright: ignore[reportUnknownVariableType]
            yield from parts(inner)


def as_record(taken: Taken) -> StepRecord:
    """A transition as the record that expectations look at."""
    verdict = None
    if taken.why is not None:
        reason = REASONS[taken.why.reason]
        outcome = reason.outcome if taken.result == "ok" else "refused" if reason.outcome == "fallback" else "failed"
        verdict = Verdict(outcome, taken.why.reason, sentence(taken.why), reason.function)
    step = Step(taken.op, 0, "", None, "", ())
    broken = tuple(Breach(b.invariant, b.process, b.page, b.sentence) for b in taken.broken)
    return StepRecord(
        step, taken.op.process, taken.result, verdict, broken, target_of(taken.op, taken.address), None, ""
    )


def spoken_of(part: T, process: str) -> T:
    """A predicate with another process in the place of the caller's."""
    found: Any = _spoken_of(part, process)
    return found  # type: ignore[no-any-return]


def _spoken_of(part: Any, process: str) -> Any:
    if not isinstance(part, tuple):
        return part
    record: Any = part  # pyright: ignore[reportUnknownVariableType]
    inner = [_spoken_of(value, process) for value in record]
    if not hasattr(record, "_fields"):
        return tuple(inner)
    made = type(record)(*inner)
    return made._replace(process=process) if hasattr(record, "process") else made
