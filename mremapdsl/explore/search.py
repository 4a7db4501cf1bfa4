"""Breadth-first search over all operations, level by level, with one key a state.

A level is a list of keys in a fixed order; the results of a level do not depend on how many processes share the work.
Only a digest of each state seen is kept, and for each the state it came from and the number of the operation, which is
enough to walk the path again.
"""

from __future__ import annotations

import marshal
from array import array
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any, NamedTuple

from mremapdsl.explore.alphabet import Bounds, operations
from mremapdsl.model.codec import Canonical, Symmetry, decode, encode
from mremapdsl.model.invariants import Broken, check_inside, check_step
from mremapdsl.model.journal import Journal
from mremapdsl.model.machine import Machine, Mm
from mremapdsl.model.meaning import apply
from mremapdsl.model.merge import Attempt
from mremapdsl.model.reason import NotModelled, Refused, Why
from mremapdsl.model.rules import Rules
from mremapdsl.ops import Operation

SHIFT_BREAKERS = {"hugepage", "collapse", "mmap-file", "mmap-shared"}
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


class Taken(NamedTuple):
    """One transition: the operation and what came of it."""

    op: Operation
    result: str
    address: int | None
    """The page that mmap or mremap returned."""
    why: Why | None
    events: tuple[Why | Attempt, ...]
    broken: tuple[Broken, ...]


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


def symmetry_for(bounds: Bounds) -> Symmetry:
    """The symmetries that are sound for these operations."""
    shift = bounds.slide and not SHIFT_BREAKERS & set(bounds.kinds)
    tables = bool({"hugepage", "collapse"} & set(bounds.kinds))
    return Symmetry(shift, True, tables, bounds.pages if shift else 0)


def take(machine: Machine, op: Operation) -> Taken | None:
    """Carry out an operation on the machine. None if the model does not know it."""
    missed: list[Broken] = []
    if machine.rules.relocate_flags or machine.rules.trigger(0):
        machine.inside = lambda m, mm, moment, start, end: missed.extend(_inside(m, mm, start, end))
    result, why, address = "ok", None, None
    try:
        why, address = apply(machine, op)
    except Refused as refused:
        result, why = refused.errno, refused.reason
    except NotModelled:
        return None
    broken = missed + (check_step(machine) if not machine.journal.empty else [])
    return Taken(op, result, address, why, tuple(machine.events), tuple(broken))


def _inside(machine: Machine, mm: Mm, start: int, end: int) -> list[Broken]:
    return check_inside(machine, mm, start, end)


def expand(problem: Problem, data: bytes, known: set[bytes]) -> Iterator[Successor]:
    """Every transition out of a state, in order; those that change nothing and find nothing are left out."""
    base = decode(marshal.loads(data), problem.rules)
    other = decode(marshal.loads(data), problem.against) if problem.against is not None else None
    for number, op in enumerate(operations(base, problem.bounds)):
        machine = base.copy()
        taken = take(machine, op)
        if taken is None:
            yield Successor(number, b"", b"", ())
            continue
        changed = not machine.journal.empty or machine.settings != base.settings
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
        words = difference(problem, machine, taken, twin, twin_taken)
        if words:
            return (Hit(f"{words.split(':')[0]} {sort_of(taken)}", words),)
    return ()


def difference(problem: Problem, machine: Machine, taken: Taken, twin: Machine, twin_taken: Taken) -> str:
    """How two rule sets end differently after the same operation; empty if they do not."""
    if taken.result != twin_taken.result:
        return f"result: {taken.result} and {twin_taken.result}"
    if bool(taken.broken) != bool(twin_taken.broken):
        return "violation: " + (taken.broken or twin_taken.broken)[0].sentence
    if taken.broken:
        return ""
    if machine.journal.empty and twin.journal.empty:
        return ""
    if encode(machine, problem.symmetry).key != encode(twin, problem.symmetry).key:
        return "state: the machines differ afterwards"
    return ""


def sort_of(taken: Taken) -> str:
    """What makes two transitions alike: the call and everything that was decided on the way."""
    decided = [event.reason for event in taken.events if isinstance(event, Why)]
    if taken.why is not None:
        decided.append(taken.why.reason)
    return " ".join([type(taken.op).__name__.lower(), *dict.fromkeys(decided)])


def reasons(taken: Taken) -> Iterator[str]:
    """Every reason that a transition gave."""
    if taken.why is not None:
        yield taken.why.reason
    for event in taken.events:
        if isinstance(event, Why):
            yield event.reason
        else:
            yield from (reason for reason in (event.left, event.right) if reason is not None)
            if event.left is None or event.right is None:
                yield (
                    "joined-both"
                    if event.left == event.right
                    else "joined-left"
                    if event.left is None
                    else "joined-right"
                )


