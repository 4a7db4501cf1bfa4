"""One table of what scenarios come to under several rules: scenarios down, rules across."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from mremapdsl.ops import Mremap
from mremapdsl.program import Expect, LastMove, Not, Program, RuleChoice, Scenario, Violation
from mremapdsl.record import ScenarioRecord, StepRecord
from mremapdsl.trace.style import Style, paragraph

SCHEMA = "mremapdsl-matrix/1"
VIOLATION, PASSED = "violation", "passed"


class Cell(NamedTuple):
    """What a scenario came to under one choice of rules."""

    outcome: str
    """What the last mremap did (an errno if it failed), ``violation`` if any step broke an invariant, or the result of
    the step that ended the scenario; ``passed`` if there is nothing else to say."""
    reason: str
    """Why: the verdict's reason, or the invariant; empty if the outcome says it all."""
    line: int
    failed: tuple[int, str] | None
    """The first expectation that does not hold under these rules and is about something that the outcome does not tell:
    its line and text."""

    @property
    def words(self) -> tuple[str, str]:
        return self.outcome, self.reason


class Row(NamedTuple):
    file: str
    scenario: Scenario
    cells: tuple[Cell, ...]

    @property
    def differs(self) -> bool:
        """Whether the rules make a difference."""
        return len({cell.words for cell in self.cells}) > 1


class Matrix(NamedTuple):
    columns: tuple[RuleChoice, ...]
    rows: tuple[Row, ...]


def columns(rules: Iterable[RuleChoice], vary: Mapping[str, Sequence[str]]) -> tuple[RuleChoice, ...]:
    """Each of the rules with every combination of the alternatives; what is varied replaces what a rule overrides."""
    found: list[RuleChoice] = []
    for rule in rules:
        for values in product(*vary.values()):
            overrides = dict(rule.overrides) | dict(zip(vary, values, strict=True))
            found.append(RuleChoice(rule.name, tuple(overrides.items())))
    return tuple(dict.fromkeys(found))


Run = Callable[[str, Scenario, RuleChoice], ScenarioRecord]


def row(program: Program, scenario: Scenario, rules: Sequence[RuleChoice], run: Run) -> Row:
    """One scenario under each of the rules, whatever rules it names itself."""
    return Row(program.file, scenario, tuple(cell(run(program.file, scenario, choice)) for choice in rules))


def cell(record: ScenarioRecord) -> Cell:
    """What a run came to."""
    failed = first_failure(record)
    if record.outcome == "error" or (record.outcome == "skipped" and not record.steps):
        return Cell(record.outcome, "", record.reason_line, (record.reason_line, record.reason))
    if record.exhaustive is not None and record.exhaustive.broken is not None:
        line, invariant = record.exhaustive.broken
        return Cell(VIOLATION, invariant, line, failed)
    step = telling(record.steps)
    if step is None:
        return Cell("failed" if failed else PASSED, "", record.scenario.line, failed)
    if step.breaches:
        return Cell(VIOLATION, step.breaches[0].invariant, step.step.line, failed)
    reason = step.verdict.reason if step.verdict is not None else ""
    outcome = step.result if step.result != "ok" or step.verdict is None else step.verdict.outcome
    return Cell(outcome, reason if reason != outcome else "", step.step.line, failed)


def telling(steps: Sequence[StepRecord]) -> StepRecord | None:
    """The step that says what a scenario came to: the first that broke an invariant, else the one that ended the
    scenario before its time, else the last mremap."""
    broken = next((step for step in steps if step.breaches), None)
    if broken is not None:
        return broken
    ended = [step for step in steps if step.failure]
    moves = [step for step in steps if isinstance(step.step.op, Mremap)]
    found = ended or moves
    return found[-1] if found else None


def first_failure(record: ScenarioRecord) -> tuple[int, str] | None:
    """The first expectation that does not hold, apart from those that only say what a mremap did."""
    for found in record.expectations:
        if found.held is False and not about_outcome(found.expect):
            return found.expect.line, f"expect {found.expect.text}"
    return None


def about_outcome(expect: Expect) -> bool:
    predicate = expect.predicate
    while isinstance(predicate, Not):
        predicate = predicate.predicate
    return isinstance(predicate, LastMove | Violation)


# --- headings --------------------------------------------------------------------------------------------------


def common(choices: Sequence[RuleChoice]) -> tuple[str, list[str]]:
    """The rule set that all columns share (empty if they do not), and the overrides that all share."""
    first, others = choices[0], choices[1:]
    if not others:
        return "", []
    name = first.name if all(choice.name == first.name for choice in others) else ""
    shared = [given for given in first.overrides if all(given in choice.overrides for choice in others)]
    return name, [f"{key}={value}" for key, value in shared]


def headings(choices: Sequence[RuleChoice]) -> list[list[str]]:
    """What tells the columns apart, in lines."""
    name, shared = common(choices)
    found: list[list[str]] = []
    for choice in choices:
        own = [f"{key}={value}" for key, value in choice.overrides if f"{key}={value}" not in shared]
        found.append([*([] if name and own else [choice.name]), *own])
    return found


def caption(choices: Sequence[RuleChoice]) -> str:
    """What all columns share, in words; empty if there is nothing."""
    name, shared = common(choices)
    if not name and not shared:
        return ""
    return (f"rules {name}" if name else "all rules") + (f" with {', '.join(shared)}" if shared else "")


# --- text ------------------------------------------------------------------------------------------------------

GAP = "  "
LEAST, MOST = 20, 34
"""Columns of the scenarios' titles."""


