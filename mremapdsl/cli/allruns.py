"""What is said of a scenario that branches: how many runs it has, and the shortest one that fails."""

from __future__ import annotations

from collections.abc import Iterator
from math import log10

from mremapdsl.record import ScenarioRecord
from mremapdsl.trace.style import Style, paragraph

MANY = 10**9
"""Runs that are not counted out."""


def run_lines(record: ScenarioRecord, style: Style) -> Iterator[str]:
    """Runs and states; for a failure also its shortest run, as a scenario that can be pasted into a file."""
    found = record.exhaustive
    if found is None:
        return
    runs = f"{found.runs:,}" if found.runs < MANY else f"more than 10^{int(log10(found.runs))}"
    yield f"    {runs} run(s), {found.states:,} distinct state(s)"
    if record.outcome == "failed":
        yield "    the shortest run that fails, as a scenario:"
        yield ""
        yield from (f"        {line}".rstrip() for line in plain_scenario(record, style))
        yield ""


def plain_scenario(record: ScenarioRecord, style: Style) -> Iterator[str]:
    """The run that the record shows, without branches."""
    from mremapdsl.api import parse_rules
    from mremapdsl.predicatetext import Unsayable
    from mremapdsl.statements import scenario_text

    assert record.exhaustive is not None
    try:
        text = scenario_text(record.exhaustive.body, parse_rules(record.rules), names=record.scenario.places)
    except Unsayable as unsayable:
        text = "\n".join(paragraph(f"# it cannot be written down: {unsayable}", "", "#     ", style.width - 8))
    yield from text.splitlines()
