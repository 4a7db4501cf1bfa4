"""Breadth-first search over all operations, level by level, with one key a state.

A level is a list of keys in a fixed order; the results of a level do not depend on how many processes share the work.
Only a digest of each state seen is kept in memory, and for each the state it came from and the number of the operation,
which is enough to walk the path again; the keys of states still to be looked behind may lie in a file.
"""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import NamedTuple

from mremapdsl.explore.alphabet import operations
from mremapdsl.explore.arena import Bounds
from mremapdsl.explore.queue import Queue
from mremapdsl.explore.taking import Taken, reasons, sort_of, take
from mremapdsl.model.codec import Symmetry, decode, encode
from mremapdsl.model.machine import Machine
from mremapdsl.model.rules import Rules
from mremapdsl.ops import KsmScan

PLACE_MATTERS = {"hugepage", "collapse", "mmap-file", "mmap-shared"}
"""Kinds of operations for which the place in the arena or in a file matters."""


class Problem(NamedTuple):
    """What is searched, under which rules, how far. Everything that a worker process needs."""

    rules: Rules
    against: Rules | None
    bounds: Bounds
    symmetry: Symmetry
    find: str
    """``violation``, ``difference``, ``predicate``, ``reasons`` or empty."""
    predicate: Callable[[Machine, Taken], bool] | None = None


class Hit(NamedTuple):
    """Something found at a transition."""

    kind: str
    """What makes two hits alike: an invariant and the call, a reason, …"""
    words: str


class Successor(NamedTuple):
    """A transition out of a state, as workers report it."""

    number: int
    """Of the operation in the state's alphabet."""
    digest: bytes
    data: bytes
    """The key, marshalled; empty if the worker knows that it was seen."""
    hits: tuple[Hit, ...]


def may_slide(start: Machine, kinds: tuple[str, ...]) -> bool:
    """Whether only distances in the arena matter to what these operations can do from the start on."""
    sizes = start.settings.thp == "always" or start.settings.mthp or any(frame.order for _, _, frame in start.frames)
    return not (PLACE_MATTERS & set(kinds) or sizes or start.files)


def symmetry_for(bounds: Bounds) -> Symmetry:
    """The symmetries that are sound for these operations."""
    slides = bounds.window is None
    tables = bool({"hugepage", "collapse"} & set(bounds.kinds))
    return Symmetry(slides, True, tables, bounds.pages if slides else 0)


def expand(problem: Problem, data: bytes, known: set[bytes]) -> Iterator[Successor]:
    """Every transition out of a state, in order; those that change nothing and find nothing are left out."""
    base = decode(marshal.loads(data), problem.rules)
    other = decode(marshal.loads(data), problem.against) if problem.against is not None else None
    for number, op in enumerate(operations(base, problem.bounds)):
        machine = base.copy()
        taken = take(machine, op)
        if taken is None:
            continue
        changed = taken.waits is None and differs(machine, base, taken)
        twin = other.copy() if other is not None else None
        hits = judge(problem, machine, taken, twin, take(twin, op) if twin is not None else None)
        digest, marshalled = b"", b""
        if changed and not taken.broken and not (other is not None and hits):
            marshalled = marshal.dumps(encode(machine, problem.symmetry).key)
            digest = blake2b(marshalled, digest_size=12).digest()
            if digest in known:
                marshalled = b""
            else:
                known.add(digest)
        yield Successor(number, digest, marshalled, hits)


def differs(machine: Machine, base: Machine, taken: Taken) -> bool:
    """Whether an action may have changed anything; what ksmd remembers of a scan is in no journal."""
    if not machine.journal.empty or isinstance(taken.op, KsmScan):
        return True
    return machine.settings != base.settings or machine.mms.keys() != base.mms.keys()


def judge(
    problem: Problem, machine: Machine, taken: Taken, twin: Machine | None, twin_taken: Taken | None
) -> tuple[Hit, ...]:
    """What the search looks for, in one transition."""
    if problem.find == "violation":
        return tuple(Hit(f"{b.invariant} {sort_of(taken)}", b.sentence) for b in taken.broken)
    if problem.find == "reasons":
        return tuple(Hit(reason, "") for reason in dict.fromkeys(reasons(taken)))
    if problem.find == "predicate" and problem.predicate is not None and problem.predicate(machine, taken):
        return (Hit("predicate", ""),)
    if twin is not None and twin_taken is not None:
        found = difference(problem, machine, taken, twin, twin_taken)
        if found is not None:
            return (Hit(f"{found[0]} {sort_of(taken)}", found[1]),)
    return ()


