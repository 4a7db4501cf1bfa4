"""The steps of one run as HTML: what was called, what came of it and why, the picture, what was expected then."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from mremapdsl.layout import cased
from mremapdsl.pictures.draw import NARROW, draw
from mremapdsl.pictures.scene import Scene, scenes
from mremapdsl.record import ExpectationRecord, ScenarioRecord, ShowRecord, StepRecord
from mremapdsl.report.code import highlighted
from mremapdsl.report.html import EMPTY, Html, badge, el, hidden, join
from mremapdsl.report.prose import prose, sentence
from mremapdsl.trace.changes import ProcessChange
from mremapdsl.trace.identity import Known
from mremapdsl.trace.words import (
    anon_vma_lines,
    expect_words,
    loop_words,
    page_change_words,
    place_name,
    range_words,
    run_words,
    vma_change_words,
    vma_words,
)

WIDTH = 776.0
"""Points of a picture for wide screens: what there is beside the source on a screen of 1280."""
MANY_STEPS = 400
"""From so many steps on there is one picture a step, not one for narrow screens too."""
MOST = 12
"""Changes of a kind that are put into words."""
MOST_LINES = 40
"""Lines of a state that are shown."""
LAYOUT = re.compile('(expected|have) +"')
"""Lines about layouts, which compare column by column."""
SIGNS = {True: ("✓", "held", "good"), False: ("✗", "failed", "bad"), None: ("?", "not observable", "unsure")}


def run_section(record: ScenarioRecord, key: str) -> Html:
    """All steps of a scenario under one rule set. ``key`` begins the ids of the steps."""
    after: dict[int, list[ExpectationRecord | ShowRecord]] = {}
    branches = record.exhaustive is not None
    items: list[ExpectationRecord | ShowRecord] = [*(() if branches else record.expectations), *record.shows]
    for item in sorted(items, key=line_of):
        after.setdefault(item.after, []).append(item)
    title = el("h2", "Steps under ", el("span", record.rules, class_="rules"), " ", badge(record.outcome))
    first = after.get(0, [])
    opening = el("div", *map(checked, first), class_="opening") if first else EMPTY
    drawn = {scene.number: scene for scene in scenes(record)}
    steps = (
        step_article(record, drawn.get(number), number, key, after.get(number, []))
        for number in range(1, len(record.steps) + 1)
    )
    return el(
        "section", title, reason(record), over_all_runs(record), opening, *steps, class_="run",
        id=f"{key}run", data_rules=record.rules,
        aria_label=f"Steps under {record.rules}",
    )  # fmt: skip


def over_all_runs(record: ScenarioRecord) -> Html:
    """Of a scenario that branches: how many runs there are, what was expected of all of them, which one follows."""
    found = record.exhaustive
    if found is None:
        return EMPTY
    said = f"The scenario branches: {counted(found.runs, 'run')}, {counted(found.states, 'distinct state')}."
    which = "the shortest run that fails" if record.outcome == "failed" else "one run"
    expected = sorted(record.expectations, key=lambda item: item.expect.line)
    heading = [el("h3", "Expected over all runs"), *map(checked, expected)] if expected else []
    return el("div", el("p", said), *heading, el("p", f"The steps are those of {which}."), class_="branching")


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def line_of(item: ExpectationRecord | ShowRecord) -> tuple[int, int]:
    return item.after, item.expect.line if isinstance(item, ExpectationRecord) else item.line


def reason(record: ScenarioRecord) -> Html:
    """Why a scenario is an error or was skipped."""
    return el("p", sentence(f"line {record.reason_line}: {record.reason}"), class_="reason") if record.reason else EMPTY


def step_id(key: str, number: int) -> str:
    return f"{key}step-{number}"


def step_article(
    record: ScenarioRecord, scene: Scene | None, number: int, key: str, items: Sequence[ExpectationRecord | ShowRecord]
) -> Html:
    """One step. Its content is for the script to fill in when it is wanted, and for all who run none."""
    step = record.steps[number - 1]
    failed = bool(step.failure) or any(isinstance(i, ExpectationRecord) and i.held is False for i in items)
    parts = [heading(record, step, number, step_id(key, number)), verdict(step), failures(step)]
    if scene is not None:
        parts.append(figures(scene, record, key))
    parts.append(notes(step))
    if scene is not None:
        parts.append(changes(scene))
    parts.append(join(map(checked, items)))
    label = f"{prefix(record, step)}{step.step.text} = {step.result}"
    return el(
        "article", el("noscript", *parts), class_="step failed" if failed else "step", id=step_id(key, number),
        data_line=step.step.line, data_label=f"{label}, {step.verdict.outcome}" if step.verdict else label,
    )  # fmt: skip


def prefix(record: ScenarioRecord, step: StepRecord) -> str:
    """Who acts, where that is not clear."""
    alone = step.process == "parent" and len(step.state.processes if step.state else ()) <= 1
    return "" if alone else f"{step.process}: "


def heading(record: ScenarioRecord, step: StepRecord, number: int, own: str) -> Html:
    """The documentation of a step, and the step as written with its result."""
    role = "bad" if step.failure else "good" if step.result == "ok" else "unsure"
    loop = loop_words(step.step.loop).strip()
    return join([
        el("div", prose(step.step.doc), class_="prose") if step.step.doc else EMPTY,
        el(
            "h3",
            el("a", hidden("Step "), str(number), href=f"#{own}", class_="number"),
            " ",
            el("code", highlighted(prefix(record, step) + step.step.text), class_="hl"),
            el("span", f" {loop}", class_="loop") if loop else EMPTY,
            " ",
            el("span", "= ", el("strong", step.result), class_=f"result {role}"),
            " ",
            el("a", f"line {step.step.line}", href=f"#L{step.step.line}", class_="where"),
        ),
    ])  # fmt: skip


def verdict(step: StepRecord) -> Html:
    """What the call did and why, in a sentence."""
    v = step.verdict
    if v is None:
        return EMPTY
    return el("p", el("strong", v.outcome), " ", *decision(v.reason, v.sentence, v.function), class_="verdict")


def notes(step: StepRecord) -> Html:
    """Each decision on the way."""
    if step.verdict is None or not step.verdict.notes:
        return EMPTY
    items = [el("li", *decision(*note)) for note in step.verdict.notes]
    return join([el("p", "On the way:", class_="lead"), el("ul", *items, class_="notes")])


def decision(reason: str, words: str, function: str) -> tuple[str, ...]:
    """A verdict or a note: its name, its sentence, the kernel's function."""
    return el("span", reason, class_="why"), " ", sentence(words), " ", el("code", function, class_="function")


