"""Scenarios compared: every run of each, and what came out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from mremapdsl.backend import Unsupported
from mremapdsl.compare.comparer import Comparer, Difference
from mremapdsl.exhaustive import Plan, Rest
from mremapdsl.live.session import Session
from mremapdsl.model.rules import Rules
from mremapdsl.onkernel import choose, why_not
from mremapdsl.program import RuleChoice, Scenario, Step

MAX_RUNS = 1000
"""Of a scenario that branches."""


class Compared(NamedTuple):
    """One scenario, on the model and on the kernel."""

    file: str
    scenario: Scenario
    rules: str
    """Those of the model."""
    outcome: str
    """agree, differ, skipped or error (what the model does not know)."""
    reason: str
    """Why it was skipped or is an error."""
    reason_line: int
    runs: int
    """How many runs of it were compared."""
    steps: tuple[Step, ...]
    """Those up to the difference."""
    difference: Difference | None


def compare_scenario(
    file: str,
    scenario: Scenario,
    session: Session,
    own: Sequence[RuleChoice],
    rules: Mapping[RuleChoice, Rules],
    aliases: Mapping[str, str],
) -> Compared:
    """Compare every run of a scenario up to the first difference.

    ``own`` are the rules that the running kernel follows; ``rules`` are these, ready for the model.  The states in a
    difference are valid until the next comparison.
    """
    choice = choose(scenario, own, aliases)
    if choice is None:
        return Compared(file, scenario, str(own[0]), "skipped", why_not(scenario, own), scenario.line, 0, (), None)
    comparer = Comparer(rules[choice], session)
    count, line = 0, scenario.line
    try:
        for steps in all_runs(scenario):
            line = steps[-1].line if steps else line
            found = comparer.compare((step.op for step in steps), named=bool(scenario.rules))
            count += 1
            if found is not None:
                upto = tuple(steps[: found.step + 1])
                return Compared(file, scenario, str(choice), "differ", "", upto[-1].line, count, upto, found)
    except Unsupported as unsupported:
        outcome = "skipped" if unsupported.skip else "error"
        return Compared(file, scenario, str(choice), outcome, str(unsupported), line, count, (), None)
    return Compared(file, scenario, str(choice), "agree", "", line, count, (), None)


def all_runs(scenario: Scenario) -> Iterator[list[Step]]:
    """The steps of each run. Raises Unsupported if there are too many, or something happens inside a step."""
    plan = Plan(scenario.body)
    left: list[tuple[Rest, list[Step]]] = [(plan.first, [])]
    count = 0
    while left:
        rest, steps = left.pop()
        for statement, after in reversed(list(plan.options(rest))):
            if statement is None:
                count += 1
                if count > MAX_RUNS:
                    raise Unsupported(f"the scenario has more than {MAX_RUNS} runs", skip=False)
                yield steps
            elif isinstance(statement, Step):
                if statement.during:
                    raise Unsupported("nothing can be made to happen inside a system call of a running kernel")
                left.append((after, [*steps, statement]))
            else:
                left.append((after, steps))
