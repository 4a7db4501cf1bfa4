"""Rule sets side by side: what each did at each step, and where they first part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from mremapdsl.program import Expect
from mremapdsl.record import ExpectationRecord, ScenarioRecord, StepRecord
from mremapdsl.report.code import highlighted
from mremapdsl.report.html import Html, badge, el, join
from mremapdsl.report.steps import SIGNS, step_id
from mremapdsl.trace.words import anon_vma_lines, expect_words, loop_words, range_words, run_words, vma_words

MOST_LINES = 4
"""Lines about what is different where rule sets part."""
MOST = 60
"""Rows of a table in which all steps are listed; longer scenarios show those in which rule sets differ."""


class Row(NamedTuple):
    """A statement and what each rule set made of it."""

    head: Html
    cells: tuple[Html, ...]
    kinds: tuple[int, ...]
    """By rule set: which of the different outcomes it had, the first one being 0."""
    step: int
    """The step that it is, or that it follows."""
    is_step: bool

    @property
    def same(self) -> bool:
        return not any(self.kinds)


def first_difference(records: Sequence[ScenarioRecord]) -> int | None:
    """The number of the first step at which not all rule sets do the same; None if they all do."""
    most = max((len(record.steps) for record in records), default=0)
    for i in range(most):
        seen = [essence(record.steps[i]) if i < len(record.steps) else None for record in records]
        if any(one != seen[0] for one in seen):
            return i + 1
    return None


def essence(step: StepRecord) -> tuple[object, ...]:
    """What makes a step the same under two rule sets."""
    verdict = step.verdict
    return step.result, verdict and (verdict.outcome, verdict.reason), step.state, step.breaches


def comparison(records: Sequence[ScenarioRecord], keys: Sequence[str]) -> Html:
    """The table; nothing for a scenario that ran once."""
    if len(records) < 2:
        return Html()
    branches = any(record.exhaustive for record in records)
    first = None if branches else first_difference(records)
    found = expectation_rows(records) if branches else rows(records, keys)
    parted = [row for row in found if not row.same]
    shown = found if len(found) <= MOST else parted[:MOST]
    every = "Both rule sets" if len(records) == 2 else f"All {len(records)} rule sets"
    where = "over all runs" if branches else "at every step"
    if first is None and not parted:
        said = f"{every} do the same {where}."
    elif branches:
        said = "The scenario branches: what is expected is judged over all runs."
    elif first is None:
        said = f"{every} do the same at every step; what is expected of them differs."
    else:
        said = f"They first part at step {first}."
    left_out = (
        f" The table shows where they differ ({len(shown)} of {len(found)} rows)." if len(shown) < len(found) else ""
    )
    if not parted:
        return el("p", said, class_="alike")
    table = table_of(records, keys, shown, first)
    return el("section", el("h2", "Rule sets side by side"), el("p", said, left_out), table, class_="compare")


def table_of(records: Sequence[ScenarioRecord], keys: Sequence[str], shown: Sequence[Row], first: int | None) -> Html:
    heads = [
        el("th", el("a", record.rules, href=f"#{step_id(key, first or 1)}"), " ", badge(record.outcome), scope="col")
        for record, key in zip(records, keys, strict=True)
    ]
    parting = next((row for row in shown if not row.same and (first is None or row.step >= first)), None)
    body = [table_row(row, records, here=row is parting) for row in shown]
    caption = el("caption", "What each statement did under each rule set", class_="unseen")
    table = el("table", caption, el("thead", el("tr", el("td", class_="corner"), *heads)), el("tbody", *body))
    return el("div", table, class_="scroll", tabindex="0", role="region", aria_label="Rule sets side by side")


def table_row(row: Row, records: Sequence[ScenarioRecord], *, here: bool) -> Html:
    """One statement; ``here`` says that it is the one at which rule sets part."""
    if row.same:
        return el("tr", el("th", row.head, scope="row"), el("td", row.cells[0], colspan=len(records), class_="same"))
    shown = explained(row, records) if here else row.cells
    cells = [el("td", cell, class_="other" if kind else None) for cell, kind in zip(shown, row.kinds, strict=True)]
    mark = el("span", "here they part", class_="parts") if here else ""
    return el("tr", el("th", row.head, mark, scope="row"), *cells, class_="parting" if here else None)


def explained(row: Row, records: Sequence[ScenarioRecord]) -> tuple[Html, ...]:
    """The cells of a step at which rule sets part, with what of their states is not common to all of them."""
    if not row.is_step:
        return row.cells
    states = [state_lines(r.steps[row.step - 1]) if row.step <= len(r.steps) else [] for r in records]
    common = {line for line in states[0] if all(line in state for state in states)}
    cells: list[Html] = []
    for cell, own in zip(row.cells, states, strict=True):
        lines = [el("li", line) for line in own if line not in common]
        cells.append(join([cell, el("ul", *lines[:MOST_LINES], class_="apart")]) if lines else cell)
    return tuple(cells)


def state_lines(step: StepRecord) -> list[str]:
    """A state in words: VMAs, pages, anon_vmas."""
    if step.state is None:
        return []
    many = len(step.state.processes) > 1
    found: list[str] = []
    for name, memory in step.state.processes.items():
        said = f"{name}: " if many else ""
        found += [f"{said}VMA {vma_words(vma)}" for vma in memory.vmas]
        found += [f"{said}{range_words(run.page, run.count)}: {run_words(run)}" for run in memory.pages]
    return found + list(anon_vma_lines((name, None, view) for name, view in step.state.anon_vmas.items()))


# --- rows ----------------------------------------------------------------------------------------------------------


def rows(records: Sequence[ScenarioRecord], keys: Sequence[str]) -> list[Row]:
    """All steps and expectations in order; a rule set may have fewer of either."""
    longest = max(records, key=lambda record: len(record.steps))
    found: list[Row] = []
    judged = [by_statement(record) for record in records]
    statements = ordered(judged)
    for number in range(len(longest.steps) + 1):
        if number:
            found.append(step_row(records, keys, longest, number))
        found += [expectation_row(statement, judged, number) for statement in statements if statement[0] == number]
    return found


Statement: TypeAlias = "tuple[int, Expect]"
"""How many steps had run, and what was expected."""


def kinds(things: Sequence[object]) -> tuple[int, ...]:
    """A number for each thing, the same for equal ones."""
    seen: list[object] = []
    for thing in things:
        if thing not in seen:
            seen.append(thing)
    return tuple(seen.index(thing) for thing in things)


def by_statement(record: ScenarioRecord) -> dict[Statement, ExpectationRecord]:
    """What was expected; over all runs of a scenario that branches it stands behind no step."""
    return {(0 if record.exhaustive else e.after, e.expect): e for e in record.expectations}


def ordered(judged: Sequence[dict[Statement, ExpectationRecord]]) -> list[Statement]:
    """Every expectation that some rule set was held to, in order."""
    every = dict.fromkeys(statement for found in judged for statement in found)
    return sorted(every, key=lambda statement: (statement[0], statement[1].line))


def expectation_rows(records: Sequence[ScenarioRecord]) -> list[Row]:
    """The expectations of a scenario that branches, where no two rule sets need show the same run."""
    judged = [by_statement(record) for record in records]
    return [expectation_row(statement, judged, 0, branches=True) for statement in ordered(judged)]


def step_row(records: Sequence[ScenarioRecord], keys: Sequence[str], longest: ScenarioRecord, number: int) -> Row:
    step = longest.steps[number - 1].step
    cells: list[Html] = []
    for record, key in zip(records, keys, strict=True):
        if number > len(record.steps):
            cells.append(el("span", "not reached", class_="quiet"))
        else:
            cells.append(el("a", said(record.steps[number - 1]), href=f"#{step_id(key, number)}", class_="did"))
    did = [essence(r.steps[number - 1]) if number <= len(r.steps) else None for r in records]
    head = join([el("span", str(number), class_="number"), " ", statement_code(step.text, step.loop)])
    return Row(head, tuple(cells), kinds(did), number, True)


def said(step: StepRecord) -> Html:
    """What a step did, in a few words."""
    verdict = step.verdict
    words = [step.result] if step.result != "ok" or verdict is None else []
    words += [verdict.outcome] if verdict is not None else []
    text = ", ".join(words)
    why = [" ", el("span", verdict.reason, class_="why")] if verdict and verdict.reason != verdict.outcome else []
    breaches = [" ", el("span", "breaks an invariant", class_="bad")] if step.breaches else []
    return join([text, *why, *breaches])


def expectation_row(
    statement: Statement, judged: Sequence[dict[Statement, ExpectationRecord]], number: int, *, branches: bool = False
) -> Row:
    cells: list[Html] = []
    for records in judged:
        record = records.get(statement)
        if record is None:
            cells.append(el("span", "not expected", class_="quiet"))
        else:
            sign, word, role = SIGNS[record.held]
            if branches:
                word += ": " + record.detail.partition("\n")[0]
            cells.append(el("span", el("span", sign, aria_hidden="true"), f" {word}", class_=role))
    head = statement_code(expect_words(statement[1]), statement[1].loop)
    return Row(head, tuple(cells), kinds(cells), number, False)


def statement_code(text: str, loop: Sequence[tuple[str, int]]) -> Html:
    words = loop_words(loop).strip()
    return join([el("code", highlighted(text), class_="hl"), el("span", f" {words}", class_="loop") if words else ""])