def failures(step: StepRecord) -> Html:
    """What failed in a call, and the invariants that it broke."""
    role, documented = ("bad", "") if step.failure else ("unsure", " (as documented)")
    said = [
        el("p", el("strong", f"Invariant broken: {breach.invariant}{documented}"), " ", sentence(breach.sentence),
           class_=f"breach {role}")
        for breach in step.breaches
    ]  # fmt: skip
    if step.failure and not step.breaches:
        said.append(el("p", el("strong", "Failed:"), " ", sentence(step.failure), class_="breach bad"))
    return join(said)


def figures(scene: Scene, record: ScenarioRecord, key: str) -> Html:
    """The picture, for wide and for narrow screens."""
    widths = (("wide", WIDTH), ("narrow", NARROW)) if len(record.steps) < MANY_STEPS else (("only", WIDTH),)
    return join(
        el("div", Html(draw(scene, record, width=width, embedded=True, prefix=f"{key}{name[0]}{scene.number}")),
           class_=f"picture {name}")
        for name, width in widths
    )  # fmt: skip


# --- what changed, in words --------------------------------------------------------------------------------------


def changes(scene: Scene) -> Html:
    """The changes of a step as a list."""
    lines: list[str] = []
    many = len(scene.panels) > 1
    for process in scene.change.processes:
        said = f"{process.process}: " if many else ""
        lines += [said + line for line in process_lines(process, scene)]
    lines += limited(list(anon_vma_lines(scene.change.anon_vmas)))
    if not lines:
        return el("p", "Nothing changed.", class_="unchanged")
    items = [el("li", line) for line in lines]
    return el("details", el("summary", f"What changed, in words ({len(items)})"), el("ul", *items), class_="changes")


