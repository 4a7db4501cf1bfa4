"""When ranges join their neighbours, and what becomes of the VMAs and their anon_vmas."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import pytest

from mremapdsl import api, ops
from mremapdsl.layout import layout
from mremapdsl.model.backend import ModelBackend
from mremapdsl.model.machine import Machine
from mremapdsl.model.merge import Ask, may_join, sides
from mremapdsl.model.records import FLAG_NAMES, MAYBE_GUARD, READ, WRITE, Origin, Vma

RULE_SETS = ("linux-6.12", "linux-6.16", "linux-6.17", "linux-6.18", "linux-7.3")
X, Y, ANCESTOR = 1, 2, 9


class Case(NamedTuple):
    """Two sides of a border: the range S that would like to join, and its neighbour N."""

    kind: str
    """new: mmap; extension: growth in place; changed: a part of a VMA; copy: an mremap copy."""
    mine: int
    """S's anon_vma, 0 for none."""
    theirs: int
    my_child: bool
    """S's VMA (the one copied from, for a copy) is a fork child."""
    their_child: bool
    left: bool
    """N lies before S."""


def cases() -> Iterator[Case]:
    anons = [(0, 0), (X, X), (X, Y), (0, X), (X, 0)]
    for kind, (mine, theirs), my_child, their_child, left in product(
        ("new", "extension", "changed", "copy"), anons, (False, True), (False, True), (False, True)
    ):
        if (my_child and not mine) or (their_child and not theirs) or (kind == "new" and mine):
            continue
        yield Case(kind, mine, theirs, my_child, their_child, left)


def expected(case: Case, rules: str) -> str | None:
    """The rule of anon_vmas as the kernels have it, in words: the reason against a merge, or nothing."""
    if case.mine == case.theirs:
        return None
    if case.mine and case.theirs:
        return "anon-vmas-differ"
    if not case.mine:
        return "neighbour-is-fork-child" if case.their_child else None
    if rules == "linux-6.12":
        return "unfaulted-neighbour"
    asked = {"changed": True, "extension": False, "copy": rules not in ("linux-6.16", "linux-6.17")}[case.kind]
    return "source-is-fork-child" if asked and case.my_child else None


def vma(start: int, anon: int, child: bool, flags: int = READ | WRITE) -> Vma:
    chain = ((anon, ANCESTOR) if child else (anon,)) if anon else ()
    return Vma(start, start + 4, flags, 0, 0, anon, chain, None, Origin(1, 1, 1, 1))


def ask(case: Case) -> tuple[Ask, Vma]:
    new = vma(8, case.mine, case.my_child)
    neighbour = vma(4 if case.left else 12, case.theirs, case.their_child)
    source = vma(8, case.mine, case.my_child) if case.kind == "changed" else None
    copied = vma(100, case.mine, case.my_child) if case.kind == "copy" else None
    return Ask(new, source, copied), neighbour


@pytest.mark.parametrize("rules", RULE_SETS)
@pytest.mark.parametrize(
    "case", [*cases()], ids=lambda c: "-".join(str(int(f) if isinstance(f, bool) else f) for f in c)
)
def test_the_anon_vma_rule(case: Case, rules: str) -> None:
    question, neighbour = ask(case)
    assert may_join(Machine(api.rules(rules)), question, neighbour, case.left) == expected(case, rules)


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("bit", FLAG_NAMES, ids=[long for _, long in FLAG_NAMES.values()])
def test_each_flag_keeps_memory_apart_on_every_kernel_but_the_sticky_one(bit: int, left: bool) -> None:
    one, other = vma(8, 0, False, 0), vma(4 if left else 12, 0, False, bit)
    for mine, theirs in ((one, other), (one._replace(flags=bit), other._replace(flags=0))):
        for rules in RULE_SETS:
            against = may_join(Machine(api.rules(rules)), Ask(mine), theirs, left)
            assert against == (None if bit == MAYBE_GUARD and rules in ("linux-6.18", "linux-7.3") else "flags-differ")


