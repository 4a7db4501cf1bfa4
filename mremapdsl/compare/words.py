"""A difference in words: the step, the model's reason, and both states in the language's own terms."""

from __future__ import annotations

from collections.abc import Iterator

from mremapdsl.backend import Observation, Unseen
from mremapdsl.compare.comparer import Difference
from mremapdsl.compare.scenarios import Compared
from mremapdsl.expectations import Context, describe
from mremapdsl.program import Place
from mremapdsl.steprefs import with_lines
from mremapdsl.trace.style import PLAIN, Style, paragraph
from mremapdsl.trace.text import verdict_lines
from mremapdsl.trace.words import loop_words

INDENT = "    "
MARGIN = 8
"""Pages around a difference whose VMAs are shown."""


def compared_lines(compared: Compared, style: Style = PLAIN) -> Iterator[str]:
    """What came out, below the line that names the scenario."""
    if compared.reason:
        yield from paragraph(f"{compared.file}:{compared.reason_line}: {compared.reason}", "", INDENT, style.width)
    found = compared.difference
    if found is None:
        return
    step = compared.steps[-1]
    prefix = "" if step.op.process == "parent" else f"{step.op.process}: "
    statement = style.paint("bold", f"{prefix}{step.text}")
    yield f"{compared.file}:{step.line}: {statement}{loop_words(step.loop)}"
    if found.verdict is not None:
        found = found._replace(verdict=with_lines(found.verdict, compared.steps))
    yield from difference_lines(found, compared.scenario.places, style)


def difference_lines(found: Difference, places: tuple[Place, ...] = (), style: Style = PLAIN) -> Iterator[str]:
    """A difference below the statement after which it shows."""
    where = f" of {found.process}" if found.process and found.page is None else ""
    if found.page is not None:
        where = f" at page {found.page} of {found.process}"
    what = f"the {found.what}{where}: {found.model} in the model, {found.kernel} in the kernel"
    yield from paragraph(what, INDENT, INDENT * 2, style.width)
    if found.verdict is not None:
        yield f"{INDENT}the model's reason:"
        yield from verdict_lines(found.verdict, INDENT * 2, style)
    for name, state in zip(("the model", "the kernel"), found.states, strict=True):
        yield f"{INDENT}{name} now:"
        yield from (f"{INDENT * 2}{line}" for line in state_lines(state, found, places))


def state_lines(state: Observation, found: Difference, places: tuple[Place, ...]) -> Iterator[str]:
    """The state around a difference: VMAs as a layout and a line each, and the page it is about."""
    context = Context(state, (), None, None, places)
    processes = [found.process] if found.process else list(state.processes())
    page = found.page
    for process in processes:
        try:
            yield from context.show(process, *(() if page is None else (page - MARGIN, page + MARGIN)))
            if page is not None:
                yield f"page {page} ({context.name(page, 1)}): {describe(state.page(process, page))}"
        except Unseen as unseen:
            yield str(unseen)