def process_lines(change: ProcessChange, scene: Scene) -> Iterator[str]:
    """The changed VMAs and pages of a process."""
    if change.gone:
        yield f"gone, with {len(change.before)} VMA(s)"
        return
    yield from limited([vma_line(old, new) for old, new in change.vmas])
    by = change.moved_by
    moved = [
        f"{range_words(run.page, run.count)} moved to {range_words(run.page + by, run.count)}: {run_words(run)}"
        for run in change.moved
    ]
    pages: list[str] = []
    for page in change.pages:
        name = place_name(scene.places, page.page, page.count)
        place = f" = {name}" if name else ""
        pages.append(f"{range_words(page.page, page.count)}{place}: {page_change_words(page)}")
    yield from limited(moved + pages)


def vma_line(old: Known | None, new: Known | None) -> str:
    """What became of a VMA."""
    if new is None:
        assert old is not None
        return f"{cased(old.letter, old.vma)} gone: [{old.vma.start},{old.vma.end})"
    letter = cased(new.letter, new.vma)
    return f"{letter} new: {vma_words(new.vma)}" if old is None else f"{letter} {vma_change_words(old.vma, new.vma)}"


def limited(lines: list[str]) -> list[str]:
    rest = len(lines) - MOST
    return [*lines[:MOST], f"and {rest} more"] if rest > 1 else lines


# --- what stands between steps -------------------------------------------------------------------------------------


def checked(item: ExpectationRecord | ShowRecord) -> Html:
    """An expectation as it was judged, or what ``show`` shows."""
    if isinstance(item, ShowRecord):
        text = el("pre", "\n".join(item.lines), tabindex="0")
        return el(
            "div", el("p", el("code", highlighted("show"), class_="hl"), " ", where(item.line)), text, class_="show"
        )
    expect = item.expect
    sign, word, role = SIGNS[item.held]
    loop = loop_words(expect.loop).strip()
    head = el(
        "p", el("span", sign, class_="sign", aria_hidden="true"), hidden(f"{word}: "),
        el("code", highlighted(expect_words(expect)), class_="hl"),
        el("span", f" {loop}", class_="loop") if loop else EMPTY, " ", where(expect.line),
    )  # fmt: skip
    detail = list(detail_of(item.detail))
    there = (
        [el("p", "There now:", class_="detail"), el("pre", "\n".join(item.shown), tabindex="0")] if item.shown else []
    )
    before = [el("div", prose(expect.doc), class_="prose")] if expect.doc else []
    return el("div", *before, head, *detail, *there, class_=f"expect {role}")


def detail_of(text: str) -> Iterator[Html]:
    """What an expectation found, a paragraph a line; layouts stand one below the other."""
    for is_layout, lines in groupby(filter(None, text.split("\n")), lambda line: LAYOUT.match(line) is not None):
        if is_layout:
            yield el("pre", "\n".join(lines), tabindex="0")
        else:
            yield from (el("p", sentence(line), class_="detail") for line in lines)


def listing(lines: Sequence[str]) -> Html:
    """Lines of a state; of very many the first ones."""
    rest = len(lines) - MOST_LINES
    shown = [*lines[:MOST_LINES], f"# and {rest} more"] if rest > 1 else lines
    return el("pre", "\n".join(shown), tabindex="0")


def where(line: int) -> Html:
    return el("a", f"line {line}", href=f"#L{line}", class_="where")
