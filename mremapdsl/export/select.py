"""Which scenarios a program can test, and on which kernels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from mremapdsl.exhaustive import Plan, Rest
from mremapdsl.onkernel import choose, settled
from mremapdsl.program import Expect, Program, RuleChoice, Scenario, Statement, Step

MOST_RUNS = 24
"""Of a scenario that branches: each becomes a test of its own."""
KERNEL = re.compile(r"linux-\d+\.\d+")


class LeftOut(Exception):
    """A scenario that cannot be exported; the message says why."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line


class Case(NamedTuple):
    """One test of a program: a scenario, or a run of one that branches, as statements without branches."""

    program: Program
    scenario: Scenario
    title: str
    body: tuple[Statement, ...]
    kernels: tuple[str, ...]
    """Rule sets of the kernels that it is for; empty for any, or if the rules have been chosen."""


class Target(NamedTuple):
    """The kernels that a program is for."""

    own: Sequence[RuleChoice]
    """The rules that the kernel under test follows, as told; empty: the program finds out by the release."""
    aliases: Mapping[str, str]

    def kernels(self, scenario: Scenario) -> tuple[str, ...]:
        """As in Case. Raises LeftOut for a scenario that is for other kernels."""
        names = ", ".join(dict.fromkeys(map(str, scenario.rules)))
        if self.own:
            if choose(scenario, self.own, self.aliases) is None:
                raise LeftOut(scenario.line, f"it is for {names}")
            return ()
        found = [settled(choice, self.aliases).name for choice in scenario.rules if not choice.overrides]
        if scenario.rules and not any(map(KERNEL.fullmatch, found)):
            raise LeftOut(scenario.line, f"it is for {names} (--rules chooses others than released kernels)")
        return tuple(dict.fromkeys(found))

    def applies(self, scenario: Scenario, expect: Expect) -> bool | tuple[str, ...]:
        """Whether an expectation is for the kernel; the rule sets that it is for if only the program can tell."""
        on = tuple(dict.fromkeys(self.aliases.get(name, name) for name in expect.on))
        if not on:
            return True
        if not self.own:
            return on
        choice = choose(scenario, self.own, self.aliases)
        return choice is not None and settled(choice, self.aliases).name in on


def cases(program: Program, scenario: Scenario, target: Target) -> list[Case]:
    """The tests that a scenario becomes. Raises LeftOut."""
    kernels = target.kernels(scenario)
    if not scenario.branches:
        return [Case(program, scenario, scenario.title, scenario.body, kernels)]
    found: list[Case] = []
    for number, body in enumerate(runs(scenario), 1):
        found.append(Case(program, scenario, f"{scenario.title} (run {number})", body, kernels))
    return found


def runs(scenario: Scenario) -> list[tuple[Statement, ...]]:
    """The statements of each run of a scenario that branches, with what must hold in each. Raises LeftOut."""
    found: list[tuple[Statement, ...]] = []
    for body in _runs(scenario):
        found.append(body)
        if len(found) > MOST_RUNS:
            raise LeftOut(scenario.line, f"it has more than {MOST_RUNS} runs, and each would be a test of its own")
    return found


def _runs(scenario: Scenario) -> Iterator[tuple[Statement, ...]]:
    plan = Plan(scenario.body)
    left: list[tuple[Rest, tuple[Statement, ...]]] = [(plan.first, ())]
    while left:
        rest, before = left.pop()
        for statement, after in reversed(list(plan.options(rest))):
            if statement is None:
                yield before
            else:
                left.append((after, (*before, _plain(statement))))


def _plain(statement: Statement) -> Statement:
    """A statement of a run, with nothing to be said about other runs. Raises LeftOut."""
    if isinstance(statement, Step) and statement.during:
        raise LeftOut(statement.line, "nothing can be made to happen inside a system call")
    if isinstance(statement, Expect) and statement.quantifier == "sometimes":
        raise LeftOut(statement.line, "`sometimes` is about several runs, and each is a test of its own")
    if isinstance(statement, Expect) and statement.quantifier:
        from mremapdsl.program import Not

        predicate = Not(statement.predicate) if statement.quantifier == "never" else statement.predicate
        return statement._replace(predicate=predicate)
    return statement
