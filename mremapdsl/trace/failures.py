"""What failed in a scenario, in full, each with the line to look at. For reports that show no trace."""

from __future__ import annotations

from collections.abc import Iterator

from mremapdsl.program import Layout
from mremapdsl.record import ExpectationRecord, ScenarioRecord, StepRecord
from mremapdsl.trace.style import PLAIN, Style, paragraph
from mremapdsl.trace.words import expect_words, loop_words

INDENT = "    "


def failure_lines(record: ScenarioRecord, style: Style = PLAIN, *, offer: bool = False) -> Iterator[str]:
    """Every failed step and expectation, and why the scenario is an error or was skipped.

    ``offer`` names ``--bless`` where it would rewrite what failed.
    """
    if record.reason:
        yield from paragraph(f"{record.file}:{record.reason_line}: {record.reason}", "", INDENT, style.width)
    for failed in failed_things(record):
        if isinstance(failed, StepRecord):
            yield from step_failure(record.file, failed, style)
        else:
            yield from expectation_failure(record.file, failed, style, offer=offer)


def failed_things(record: ScenarioRecord) -> Iterator[StepRecord | ExpectationRecord]:
    """The failed steps and expectations in their order."""
    last = len(record.steps)  # where a scenario branches, an expectation may stand behind more steps of another run
    for at in range(last + 1):
        if at and record.steps[at - 1].failure:
            yield record.steps[at - 1]
        yield from (e for e in record.expectations if min(e.after, last) == at and e.held is False)


def step_failure(file: str, record: StepRecord, style: Style) -> Iterator[str]:
    """A call with the wrong result, or one that broke an invariant."""
    step = record.step
    prefix = "" if record.process == "parent" else f"{record.process}: "
    statement = style.paint("bold", f"{prefix}{step.text}")
    yield f"{file}:{step.line}: {statement}{loop_words(step.loop)} = {record.result}"
    yield from documented(step.doc, style)
    if record.result == (step.fails or "ok"):
        for breach in record.breaches:
            text = f"it broke the invariant {breach.invariant}: {breach.sentence}"
            yield from paragraph(text, INDENT, INDENT * 2, style.width)
        return
    yield from paragraph(record.failure, INDENT, INDENT * 2, style.width)
    if record.verdict is not None:
        yield f"{INDENT}[{record.verdict.reason}] ({record.verdict.function})"


def expectation_failure(file: str, record: ExpectationRecord, style: Style, *, offer: bool) -> Iterator[str]:
    """An expectation that did not hold: which part, both values, the state around it, and how to accept that."""
    expect = record.expect
    statement = style.paint("bold", expect_words(expect))
    yield f"{file}:{expect.line}: {statement}{loop_words(expect.loop)}"
    yield from documented(expect.doc, style)
    for line in record.detail.split("\n"):
        yield from paragraph(line, INDENT, INDENT * 2, style.width)
    if record.shown:
        yield f"{INDENT}there now:"
        yield from (f"{INDENT * 2}{line}" for line in record.shown)
    if offer and record.actual and file.endswith(".mrs"):
        quoted = f'"{record.actual}"' if isinstance(expect.predicate, Layout) else record.actual
        yield from paragraph(f"if that is right: --bless makes it {quoted}", INDENT, INDENT * 2, style.width)


def documented(doc: str, style: Style) -> Iterator[str]:
    """What the author says of the statement."""
    if doc:
        from mremapdsl.trace.markdown import documentation

        yield from documentation(doc, INDENT, style)
