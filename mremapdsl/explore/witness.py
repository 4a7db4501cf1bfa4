"""What a search found, as scenario files that show it again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mremapdsl.explore.alphabet import Action
from mremapdsl.explore.finding import spoken_of
from mremapdsl.explore.retrace import displaced, lowest, retrace, take_anew
from mremapdsl.explore.search import Found, Hit, Problem, judge
from mremapdsl.explore.taking import During, Taken
from mremapdsl.model.machine import Machine
from mremapdsl.model.reasons import REASONS, sentence
from mremapdsl.model.rules import Rules
from mremapdsl.ops import Mremap
from mremapdsl.predicatetext import Unsayable
from mremapdsl.program import Expect, LastMove, Place, Predicate, RuleChoice, Statement, Step, Violation
from mremapdsl.statements import compiled_anew, scenario_text


class Witness(NamedTuple):
    """A run from a fresh machine that shows something."""

    hit: Hit
    taken: tuple[Taken, ...]
    names: tuple[Place, ...] = ()
    """Names for the places of these."""

    @property
    def last(self) -> Taken:
        return self.taken[-1]

    @property
    def words(self) -> str:
        """What happened at the end, in words."""
        if self.hit.words:
            return self.hit.words
        why = self.last.waits or self.last.why
        return f"{why.reason}: {sentence(why)}" if why is not None else self.last.result

    def body(self, sought: Expect | None = None) -> tuple[Statement, ...]:
        """The run as statements, ending in what it shows; ``sought`` is the predicate that was looked for."""
        body: list[Statement] = [statement(taken) for taken in self.taken]
        last, process = self.last, self.last.op.process
        quantifier = "sometimes" if isinstance(last.action, During) else ""
        if last.broken:
            body += [expect(Violation(broken.invariant), process, quantifier) for broken in last.broken[:1]]
        if sought is not None:
            predicate = spoken_of(sought.predicate, process)
            body.append(sought._replace(predicate=predicate, process=process, quantifier=quantifier, text="", line=0))
        elif not last.broken and isinstance(last.op, Mremap) and last.why is not None and last.result == "ok":
            outcome = REASONS[last.why.reason].outcome
            if outcome in ("moved", "relocated", "fallback"):
                because = last.why.reason if outcome == "fallback" else None
                body.append(expect(LastMove(outcome, because), process, quantifier))
        return tuple(body)

    def text(self, rules: RuleChoice, title: str, sought: Expect | None = None) -> str:
        """A file that runs again, under the rules that it was found under."""
        return scenario_text(self.body(sought), rules=(rules,), title=title, names=self.names)


def statement(taken: Taken) -> Step:
    """A transition as a statement."""
    action = taken.action
    fails = None if taken.result == "ok" else taken.result
    inside: tuple[Statement, ...] = (step(action.event, None),) if isinstance(action, During) else ()
    return step(taken.op, fails)._replace(during=inside)


def step(op: object, fails: str | None) -> Step:
    return Step(op, 0, "", fails, "", ())  # type: ignore[arg-type]


def expect(predicate: Predicate, process: str, quantifier: str = "") -> Expect:
    return Expect(predicate, process, 0, "", (), "", (), quantifier)


# --- making them ---------------------------------------------------------------------------------------------


def witness(problem: Problem, begins: Sequence[Taken], found: Found, names: Sequence[Place] = ()) -> Witness:
    """The run that leads to a hit, in the plainest of the ways to write it that show the same.

    ``names`` are those of the places at which the run ``begins``.
    """
    before = [taken.action for taken in begins]
    start = after(problem.rules, before)
    actions = [*before, *(taken.action for taken in retrace(problem, start[1], found.path))]
    up = max(0, -min(map(lowest, actions)))
    places = [place._replace(start=place.start + up) for place in names]
    way = [displaced(action, up) for action in actions]
    fresh = anew(problem.rules, way, places) if problem.bounds.window is None else None
    for each, named in [fresh, (way, places)] if fresh is not None else [(way, places)]:
        made = shown(problem, each, found.hit.kind)
        if made is not None:
            return Witness(*made, tuple(named))
    raise AssertionError(f"{found.hit.kind} does not happen again")


def after(rules: Rules, actions: Sequence[Action]) -> tuple[tuple[Taken, ...], Machine]:
    """What the actions do on a fresh machine. ValueError if the model does not know one of them."""
    machine, taken = Machine(rules), list[Taken]()
    for action in actions:
        step = take_anew(machine, action) if action.process in machine.mms else None
        if step is None:
            raise ValueError("the run cannot be repeated")
        taken.append(step)
    return tuple(taken), machine


def shown(problem: Problem, actions: Sequence[Action], kind: str) -> tuple[Hit, tuple[Taken, ...]] | None:
    """What is hit by the last of these actions, if it is of this kind."""
    try:
        taken, machine = after(problem.rules, actions[:-1])
        twin = after(problem.against, actions[:-1])[1] if problem.against is not None else None
    except ValueError:
        return None
    if actions[-1].process not in machine.mms:
        return None
    for each in (machine, twin):
        if each is not None:
            each.committed = 0  # as the search counts: what this one step adds
    last = take_anew(machine, actions[-1])
    twin_last = take_anew(twin, actions[-1]) if twin is not None else None
    if last is None:
        return None
    hit = next((hit for hit in judge(problem, machine, last, twin, twin_last) if hit.kind == kind), None)
    return (hit, (*taken, last)) if hit is not None else None


def anew(
    rules: Rules, actions: Sequence[Action], names: Sequence[Place]
) -> tuple[list[Action], Sequence[Place]] | None:
    """The actions at the places that the compiler chooses, and these; None if they need the ones they have."""
    if any(isinstance(action, During) for action in actions):
        return None
    try:
        taken, _ = after(rules, actions)
        scenario = compiled_anew([statement(t) for t in taken], names)
    except (Unsayable, ValueError):
        return None
    return None if scenario is None else ([s.op for s in scenario.body if isinstance(s, Step)], scenario.places)
