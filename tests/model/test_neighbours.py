"""Every neighbour, every middle, every call: what a live Linux 6.18.44 did, and what the model does.

The table was measured (``tests/data/neighbours-6.18.44.txt``); ``neighbours.py`` says what its words mean.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.model.backend import ModelBackend
from mremapdsl.model.machine import Mm
from mremapdsl.model.records import DONTCOPY, Vma

from .neighbours import LEFT, MIDDLE, PARKING, RIGHT, WORKSHOP, Case, cases, operations

DATA = Path(__file__).parent.parent / "data" / "neighbours-6.18.44.txt"
TABLE = {
    Case(*words[:4]): " ".join(words[4:])
    for words in map(str.split, DATA.read_text(encoding="utf-8").splitlines())
    if words and words[0] != "#"
}
"""Case -> result and VMAs."""


def words(result: str, vmas: list[Vma]) -> str:
    """As the table has it: ``ok 0-8:a 8-12@24:b``, an offset only where it is not the place."""
    letters: dict[int, str] = {0: "-"}
    found = [result]
    for vma in vmas:
        letter = letters.setdefault(vma.anon, "abcdefgh"[len(letters) - 1])
        shifted = f"@{vma.start + vma.skew}" if vma.skew else ""
        found.append(f"{vma.start}-{vma.end}{shifted}:{letter}")
    return " ".join(found)


def made(case: Case, rules: str = "linux-6.18") -> tuple[ModelBackend, Mm]:
    """The machine just before the call, and the process that makes it."""
    backend = api.backend(rules)
    for op in operations(case)[:-1]:
        assert backend.step(op).result == "ok", op
    return backend, backend.machine.mms[case.process]


def test_the_table_has_every_case_once() -> None:
    assert list(TABLE) == list(cases())
    assert len(TABLE) == 679


@pytest.mark.parametrize("call", ["mmap", "grow", "mprotect", "mremap", "dontunmap"])
def test_the_model_does_what_was_measured(call: str) -> None:
    wrong: list[str] = []
    for case, measured in TABLE.items():
        if case.call == call:
            backend, mm = made(case)
            outcome = backend.step(operations(case)[-1])
            assert outcome.breaches == ()
            have = words(outcome.result, mm.vmas)
            if have != measured:
                wrong.append(f"{' '.join(case)}: measured {measured}, modelled {have}")
    assert not wrong


def kind(case: Case, vma: Vma | None, at: int, middle: Vma | None) -> str:
    """What a piece is by the look of it."""
    if vma is None:
        return "none"
    if vma.flags & DONTCOPY:
        return "flags"
    if not vma.anon:
        return "unfaulted"
    if middle is not None and vma.anon == middle.anon:
        return "same"
    if len(vma.chain) > 1:
        return "child"
    return "shifted" if vma.skew else "other"


@pytest.mark.parametrize("call", ["mmap", "grow", "mprotect", "mremap", "dontunmap"])
def test_each_piece_is_what_its_name_says(call: str) -> None:
    for case in TABLE:
        if case.call != call:
            continue
        _, mm = made(case)
        source = MIDDLE if case.call == "mprotect" else MIDDLE + WORKSHOP if case.middle == "shifted" else PARKING
        middle = mm.vma_at(source) if case.middle != "-" else None
        left, right = mm.vma_at(LEFT), mm.vma_at(RIGHT)
        if middle is None or not middle.anon:
            # The sides cannot share the middle's anon_vma, so `same` is what they share with each other.
            shared = left is not None and right is not None and left.anon == right.anon != 0
            assert shared == (case.left == case.right == "same"), case
            sides = [kind(case, vma, at, None) for vma, at in ((left, LEFT), (right, RIGHT))]
            assert sides == [name.replace("same", "other") for name in (case.left, case.right)], case
        else:
            assert [kind(case, left, LEFT, middle), kind(case, right, RIGHT, middle)] == [case.left, case.right], case
        if middle is not None:
            assert bool(middle.anon) == (case.middle != "unfaulted"), case
            assert (len(middle.chain) > 1) == (case.middle == "child"), case
            natural = MIDDLE + WORKSHOP if case.middle == "shifted" else MIDDLE
            assert case.middle == "unfaulted" or middle.start + middle.skew == natural, case


def test_earlier_and_later_kernels_differ_where_they_should() -> None:
    """6.12 keeps a faulted range and an unfaulted neighbour apart. 6.17 forgets the fork and the anon_vma of what
    mremap copies. 7.3 resets the page offset of a whole source that DONTUNMAP leaves.
    """
    differing: dict[str, set[str]] = {}
    for rules in ("linux-6.12", "linux-6.17", "linux-7.3"):
        found = differing[rules] = set()
        for case, measured in TABLE.items():
            backend, mm = made(case, rules)
            if words(backend.step(operations(case)[-1]).result, mm.vmas) != measured:
                found.add(f"{case.call} {case.middle}")
    assert differing == {
        "linux-6.12": {"grow -", "mprotect faulted", "mremap faulted", "dontunmap faulted"},
        "linux-6.17": {"mremap faulted", "mremap child", "dontunmap faulted", "dontunmap child"},
        "linux-7.3": {"dontunmap faulted", "dontunmap child"},
    }
