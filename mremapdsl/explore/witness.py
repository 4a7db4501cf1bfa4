"""What a search found, as scenario files."""

from __future__ import annotations

from mremapdsl.explore.search import Found, Problem, Taken, walk_again
from mremapdsl.model.machine import Machine
from mremapdsl.model.reasons import REASONS, sentence
from mremapdsl.ops import Mremap, Operation
from mremapdsl.program import Expect, LastMove, RuleChoice, Statement, Violation
from mremapdsl.statements import scenario_text, steps


class Witness:
    """A run that shows something, on a machine's own processes and places."""

    def __init__(self, before: tuple[Operation, ...], taken: list[Taken]) -> None:
        self.before = before
        """What had run before; all of it succeeded."""
        self.taken = taken

    @property
    def last(self) -> Taken:
        return self.taken[-1]

    @property
    def words(self) -> str:
        """What happened at the end, in words."""
        if self.last.broken:
            return self.last.broken[0].sentence
        return f"{self.last.why.reason}: {sentence(self.last.why)}" if self.last.why is not None else self.last.result

    def body(self) -> tuple[Statement, ...]:
        """The run as statements, ending in what it shows."""
        operations = [*self.before, *(taken.op for taken in self.taken)]
        results = ["ok"] * len(self.before) + [taken.result for taken in self.taken]
        body: list[Statement] = list(steps(operations, results))
        process = self.last.op.process
        body += [_expect(Violation(broken.invariant), process) for broken in self.last.broken[:1]]
        why = self.last.why
        if not self.last.broken and isinstance(self.last.op, Mremap) and why is not None and self.last.result == "ok":
            outcome = REASONS[why.reason].outcome
            if outcome in ("moved", "relocated"):
                body.append(_expect(LastMove(outcome), process))
            elif outcome == "fallback":
                body.append(_expect(LastMove(outcome, why.reason), process))
        return tuple(body)

    def text(self, rules: RuleChoice, title: str) -> str:
        """A file that runs again, under the rules that it was found under."""
        return scenario_text(self.body(), rules=(rules,), title=title)


def witness(problem: Problem, start: Machine, before: tuple[Operation, ...], found: Found) -> Witness:
    """The run that leads to a hit."""
    taken, _ = walk_again(problem, start.copy(), found.path)
    return Witness(before, taken)


def _expect(predicate: Violation | LastMove, process: str) -> Expect:
    return Expect(predicate, process, 0, "", (), "", ())
