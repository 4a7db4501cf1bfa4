"""Random programs: the same for the same seed, sayable, and of some use."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from mremapdsl import api
from mremapdsl.backend import Outcome, Unsupported
from mremapdsl.generate.differ import Quick
from mremapdsl.generate.families import ALL, FAMILIES, Family, families
from mremapdsl.generate.program import Program
from mremapdsl.ops import Fork, Mmap, Mremap, Operation
from mremapdsl.statements import reads_back, scenario_text, steps

EACH = sorted({family.name: family for family in families(ALL, kernel=False)}.values())
Ran = list[tuple[Operation, Outcome]]


def run(family: Family, seed: str, *, kernel: bool = False) -> Ran:
    """A program with what the model made of it."""
    backend = Quick(api.rules("relocate-v1" if family.relocate else "linux-6.18"))
    found: Ran = []
    try:
        for op in Program(family, Random(seed), backend.machine, kernel=kernel).operations():
            if op.process in backend.machine.mms:
                found.append((op, backend.step(op)))
    except Unsupported:
        pass
    return found


@pytest.mark.parametrize("family", EACH, ids=lambda family: family.name)
def test_a_seed_makes_the_same_program_again(family: Family) -> None:
    programs = [[op for op, _ in run(family, str(i))] for i in range(20)]
    assert programs == [[op for op, _ in run(family, str(i))] for i in range(20)]
    assert len({tuple(program) for program in programs}) == 20


@pytest.mark.parametrize("family", EACH, ids=lambda family: family.name)
def test_every_program_can_be_written_down(family: Family) -> None:
    for i in range(30):
        ran = run(family, f"text {i}")
        body = steps([op for op, _ in ran], [outcome.result for _, outcome in ran])
        assert reads_back(scenario_text(body), body)


@pytest.mark.parametrize("family", [f for f in EACH if not f.relocate], ids=lambda family: family.name)
def test_a_kernel_is_asked_for_nothing_that_it_cannot_do(family: Family) -> None:
    for i in range(60):
        for op, _ in run(family, f"kernel {i}", kernel=True):
            assert type(op).__name__ not in ("Pin", "Unpin", "Migrate", "Swapout", "Split")
            assert not (isinstance(op, Mremap) and op.flags & 2 and op.to is None), "a move to address 0"


def test_merges_moves_and_refusals_are_common() -> None:
    seen: Counter[str] = Counter()
    programs = 300
    (family,) = FAMILIES["merge"]
    for i in range(programs):
        seen.update(
            {f"{type(op).__name__} {o.verdict.reason if o.verdict else ''}" for op, o in run(family, f"mix {i}")}
        )
    for what, least in (
        ("Mmap joined-left", 20), ("Mmap joined-right", 20), ("Mmap joined-both", 5), ("Mremap moved-unfaulted", 30),
        ("Mremap plain-move", 30), ("Mremap overlap", 10), ("Mremap grown", 15), ("Mremap no-room", 5),
    ):  # fmt: skip
        assert seen[what] >= least, (what, seen[what])


def test_relocations_succeed_and_are_refused() -> None:
    seen: Counter[str] = Counter()
    for i in range(300):
        family = FAMILIES["relocate"][i % 4]
        seen.update({o.verdict.reason for _, o in run(family, f"r {i}") if o.verdict})
    for reason in ("relocated", "nothing-to-relocate", "forked-parent", "fork-child", "partial-huge-page"):
        assert seen[reason] >= 3, (reason, seen[reason])


def test_children_get_their_names_in_order() -> None:
    (family,) = FAMILIES["fork"]
    for i in range(40):
        names = [op.child for op, _ in run(family, str(i)) if isinstance(op, Fork)]
        assert names == ["child", "child2", "child3", "child4"][: len(names)]


def test_mappings_lie_in_the_arena() -> None:
    for family in EACH:
        for i in range(20):
            assert all(op.at >= 0 for op, _ in run(family, str(i)) if isinstance(op, Mmap))
