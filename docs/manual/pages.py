"""Pages of examples: one for each file, written beside the hand-written ones before Sphinx looks for pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx

from manual.examples import Example, examples, label, last_move, runs
from manual.rst import heading, inline
from mremapdsl.program import Scenario
from mremapdsl.report.scenario import shown_title

TOUR = ("review", "observed")
"""Folders whose pages show a picture of what each scenario leads to."""


def write(app: Sphinx) -> None:
    """An event of Sphinx: write the pages that are not there as they should be, and remove others."""
    folder = Path(app.srcdir) / "_generated"
    wanted = {folder / f"{example.topic}/{example.path.stem}.rst": page(example) for example in examples()}
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in {*folder.rglob("*.rst")} - wanted.keys():
        path.unlink()


def page(example: Example) -> str:
    """The page of a file."""
    return "".join(parts(example))


def parts(example: Example) -> Iterator[str]:
    """Its title, its prose with a table of outcomes, then each scenario."""
    scenarios = example.program.scenarios
    yield heading(inline(example.title), "=")
    if len(scenarios) == 1:
        yield f".. _{label(example, 1)}:\n\n"
        yield directive(example, 1, "prose, source, table" + (", picture" if move(example, scenarios[0]) else ""))
        return
    yield f".. mrs:: {example.source}\n   :show: prose, table\n\n"
    for number, scenario in enumerate(scenarios, 1):
        yield f".. _{label(example, number)}:\n\n"
        yield heading(inline(shown_title(scenario)), "-")
        yield directive(example, number, "prose, source" + (", picture" if move(example, scenario) else ""))


def directive(example: Example, number: int, show: str) -> str:
    """What runs and shows one scenario."""
    text = f".. mrs:: {example.source}\n   :scenario: {number}\n   :show: {show}\n"
    if "picture" in show:
        text += f"   :step: {move(example, example.program.scenarios[number - 1])}\n"
    return f"{text}\n"


def move(example: Example, scenario: Scenario) -> int | None:
    """The last mremap of a scenario of the tour; None if there is none, or if its number depends on the rules."""
    found = {last_move(record) for record in runs(example, scenario)} if example.topic in TOUR else set()
    return found.pop() if len(found) == 1 else None
