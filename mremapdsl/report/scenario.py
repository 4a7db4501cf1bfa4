"""The page of one scenario, and that of a file with several."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mremapdsl.program import Program, Scenario
from mremapdsl.record import ScenarioRecord
from mremapdsl.report import code
from mremapdsl.report.compare import comparison
from mremapdsl.report.html import EMPTY, OUTCOMES, Html, badge, el, page
from mremapdsl.report.prose import inline, prose, titled
from mremapdsl.report.steps import run_section, step_id


class Part(NamedTuple):
    """A scenario of a file with its runs and where its page goes."""

    scenario: Scenario
    records: tuple[ScenarioRecord, ...]
    address: str
    """Of its page, from the root of the site."""


def outcome_of(records: Sequence[ScenarioRecord]) -> str:
    """The worst outcome of several runs."""
    seen = {record.outcome for record in records}
    return next((outcome for outcome in ("error", "failed", "passed", "skipped") if outcome in seen), "skipped")


def keys(records: Sequence[ScenarioRecord]) -> list[str]:
    """What begins the ids of the steps of each run: nothing for a single one, else its rules."""
    if len(records) < 2:
        return [""] * len(records)
    found: list[str] = []
    for record in records:
        name = re.sub(r"[^A-Za-z0-9._]+", "-", record.rules).strip("-")
        number = sum(key == f"{name}-" or key.startswith(f"{name}--") for key in found)
        found.append(f"{name}--{number + 1}-" if number else f"{name}-")
    return found


# --- a scenario ----------------------------------------------------------------------------------------------------


def scenario_page(program: Program, part: Part, crumbs: Sequence[tuple[str, str]], root: str) -> str:
    """The whole page."""
    scenario, records = part.scenario, part.records
    own = keys(records)
    title, doc = shown_title(scenario), titled(scenario.doc)[1]
    ends = [el("li", el("a", record.rules, href=f"#{first_failure(record, key)}"), " ", badge(record.outcome))
            for record, key in zip(records, own, strict=True)]  # fmt: skip
    source = scenario_source(program, scenario, records, own)
    runs = [run_section(record, key) for record, key in zip(records, own, strict=True)]
    several = len(program.scenarios) > 1
    content = [
        el("h1", inline(title)),
        el("p", el("code", f"{program.file}:{scenario.line}"), class_="file"),
        el("ul", *ends, class_="outcomes", aria_label="Outcomes"),
        el("div", prose(doc), class_="prose") if doc else EMPTY,
        about(program) if several and program.doc else EMPTY,
        comparison(records, own),
        el("div", source, el("div", *runs, class_="runs"), class_="sides"),
    ]
    text = f"{plain(title)} – mremapdsl"
    return page(text, [*crumbs, (plain(title), "")], Html("".join(content)), root=root, kind="scenario")


def about(program: Program) -> Html:
    """The documentation of the file around a scenario."""
    title, doc = titled(program.doc)
    name = inline(title) if title else el("code", program.file)
    return el("details", el("summary", "About the file: ", name), el("div", prose(doc), class_="prose"), class_="about")


def shown_title(scenario: Scenario) -> str:
    """The title, as Markdown: that of the documentation if there is one."""
    return titled(scenario.doc)[0] or scenario.title.replace("`", "\\`").replace("*", "\\*").replace("_", "\\_")


def plain(markdown: str) -> str:
    """A line of Markdown without its marks."""
    return re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)[`*]", "", markdown))


def first_failure(record: ScenarioRecord, key: str) -> str:
    """The step to look at first: the first that failed, or the last one of a run that failed behind it."""
    failed = [i for i, step in enumerate(record.steps, 1) if step.failure]
    if record.exhaustive is None:
        failed += [max(e.after, 1) for e in record.expectations if e.held is False]
    ended = record.outcome in ("failed", "error")
    return step_id(key, min(failed, default=max(len(record.steps), 1) if ended else 1))


# --- source --------------------------------------------------------------------------------------------------------


def scenario_source(
    program: Program, scenario: Scenario, records: Sequence[ScenarioRecord], own: Sequence[str]
) -> Html:
    """The scenario's own part of the file, its lines leading to their steps."""
    first, last = extent(program, scenario)
    steps: dict[int, str] = {}
    for record, key in zip(records, own, strict=True):
        for number, step in enumerate(record.steps, 1):
            steps.setdefault(step.step.line, step_id(key, number))
    signs: dict[int, str] = {}
    for record in records:
        for e in record.expectations:
            sign = "bad" if e.held is False else "good" if e.held else "unsure"
            signs[e.expect.line] = "bad" if "bad" in (sign, signs.get(e.expect.line)) else sign
        for step in record.steps:
            if step.failure:
                signs[step.step.line] = "bad"
        if record.outcome == "error":
            signs[record.reason_line] = "error"
    listing = source(program.text, first, last, steps, signs)
    return el("details", el("summary", "Source"), listing, class_="source", open=True)


