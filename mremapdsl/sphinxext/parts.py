"""What a directive shows of runs, as nodes of a document that every builder can show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from docutils import nodes
from sphinx import addnodes

from mremapdsl.matrix import Cell, Matrix, cell, headings
from mremapdsl.matrix import caption as matrix_caption
from mremapdsl.model.reasons import REASONS
from mremapdsl.pictures.alt import statement
from mremapdsl.pictures.draw import NARROW, draw
from mremapdsl.pictures.scene import Scene, scenes
from mremapdsl.program import Program, Scenario
from mremapdsl.record import ScenarioRecord, StepRecord
from mremapdsl.report.scenario import extent
from mremapdsl.sphinxext.prose import inline
from mremapdsl.sphinxext.roles import name
from mremapdsl.trace.failures import failure_lines
from mremapdsl.trace.text import scenario_lines, step_lines

WIDTH = 720.0
"""Of pictures, in points."""
MOST_COLUMNS = 28
"""Of a cell of a table, where a document is set in columns."""


def code(text: str, language: str) -> nodes.literal_block:
    """A block of source or of a trace, coloured."""
    text = text.strip("\n")
    return nodes.literal_block(text, text, language=language)


def paragraph(*content: nodes.Node | str, role: str) -> nodes.paragraph:
    """A paragraph of a class of its own."""
    made = nodes.paragraph(classes=[role])
    made += [nodes.Text(part) if isinstance(part, str) else part for part in content]
    return made


# --- source ----------------------------------------------------------------------------------------------------------


def source(program: Program, scenarios: Sequence[Scenario], *, without_prose: bool) -> Iterator[nodes.Node]:
    """The file, or the part of it that holds each scenario; without the documentation that stands beside it."""
    text = program.text.replace("\r\n", "\n").removeprefix("\ufeff").split("\n")
    if len(scenarios) == len(program.scenarios):
        parts = [(1, len(text))]
    else:
        parts = [extent(program, scenario) for scenario in scenarios]
    heads = [scenario.line for scenario in scenarios]
    for first, last in parts:
        lines = text[first - 1 : last]
        yield code("\n".join(undocumented(lines, first, heads) if without_prose else lines), "mrs")


def undocumented(lines: Sequence[str], first: int, heads: Sequence[int]) -> Iterator[str]:
    """The lines (from number ``first`` on) without the documentation of the file and of scenarios."""
    pending: list[str] = []
    for number, line in enumerate(lines, first):
        if line.startswith("##"):
            pending.append(line)
            continue
        if pending and number not in heads and line.strip() and line.startswith((" ", "\t")):
            yield from pending
        pending = []
        yield line


# --- traces ----------------------------------------------------------------------------------------------------------


def trace(record: ScenarioRecord, steps: Sequence[int] | None, *, alone: bool) -> nodes.Node:
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


def pictures(record: ScenarioRecord, steps: Sequence[int] | None, prefix: str) -> Iterator[nodes.Node]:
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
            names: list[nodes.Node] = []
            for rule in rules:
                names += [nodes.Text(", ")] if names else []
                names += rules_name(rule)
            rows.append([*([title] if several else []), names, in_words(found), [nodes.Text(judged)]])
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


def rules_name(text: str) -> list[nodes.Node]:
    """A rule set with its overrides."""
    rule, sign, overrides = text.partition(" with ")
    return [name("mrs-rules", rule), *([nodes.Text(f"{sign}{overrides}")] if sign else [])]


def table(heads: Sequence[str], rows: Iterable[Sequence[Sequence[nodes.Node]]]) -> nodes.table:
    """A table of nodes."""
    head, body = nodes.thead(), nodes.tbody()
    head += table_row([[nodes.Text(text)] for text in heads])
    body += [table_row(row) for row in rows]
    columns = zip(*(row.children for row in (*head.children, *body.children)), strict=True)
    widths = [min(max(len(entry.astext()) for entry in column), MOST_COLUMNS) for column in columns]
    group = nodes.tgroup(cols=len(heads))
    group += [*(nodes.colspec(colwidth=width) for width in widths), head, body]
    made = nodes.table(classes=["mrs-outcomes", "colwidths-auto"])
    made += group
    return made


def table_row(cells: Sequence[Sequence[nodes.Node]]) -> nodes.row:
    """One row of it."""
    made = nodes.row()
    for content in cells:
        entry, text = nodes.entry(), nodes.paragraph()
        text += list(content)
        entry += text
        made += entry
    return made
