"""Scenarios on the running kernel: which are for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mremapdsl.backend import Unsupported
from mremapdsl.live.backend import LiveBackend
from mremapdsl.live.probe import release
from mremapdsl.live.session import Session
from mremapdsl.program import RuleChoice, Scenario
from mremapdsl.record import ScenarioRecord
from mremapdsl.runner import run_scenario


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
    made = run_scenario(file, scenario, rules, make, states=states, aliases=aliases)
    return made._replace(rules=kernel_name())