def extent(program: Program, scenario: Scenario) -> tuple[int, int]:
    """The first and last line of a scenario, its documentation included."""
    text = program.text.split("\n")
    starts = [leading(text, other.line) for other in program.scenarios]
    if len(starts) < 2:
        return 1, len(text)
    first = leading(text, scenario.line)
    return first, min([start - 1 for start in starts if start > first], default=len(text))


def leading(text: Sequence[str], line: int) -> int:
    """The first of the comment lines that stand right before a line."""
    while line > 1 and text[line - 2].lstrip().startswith("#"):
        line -= 1
    return line


def source(text: str, first: int, last: int, steps: dict[int, str], signs: dict[int, str]) -> Html:
    """Lines [first, last] of a file with anchors."""
    lines = list(code.lines(text)[first - 1 : last])
    while lines and not lines[-1].strip():
        lines.pop()
    marks = {"good": ("✓", "held"), "bad": ("✗", "failed"), "unsure": ("?", "not observable")}
    marks["error"] = OUTCOMES["error"]
    rows: list[Html] = []
    for number, line in enumerate(lines, first):
        sign, word = marks.get(signs.get(number, ""), ("", ""))
        link = el("a", str(number), href=f"#{steps.get(number, f'L{number}')}", class_="ln",
                  title=f"Go to the first step of line {number}" if number in steps else None,
                  tabindex=None if number in steps else -1)  # fmt: skip
        mark = el("span", sign, class_=f"mark {signs.get(number, '')}".rstrip(), title=word or None)
        rows.append(el("span", link, mark, el("span", line or Html(" "), class_="lc"), id=f"L{number}", class_="line"))
    return el("pre", el("code", *rows), class_="hl listing", tabindex="0", role="region", aria_label="Source")


# --- a file with several -------------------------------------------------------------------------------------------


def file_page(program: Program, parts: Sequence[Part], crumbs: Sequence[tuple[str, str]], root: str, base: str) -> str:
    """A file's documentation, its scenarios, and its whole source."""
    title, doc = titled(program.doc)
    title = title or program.file
    items = [
        el("li", el("a", inline(shown_title(part.scenario)), href=part.address.removeprefix(base)), " ",
           *counted(part.records))
        for part in parts
    ]  # fmt: skip
    content = [
        el("h1", inline(title)),
        el("p", el("code", program.file), class_="file"),
        el("div", prose(doc), class_="prose") if doc else EMPTY,
        el("h2", "Scenarios"),
        el("ol", *items),
        el("h2", "Source"),
        source(program.text, 1, program.text.count("\n") + 1, {}, {}),
    ]
    trail = [*crumbs, (plain(title), "")]
    return page(f"{plain(title)} – mremapdsl", trail, Html("".join(content)), root=root, kind="file")


def counted(records: Sequence[ScenarioRecord]) -> Iterator[Html]:
    """How many runs had which outcome."""
    seen = Counter(record.outcome for record in records)
    for outcome, (_, word) in OUTCOMES.items():
        if seen[outcome]:
            yield badge(outcome, word if len(records) == 1 else f"{seen[outcome]} {word}")
            yield Html(" ")
