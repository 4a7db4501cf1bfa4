"""The search against brute force: every sequence of operations on one machine, nothing forgotten, no symmetry."""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from contextlib import closing
from hashlib import blake2b

import pytest

from mremapdsl import api, ops
from mremapdsl.explore.alphabet import operations
from mremapdsl.explore.arena import Bounds
from mremapdsl.explore.queue import Queue
from mremapdsl.explore.retrace import displaced, take_anew
from mremapdsl.explore.run import Limits, search
from mremapdsl.explore.search import Problem, Search, Successor, Workers, judge, may_slide, symmetry_for
from mremapdsl.explore.taking import During, Taken, reasons
from mremapdsl.explore.witness import after, witness
from mremapdsl.model.codec import EVERYTHING, Symmetry, encode
from mremapdsl.model.machine import Machine

FORKS = ("mmap", "touch", "fork", "relocate", "exit")
PINS = ("mmap", "touch", "mremap", "pin", "migrate", "relocate")
INSIDE = ("mmap", "touch", "pin", "inside")
FAR = 64
"""Pages from the start of the arena that no sequence comes back over."""
FREE = Limits(99, 10**6, on=True)


def problem(rules: str, kinds: tuple[str, ...], pages: int, find: str = "violation", against: str = "",
            window: tuple[int, int] | None = None) -> Problem:  # fmt: skip
    bounds = Bounds(pages, 2, kinds, window)
    return Problem(api.rules(rules), api.rules(against) if against else None, bounds, symmetry_for(bounds), find)


def brute(problem: Problem, depth: int, symmetry: Symmetry) -> tuple[dict[bytes, int], dict[str, int]]:
    """Least depth of each state and of each kind of hit, by carrying out every sequence."""
    states: dict[bytes, int] = {}
    hits: dict[str, int] = {}

    def go(machine: Machine, twin: Machine | None, used: int) -> None:
        key = digest(machine, symmetry)
        states[key] = min(used, states.get(key, used))
        if used == depth:
            return
        far = FAR if problem.bounds.window is None and not any(mm.vmas for mm in machine.mms.values()) else 0
        for near in operations(machine, problem.bounds):
            action = displaced(near, far)
            after, other = machine.copy(), twin.copy() if twin is not None else None
            after.committed = 0
            if other is not None:
                other.committed = 0
            taken = take_anew(after, action)
            other_taken = take_anew(other, action) if other is not None else None
            if taken is None:
                continue
            found = judge(problem, after, taken, other, other_taken)
            for hit in found:
                hits[hit.kind] = min(used + 1, hits.get(hit.kind, used + 1))
            if not taken.broken and taken.waits is None and not (twin is not None and found):
                go(after, other, used + 1)

    go(Machine(problem.rules), Machine(problem.against) if problem.against is not None else None, 0)
    return states, hits


def digest(machine: Machine, symmetry: Symmetry) -> bytes:
    return blake2b(marshal.dumps(encode(machine, symmetry).key), digest_size=12).digest()


def searched(problem: Problem, depth: int) -> tuple[dict[bytes, int], dict[str, int]]:
    with closing(Search(problem, Machine(problem.rules), Workers())) as state:
        depths = dict.fromkeys(state.seen, 0)
        for used in range(1, depth + 1):
            state.level(10**6, False, lambda: None)
            depths.update((key, used) for key in state.seen if key not in depths)
    return depths, {kind: len(found.path) for kind, found in state.found.items()}


SMALL = [
    ("relocate-rfc1", FORKS, 2, 4, "violation", ""),
    ("relocate-v1", PINS, 2, 4, "violation", ""),
    ("relocate-v1 with pinned=abort", INSIDE, 2, 4, "violation", ""),
    ("linux-6.18", ("mmap", "touch", "fork", "mremap", "exit"), 2, 4, "reasons", ""),
    ("relocate-v1", ("mmap", "touch", "fork", "mremap"), 2, 4, "difference", "relocate-auto"),
]


@pytest.mark.parametrize(("rules", "kinds", "pages", "depth", "find", "against"), SMALL)
def test_it_agrees_with_brute_force(
    rules: str, kinds: tuple[str, ...], pages: int, depth: int, find: str, against: str
) -> None:
    """The same canonical states and kinds of hits, each at the same least depth."""
    sought = problem(rules, kinds, pages, find, against)
    assert searched(sought, depth) == brute(sought, depth, sought.symmetry)


@pytest.mark.parametrize(("rules", "kinds", "pages", "depth", "find", "against"), SMALL[:2])
def test_it_agrees_with_brute_force_without_symmetry(
    rules: str, kinds: tuple[str, ...], pages: int, depth: int, find: str, against: str
) -> None:
    """In a fixed window with every process and page told apart; the same hits as with symmetry."""
    sought = problem(rules, kinds, pages, find, against, (0, pages))._replace(symmetry=EVERYTHING)
    states, hits = brute(sought, depth, EVERYTHING)
    assert searched(sought, depth) == (states, hits)
    symmetric = problem(rules, kinds, pages, find, against)
    fewer, same = searched(symmetric, depth)
    assert len(fewer) < len(states) if "fork" in kinds else len(fewer) == len(states)
    assert same == hits


# --- limits --------------------------------------------------------------------------------------------------


