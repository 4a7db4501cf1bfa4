"""What failed in a record, thing by thing, each with its place in the source."""

from __future__ import annotations

from collections.abc import Iterator

from mremapdsl.output.results import Finding, one_line
from mremapdsl.program import Expect, Not, Predicate, Step
from mremapdsl.record import ExpectationRecord, ScenarioRecord, StepRecord
from mremapdsl.trace.failures import expectation_failure, failed_things, step_failure
from mremapdsl.trace.style import PLAIN
from mremapdsl.trace.words import expect_words


def findings(record: ScenarioRecord, text: str) -> Iterator[Finding]:
    """The failures of a run of a scenario; ``text`` is the program's."""
    if record.outcome == "error":
        line = record.reason_line
        told = f"{record.file}:{line}: {record.reason}"
        yield Finding("not-modelled", line, 0, 0, one_line(record.reason), told)
    for failed in failed_things(record):
        if isinstance(failed, StepRecord):
            yield of_step(record.file, failed, text)
        else:
            yield of_expectation(record.file, failed, text)


def of_step(file: str, record: StepRecord, text: str) -> Finding:
    """A call with the wrong result, or one that broke an invariant."""
    if record.result == (record.step.fails or "ok") and record.breaches:
        rule = f"invariant/{record.breaches[0].invariant}"
    else:
        rule = f"result/{record.verdict.reason if record.verdict is not None else record.result}"
    told = "\n".join(step_failure(file, record, PLAIN))
    return located(rule, record.step, text, f"{record.step.text} = {record.result}: {record.failure}", told)


def of_expectation(file: str, record: ExpectationRecord, text: str) -> Finding:
    """An expectation that did not hold."""
    told = "\n".join(expectation_failure(file, record, PLAIN, offer=True))
    first = " ".join(record.detail.split("\n")[-1:] if "\nhave " in record.detail else record.detail.split("\n")[:1])
    rule = f"expect/{kind(record.expect.predicate)}"
    return located(rule, record.expect, text, f"{expect_words(record.expect)}: {first}", told)


def kind(predicate: Predicate) -> str:
    """What a predicate is about, in a word."""
    while isinstance(predicate, Not):
        predicate = predicate.predicate
    return KINDS[type(predicate).__name__]


KINDS = {
    "Merged": "merged",
    "SameVma": "merged",
    "IsVma": "vma",
    "VmaCount": "vmas",
    "Unmapped": "unmapped",
    "Layout": "layout",
    "LastMove": "move",
    "Compare": "value",
    "PageIs": "page",
    "Rmap": "rmap",
    "Violation": "violation",
}
"""Predicate -> the kind of expectation."""


def located(rule: str, statement: Step | Expect, source: str, message: str, told: str) -> Finding:
    """A finding at a statement, whose text is looked up in the source to know where it ends."""
    start = statement.start
    if start < 0:
        return Finding(rule, statement.line, 0, 0, one_line(message), told)
    column = start - source.rfind("\n", 0, start)
    at = source.find(statement.text, start)
    same_line = at >= 0 and "\n" not in source[start : at + len(statement.text)]
    end = column + at + len(statement.text) - start if same_line else 0
    return Finding(rule, statement.line, column, end, one_line(message), told)
