"""Going through a scenario forwards and backwards, and trying statements on the way: what ``mremapdsl step`` does.

A session holds the statements that have run, with a snapshot of the machine behind each, and those still to come.
Going back is taking an earlier snapshot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mremapdsl.backend import Backend, Note
from mremapdsl.exhaustive import Inside
from mremapdsl.program import AnyOrder, Choose, Expect, Place, RuleChoice, Scenario, Statement, Step
from mremapdsl.record import ExpectationRecord, ShowRecord, StepRecord
from mremapdsl.running import Run
from mremapdsl.statements import body_lines, scenario_text

Compile = Callable[[str], Scenario]
"""Makes the one scenario of a text; raises an exception with the diagnostics as its message."""


class Moment(NamedTuple):
    """The machine behind a statement."""

    backend: Backend
    run: Run


class Way(NamedTuple):
    """One way to go on."""

    body: tuple[Statement, ...]
    about: str = ""
    """For a call with something inside: at which of its moments that happens."""


class Session:
    """A scenario under way under one rule set."""

    def __init__(self, scenario: Scenario, rules: RuleChoice, machine: Backend, compiler: Compile) -> None:
        self.scenario = scenario
        self.rules = rules
        self.compiler = compiler
        self.places: tuple[Place, ...] = scenario.places
        self.done: list[Statement] = []
        self.ahead: list[Statement] = list(scenario.body)
        self.inside: int | None = None
        """The moment chosen for what happens inside the next statement, counted from 0; -1 for never."""
        run = Run(scenario, rules, True, {})
        run.begin(machine)
        self.moments: list[Moment] = [Moment(machine, run)]

    @property
    def now(self) -> Moment:
        return self.moments[-1]

    def forward(self) -> StepRecord | ExpectationRecord | ShowRecord | None:
        """Carry out the next statement and return what came of it. IndexError at the end.

        Raises ValueError for a statement that branches: say with :meth:`choose` which way to go.
        """
        statement = self.ahead[0]
        if isinstance(statement, Choose | AnyOrder) or self.ways():
            raise ValueError("the statement goes several ways; choose one")
        backend, run = self.now.backend.copy(), self.now.run.copy()
        result: StepRecord | ExpectationRecord | ShowRecord | None = None
        if isinstance(statement, Step):
            inside = Inside(run, backend, statement, -1 if self.inside is None else self.inside)
            run.step(backend, statement, run.documented(tuple(self.ahead), 1), inside)
            self.inside = None
            if inside.waits:
                raise ValueError(inside.waits)
            result = run.steps[-1]
        elif isinstance(statement, Expect):
            before = len(run.expectations)
            run.expect(backend, statement)
            result = run.expectations[-1] if len(run.expectations) > before else None
        else:
            run.show(backend, statement)
            result = run.shows[-1]
        self.done.append(self.ahead.pop(0))
        self.moments.append(Moment(backend, run))
        return result

    def ways(self) -> list[Way]:
        """The ways on from a statement that branches: alternatives, the threads that may go first, or the moments
        inside a relocation. None if it does not, or if the way is chosen."""
        statement = self.ahead[0] if self.ahead else None
        if isinstance(statement, Choose):
            return [Way(alternative) for alternative in statement.alternatives]
        if isinstance(statement, AnyOrder):
            return [Way(thread) for thread in statement.threads if thread]
        if isinstance(statement, Step) and statement.during and self.inside is None:
            moments = self.moments_of(statement)
            at = [Way(statement.during, f"moment {i} of {len(moments)}, {name}") for i, name in enumerate(moments, 1)]
            return [*at, Way((), "nothing happens inside")] if at else []
        return []

    def moments_of(self, step: Step) -> list[str]:
        """The moments between the inner steps of a call, by name."""
        names: list[str] = []
        self.now.run.copy().step(self.now.backend.copy(), step, (None,), names.append)
        return names

    def choose(self, number: int) -> None:
        """Go on by way ``number`` (from 0) of :meth:`ways`. IndexError if there is none."""
        statement = self.ahead[0]
        ways = self.ways()
        way = ways[number].body
        if isinstance(statement, AnyOrder):
            threads = [thread for thread in statement.threads if thread]
            threads[number] = threads[number][1:]
            rest = tuple(thread for thread in threads if thread)
            self.ahead[0:1] = [way[0], *([AnyOrder(rest, statement.line)] if rest else [])]
        elif isinstance(statement, Step):
            self.inside = number if way else -1
        else:
            self.ahead[0:1] = list(way)

    def back(self) -> bool:
        """Take the last statement back. False at the start."""
        if len(self.moments) == 1:
            return False
        self.moments.pop()
        self.inside = None
        self.ahead.insert(0, self.done.pop())
        return True

    def attempt(self, text: str) -> None:
        """Put typed statements in front of what is still to come. Raises what the compiler raises."""
        prefix = body_lines(self.done, self.places, style="places")
        scenario = self.compiler("\n".join([*prefix, text, ""]))
        self.inside = None
        self.ahead[0:0] = list(scenario.body[len(self.done) :])
        known = {place.name for place in self.places}
        self.places += tuple(place for place in scenario.places if place.name not in known)
        self.now.run.scenario = self.now.run.scenario._replace(places=self.places)

    def drop_ahead(self) -> None:
        """Forget what is still to come."""
        self.ahead.clear()

    def text(self) -> str:
        """What has run, as the text of a scenario file."""
        return scenario_text(tuple(self.done), (self.rules,), names=self.places)

    def why_apart(self, process: str, one: int, other: int) -> tuple[Note, ...]:
        """Why the VMAs at two pages are not one. Raises ValueError if there is no VMA at one of them."""
        explain = getattr(self.now.backend, "why_apart", None)
        if explain is None:
            raise ValueError("this machine cannot tell why VMAs do not merge")
        notes: tuple[Note, ...] = explain(process, one, other)
        return notes