# --- the search ----------------------------------------------------------------------------------------------


class Found(NamedTuple):
    """A hit and how to get there."""

    hit: Hit
    path: tuple[int, ...]
    """Numbers of operations from the start, each in the alphabet of the state before it."""


class Level(NamedTuple):
    """Progress after a level."""

    depth: int
    frontier: int
    states: int
    transitions: int


class Search:
    """One search under way; levels are run by :meth:`level` until the frontier is empty."""

    def __init__(self, problem: Problem, start: Machine, workers: Workers) -> None:
        self.problem = problem
        self.workers = workers
        first = marshal.dumps(encode(start, problem.symmetry).key)
        digest = blake2b(first, digest_size=12).digest()
        self.index: dict[bytes, int] = {digest: 0}
        self.parent = array("q", [-1])
        self.number = array("q", [-1])
        self.frontier: list[tuple[int, bytes]] = [(0, first)]
        self.depth = 0
        self.transitions = 0
        self.found: dict[str, Found] = {}
        """The first hit of each kind, in the order found."""
        self.full = False
        """A state was left out because there are as many as there may be."""

    def level(self, max_states: int, stop_at_first: bool) -> bool:
        """Run one level. False if the search is over: nothing left, something found, or too many states."""
        following: list[tuple[int, bytes]] = []
        for (state, _), successors in zip(
            self.frontier, self.workers.expand(self.problem, self.frontier), strict=False
        ):
            for successor in successors:
                self.transitions += 1
                for hit in successor.hits:
                    if hit.kind not in self.found:
                        self.found[hit.kind] = Found(hit, (*self.path(state), successor.number))
                if successor.digest and successor.digest not in self.index:
                    if len(self.index) >= max_states:
                        self.full = True
                        continue
                    self.index[successor.digest] = len(self.parent)
                    following.append((len(self.parent), successor.data))
                    self.parent.append(state)
                    self.number.append(successor.number)
            if (self.found and stop_at_first) or self.full:
                return False
        self.depth += 1
        self.frontier = following
        return bool(following)

    def keep_shard(self, i: int, n: int) -> int:
        """Keep every n-th state of the frontier from the i-th (counted from 1) on; how many were left out."""
        before = len(self.frontier)
        self.frontier = self.frontier[i - 1 :: n]
        return before - len(self.frontier)

    def path(self, state: int) -> tuple[int, ...]:
        """The operations that lead to a state."""
        numbers: list[int] = []
        while self.parent[state] >= 0:
            numbers.append(self.number[state])
            state = self.parent[state]
        return tuple(reversed(numbers))

    def progress(self) -> Level:
        return Level(self.depth, len(self.frontier), len(self.index), self.transitions)


class Workers:
    """Expands the states of a level, in order; this one does it itself."""

    def __init__(self) -> None:
        self.known: set[bytes] = set()

    def expand(self, problem: Problem, frontier: list[tuple[int, bytes]]) -> Iterator[list[Successor]]:
        for _, data in frontier:
            yield list(expand(problem, data, self.known))

    def close(self) -> None:
        """Nothing to end."""


def walk_again(problem: Problem, start: Machine, path: tuple[int, ...]) -> tuple[list[Taken], Machine]:
    """The transitions of a path, carried out on the start machine itself, and where they end.

    The operations are translated back from the keys' processes and places to the machine's own.
    """
    machine = start
    taken: list[Taken] = []
    for number in path:
        canonical = encode(machine, problem.symmetry)
        image = decode(marshal.loads(marshal.dumps(canonical.key)), problem.rules)
        op = next(op for i, op in enumerate(operations(image, problem.bounds)) if i == number)
        machine.events = []
        machine.journal = Journal()
        step = take(machine, translate(op, canonical, machine))
        assert step is not None
        taken.append(step)
    return taken, machine


def translate(op: Operation, canonical: Canonical, machine: Machine) -> Operation:
    """An operation on a key as the same operation on the machine that the key was made from."""
    changes: dict[str, Any] = {"process": _own(op.process, canonical)}
    for field in ("at", "to"):
        place = getattr(op, field, None)
        if place is not None:
            changes[field] = place + canonical.shift
    if hasattr(op, "child"):
        changes["child"] = new_name(machine)
    return op._replace(**changes)


def _own(name: str, canonical: Canonical) -> str:
    return canonical.names[int(name[1:])]


def new_name(machine: Machine) -> str:
    """A name for a child, as the language gives them."""
    taken = machine.mms.keys() | {"parent"}
    names = ["child", *(f"child{i}" for i in range(2, 100))]
    return next(name for name in names if name not in taken)