def test_the_other_conditions_and_their_order() -> None:
    machine = Machine(api.rules("linux-6.18"))
    new, apart = vma(8, X, False), vma(4, Y, False, READ)._replace(file="f", skew=3, anon_skew=3)
    order = ["flags-differ", "files-differ", "anon-vmas-differ", "pgoffs-do-not-continue", None]
    fixes = [{}, {"flags": new.flags}, {"file": None}, {"anon": 0, "chain": ()}, {"skew": 0, "anon_skew": 0}]
    for against, fix in zip(order, fixes, strict=True):
        apart = apart._replace(**fix)
        assert may_join(machine, Ask(new), apart, True) == against


@pytest.mark.parametrize(("rules", "against"), [("linux-6.18", None), ("linux-7.3", "anon-pgoffs-do-not-continue")])
def test_private_file_memory_needs_both_offsets_from_7_3_on(rules: str, against: str | None) -> None:
    new, neighbour = (vma(at, 0, False)._replace(file="f", skew=-4, anon_skew=0) for at in (8, 4))
    shifted = neighbour._replace(anon_skew=-96)
    machine = Machine(api.rules(rules))
    assert may_join(machine, Ask(new), neighbour, True) is None
    assert may_join(machine, Ask(new), shifted, True) == against


@pytest.mark.parametrize(("a", "b", "both"), [(0, 0, 1), (X, 0, 1), (0, X, 1), (X, X, 1), (X, Y, 0)])
def test_both_neighbours_join_unless_they_have_two_anon_vmas(a: int, b: int, both: bool) -> None:
    machine = Machine(api.rules("linux-6.18"))
    answers = sides(machine, Ask(vma(8, 0, False)), vma(4, a, False), vma(12, b, False))
    assert answers == (None, None if both else "neighbours-differ")


def test_nothing_touches() -> None:
    machine = Machine(api.rules("linux-6.18"))
    assert sides(machine, Ask(vma(8, 0, False)), None, None) == ("no-neighbour", "no-neighbour")


# --- what a merge leaves -----------------------------------------------------------------------------------------


def run(text: str, rules: str = "linux-6.18") -> ModelBackend:
    """The machine after a scenario's operations."""
    backend = api.backend(rules)
    for step in api.compile(text).scenarios[0].body:
        outcome = backend.step(step.op)  # type: ignore[union-attr]
        assert outcome.result == "ok"
        assert outcome.breaches == ()
    return backend


def picture(backend: ModelBackend, pages: int = 24) -> str:
    return layout(backend.observe().vmas("parent"), 0, pages, {})


def graph(backend: ModelBackend) -> list[tuple[int, int]]:
    """(active VMAs, links) of each anon_vma."""
    return [(a.num_active_vmas, a.links) for a in backend.machine.anon_vmas.values()]


NEW_RANGE = [
    ("neither", "mmap A 4 r at @0; mmap C 4 r at @8", "aaaabbbbcccc", []),
    ("left", "mmap A 4 at @0; touch A; mmap C 4 r at @8", "AAAAAAAAbbbb", [(1, 1)]),
    ("right", "mmap A 4 r at @0; mmap C 4 at @8; touch C", "aaaaBBBBBBBB", [(1, 1)]),
    ("both unfaulted", "mmap A 4 at @0; mmap C 4 at @8", "aaaaaaaaaaaa", []),
    ("both, left faulted", "mmap A 4 at @0; touch A; mmap C 4 at @8", "AAAAAAAAAAAA", [(1, 1)]),
    ("both, right faulted", "mmap A 4 at @0; mmap C 4 at @8; touch C", "AAAAAAAAAAAA", [(1, 1)]),
    ("left of two anon_vmas", "mmap A 4 at @0; touch A; mmap C 4 at @8; touch C", "AAAAAAAABBBB", [(1, 1), (1, 1)]),
]