def text(matrix: Matrix, style: Style) -> Iterator[str]:
    """The table for a terminal: cells in two lines, or with numbered reasons where that is too wide, in blocks where
    even that is."""
    if not matrix.rows:
        return
    sign = "✗" if style.unicode else "!"
    heads = headings(matrix.columns)
    longest = max(len(r.scenario.title) for r in matrix.rows) + len(GAP)
    numbers: dict[str, int] = {}
    shown = [[in_lines(c, sign) for c in r.cells] for r in matrix.rows]
    widths = widths_of(heads, shown)
    if room(style, widths) < min(LEAST, longest):
        shown = [[numbered(c, sign, numbers) for c in r.cells] for r in matrix.rows]
        widths = widths_of(heads, shown)
    titles = max(min(LEAST, longest), min(MOST, longest, room(style, widths)))
    about = caption(matrix.columns)
    if about:
        yield from (*paragraph(about, "", "    ", style.width), "")
    for number, (first, last) in enumerate(blocks(widths, style.width - titles)):
        yield from [""] * bool(number)
        yield from block(matrix, shown, (titles, widths), (first, last), style)
    failed = any(c.failed for r in matrix.rows for c in r.cells)
    if numbers or failed:
        yield ""
    for reason, number in numbers.items():
        yield f"{number:>4}  {reason}"
    if failed:
        yield f"   {sign}  an expectation about something else does not hold under these rules"


def room(style: Style, widths: Sequence[int]) -> int:
    """What the columns leave for the titles."""
    return style.width - sum(widths) - len(GAP) * len(widths)


def in_lines(c: Cell, sign: str) -> list[str]:
    first = f"{c.outcome} {sign}" if c.failed else c.outcome
    return [first, c.reason] if c.reason else [first]


def numbered(c: Cell, sign: str, numbers: dict[str, int]) -> list[str]:
    words = [c.outcome]
    if c.reason:
        words.append(str(numbers.setdefault(c.reason, len(numbers) + 1)))
    if c.failed:
        words.append(sign)
    return [" ".join(words)]


def widths_of(heads: Sequence[Sequence[str]], shown: Sequence[Sequence[Sequence[str]]]) -> list[int]:
    return [
        max(len(line) for lines in (head, *(cells[i] for cells in shown)) for line in lines)
        for i, head in enumerate(heads)
    ]


def blocks(widths: Sequence[int], space: int) -> Iterator[tuple[int, int]]:
    """Columns that fit beside the titles, at least one at a time."""
    first = 0
    while first < len(widths):
        last, used = first + 1, len(GAP) + widths[first]
        while last < len(widths) and used + len(GAP) + widths[last] <= space:
            used += len(GAP) + widths[last]
            last += 1
        yield first, last
        first = last


def block(
    matrix: Matrix,
    shown: Sequence[Sequence[Sequence[str]]],
    sizes: tuple[int, Sequence[int]],
    part: tuple[int, int],
    style: Style,
) -> Iterator[str]:
    """Some columns of the table."""
    titles, widths = sizes
    first, last = part
    heads = headings(matrix.columns)[first:last]
    for line in beside([""], heads, titles, widths[first:last]):
        yield style.paint("bold", line)
    file = ""
    for found, cells in zip(matrix.rows, shown, strict=True):
        if found.file != file:
            file = found.file
            yield style.paint("name", file)
        title = list(paragraph(found.scenario.title, GAP, GAP * 2, titles))
        yield from beside(title, cells[first:last], titles, widths[first:last])


def beside(left: Sequence[str], cells: Sequence[Sequence[str]], titles: int, widths: Sequence[int]) -> Iterator[str]:
    """A title and its cells, each of several lines."""
    for i in range(max(len(left), *(len(lines) for lines in cells))):
        line = (left[i] if i < len(left) else "").ljust(titles)
        for lines, width in zip(cells, widths, strict=True):
            line += GAP + (lines[i] if i < len(lines) else "").ljust(width)
        yield line.rstrip()


# --- Markdown and JSON -----------------------------------------------------------------------------------------


def markdown(matrix: Matrix) -> Iterator[str]:
    """The table for a document."""
    several = len({found.file for found in matrix.rows}) > 1
    about = caption(matrix.columns)
    if about:
        yield f"{about[0].upper()}{about[1:]}:"
        yield ""
    yield "| scenario | " + " | ".join(", ".join(head) for head in headings(matrix.columns)) + " |"
    yield "|---" * (len(matrix.columns) + 1) + "|"
    for found in matrix.rows:
        stem, title = found.file.rpartition("/")[2].removesuffix(".mrs"), found.scenario.title
        if several and title != stem:
            title = f"{stem}: {title}"
        yield "| " + " | ".join([escaped(title), *map(in_markdown, found.cells)]) + " |"


def in_markdown(c: Cell) -> str:
    outcome = f"**{c.outcome}**" if c.outcome == VIOLATION else c.outcome
    return escaped(f"{outcome}: {c.reason}" if c.reason else outcome) + (" ✗" if c.failed else "")


def escaped(words: str) -> str:
    return words.replace("\\", "\\\\").replace("|", "\\|")


def plain(matrix: Matrix) -> dict[str, object]:
    """The table as data for JSON."""
    return {
        "schema": SCHEMA,
        "rules": [str(choice) for choice in matrix.columns],
        "rows": [
            {
                "file": found.file,
                "scenario": found.scenario.title,
                "line": found.scenario.line,
                "differs": found.differs,
                "cells": [
                    {
                        "outcome": c.outcome,
                        "reason": c.reason,
                        "line": c.line,
                        "failed": None if c.failed is None else {"line": c.failed[0], "text": c.failed[1]},
                    }
                    for c in found.cells
                ],
            }
            for found in matrix.rows
        ],
    }
