"""One run of a scenario on a backend: step, look, judge, record."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from copy import copy
from types import MappingProxyType

from mremapdsl.backend import Backend, During, Note, Observation, Outcome, Unseen, VmaView
from mremapdsl.expectations import Context, judge, without_remedy
from mremapdsl.lasting import Lasting
from mremapdsl.ops import Mmap, Mremap, Operation
from mremapdsl.program import Expect, Range, RuleChoice, Scenario, Show, Statement, Step, Violation
from mremapdsl.record import (
    Exhaustive,
    ExpectationRecord,
    ProcessState,
    ScenarioRecord,
    ShowRecord,
    StateRecord,
    StepRecord,
)
from mremapdsl.steprefs import with_lines

NO_ALIASES: Mapping[str, str] = MappingProxyType({})


class Run:
    """A scenario under way: what has happened so far, and how each statement is carried out."""

    def __init__(self, scenario: Scenario, rules: RuleChoice, states: bool, aliases: Mapping[str, str]) -> None:
        self.scenario = scenario
        self.rules = rules
        self.states = states
        self.aliases = aliases
        self.asked: list[Step] = []
        self.seen: dict[VmaView, VmaView] = {}
        """One object for equal views: most of a state is what it was a step before."""
        self.steps: list[StepRecord] = []
        self.expectations: list[ExpectationRecord] = []
        self.shows: list[ShowRecord] = []
        self.initial: StateRecord | None = None
        self.last_call: StepRecord | None = None
        self.last_move: StepRecord | None = None
        self.exhaustive: Exhaustive | None = None
        self.inside: list[Note] = []
        self.line = scenario.line

    def begin(self, backend: Backend) -> None:
        if self.states:
            self.initial = state_record(backend.observe(), self.seen)

    def body(self, backend: Backend) -> None:
        """Every statement in turn, for a scenario without branches."""
        body = self.scenario.body
        for i, statement in enumerate(body):
            self.line = statement.line
            if isinstance(statement, Step):
                if not self.step(backend, statement, self.documented(body, i + 1)):
                    return
            elif isinstance(statement, Expect):
                self.expect(backend, statement)
            elif isinstance(statement, Show):
                self.show(backend, statement)

    def copy(self) -> Run:
        """The same up to here, going its own way."""
        new = copy(self)
        new.asked, new.steps = self.asked[:], self.steps[:]
        new.expectations, new.shows, new.inside = self.expectations[:], self.shows[:], self.inside[:]
        return new

    def memory(self) -> Hashable:
        """What expectations to come may ask about besides the machine."""
        call, move = self.last_call, self.last_move
        return (
            (call.target, call.result, call.verdict) if call is not None else None,
            (move.verdict, move.result) if move is not None else None,
            self.steps[-1].breaches if self.steps else (),
        )

    def show(self, backend: Backend, statement: Show) -> None:
        lines = self.context(backend).show(statement.process)
        state = state_record(backend.observe(), self.seen)
        self.shows.append(ShowRecord(statement.line, len(self.steps), statement.process, lines, state))

    def step(
        self, backend: Backend, step: Step, documents: tuple[str | None, ...], during: During | None = None
    ) -> bool:
        """Carry out one step. False if the scenario ends here, because the call did not do what it should."""
        self.asked.append(step)
        outcome = backend.step(step.op, during)
        if outcome.verdict is not None:
            outcome = outcome._replace(verdict=with_lines(outcome.verdict, self.asked))
        ended, failure = unexpected(step, outcome)
        undocumented = [b for b in outcome.breaches if None not in documents and b.invariant not in documents]
        if not failure and undocumented:
            failure = "; ".join(f"invariant {b.invariant}: {b.sentence}" for b in undocumented)
        state = state_record(backend.observe(), self.seen) if self.states else None
        if self.inside and outcome.verdict is not None:
            outcome = outcome._replace(verdict=outcome.verdict._replace(notes=(*self.inside, *outcome.verdict.notes)))
        self.inside = []
        verdict, breaches, about = outcome.verdict, outcome.breaches, target_of(step.op, outcome.address)
        record = StepRecord(step, step.op.process, outcome.result, verdict, breaches, about, state, failure)
        self.steps.append(record)
        if record.target is not None:
            self.last_call = record
        if isinstance(step.op, Mremap):
            self.last_move = record
        return not ended

    def documented(self, body: tuple[Statement, ...], i: int) -> tuple[str | None, ...]:
        """The invariants whose breach the expectations right behind a step document (None: any)."""
        found: list[str | None] = []
        while i < len(body) and not isinstance(statement := body[i], Step):
            i += 1
            if isinstance(statement, Expect) and isinstance(statement.predicate, Violation) and self.applies(statement):
                found.append(statement.predicate.invariant)
        return tuple(found)

    def expect(self, backend: Backend, expect: Expect) -> None:
        if not self.applies(expect):
            return
        context = self.context(backend)
        have = ""
        try:
            verdict = judge(expect.predicate, context)
            held: bool | None = verdict.held
            detail = without_remedy(verdict.detail) if expect.quantifier == "never" else verdict.detail
            shown = () if held else context.around(expect)
            if not held:
                from mremapdsl.actual import actual

                have = actual(expect.predicate, context)
        except Unseen as unseen:
            held, detail, shown = None, f"not observable here: {unseen}", ()
        self.expectations.append(ExpectationRecord(expect, len(self.steps), held, detail, shown, have))

    def note_inside(self, statement: Step, outcome: Outcome, moment: str) -> None:
        """What somebody else did at a moment inside the step under way; the step's record will tell."""
        function = outcome.verdict.function if outcome.verdict is not None else ""
        self.inside.append(Note("inside", f"when {moment}: `{statement.text}` {outcome.result}", function))

    def applies(self, expect: Expect) -> bool:
        """Whether an expectation is for the rule set that the scenario runs under (with whatever overrides)."""
        own = self.aliases.get(self.rules.name, self.rules.name)
        return not expect.on or any(self.aliases.get(name, name) == own for name in expect.on)

    def context(self, backend: Backend) -> Context:
        now = Lasting(backend.observe())
        return Context(now, tuple(self.steps), self.last_call, self.last_move, self.scenario.places)

    def finish(self, file: str, rules: str, outcome: str, reason: str, line: int, started: float) -> ScenarioRecord:
        if not outcome:
            failed = any(step.failure for step in self.steps) or any(e.held is False for e in self.expectations)
            blind = self.expectations and all(e.held is None for e in self.expectations)
            outcome = "failed" if failed else "skipped" if blind else "passed"
            if outcome == "skipped":
                reason, line = self.expectations[0].detail, self.expectations[0].expect.line
        return ScenarioRecord(
            file, self.scenario, rules, outcome, reason, line, tuple(self.steps), tuple(self.expectations),
            tuple(self.shows), self.initial, time.perf_counter() - started, self.exhaustive,
        )  # fmt: skip


