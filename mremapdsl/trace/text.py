"""The text trace: every step of a scenario with what it did, why, and a picture of what changed.

The record must hold states (``run_scenario(…, states=True)``).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import pairwise

from mremapdsl.backend import Verdict
from mremapdsl.layout import cased, vma_line
from mremapdsl.ops import Exit
from mremapdsl.program import Place
from mremapdsl.record import ExpectationRecord, ScenarioRecord, ShowRecord, StateRecord, StepRecord
from mremapdsl.trace.changes import ProcessChange, StepChange, step_change
from mremapdsl.trace.identity import Identities, Known
from mremapdsl.trace.markdown import documentation
from mremapdsl.trace.picture import Row, picture
from mremapdsl.trace.style import PLAIN, Style, paragraph
from mremapdsl.trace.words import (
    anon_vma_lines,
    anon_vma_state,
    expect_words,
    loop_words,
    marks,
    page_change_words,
    place_name,
    range_words,
    run_words,
    show_words,
    vma_change_words,
    vma_words,
)

MOST = 8
"""Lines of one kind that are shown of a step, unless everything is asked for."""
EMPTY = StateRecord({}, {})


def scenario_text(record: ScenarioRecord, style: Style = PLAIN) -> str:
    """One scenario under one rule set, ready to print, with a newline at the end."""
    return "".join(f"{line}\n" for line in scenario_lines(record, style))


def scenario_lines(record: ScenarioRecord, style: Style = PLAIN) -> Iterator[str]:
    """The lines of :func:`scenario_text`."""
    yield from _head(record, style)
    for _, lines in _events(record, style):
        yield from lines
    yield ""
    yield from _outcome(record, style)


def step_lines(record: ScenarioRecord, number: int, style: Style = PLAIN) -> Iterator[str]:
    """The lines of one step, counted from 1, and of what was expected and shown after it."""
    found = (line for after, lines in _events(record, style) if after == number for line in lines)
    next(found, None)  # the empty line before it
    yield from found


def _events(record: ScenarioRecord, style: Style) -> Iterator[tuple[int, list[str]]]:
    """Steps, expectations and shows in order, each with the number of steps that had run then."""
    body = _Body(record, style)
    events: list[tuple[int, int, StepRecord | ExpectationRecord | ShowRecord]] = []
    events += [(i + 1, 0, step) for i, step in enumerate(record.steps)]
    events += [(e.after, e.expect.line, e) for e in record.expectations]
    events += [(s.after, s.line, s) for s in record.shows]
    for after, _, event in sorted(events, key=lambda event: event[:2]):
        if isinstance(event, StepRecord):
            yield after, ["", *body.step(event)]
        elif isinstance(event, ExpectationRecord):
            yield after, list(body.expectation(event))
        else:
            yield after, list(body.show(event))


def _head(record: ScenarioRecord, style: Style) -> Iterator[str]:
    scenario = record.scenario
    yield style.paint("bold", f'scenario "{scenario.title}"')
    yield from paragraph(f"{record.file}:{scenario.line}, rules {record.rules}", "    ", "        ", style.width)
    yield from documentation(scenario.doc, "    ", style)


def _outcome(record: ScenarioRecord, style: Style) -> Iterator[str]:
    words = {"passed": ("good", "passed"), "failed": ("bad", "FAILED")}
    role, word = words.get(record.outcome, ("unsure", record.outcome))
    steps = sum(bool(step.failure) for step in record.steps)
    expectations = sum(expectation.held is False for expectation in record.expectations)
    said = [f"{steps} of {len(record.steps)} steps"] if steps else []
    said += [f"{expectations} of {len(record.expectations)} expectations"] if expectations else []
    if record.reason:
        said.append(f"{record.file}:{record.reason_line}: {record.reason}")
    lines = list(paragraph(word + (f": {', '.join(said)}" if said else ""), "", "    ", style.width))
    yield style.paint(role, word) + lines[0].removeprefix(word)
    yield from lines[1:]


class _Body:
    """The steps of a scenario, each compared with the one before."""

    def __init__(self, record: ScenarioRecord, style: Style) -> None:
        self.style = style
        self.places = record.scenario.places
        self.identities = Identities(self.places)
        self.state = record.initial or EMPTY
        for process, memory in self.state.processes.items():
            self.identities.follow(process, memory.vmas)
        last = max((statement.line for statement in record.scenario.body), default=0)
        self.gutter = max(4, len(str(last)) + 1)
        self.indent = " " * (self.gutter + 2)

    # --- steps -----------------------------------------------------------------------------------------

    def step(self, record: StepRecord) -> Iterator[str]:
        style, step = self.style, record.step
        yield from documentation(step.doc, self.indent, style)
        processes = {*self.state.processes, *(record.state.processes if record.state else ())}
        alone = len(self.state.processes) <= 1 and record.process == "parent"
        prefix = "" if alone or isinstance(step.op, Exit) else f"{record.process}: "
        role = "good" if record.result == "ok" else "bad" if record.failure else "unsure"
        line = f"{step.line:{self.gutter}}  {style.paint('bold', prefix + step.text)}{loop_words(step.loop)}"
        yield f"{line} = {style.paint(role, record.result)}"
        if record.verdict is not None:
            yield from verdict_lines(record.verdict, self.indent, style)
        yield from self._failures(record)
        if record.state is not None:
            change = step_change(record, self.state, record.state, self.identities)
            yield from self._changes(change, many=len(processes) > 1)
            self.state = record.state

    def _failures(self, record: StepRecord) -> Iterator[str]:
        style, deeper = self.style, self.indent + "    "
        role, documented = ("bad", "") if record.failure else ("unsure", " (as documented)")
        for breach in record.breaches:
            yield self.indent + style.paint(role, f"INVARIANT BROKEN: {breach.invariant}{documented}")
            yield from paragraph(breach.sentence, deeper, deeper, style.width)
        if record.failure and not record.breaches:
            text = record.failure
            if record.verdict is not None:
                text = text.removesuffix(f": {record.verdict.sentence}")
            yield from paragraph(f"FAILED: {text}", self.indent, deeper, style.width)

    def _changes(self, change: StepChange, *, many: bool) -> Iterator[str]:
        if not change.processes and not change.anon_vmas:
            yield f"{self.indent}nothing changed"
        for process in change.processes:
            yield from process_lines(process, self.places, self.indent, self.style, named=many)
        yield from _limited(list(anon_vma_lines(change.anon_vmas)), self.indent, self.style, "anon_vmas")

    # --- what stands between steps -----------------------------------------------------------------------

    def expectation(self, record: ExpectationRecord) -> Iterator[str]:
        style, expect = self.style, record.expect
        yield from documentation(expect.doc, self.indent, style)
        sign = {True: style.held, False: style.failed, None: style.paint("unsure", "?")}[record.held]
        text = style.paint("bold", expect_words(expect))
        yield f"{expect.line:{self.gutter}}  {sign} {text}{loop_words(expect.loop)}"
        details = record.detail.split("\n")
        if record.held and not style.full:
            details = details[:1]
        for detail in details:
            yield from paragraph(detail, self.indent + "    ", self.indent + "      ", style.width)
        if style.full:
            yield from (f"{self.indent}    {line}" for line in record.shown)

    def show(self, record: ShowRecord) -> Iterator[str]:
        yield f"{record.line:{self.gutter}}  {self.style.paint('bold', show_words(record))}"
        known = self.identities.processes.get(record.process, ())
        numbers = {k.number for k in known}
        for line in picture([Row("now", known)], numbers, marks(self.places), 8, self.style.width - len(self.indent)):
            yield self.indent + line
        prefix = "" if record.process == "parent" else f"{record.process}: "
        lines = [prefix + vma_line(k.vma, cased(k.letter, k.vma)) for k in known]
        yield from _limited(lines or list(record.lines), self.indent, self.style, "VMAs")
        yield from memory_lines(record, self.places, self.indent, self.style)


def memory_lines(record: ShowRecord, places: tuple[Place, ...], indent: str, style: Style) -> Iterator[str]:
    """The pages of the process that ``show`` shows, and the anon_vmas."""
    memory = record.state.processes.get(record.process)
    runs = memory.pages if memory else ()
    lines = [f"{_range(places, run.page, run.count)}: {run_words(run)}" for run in runs]
    yield from _limited(lines, indent, style, "runs of pages")
    lines = [f"anon_vma {name}: {anon_vma_state(name, view)}" for name, view in record.state.anon_vmas.items()]
    yield from _limited(lines, indent, style, "anon_vmas")


def verdict_lines(verdict: Verdict, indent: str, style: Style) -> Iterator[str]:
    """What a call did and why, then each decision on the way."""
    head = f"{verdict.outcome} [{verdict.reason}]: {verdict.sentence} ({verdict.function})"
    yield from paragraph(head, indent, indent + "    ", style.width)
    for note in verdict.notes:
        text = f"- {note.reason}: {note.sentence} ({note.function})"
        for line in paragraph(text, indent + "  ", indent + "      ", style.width):
            yield style.paint("dim", line)


# --- what changed --------------------------------------------------------------------------------------------


def process_lines(
    change: ProcessChange, places: tuple[Place, ...], indent: str, style: Style, *, named: bool
) -> Iterator[str]:
    """The changed VMAs of a process as a picture and in words, then its changed pages."""
    if change.gone:
        yield f"{indent}{change.process} is gone, with {len(change.before)} VMA(s)"
        return
    if named:
        yield f"{indent}in {style.paint('name', change.process)}:"
        indent += "  "
    changed = change.vmas
    if changed:
        yield from _picture(change, {pair.number for pairs in changed for pair in pairs if pair}, places, indent, style)
        lines = [_vma_line(old, new) for old, new in changed]
        yield from _limited(lines, indent, style, "VMAs")
    yield from _limited(list(_page_lines(change, places)), indent, style, "runs of pages")


def _picture(
    change: ProcessChange, numbers: set[int], places: tuple[Place, ...], indent: str, style: Style
) -> Iterator[str]:
    """Before and after; once if no border moved, not at all if the picture would be the same."""
    before, after = (
        [(k.vma.start, k.vma.end, cased(k.letter, k.vma)) for k in state] for state in (change.before, change.after)
    )
    if before == after or (not style.full and len(numbers) > 4 * MOST):
        return
    new = not any(known.number in numbers for known in change.before)
    if new or [b[:2] for b in before] == [a[:2] for a in after]:
        rows = [Row("now", change.after)]
    else:
        rows = [Row("before", change.before), Row("after", change.after)]
    drawn = numbers | {n for row in rows for n in _touching(row.vmas, numbers)}
    for line in picture(rows, drawn, marks(places), 8, style.width - len(indent)):
        yield indent + line


def _touching(vmas: Sequence[Known], numbers: set[int]) -> Iterator[int]:
    """The VMAs that touch one of these."""
    for left, right in pairwise(vmas):
        if left.vma.end == right.vma.start and (left.number in numbers) != (right.number in numbers):
            yield right.number if left.number in numbers else left.number


def _vma_line(old: Known | None, new: Known | None) -> str:
    if new is None:
        assert old is not None
        return f"{cased(old.letter, old.vma)}  gone: [{old.vma.start},{old.vma.end})"
    letter = cased(new.letter, new.vma)
    if old is None:
        return f"{letter}  new: {vma_words(new.vma)}"
    return f"{letter}  {vma_change_words(old.vma, new.vma)}"


def _page_lines(change: ProcessChange, places: tuple[Place, ...]) -> Iterator[str]:
    for run in change.moved:
        to = range_words(run.page + change.moved_by, run.count).removeprefix("pages ")
        yield f"{_range(places, run.page, run.count)} moved to {to}: {run_words(run)}"
    for pages in change.pages:
        yield f"{_range(places, pages.page, pages.count)} {page_change_words(pages)}"


def _range(places: tuple[Place, ...], page: int, count: int) -> str:
    name = place_name(places, page, count)
    return range_words(page, count) + (f" = {name}" if name else "")


def _limited(lines: list[str], indent: str, style: Style, what: str) -> Iterator[str]:
    """The lines in paragraphs; of many only the first, unless everything is asked for."""
    shown = lines if style.full or len(lines) <= MOST + 1 else lines[:MOST]
    for line in shown:
        yield from paragraph(line, indent, indent + "    ", style.width)
    if len(shown) < len(lines):
        yield f"{indent}… and {len(lines) - len(shown)} more {what}".replace("…", "…" if style.unicode else "...")


def last_step(record: ScenarioRecord, style: Style = PLAIN) -> Iterator[str]:
    """The last step of a record as the trace shows it."""
    body = _Body(record, style)
    for step in record.steps[:-1]:
        deque(body.step(step), maxlen=0)
    yield from body.step(record.steps[-1])


def last_words(record: ScenarioRecord, said: ExpectationRecord | ShowRecord, style: Style = PLAIN) -> Iterator[str]:
    """An expectation or ``show`` behind the last step, as the trace shows it."""
    body = _Body(record, style)
    for step in record.steps:
        deque(body.step(step), maxlen=0)
    yield from body.expectation(said) if isinstance(said, ExpectationRecord) else body.show(said)