def difference(
    problem: Problem, machine: Machine, taken: Taken, twin: Machine, twin_taken: Taken
) -> tuple[str, str] | None:
    """In what two rule sets end differently after the same operation, and how; None if they do not."""
    if taken.result != twin_taken.result:
        return "result", f"{taken.result} and {twin_taken.result}"
    if bool(taken.broken) != bool(twin_taken.broken):
        return "violation", (taken.broken or twin_taken.broken)[0].sentence
    if taken.broken:
        return None
    if not (machine.journal.empty and twin.journal.empty):
        if encode(machine, problem.symmetry).key != encode(twin, problem.symmetry).key:
            return "state", "the machines differ afterwards"
        if machine.committed != twin.committed:
            return "charge", f"Committed_AS changes by {machine.committed} and by {twin.committed} pages"
    return None


# --- the search ----------------------------------------------------------------------------------------------


class Found(NamedTuple):
    """A hit and how to get there."""

    hit: Hit
    path: tuple[int, ...]
    """Numbers of operations from the start, each in the alphabet of the state before it."""


class Progress(NamedTuple):
    """How far a search is."""

    depth: int
    """Levels that are finished."""
    queue: int
    """States that are known but not expanded."""
    states: int
    """Distinct ones."""
    transitions: int
    """States generated, by a run each."""


class TooMany(Exception):
    """There are as many states as there may be."""


class Search:
    """One search under way; levels are run by :meth:`level` until the frontier is empty."""

    def __init__(self, problem: Problem, start: Machine, workers: Workers) -> None:
        self.problem = problem
        self.workers = workers
        first = marshal.dumps(encode(start, problem.symmetry).key)
        digest = blake2b(first, digest_size=12).digest()
        self.seen = {digest}
        self.parent = array("q", [-1])
        self.number = array("i", [-1])
        self.frontier = Queue(0)
        self.frontier.append(first)
        self.following = Queue(1)
        """States of the next level, while one is under way."""
        self.expanded = 0
        """States of the frontier that are done."""
        self.depth = 0
        self.transitions = 0
        self.found: dict[str, Found] = {}
        """The first hit of each kind, in the order found."""

    def level(self, most: int, first: bool, tick: Callable[[], None]) -> bool:
        """Run one level, or up to the first hit. False if no state is left.

        ``tick`` is called after each state and may raise to end the search.  Raises TooMany before a state more than
        ``most``, OSError where there is no room for the queue.
        """
        results = self.workers.expand(self.problem, self.frontier)
        for state, successors in zip(self.frontier.states, results, strict=False):
            for successor in successors:
                self.transitions += 1
                for hit in successor.hits:
                    if hit.kind not in self.found:
                        self.found[hit.kind] = Found(hit, (*self.path(state), successor.number))
                        if first:
                            return True
                if successor.digest and successor.digest not in self.seen:
                    if len(self.seen) >= most:
                        raise TooMany
                    self.enter(state, successor)
            self.expanded += 1
            tick()
        self.depth += 1
        self.frontier.close()
        self.frontier, self.following, self.expanded = self.following, Queue(len(self.parent)), 0
        return len(self.frontier) > 0

    def enter(self, state: int, successor: Successor) -> None:
        """A state not seen before."""
        self.following.append(successor.data)
        self.seen.add(successor.digest)
        self.parent.append(state)
        self.number.append(successor.number)

    def keep_shard(self, i: int, n: int) -> None:
        """Keep every n-th state of the frontier from the i-th (counted from 1) on."""
        self.frontier = self.frontier.every(n, i - 1)

    def path(self, state: int) -> tuple[int, ...]:
        """The operations that lead to a state."""
        numbers: list[int] = []
        while self.parent[state] >= 0:
            numbers.append(self.number[state])
            state = self.parent[state]
        return tuple(reversed(numbers))

    def close(self) -> None:
        """Remove what lies in files."""
        self.frontier.close()
        self.following.close()

    def progress(self) -> Progress:
        queue = len(self.frontier) - self.expanded + len(self.following)
        return Progress(self.depth, queue, len(self.seen), self.transitions)


class Workers:
    """Expands the states of a level, in order; this one does it itself."""

    def __init__(self) -> None:
        self.known: set[bytes] = set()

    def expand(self, problem: Problem, frontier: Queue) -> Iterator[list[Successor]]:
        for data in frontier:
            yield list(expand(problem, data, self.known))

    def close(self) -> None:
        """Nothing to end."""