def test_it_ends_where_no_state_is_new() -> None:
    sought = problem("linux-6.18", ("mmap", "munmap"), 2)
    result = search(sought, Machine(sought.rules), FREE, 1)
    assert (result.ended, result.progress.queue) == ("exhausted", 0)
    # Nothing, one page, two pages in one VMA or (mapped at once, or joined) the same: no other arrangement is left.
    assert result.progress.states == 3


def test_it_stops_at_the_most_states() -> None:
    sought = problem("linux-6.18", ("mmap", "touch", "mremap"), 3)
    result = search(sought, Machine(sought.rules), Limits(9, 20), 1)
    assert (result.ended, result.progress.states) == ("states", 20)


def test_it_stops_in_time() -> None:
    sought = problem("linux-6.18", ("mmap", "touch", "mremap"), 3)
    result = search(sought, Machine(sought.rules), Limits(9, 10**6, 0.0), 1)
    assert (result.ended, result.progress.depth) == ("time", 0)


def test_an_interrupt_leaves_what_is_known() -> None:
    class Interrupting(Workers):
        def expand(self, problem: Problem, frontier: Queue) -> Iterator[list[Successor]]:
            if len(frontier) > 1:
                raise KeyboardInterrupt
            yield from super().expand(problem, frontier)

    def interrupting(problem: Problem, jobs: int) -> Workers:
        return Interrupting()

    sought = problem("linux-6.18", ("mmap", "touch"), 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mremapdsl.explore.run.workers", interrupting)
        result = search(sought, Machine(sought.rules), FREE, 1)
    assert result.ended == "interrupted"
    assert result.progress.states > 1


# --- symmetry ------------------------------------------------------------------------------------------------


def test_places_matter_to_large_folios_and_files() -> None:
    fresh = Machine(api.rules("linux-6.18"))
    assert may_slide(fresh, ("mmap", "touch"))
    assert not may_slide(fresh, ("mmap-file",))
    _, large = after(fresh.rules, [ops.Set("parent", "mthp", "always", 4)])
    assert not may_slide(large, ("mmap", "touch"))


# --- inside a relocation -------------------------------------------------------------------------------------


def start(rules: str) -> Machine:
    return after(api.rules(rules), [ops.Mmap("parent", 0, 2), ops.Touch("parent", 0, 2), ops.Pin("parent", 1, 1)])[1]


MOVE = ops.Mremap("parent", 0, 2, 2, 4, ops.MAYMOVE | ops.FIXED | ops.RELOCATE)


def at(moment: int, event: ops.Operation, rules: str) -> Taken | None:
    return take_anew(start(rules), During(MOVE, event, moment))


def test_a_pin_at_each_moment() -> None:
    """Linked, the first page rewritten, the obstacle at the second; the undo then stops at the new pin."""
    taken = [at(moment, ops.Pin("parent", 0, 1), "relocate-v1 with pinned=abort") for moment in range(3)]
    assert [bool(t.broken) if t is not None else None for t in taken] == [False, True, True]


def test_a_moment_that_never_comes_is_no_transition() -> None:
    assert at(0, ops.Pin("parent", 0, 1), "relocate-v1 with pinned=abort, failure=detect_early") is None


def test_a_lock_makes_others_wait() -> None:
    taken = at(0, ops.Fork("parent", "child"), "relocate-v1")
    assert taken is not None
    assert taken.waits is not None
    assert taken.why is not None
    assert {"waits-for-mmap-lock", "relocated"} <= set(reasons(taken))


def test_the_search_finds_the_pin_before_the_undo() -> None:
    """Two pages are pinned when one is rewritten: the other stops the relocation, and this one the undo."""
    sought = problem("relocate-v1 with pinned=abort, nonpresent=fail", ("mmap", "touch", "pin", "inside"), 4)
    begins, machine = after(sought.rules, [ops.Mmap("parent", 0, 2), ops.Touch("parent", 0, 2)])
    (found,) = search(sought, machine, Limits(2, 10**6), 1).found
    assert len(found.path) == 1
    last = witness(sought, begins, found).last
    assert isinstance(last.action, During)
    assert last.action.event == ops.Pin("parent", 0, 2)
    assert last.why is not None
    assert last.why.reason == "pinned-folio"


def test_every_action_is_tried_once() -> None:
    machine = start("relocate-v1")
    tried = list(operations(machine, Bounds(4, 2, tuple(dict.fromkeys((*FORKS, *PINS, "inside"))))))
    assert len(set(tried)) == len(tried)


# --- the queue -----------------------------------------------------------------------------------------------


def test_many_states_wait_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same results, also from several processes, and for a shard."""
    sought = problem("relocate-rfc1 with nonpresent=fail", FORKS, 2)
    limits = (Limits(9, 10**6, first=False), Limits(9, 10**6, first=False, shard=(2, 3)))
    wanted = [search(sought, Machine(sought.rules), each, 1)[:3] for each in limits]
    monkeypatch.setattr("mremapdsl.explore.queue.IN_MEMORY", 1)
    assert [search(sought, Machine(sought.rules), each, 1)[:3] for each in limits] == wanted
    assert search(sought, Machine(sought.rules), limits[0], 2)[:3] == wanted[0]


def test_it_stops_without_room_for_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Queue, key: bytes) -> None:
        if self.first:
            raise OSError(28, "No space left on device")
        append(self, key)

    append = Queue.append
    monkeypatch.setattr(Queue, "append", full)
    sought = problem("linux-6.18", ("mmap", "touch"), 2)
    result = search(sought, Machine(sought.rules), FREE, 1)
    assert (result.ended, result.progress.states) == ("room", 1)
