"""Scenarios on the running kernel: which are for it, and which of their expectations it cannot answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mremapdsl.backend import Unsupported
from mremapdsl.live.backend import LiveBackend
from mremapdsl.live.probe import release
from mremapdsl.live.session import Session
from mremapdsl.program import Expect, RuleChoice, Scenario, Step, Violation
from mremapdsl.record import ExpectationRecord, ScenarioRecord
from mremapdsl.runner import run_scenario

UNCHECKED = "not observable here: whether the reverse map is complete shows only with --deep"


def kernel_name() -> str:
    """What the running kernel is called where a rule set's name stands otherwise."""
    return f"Linux {release()}"


def choose(scenario: Scenario, own: Sequence[RuleChoice], aliases: Mapping[str, str]) -> RuleChoice | None:
    """The rules among ``own`` (those of the kernel, the best first) that a scenario is for; None if it is for others.

    A scenario that names no rules is for any kernel.
    """
    if not scenario.rules:
        return own[0]
    wanted = [settled(choice, aliases) for choice in scenario.rules]
    return next((choice for choice in own if settled(choice, aliases) in wanted), None)


def settled(choice: RuleChoice, aliases: Mapping[str, str]) -> RuleChoice:
    """The choice without an alias for its name."""
    return choice._replace(name=aliases.get(choice.name, choice.name))


def why_not(scenario: Scenario, own: Sequence[RuleChoice]) -> str:
    """Why a scenario is not run on this kernel."""
    names = dict.fromkeys(map(str, scenario.rules))
    return f"the scenario is for {', '.join(names)}; {kernel_name()} is taken for {', '.join(map(str, own))}"


def run_on_kernel(
    file: str,
    scenario: Scenario,
    session: Session,
    own: Sequence[RuleChoice],
    aliases: Mapping[str, str],
    *,
    states: bool,
) -> ScenarioRecord:
    """Run one scenario on the running kernel; skipped, with the reason, if it is for others."""
    choice = choose(scenario, own, aliases)

    def make(_: RuleChoice) -> LiveBackend:
        if choice is None:
            raise Unsupported(why_not(scenario, own))
        return session.backend(named=bool(scenario.rules))

    rules = choice or own[0]
    if session.machine.deep is not None or scenario.branches:
        made = run_scenario(file, scenario, rules, make, states=states, aliases=aliases)
    else:
        answerable = scenario._replace(body=tuple(s for s in scenario.body if not unanswerable(s)))
        made = run_scenario(file, answerable, rules, make, states=states, aliases=aliases)
        made = with_unchecked(made._replace(scenario=scenario), rules, aliases)
    return made._replace(rules=kernel_name())


def unanswerable(statement: object) -> bool:
    """Whether it asks for broken invariants."""
    return isinstance(statement, Expect) and isinstance(statement.predicate, Violation)


def with_unchecked(made: ScenarioRecord, rules: RuleChoice, aliases: Mapping[str, str]) -> ScenarioRecord:
    """A record with the expectations that could not be asked, in their places."""
    left = list(made.expectations)
    found: list[ExpectationRecord] = []
    steps = 0
    own = settled(rules, aliases).name
    for statement in made.scenario.body:
        if isinstance(statement, Step):
            steps += 1
        if steps > len(made.steps) or not isinstance(statement, Expect):
            continue
        if left and left[0].expect is statement:
            found.append(left.pop(0))
        elif unanswerable(statement) and (not statement.on or own in (aliases.get(n, n) for n in statement.on)):
            found.append(ExpectationRecord(statement, steps, None, UNCHECKED, ()))
    made = made._replace(expectations=(*found, *left))
    if made.outcome == "passed" and found and all(e.held is None for e in found):
        return made._replace(outcome="skipped", reason=UNCHECKED, reason_line=found[0].expect.line)
    return made
