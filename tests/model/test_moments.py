"""The moments inside a relocating move: which there are, in which order, and what keeps walks away at each."""

from __future__ import annotations

from itertools import groupby

import pytest

from mremapdsl import api
from mremapdsl.model.machine import Machine
from mremapdsl.model.relocate import (
    MOMENT_LINKED,
    MOMENT_MOVED,
    MOMENT_OBSTACLE,
    MOMENT_PUT_BACK,
    MOMENT_REWRITTEN,
    MOMENT_UNLOCKED,
)
from mremapdsl.ops import Mremap
from mremapdsl.program import Step

SMALL = "mmap A 3; touch A; mremap A B RELOCATE"
OBSTACLE = "mmap A 4M; touch A[507..512]; set thp always; touch A[512]; mremap A[507..513] B RELOCATE"


def moments(text: str, rules: str = "relocate-v1") -> list[tuple[str, bool, bool]]:
    """Of the last call: each moment, whether an anon_vma is locked, whether the last page is still in its place.

    Moments that follow each other and are alike are one.
    """
    found: list[tuple[str, bool, bool]] = []
    backend = api.backend(rules)
    *before, last = [step.op for step in api.compile(text).scenarios[0].body if isinstance(step, Step)]
    assert isinstance(last, Mremap)
    for op in before:
        backend.step(op)
    source = last.at + last.pages - 1

    def look(machine: Machine, mm: object, moment: str, start: int, end: int) -> None:
        here = machine.mms["parent"].ptes.at(source) is not None
        found.append((moment, bool(machine.locked_root), here))

    backend.machine.inside = look
    backend.step(last)
    assert not backend.machine.locked_root
    return [alike for alike, _ in groupby(found)]


@pytest.mark.parametrize("rules", ["relocate-rfc1", "relocate-v1", "relocate-v1-7.3"])
def test_the_lock_is_held_from_the_new_vma_until_the_page_tables_have_moved(rules: str) -> None:
    assert moments(SMALL, rules) == [
        (MOMENT_LINKED, True, True),
        (MOMENT_REWRITTEN, True, True),
        (MOMENT_MOVED, True, False),
        (MOMENT_UNLOCKED, False, False),
    ]


def test_an_undo_puts_back_under_the_lock() -> None:
    assert moments(OBSTACLE) == [
        (MOMENT_LINKED, True, True),
        (MOMENT_REWRITTEN, True, True),
        (MOMENT_OBSTACLE, True, True),
        (MOMENT_PUT_BACK, True, True),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "mmap A 3; touch A; mremap A B",
        "mmap A 3; mremap A B RELOCATE",
        "mmap A 3; touch A; fork; mremap A B RELOCATE",
        "mmap A 6; touch A; mremap A[3..6] B; mremap B to A + 3 RELOCATE",
    ],
)
def test_a_move_that_does_not_relocate_has_none(text: str) -> None:
    assert moments(text) == []


def test_who_looks_beforehand_does_so_without_a_moment() -> None:
    assert moments(OBSTACLE, "relocate-v1 with failure=detect_early") == []
