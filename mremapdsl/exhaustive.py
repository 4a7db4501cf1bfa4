"""Running a scenario that branches: every run of it, states that are equal explored once.

A run is a way through ``any order``, ``maybe`` and ``choose``, and a moment for what happens inside a relocation.
Runs that come to the same statement with equal machines (and an equal last call, which expectations may ask about)
go on as one; their number is still counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from mremapdsl.backend import WAITS, Backend, Note, Unsupported
from mremapdsl.program import AnyOrder, Choose, Expect, Not, Show, Statement, Step
from mremapdsl.record import Exhaustive, ExpectationRecord
from mremapdsl.running import Run

MAX_NODES = 200_000
"""Distinct points of all runs that are explored."""
MAX_STEPS = 8_000_000
"""Steps on the ways to all of these together; each takes some 40 bytes of memory."""


class Seq(NamedTuple):
    """What is left of a body: statement ``at`` is next."""

    body: int
    at: int


class Threads(NamedTuple):
    """Bodies that go on in any order."""

    rest: tuple[Rest, ...]


Rest: TypeAlias = tuple["Seq | Threads", ...]
"""What is left to do, the innermost last."""


class Plan:
    """The bodies of a scenario by number, so that what is left of a run is small and hashable."""

    def __init__(self, body: tuple[Statement, ...]) -> None:
        self.bodies: list[tuple[Statement, ...]] = []
        self.numbers: dict[int, int] = {}
        self.first: Rest = (Seq(self.number(body), 0),)

    def number(self, body: tuple[Statement, ...]) -> int:
        found = self.numbers.get(id(body))
        if found is None:
            found = self.numbers[id(body)] = len(self.bodies)
            self.bodies.append(body)
        return found

    def options(self, rest: Rest) -> Iterator[tuple[Statement | None, Rest]]:
        """Every statement that may be next, with what is left behind it; (None, ()) at the end of a run.

        Ways that do nothing on their way to the same place are one.
        """
        ahead, seen = [rest], {rest}
        while ahead:
            rest = ahead.pop()
            if not rest:
                yield None, ()
                continue
            top, below = rest[-1], rest[:-1]
            if isinstance(top, Threads):
                yield from self.any_thread(top, below)
                onward = [below] if all(map(self.may_end, top.rest)) else []
            elif top.at == len(self.bodies[top.body]):
                onward = [below]
            else:
                statement, after = self.bodies[top.body][top.at], (*below, Seq(top.body, top.at + 1))
                onward = self.inside(statement, after)
                if not onward:
                    yield statement, after
            ahead += [way for way in reversed(onward) if way not in seen]
            seen.update(onward)

    def inside(self, statement: Statement, after: Rest) -> list[Rest]:
        """The ways into a statement that branches, in order; none for one that does something itself."""
        if isinstance(statement, Choose):
            return [(*after, Seq(self.number(alternative), 0)) for alternative in statement.alternatives]
        if isinstance(statement, AnyOrder):
            return [(*after, Threads(tuple((Seq(self.number(thread), 0),) for thread in statement.threads)))]
        return []

    def any_thread(self, top: Threads, below: Rest) -> Iterator[tuple[Statement | None, Rest]]:
        """The next statement of each thread that has one."""
        for i, thread in enumerate(top.rest):
            for statement, left in self.options(thread):
                if statement is not None:
                    yield statement, (*below, Threads((*top.rest[:i], left, *top.rest[i + 1 :])))

    def may_end(self, thread: Rest) -> bool:
        return any(statement is None for statement, _ in self.options(thread))


class Node:
    """A point of one or more runs."""

    __slots__ = ("backend", "next", "number", "parent", "rest", "run")

    def __init__(self, rest: Rest, run: Run, backend: Backend | None, parent: Node | None) -> None:
        self.rest = rest
        self.run = run
        self.backend = backend
        """Closed and dropped when the node has been expanded."""
        self.parent = parent
        """On a shortest way here."""
        self.next: list[Node] = []
        """Where runs go from here; none at their end. A node may stand here several times."""


class Judged(NamedTuple):
    """One expectation over all runs."""

    expect: Expect
    held: int
    """Points at which it held."""
    failed: int
    unseen: int
    first_held: Node | None
    first_failed: Node | None


class Exhausted(NamedTuple):
    """All runs of a scenario."""

    runs: int
    points: int
    """Distinct points (statement, machine)."""
    states: int
    """Distinct machines."""
    judged: tuple[Judged, ...]
    worst: Node
    """The end of the shortest run that fails, else of a run in which what is to happen ``sometimes`` does, else of the
    first run."""
    failed: str
    """What fails, in words; empty if nothing does."""
    broken: tuple[int, str] | None
    """As in Exhaustive."""


def every_run(run: Run, backend: Backend) -> Run:
    """Explore every run of the scenario of ``run``; the run to show, with all expectations judged over all of them.

    Raises Unsupported where the machine cannot be copied, or when there are more than MAX_NODES points.
    """
    found = explore(run, backend)
    shown = found.worst.run.copy()
    shown.expectations = [over_all(judged) for judged in found.judged]
    shown.exhaustive = Exhaustive(
        found.runs, found.points, found.states, plain(found.worst.run, found.judged), found.broken
    )
    return shown


def over_all(judged: Judged) -> ExpectationRecord:
    """One expectation as the record of all its points."""
    wrong = failing(judged)
    reached = judged.held + judged.failed + judged.unseen
    one, other = judged.first_held, judged.first_failed
    sample = shows(judged) if wrong else other if judged.expect.quantifier == "never" else one
    seen = next((e for e in sample.run.expectations if e.expect is judged.expect), None) if sample is not None else None
    words = wrong or f"it holds at {judged.held} of {reached} points"
    detail = words if seen is None else f"{words}\n{seen.detail}"
    held = None if judged.unseen and not judged.held and not judged.failed else not wrong
    after = len(sample.run.steps) if sample is not None else 0
    return ExpectationRecord(judged.expect, after, held, detail, seen.shown if seen is not None and wrong else ())


def shows(judged: Judged) -> Node | None:
    """The first point at which an expectation that fails does so."""
    return judged.first_held if judged.expect.quantifier == "never" else judged.first_failed


def plain(run: Run, judged: tuple[Judged, ...]) -> tuple[Statement, ...]:
    """One run as statements without branches, ending in the expectation that fails there, if one does."""
    body: list[Statement] = [record.step for record in run.steps]
    failed = [j.expect for j in judged if failing(j) and (node := shows(j)) is not None and node.run is run]
    return (*body, *map(once, failed[:1]))


def once(expect: Expect) -> Expect:
    """An expectation over all runs as one of a single run."""
    predicate = expect.predicate
    if expect.quantifier == "never":
        predicate = predicate.predicate if isinstance(predicate, Not) else Not(predicate)
    return expect._replace(predicate=predicate, quantifier="")


def explore(run: Run, backend: Backend) -> Exhausted:
    """Every run of the scenario of ``run``, which has begun on ``backend``.

    Raises Unsupported where the machine cannot be copied, or when there are more than MAX_NODES points.
    """
    return _Explorer(run, backend).explore()


class _Explorer:
    def __init__(self, run: Run, backend: Backend) -> None:
        self.plan = Plan(run.scenario.body)
        self.first = Node(self.plan.first, run, backend.copy(), None)
        self.nodes: dict[Hashable, Node] = {}
        self.states: set[Hashable] = set()
        self.judged: dict[int, Judged] = {}
        self.failures: list[tuple[Node, str]] = []
        """Ends of runs that fail by themselves: an unexpected result, a broken invariant."""
        self.broken: tuple[int, str] | None = None

    def explore(self) -> Exhausted:
        queue = deque([self.first])
        ends: list[Node] = []
        steps = 0
        while queue:
            node = queue.popleft()
            assert node.backend is not None
            for statement, rest in self.plan.options(node.rest):
                if statement is None:
                    ends.append(node)
                    continue
                for after in self.carry_out(node, statement, rest):
                    known = self.nodes.setdefault(self.key(after), after)
                    node.next.append(known)
                    if known is after:
                        queue.append(after)
                        steps += len(after.run.steps)
                    if len(self.nodes) > MAX_NODES or steps > MAX_STEPS:
                        raise Unsupported(f"the scenario has more than {MAX_NODES:,} distinct points, or too long ways "
                                          "to them; leave less open at once, or write several scenarios",
                                          skip=False)  # fmt: skip
            node.backend.close()
            node.backend = None
        return self.conclude(ends)

    def key(self, node: Node) -> Hashable:
        """What tells two points apart."""
        assert node.backend is not None
        state = node.backend.key()
        self.states.add(state)
        return node.rest, state, node.run.memory()

    def carry_out(self, node: Node, statement: Statement, rest: Rest) -> Iterator[Node]:
        """The points behind a statement: one, or one for each moment at which something happens inside it."""
        assert node.backend is not None
        if isinstance(statement, Step | Expect):
            self.first.run.line = statement.line
        if isinstance(statement, Step) and statement.during:
            yield from self.at_each_moment(node, statement, rest)
            return
        run, backend = node.run.copy(), node.backend.copy()
        after = Node(rest, run, backend, node)
        if isinstance(statement, Step):
            if not run.step(backend, statement, self.documented(run, rest)):
                after.rest = ()
            self.stepped(after)
        elif isinstance(statement, Expect):
            if run.applies(statement):
                self.judge(after, statement)
        elif isinstance(statement, Show):
            run.show(backend, statement)
        yield after

    def stepped(self, after: Node) -> None:
        """Keep what the last step of a run failed by or broke."""
        step = after.run.steps[-1]
        if step.failure:
            self.failures.append((after, step.failure))
        if step.breaches and self.broken is None:
            self.broken = step.step.line, step.breaches[0].invariant

    def documented(self, run: Run, rest: Rest) -> tuple[str | None, ...]:
        """The breaches that expectations right behind document, as far as there is only one way to go on."""
        following: list[Statement] = []
        while True:
            options = list(self.plan.options(rest))
            if len(options) != 1 or options[0][0] is None or isinstance(options[0][0], Step):
                return run.documented(tuple(following), 0)
            following.append(options[0][0])
            rest = options[0][1]

    def at_each_moment(self, node: Node, step: Step, rest: Rest) -> Iterator[Node]:
        """The step with its events at the first moment of the relocation, at the second, and so on.

        Moments at which a lock makes an event wait are passed over; Unsupported if that is so at all of them.
        """
        assert node.backend is not None
        waits, happened = "", False
        moment, moments = 0, 1
        while moment < moments:
            run, backend = node.run.copy(), node.backend.copy()
            inside = Inside(run, backend, step, moment)
            going = run.step(backend, step, self.documented(run, rest), inside)
            moments = inside.moments
            moment += 1
            if inside.waits:
                waits = inside.waits
            elif moments:
                happened = True
                after = Node(rest if going else (), run, backend, node)
                for expect in inside.looked:
                    self.count(after, expect)
                self.stepped(after)
                yield after
        if not moments:
            run, backend = node.run.copy(), node.backend.copy()
            run.inside = [Note("inside", "nothing: the call did not relocate, so there is no moment for it", "")]
            going = run.step(backend, step, self.documented(run, rest))
            after = Node(rest if going else (), run, backend, node)
            self.stepped(after)
            yield after
        elif not happened:
            raise Unsupported(waits, skip=False)

    # --- expectations ----------------------------------------------------------------------------------

    def judge(self, node: Node, expect: Expect) -> None:
        assert node.backend is not None
        node.run.expect(node.backend, expect)
        self.count(node, expect)

    def count(self, node: Node, expect: Expect) -> None:
        """Enter what was found of an expectation at a point."""
        held = next(e.held for e in reversed(node.run.expectations) if e.expect is expect)
        was = self.judged.get(id(expect), Judged(expect, 0, 0, 0, None, None))
        if held is None:
            was = was._replace(unseen=was.unseen + 1)
        elif held:
            was = was._replace(held=was.held + 1, first_held=was.first_held or node)
        else:
            was = was._replace(failed=was.failed + 1, first_failed=was.first_failed or node)
        self.judged[id(expect)] = was

    def all_expects(self, body: tuple[Statement, ...]) -> Iterator[Expect]:
        """Every expectation of the scenario, reached or not."""
        for statement in body:
            if isinstance(statement, Expect):
                yield statement
            elif isinstance(statement, Step):
                yield from self.all_expects(statement.during)
            elif isinstance(statement, Choose):
                for alternative in statement.alternatives:
                    yield from self.all_expects(alternative)
            elif isinstance(statement, AnyOrder):
                for thread in statement.threads:
                    yield from self.all_expects(thread)

    def conclude(self, ends: list[Node]) -> Exhausted:
        run = self.first.run
        judged = [
            self.judged.get(id(expect), Judged(expect, 0, 0, 0, None, None))
            for expect in self.all_expects(run.scenario.body)
            if run.applies(expect)
        ]
        failures = list(self.failures)
        for found in judged:
            wrong = failing(found)
            if wrong:
                failures.append((shows(found) or (ends or [self.first])[0], wrong))
        failures.sort(key=lambda failure: len(failure[0].run.steps))
        worst, words = failures[0] if failures else (witness(ends, judged) or (ends or [self.first])[0], "")
        return Exhausted(count_runs(self.first), len(self.nodes) + 1, len(self.states), tuple(judged), worst, words,
                         self.broken)  # fmt: skip


def witness(ends: Sequence[Node], judged: Sequence[Judged]) -> Node | None:
    """The end of a run in which the first expectation of ``sometimes`` holds, if there is one."""
    sought = next((found.first_held for found in judged if found.expect.quantifier == "sometimes"), None)
    for end in ends if sought is not None else ():
        at: Node | None = end
        while at is not None and at is not sought:
            at = at.parent
        if at is sought:
            return end
    return None


def failing(found: Judged) -> str:
    """Why an expectation fails over all runs; empty if it does not."""
    reached = found.held + found.failed + found.unseen
    if found.expect.quantifier == "sometimes":
        return "" if found.held or found.unseen else f"no run reaches it ({reached} points looked at)"
    if found.expect.quantifier == "never":
        return f"it holds at {found.held} of {reached} points" if found.held else ""
    if not reached:
        return "no run comes here"
    return f"it fails at {found.failed} of {reached} points" if found.failed else ""


def count_runs(first: Node) -> int:
    """Ways from the start to an end (without recursion: the graph may be deep)."""
    counts: dict[int, int] = {}
    stack: list[tuple[Node, bool]] = [(first, False)]
    while stack:
        node, ready = stack.pop()
        if id(node) in counts:
            continue
        if ready:
            ending = 1 if not node.next else 0
            counts[id(node)] = ending + sum(counts[id(after)] for after in node.next)
        else:
            stack.append((node, True))
            stack += [(after, False) for after in node.next if id(after) not in counts]
    return counts[id(first)]


class Inside:
    """What happens at one moment inside a step."""

    def __init__(self, run: Run, backend: Backend, step: Step, at: int) -> None:
        self.run = run
        self.backend = backend
        self.step = step
        self.at = at
        self.moments = 0
        self.waits = ""
        """The lock that an event waits for, in words."""
        self.looked: list[Expect] = []

    def __call__(self, moment: str) -> None:
        """At each moment of the step."""
        number = self.moments
        self.moments += 1
        if number != self.at:
            return
        for statement in self.step.during:
            if isinstance(statement, Step):
                outcome = self.backend.interfere(statement.op)
                if outcome.result == WAITS:
                    why = outcome.verdict.sentence if outcome.verdict is not None else "it waits for a lock"
                    self.waits = f"`{statement.text}` cannot happen inside the relocation: {why}"
                    return
                self.run.note_inside(statement, outcome, moment)
            elif isinstance(statement, Expect) and self.run.applies(statement):
                self.run.expect(self.backend, statement)
                looked = self.run.expectations[-1]
                if looked.held is None:
                    self.waits = f"`expect {statement.text}`: {looked.detail}"
                    return
                self.looked.append(statement)
