"""Running compiled scenarios on backends: each on a fresh machine, once under each of its rule sets."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from mremapdsl.backend import Backend, Unsupported
from mremapdsl.program import Program, RuleChoice, Scenario
from mremapdsl.record import ScenarioRecord
from mremapdsl.running import NO_ALIASES, Run

BackendFactory = Callable[[RuleChoice], Backend]
"""Makes a fresh machine; raises Unsupported when this machine cannot be had."""


def run_program(
    program: Program,
    make: BackendFactory,
    defaults: Sequence[RuleChoice],
    *,
    states: bool = False,
    aliases: Mapping[str, str] = NO_ALIASES,
) -> list[ScenarioRecord]:
    """Run every scenario under each of its rule sets (``defaults`` for those that name none)."""
    return [
        run_scenario(program.file, scenario, rules, make, states=states, aliases=aliases)
        for scenario in program.scenarios
        for rules in scenario.rules or defaults
    ]


def run_scenario(
    file: str,
    scenario: Scenario,
    rules: RuleChoice,
    make: BackendFactory,
    *,
    states: bool = False,
    aliases: Mapping[str, str] = NO_ALIASES,
) -> ScenarioRecord:
    """Run one scenario on a fresh machine.

    ``states`` keeps the state after every step in the record; ``aliases`` are other names of rule sets, for
    expectations that hold under some rules only.
    """
    started = time.perf_counter()
    run = Run(scenario, rules, states, aliases)
    try:
        backend = make(rules)
    except Unsupported as unsupported:
        outcome = "skipped" if unsupported.skip else "error"
        return run.finish(file, str(rules), outcome, str(unsupported), scenario.line, started)
    outcome, reason, line = "", "", 0
    try:
        run.begin(backend)
        if scenario.branches:
            from mremapdsl.exhaustive import every_run

            run = every_run(run, backend)
        else:
            run.body(backend)
    except Unsupported as unsupported:
        outcome = "skipped" if unsupported.skip else "error"
        reason, line = str(unsupported), run.line
    finally:
        backend.close()
    return run.finish(file, backend.rules, outcome, reason, line, started)
