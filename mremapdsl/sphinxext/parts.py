"""What a directive shows of runs, as nodes of a document that every builder can show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple, TypeAlias

from docutils import nodes
from sphinx import addnodes

from mremapdsl.lang.docs import blocks
from mremapdsl.matrix import Cell, Matrix, cell, headings
from mremapdsl.matrix import caption as matrix_caption
from mremapdsl.model.reasons import REASONS
from mremapdsl.pictures.alt import statement
from mremapdsl.pictures.draw import NARROW, draw
from mremapdsl.pictures.scene import Scene, scenes
from mremapdsl.program import Program, Scenario
from mremapdsl.record import ScenarioRecord, StepRecord
from mremapdsl.report.compare import essence
from mremapdsl.report.scenario import extent
from mremapdsl.sphinxext.prose import inline
from mremapdsl.sphinxext.roles import name
from mremapdsl.trace.failures import failure_lines
from mremapdsl.trace.text import scenario_lines, step_lines

Steps: TypeAlias = "Sequence[int] | None"
"""Numbers of steps; None for all."""
WIDTH = 720.0
"""Of pictures, in points."""
MOST_COLUMNS = 28
"""Of a cell of a table, where a document is set in columns."""


def code(text: str, language: str) -> nodes.literal_block:
    """A block of source or of a trace, coloured."""
    text = text.strip("\n")
    return nodes.literal_block(text, text, language=language, force=True)


def paragraph(*content: nodes.Node | str, role: str) -> nodes.paragraph:
    """A paragraph of a class of its own."""
    made = nodes.paragraph(classes=[role])
    made += [nodes.Text(part) if isinstance(part, str) else part for part in content]
    return made


# --- source ----------------------------------------------------------------------------------------------------------


def source(program: Program, scenario: Scenario | None, *, without_prose: bool) -> nodes.Node:
    """The file, or the part of it that holds a scenario; without the documentation that :func:`about` gives."""
    text = program.text.replace("\r\n", "\n").removeprefix("\ufeff")
    if scenario is not None:
        first, last = extent(program, scenario)
        text = "\n".join(text.split("\n")[first - 1 : last])
    return code(undocumented(text, about(program, scenario)) if without_prose else text, "mrs")


def about(program: Program, scenario: Scenario | None) -> str:
    """The documentation of a scenario, or of the file."""
    [*_, last] = program.scenarios
    return scenario.doc if scenario is not None else program.doc if len(program.scenarios) > 1 else last.doc


def undocumented(text: str, doc: str) -> str:
    """The text without the comments that are this documentation."""
    kept, at = "", 0
    for block in blocks(text):
        words = "\n".join(block.lines)
        if doc and doc.startswith(words):
            doc = doc[len(words) :].lstrip("\n")
            kept, at = kept + text[at : block.start], block.end
    return kept + text[at:]


# --- traces ----------------------------------------------------------------------------------------------------------


def trace(record: ScenarioRecord, steps: Steps, *, alone: bool) -> nodes.Node:
    """The trace of a run: of some steps only, or without its head if it is the only one."""
    if steps is not None:
        lines = [line for number in steps for line in ("", *step_lines(record, number))]
    else:
        lines = list(scenario_lines(record))
        if alone:
            lines = lines[lines.index("") :]
    return code("\n".join(lines), "mrs-trace")


def failures(record: ScenarioRecord) -> Iterator[nodes.Node]:
    """What failed in a run."""
    lines = list(failure_lines(record))
    if lines:
        yield code("\n".join(lines), "text")


# --- pictures --------------------------------------------------------------------------------------------------------


class Shown(NamedTuple):
    """Runs of a scenario that do the same in the steps to show."""

    record: ScenarioRecord
    """One of them."""
    steps: Steps
    rules: list[str]
    """Of all of them."""


def alike(runs: Iterable[tuple[ScenarioRecord, Steps]]) -> Iterator[Shown]:
    """The runs, those of a scenario that do the same in the steps to show taken together."""
    found: list[tuple[tuple[Scenario, list[object]], Shown]] = []
    for record, steps in runs:
        did: list[object] = [essence(s) for i, s in enumerate(record.steps, 1) if steps is None or i in steps]
        own = record.scenario, did
        same = next((shown for other, shown in found if other == own), None)
        if same is None:
            found.append((own, Shown(record, steps, [record.rules])))
        else:
            same.rules.append(record.rules)
    yield from (shown for _, shown in found)


def pictures(record: ScenarioRecord, steps: Steps, prefix: str) -> Iterator[nodes.Node]:
    """A picture of each step with its verdict below it; in documents that are no pages, what the trace says."""
    for scene in scenes(record):
        if steps is None or scene.number in steps:
            page = addnodes.only(expr="html")
            page += paragraph(nodes.literal(text=statement(scene)), role="mrs-step")
            page += picture(scene, record, prefix)
            page += list(verdict(scene.step))
            other = addnodes.only(expr="not html")
            other += code("\n".join(step_lines(record, scene.number)), "mrs-trace")
            yield from (page, other)


def picture(scene: Scene, record: ScenarioRecord, prefix: str) -> nodes.raw:
    """SVG, for wide and for narrow screens."""
    drawn = "".join(
        f'<div class="mrs-picture {kind}">'
        + draw(scene, record, width=width, embedded=True, prefix=f"{prefix}{kind[0]}{scene.number}")
        + "</div>"
        for kind, width in (("wide", WIDTH), ("narrow", NARROW))
    )
    return nodes.raw("", drawn, format="html")


def verdict(step: StepRecord) -> Iterator[nodes.Node]:
    """What the call did and why, and what it broke."""
    v = step.verdict
    if v is not None:
        said: list[nodes.Node | str] = [
            nodes.strong(text=v.outcome),
            ": ",
            *sentence(v.sentence),
            " (",
            why(v.reason),
            ", ",
        ]
        yield paragraph(*said, nodes.literal(text=v.function), ").", role="mrs-verdict")
    for breach in step.breaches:
        broken = name("mrs-invariant", breach.invariant)
        yield paragraph(
            nodes.strong(text="Invariant broken: "), broken, ": ", *sentence(breach.sentence), ".", role="mrs-breach"
        )


def sentence(text: str) -> list[nodes.Node]:
    """A sentence of the model's, with its source in backquotes."""
    return inline(text.replace("[", "\\["))


