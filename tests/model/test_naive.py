"""The model does what a second model does that knows only single pages, whatever a process does with its memory."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mremapdsl import api, ops
from mremapdsl.model.backend import ModelBackend
from mremapdsl.model.invariants import check_all
from mremapdsl.model.machine import Machine
from mremapdsl.model.mremap import MMAP_BASE
from mremapdsl.model.records import ACCOUNT, DONTCOPY, LOCKED, NORESERVE, PRESENT, WIPEONFORK, prot_string

from .naive import Fails, Naive

PAGES = 24
"""Small, so that ranges meet."""
MOST_PROCESSES = 4
FLAGS = {ACCOUNT: "account", NORESERVE: "noreserve", DONTCOPY: "dontcopy", WIPEONFORK: "wipeonfork", LOCKED: "locked"}


class VmaLook(NamedTuple):
    start: int
    end: int
    prot: str
    flags: tuple[str, ...]
    pgoff: int
    anon: int | None
    chain: tuple[int, ...]


class PageLook(NamedTuple):
    page: int
    folio: int | None
    """None is the zero page."""
    index: int | None = None
    home: int | None = None
    exclusive: bool | None = None
    mapcount: int | None = None
    byte: int | None = None


class Look(NamedTuple):
    """Everything there is to see, with anon_vmas and folios numbered in order of first appearance."""

    vmas: dict[str, list[VmaLook]]
    pages: dict[str, list[PageLook]]
    anon_vmas: dict[int, tuple[int, int, int, int]]
    """Those that a VMA is linked to: root, parent, children, active VMAs."""
    committed: int


class Numbers:
    """Numbers in order of first appearance, over a whole history."""

    def __init__(self) -> None:
        self.known: dict[int, int] = {}
        self.kept: list[object] = []
        """Objects that are known by their identity, which no other may get."""

    def __call__(self, thing: object) -> int:
        key = thing if isinstance(thing, int) else id(thing)
        if key not in self.known:
            self.known[key] = len(self.known)
            self.kept.append(thing)
        return self.known[key]


class Seen(NamedTuple):
    """The anon_vmas and folios that one side has shown so far."""

    anon: Numbers
    folio: Numbers


def look_at_model(machine: Machine, seen: Seen) -> Look:
    anon, folio = seen
    vmas: dict[str, list[VmaLook]] = {}
    pages: dict[str, list[PageLook]] = {}
    for name, mm in sorted(machine.mms.items()):
        vmas[name] = [
            VmaLook(
                v.start, v.end, prot_string(v.flags)[:3], tuple(sorted(w for bit, w in FLAGS.items() if v.flags & bit)),
                v.start + v.skew, anon(v.anon) if v.anon else None, tuple(map(anon, v.chain)),
            )
            for v in mm.vmas
        ]  # fmt: skip
        found = pages[name] = []
        for start, end, pte in mm.ptes:
            for page in range(start, end):
                frame = machine.frames.at(page + pte.delta)
                if pte.kind != PRESENT or frame is None:
                    found.append(PageLook(page, None))
                    continue
                number = page + pte.delta
                found.append(PageLook(page, folio(number), number + frame.delta, anon(frame.home), frame.exclusive,
                                      frame.maps, frame.data))  # fmt: skip
    graph = {}
    for n in sorted({number for mm in machine.mms.values() for vma in mm.vmas for number in vma.chain}):
        a = machine.anon_vmas[n]
        graph[anon(n)] = (anon(a.root), anon(a.parent), a.num_children, a.num_active_vmas)
    return Look(vmas, pages, graph, machine.committed)


def look_at_naive(naive: Naive, seen: Seen) -> Look:
    anon, folio = seen
    vmas: dict[str, list[VmaLook]] = {}
    pages: dict[str, list[PageLook]] = {}
    for name, process in sorted(naive.processes.items()):
        vmas[name] = [
            VmaLook(
                v.start, v.end, "".join(c if c in v.flags.prot else "-" for c in "rwx"),
                tuple(sorted(w for w in FLAGS.values() if getattr(v.flags, w))),
                v.pgoff, anon(v.anon) if v.anon else None, tuple(map(anon, v.chain)),
            )
            for v in process.vmas
        ]  # fmt: skip
        found = pages[name] = []
        for page, entry in sorted(process.pages.items()):
            if entry is None:
                found.append(PageLook(page, None))
            else:
                found.append(PageLook(page, folio(entry), entry.index, anon(entry.home), entry.exclusive,
                                      naive.mapcount(entry), entry.byte))  # fmt: skip
    graph = {}
    for a in {id(a): a for vma in naive.vmas() for a in vma.chain}.values():
        graph[anon(a)] = (anon(a.root), anon(a.parent), naive.children(a), naive.active(a))
    return Look(vmas, pages, graph, naive.committed())


class Place(NamedTuple):
    """Pages named by what is there when the call is made."""

    process: int
    vma: int
    """Which VMA of the process; -1 is the whole arena."""
    offset: int
    pages: int


PLACES = st.builds(Place, st.integers(0, 3), st.integers(-1, 5), st.integers(-2, 8), st.integers(1, 9))
PROT = st.sampled_from(["rw", "rw", "rw", "r", "", "rwx"])


class Both(RuleBasedStateMachine):
    """One history, carried out by both."""

    def __init__(self) -> None:
        super().__init__()
        self.model: ModelBackend = api.backend("linux-6.18")
        self.naive = Naive(MMAP_BASE)
        self.seen = Seen(Numbers(), Numbers()), Seen(Numbers(), Numbers())
        self.born = 0

    def both(self, op: ops.Operation, call: Callable[[], None]) -> None:
        outcome = self.model.step(op)
        result = "ok"
        try:
            call()
        except Fails as fails:
            result = str(fails)
        assert outcome.result == result, op
        assert outcome.breaches == ()

    @invariant()
    def the_same_is_seen(self) -> None:
        self.naive.check()
        assert look_at_model(self.model.machine, self.seen[0]) == look_at_naive(self.naive, self.seen[1])

    @invariant()
    def every_invariant_holds(self) -> None:
        assert check_all(self.model.machine) == []

    def spot(self, place: Place) -> tuple[str, int, int]:
        """Process, first page and number of pages of a place."""
        name = list(self.naive.processes)[place.process % len(self.naive.processes)]
        vmas = self.naive.processes[name].vmas
        if place.vma < 0 or not vmas:
            return name, place.process * 5 + place.offset + 2, place.pages
        vma = vmas[place.vma % len(vmas)]
        if not place.offset:
            return name, vma.start, vma.end - vma.start
        return name, max(0, vma.start + place.offset), place.pages

    @initialize(pages=st.integers(3, 12))
    def something_is_mapped_and_written(self, pages: int) -> None:
        self.both(ops.Mmap("parent", 4, pages), lambda: self.naive.mmap("parent", 4, pages, "rw", False))
        self.both(ops.Touch("parent", 5, 1), lambda: self.naive.access("parent", 5, 1, 1))

    @rule(place=PLACES, prot=PROT, noreserve=st.sampled_from([False, False, False, True]))
    def mmap(self, place: Place, prot: str, noreserve: bool) -> None:
        name, at, pages = self.spot(place)
        at %= PAGES
        op = ops.Mmap(name, at, pages, prot, noreserve=noreserve)
        self.both(op, lambda: self.naive.mmap(name, at, pages, prot, noreserve))

    @rule(place=PLACES, prot=PROT, access=st.sampled_from(["protect", "protect", "read", "touch", "touch", "touch"]))
    def access(self, place: Place, prot: str, access: str) -> None:
        name, at, pages = self.spot(place)
        if access == "protect":
            self.both(ops.Mprotect(name, at, pages, prot), lambda: self.naive.mprotect(name, at, pages, prot))
        elif access == "read":
            self.both(ops.Read(name, at, pages), lambda: self.naive.access(name, at, pages, None))
        else:
            byte = len(prot)
            self.both(ops.Touch(name, at, pages, byte), lambda: self.naive.access(name, at, pages, byte))

    @rule(
        place=PLACES,
        advice=st.sampled_from(
            ["DONTNEED", "DONTFORK", "DOFORK", "WIPEONFORK", "KEEPONFORK", "lock", "unlock", "unmap"]
        ),
    )
    def other(self, place: Place, advice: str) -> None:
        name, at, pages = self.spot(place)
        if advice == "unmap":
            self.both(ops.Munmap(name, at, pages), lambda: self.naive.munmap(name, at, pages))
        elif advice in ("lock", "unlock"):
            op = (ops.Mlock if advice == "lock" else ops.Munlock)(name, at, pages)
            self.both(op, lambda: self.naive.mlock(name, at, pages, advice == "lock"))
        else:
            self.both(ops.Madvise(name, at, pages, advice), lambda: self.naive.madvise(name, at, pages, advice))

    @rule(process=st.integers(0, 3), what=st.sampled_from(["fork", "fork", "exit", "", "", ""]))
    def family(self, process: int, what: str) -> None:
        names = list(self.naive.processes)
        name = names[process % len(names)]
        if what == "fork" and len(names) < MOST_PROCESSES:
            self.born += 1
            child = f"child{self.born}"
            self.both(ops.Fork(name, child), lambda: self.naive.fork(name, child))
        elif what == "exit" and len(names) > 1:
            self.both(ops.Exit(name), lambda: self.naive.exit(name))

    @rule(
        place=PLACES,
        to=st.one_of(st.integers(0, PAGES), st.integers(0, PAGES), st.none()),
        size=st.sampled_from([0, 0, 0, 0, -8, -2, -1, 1, 3]),
        flags=st.sampled_from([3, 3, 3, 3, 3, 7, 7, 1, 1, 0, 5, 2, 4, 6, 9]),
    )
    def mremap(self, place: Place, to: int | None, size: int, flags: int) -> None:
        name, at, old = self.spot(place)
        new = max(0, old + size)
        if to is None and flags & ops.FIXED:
            flags &= ~ops.FIXED
        op = ops.Mremap(name, at, old, new, to, flags)
        self.both(op, lambda: self.naive.mremap(name, at, old, new, to, flags))

    @rule(process=st.integers(0, 3), which=st.integers(0, 5), side=st.booleans(), neighbour=st.integers(0, 5),
          flags=st.sampled_from([3, 3, 7]))  # fmt: skip
    def move_beside(self, process: int, which: int, side: bool, neighbour: int, flags: int) -> None:
        """A whole VMA to the border of another, or to where its page offset says that it was."""
        names = list(self.naive.processes)
        name = names[process % len(names)]
        vmas = self.naive.processes[name].vmas
        if vmas:
            vma, beside = vmas[which % len(vmas)], vmas[neighbour % len(vmas)]
            pages = vma.end - vma.start
            to = vma.pgoff if vma is beside else beside.end if side else max(0, beside.start - pages)
            op = ops.Mremap(name, vma.start, pages, pages, to, flags)
            self.both(op, lambda: self.naive.mremap(name, op.at, pages, pages, to, flags))

    @rule(
        process=st.integers(0, 3), which=st.integers(0, 5), where=st.integers(0, 3), pages=st.integers(1, 4), prot=PROT
    )
    def mmap_beside(self, process: int, which: int, where: int, pages: int, prot: str) -> None:
        """New memory that touches a VMA, or the place that its page offset says it came from."""
        names = list(self.naive.processes)
        name = names[process % len(names)]
        vmas = self.naive.processes[name].vmas
        if vmas:
            vma = vmas[which % len(vmas)]
            start = vma.start if where < 2 else vma.pgoff
            at = start - pages if where % 2 else start + vma.end - vma.start
            if at >= 0:
                op = ops.Mmap(name, at, pages, prot)
                self.both(op, lambda: self.naive.mmap(name, at, pages, prot, False))


def wander(dice: random.Random, both: Both) -> None:
    """One random call; denser than what Hypothesis makes of the same rules, and less eager to repeat itself."""

    def place() -> Place:
        return Place(dice.randrange(4), dice.randint(-1, 5), dice.choice([0, 0, *range(-2, 9)]), dice.randint(1, 9))

    kind = dice.randrange(20)
    prot = dice.choice(["rw", "rw", "rw", "r", "", "rwx"])
    if kind == 0:
        both.mmap(place=place(), prot=prot, noreserve=dice.random() < 0.2)
    elif kind < 3:
        where, pages = dice.randrange(4), dice.randint(1, 4)
        both.mmap_beside(process=dice.randrange(4), which=dice.randrange(6), where=where, pages=pages, prot="rw")
    elif kind < 9:
        both.access(place=place(), prot=prot, access=dice.choice(["protect", "read", "touch", "touch"]))
    elif kind < 11:
        words = ["DONTNEED", "DONTFORK", "DOFORK", "WIPEONFORK", "KEEPONFORK", "lock", "lock", "unlock", "unmap"]
        both.other(place=place(), advice=dice.choice(words))
    elif kind < 13:
        both.family(process=dice.randrange(4), what=dice.choice(["fork", "fork", "exit"]))
    elif kind < 17:
        flags = dice.choice([3, 3, 3, 7, 1, 1, 0, 5, 2, 9])
        size = dice.choice([0, 0, 0, -8, -2, -1, 1, 3])
        both.mremap(place=place(), to=dice.choice([None, *range(PAGES)]), size=size, flags=flags)
    else:
        which = dice.randrange(6)
        beside = which if dice.random() < 0.5 else dice.randrange(6)  # itself: back to where it came from
        side, flags = dice.random() < 0.5, dice.choice([3, 3, 7])
        both.move_beside(process=dice.randrange(4), which=which, side=side, neighbour=beside, flags=flags)


@pytest.mark.parametrize("seed", range(60))
def test_random_histories(seed: int) -> None:
    dice, both = random.Random(seed), Both()
    both.something_is_mapped_and_written(pages=dice.randint(3, 12))
    for _ in range(60):
        wander(dice, both)
        both.the_same_is_seen()
        both.every_invariant_holds()


TestBoth = Both.TestCase
TestBoth.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
