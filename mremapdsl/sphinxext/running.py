"""Running what a document names: once for each text, however often it is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from mremapdsl import api
from mremapdsl.lang import Diagnostic, render
from mremapdsl.program import Program, RuleChoice, Scenario
from mremapdsl.record import ScenarioRecord
from mremapdsl.runner import run_scenario


class Unusable(Exception):
    """What a directive asks for cannot be had; the message says what."""


class Ran(NamedTuple):
    """A text and what came of it."""

    text: str
    program: Program | None
    diagnostics: tuple[Diagnostic, ...]
    """Errors only."""


@lru_cache(maxsize=64)
def compiled(content: bytes, name: str) -> Ran:
    """The text compiled; ``name`` is what traces and diagnostics call it."""
    found = api.compile_text(content, name)
    text = content.decode("utf-8", errors="replace").removeprefix("\ufeff").replace("\r\n", "\n")
    return Ran(text, found.program, tuple(d for d in found.diagnostics if d.severity == "error"))


@lru_cache(maxsize=256)
def _run(file: str, scenario: Scenario, rules: RuleChoice) -> ScenarioRecord:
    return run_scenario(file, scenario, rules, api.backend, states=True, aliases=api.aliases())


def records(program: Program, scenarios: Sequence[Scenario], rules: Sequence[RuleChoice]) -> tuple[ScenarioRecord, ...]:
    """These scenarios under each of their rules; ``rules`` are for those that name none."""
    return tuple(_run(program.file, scenario, choice) for scenario in scenarios for choice in scenario.rules or rules)


def under(file: str, scenario: Scenario, choice: RuleChoice) -> ScenarioRecord:
    """One scenario under given rules, whatever it names itself."""
    return _run(file, scenario, choice)


def chosen(program: Program, wanted: str) -> tuple[Scenario, ...]:
    """The scenarios that an option names, by number from 1 or by title; all if it names none.

    Raises Unusable.
    """
    if not wanted:
        return program.scenarios
    titles = [scenario.title for scenario in program.scenarios]
    if wanted.isdigit() and 0 < int(wanted) <= len(titles):
        return (program.scenarios[int(wanted) - 1],)
    if wanted in titles:
        return (program.scenarios[titles.index(wanted)],)
    raise Unusable(f"no scenario `{wanted}` in {program.file}; there are: {', '.join(titles)}")


def rule_choices(text: str) -> tuple[RuleChoice, ...]:
    """The rules that an option names; the default ones if it names none.

    Raises Unusable.
    """
    try:
        return api.parse_rules(text, file=":rules:") if text else (RuleChoice(api.DEFAULT_RULES),)
    except api.CompileError as error:
        raise Unusable(str(error)) from None


def rendered(ran: Ran) -> Iterator[str]:
    """What is wrong with a text, as a terminal shows it."""
    lines = ran.text.split("\n")
    for d in ran.diagnostics:
        yield render(d, lines[d.line - 1] if d.line <= len(lines) else "")


def failing_line(record: ScenarioRecord) -> int:
    """The line at which a run went wrong."""
    lines = [record.reason_line] if record.reason else []
    lines += [step.step.line for step in record.steps if step.failure]
    lines += [e.expect.line for e in record.expectations if e.held is False]
    return min(lines, default=record.scenario.line)