def unexpected(step: Step, outcome: Outcome) -> tuple[bool, str]:
    """Whether the result ends the scenario, and the failure in words."""
    if outcome.result == (step.fails or "ok"):
        return False, ""
    because = f": {outcome.verdict.sentence}" if outcome.verdict is not None else ""
    if step.fails is None:
        return True, f"the call failed with {outcome.result}{because}"
    if outcome.result == "ok":
        return True, f"the call should fail with {step.fails} but succeeded{because}"
    return True, f"the call should fail with {step.fails} but failed with {outcome.result}{because}"


def target_of(op: Operation, address: int | None) -> Range | None:
    """The pages that a call was about, where they are after it; ``address`` is the page that the call returned."""
    if isinstance(op, Mremap):
        return Range(op.process, op.at if address is None else address, op.new_pages, "the target")
    if isinstance(op, Mmap) or type(op).__name__ in ("Mprotect", "Madvise", "Mlock", "Munlock", "Mseal"):
        return Range(op.process, op.at, op.pages, "the target")  # type: ignore[union-attr]
    return None


def state_record(observation: Observation, seen: dict[VmaView, VmaView]) -> StateRecord:
    """A state as plain data; ``seen`` holds the views of earlier states, to be used again."""
    processes = {
        process: ProcessState(
            tuple([seen.setdefault(vma, vma) for vma in observation.vmas(process)]), tuple(observation.pages(process))
        )
        for process in observation.processes()
    }
    return StateRecord(processes, dict(observation.anon_vmas()))
