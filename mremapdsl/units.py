"""The units of a run: one scenario under one rule set each, and the recorded trace of a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from mremapdsl import api
from mremapdsl.output.results import Finding, Result
from mremapdsl.program import Program, RuleChoice, Scenario
from mremapdsl.record import ScenarioRecord
from mremapdsl.runner import run_scenario


class Unit(NamedTuple):
    """What one run takes."""

    program: Program
    scenario: Scenario
    rules: RuleChoice
    traced: bool
    """Its trace is recorded."""


class How(NamedTuple):
    """What is wanted of every run."""

    states: bool
    reported: bool
    """Failures are wanted one by one, for reports."""
    render: Callable[[ScenarioRecord], str]
    """What is printed."""


def units(program: Program, defaults: Sequence[RuleChoice], *, traced: bool) -> Iterator[Unit]:
    """Every scenario under each of its rule sets, one after the other."""
    for scenario in program.scenarios:
        for rules in scenario.rules or defaults:
            yield Unit(program, scenario, rules, traced)


def run_unit(unit: Unit, how: How) -> Result:
    """Run a scenario and keep what is asked for."""
    program, scenario, rules, traced = unit
    states = how.states or traced
    record = run_scenario(program.file, scenario, rules, api.backend, states=states, aliases=api.aliases())
    found: tuple[Finding, ...] = ()
    if how.reported and record.outcome in ("failed", "error"):
        from mremapdsl.output.findings import findings

        found = tuple(findings(record, program.text))
    trace = ""
    if traced:
        from mremapdsl.recorded import part

        trace = part(record)
    shown = how.render(record)
    return Result(
        scenario.title, scenario.line, record.rules, record.outcome, record.reason, record.seconds, found, shown, trace
    )


def recorded_result(program: Program, path: str, results: Sequence[Result]) -> tuple[Result, list[str]]:
    """The recorded trace of a file held against a run of all its scenarios, and the lines that tell of a difference.

    Raises OSError.
    """
    from mremapdsl.recorded import mismatch

    title = os.path.basename(path)
    told = mismatch(program, path, (result.trace for result in results))
    if not told:
        return Result(title, 1, "", "passed", "", 0.0, (), "", ""), []
    message = "the trace is not the recorded one"
    finding = Finding("trace", 1, 0, 0, message, "\n".join([f"{path}: {message}", *told]))
    return Result(title, 1, "", "failed", "", 0.0, (finding,), "", ""), told