def why(reason: str) -> nodes.Node:
    """The name of a reason."""
    return name("mrs-reason", reason)


# --- tables ----------------------------------------------------------------------------------------------------------


def outcomes(records: Sequence[ScenarioRecord]) -> nodes.table:
    """What each scenario came to, rule sets that agree in one row."""
    rows: list[list[list[nodes.Node]]] = []
    several = len({record.scenario for record in records}) > 1
    for scenario, runs in groupby(records, key=lambda record: record.scenario):
        alike: dict[tuple[Cell, str], list[str]] = {}
        for record in runs:
            alike.setdefault((cell(record), held(record)), []).append(record.rules)
        for i, ((found, judged), rules) in enumerate(alike.items()):
            title = inline(scenario.title) if i == 0 else []
            rows.append([*([title] if several else []), rules_names(rules), in_words(found), [nodes.Text(judged)]])
    return table([*(["scenario"] if several else []), "rules", "outcome", "expectations"], rows)


def held(record: ScenarioRecord) -> str:
    """How many expectations held."""
    failed = sum(e.held is False for e in record.expectations)
    failed_steps = sum(bool(step.failure) for step in record.steps)
    total = len(record.expectations)
    words = [f"{failed} of {total} failed" if failed else f"{total} held" if total else "none"]
    return ", ".join([*words, "a step failed"] if failed_steps else words)


def compared(matrix: Matrix) -> nodes.table:
    """Scenarios down, rules across."""
    heads = [", ".join(lines) for lines in headings(matrix.columns)]
    rows = [[inline(row.scenario.title), *map(in_words, row.cells)] for row in matrix.rows]
    return table([matrix_caption(matrix.columns) or "scenario", *heads], rows)


def in_words(found: Cell) -> list[nodes.Node]:
    """What a scenario came to."""
    failed = found.failed is not None
    said: list[nodes.Node] = [nodes.Text(f"{found.outcome} ✗" if failed else found.outcome)]
    if found.reason:
        kind = "mrs-reason" if found.reason in REASONS else "mrs-invariant"
        said += [nodes.Text(": "), name(kind, found.reason)]
    return said


def rules_names(rules: Iterable[str]) -> list[nodes.Node]:
    """Rule sets, some with overrides."""
    names: list[nodes.Node] = []
    for text in rules:
        rule, sign, overrides = text.partition(" with ")
        names += [nodes.Text(", ")] if names else []
        names += [name("mrs-rules", rule), *([nodes.Text(f"{sign}{overrides}")] if sign else [])]
    return names


def table(heads: Sequence[str], rows: Iterable[Sequence[Sequence[nodes.Node]]]) -> nodes.table:
    """A table of nodes."""
    head, body = nodes.thead(), nodes.tbody()
    head += table_row([breakable(text) for text in heads])
    body += [table_row(row) for row in rows]
    columns = zip(*(row.children for row in (*head.children, *body.children)), strict=True)
    widths = [min(max(len(entry.astext()) for entry in column), MOST_COLUMNS) for column in columns]
    group = nodes.tgroup(cols=len(heads))
    group += [*(nodes.colspec(colwidth=width) for width in widths), head, body]
    made = nodes.table(classes=["mrs-outcomes", "colwidths-auto"])
    made += group
    return made


def breakable(text: str) -> list[nodes.Node]:
    """A heading that may break behind the ``=`` of an override, where a page is narrow."""
    first, *rest = text.split("=")
    found: list[nodes.Node] = [nodes.Text(first)]
    for part in rest:
        found += [nodes.Text("="), nodes.raw("", "<wbr>", format="html"), nodes.Text(part)]
    return found


def table_row(cells: Sequence[Sequence[nodes.Node]]) -> nodes.row:
    """One row of it."""
    made = nodes.row()
    for content in cells:
        entry, text = nodes.entry(), nodes.paragraph()
        text += list(content)
        entry += text
        made += entry
    return made