@pytest.mark.parametrize(("setup", "after", "anon"), [row[1:] for row in NEW_RANGE], ids=[row[0] for row in NEW_RANGE])
def test_a_new_range_joins(setup: str, after: str, anon: list[tuple[int, int]]) -> None:
    backend = run(f"{setup}; mmap B 4 at @4")
    assert (picture(backend, 12), graph(backend)) == (after, anon)


CHANGED = [
    # name, setup, part that becomes rw, picture, (active VMAs, links)
    ("whole, both", "mmap A 4 at @0; mmap M 8 r at @4; mmap C 4 at @12; touch C", 4, 8, "A" * 16, [(1, 1)]),
    ("whole, left", "mmap A 4 at @0; touch A; mmap M 8 r at @4", 4, 8, "A" * 12, [(1, 1)]),
    ("whole, right", "mmap M 8 r at @4; mmap C 4 at @12; touch C", 4, 8, "...." + "A" * 12, [(1, 1)]),
    ("left part with prev", "mmap A 4 at @0; mmap M 8 r at @4", 4, 4, "a" * 8 + "b" * 4, []),
    ("left part, interior", "mmap M 8 r at @4", 4, 4, "....aaaabbbb", []),
    ("right part with next", "mmap M 8 r at @4; mmap C 4 at @12", 8, 4, "...." + "aaaa" + "b" * 8, []),
    ("right part alone", "mmap M 8 r at @4", 8, 4, "....aaaabbbb", []),
    ("middle", "mmap A 4 at @0; mmap M 8 r at @4; mmap C 4 at @12", 6, 4, "aaaabbccccddeeee", []),
]


@pytest.mark.parametrize(
    ("setup", "at", "pages", "after", "anon"), [row[1:] for row in CHANGED], ids=[row[0] for row in CHANGED]
)
def test_a_changed_range_joins(setup: str, at: int, pages: int, after: str, anon: list[tuple[int, int]]) -> None:
    backend = run(f"{setup}; mprotect @{at}+{pages} rw")
    assert (picture(backend, len(after)), graph(backend)) == (after, anon)


def test_a_faulted_part_that_joins_an_unfaulted_neighbour_leaves_both_faulted() -> None:
    """The part takes its whole chain along, and what remains of its VMA keeps its own."""
    backend = run("mmap A 4 at @0; mmap M 8 rwx at @4; touch M; mprotect @4+4 rw")
    assert picture(backend, 12) == "AAAAAAAABBBB"
    assert graph(backend) == [(2, 2)]


def test_the_survivor_of_a_changed_range_takes_the_right_neighbours_anon_vma_first() -> None:
    backend = run("mmap A 4 at @0; mmap M 4 rx at @4; mmap C 4 at @8; touch C; mprotect M rw")
    assert backend.machine.mms["parent"].vmas[0].anon == 1
    assert graph(backend) == [(1, 1)]


def test_an_unchanged_range_is_not_even_split() -> None:
    assert picture(run("mmap A 12 at @0; mprotect @4+4 rw"), 12) == "a" * 12


def test_a_copy_does_not_meet_its_own_source_from_7_2_on() -> None:
    text = "mmap A 4 at @0; mremap A to @4 MAYMOVE FIXED DONTUNMAP"
    assert picture(run(text), 8) == "a" * 8
    assert picture(run(text, "linux-7.3"), 8) == "aaaabbbb"


def test_a_fork_child_that_grows_in_place_takes_its_unfaulted_neighbour_in() -> None:
    """The extension has no source VMA, so nobody asks whether it is a fork child."""
    for rules in ("linux-6.18", "linux-7.3"):
        backend = run("mmap A 4 at @0; touch A; fork; child: mmap C 4 at @8; child: mremap A size 8", rules)
        assert [(v.start, v.end) for v in backend.observe().vmas("child")] == [(0, 12)]
        backend.step(ops.Munmap("child", 4, 4))
        backend.step(ops.Mmap("child", 4, 4))
        assert len(backend.observe().vmas("child")) == 3
