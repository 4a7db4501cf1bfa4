"""Letters that stay with VMAs from step to step."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mremapdsl.backend import VmaView
from mremapdsl.program import Place
from mremapdsl.trace.identity import Change, Identities


def vma(start: int, end: int, anon: str = "") -> VmaView:
    return VmaView(start, end, "rw-p", start, anon, 1 if anon else 0)


def letters(identities: Identities, *vmas: VmaView, change: Change | None = None, process: str = "parent") -> str:
    return "".join(known.letter for known in identities.follow(process, vmas, change))


PLACES = (Place("Beta", 10, 10, 1), Place("alpha", 40, 10, 2), Place("Bar", 60, 5, 3), Place("_x", 80, 5, 4))


def test_a_vma_has_the_initial_of_its_place() -> None:
    assert letters(Identities(PLACES), vma(0, 5), vma(10, 20), vma(40, 50), vma(60, 65)) == "cbad"


def test_the_left_part_of_a_cut_vma_keeps_the_letter() -> None:
    identities = Identities(PLACES)
    letters(identities, vma(10, 20))
    assert letters(identities, vma(10, 12), vma(12, 20)) == "bc"


def test_a_vma_that_grows_keeps_the_letter() -> None:
    identities = Identities(PLACES)
    letters(identities, vma(10, 20), vma(40, 50))
    assert letters(identities, vma(10, 30), change=Change("parent", (20, 30), 40, 10)) == "b"


def test_what_moves_takes_its_letter_along() -> None:
    identities = Identities(PLACES)
    letters(identities, vma(10, 20), vma(40, 50))
    assert letters(identities, vma(10, 20), vma(20, 30), change=Change("parent", (20, 30), 40, 10)) == "ba"


def test_a_mapping_over_another_is_a_new_vma() -> None:
    identities = Identities(PLACES)
    letters(identities, vma(10, 20, "av1"))
    assert letters(identities, vma(10, 20), change=Change("parent", (10, 20))) == "c"
    assert letters(identities, vma(10, 20), change=Change("parent", (10, 20))) == "c"


def test_the_rest_of_a_source_keeps_the_letter_and_the_moved_part_gets_one() -> None:
    identities = Identities(PLACES)
    letters(identities, vma(40, 50))
    assert letters(identities, vma(30, 34), vma(44, 50), change=Change("parent", (30, 34), 40, 4)) == "ca"


def test_a_child_has_its_parents_letters() -> None:
    identities = Identities(PLACES)
    letters(identities, vma(10, 20), vma(40, 50))
    known = identities.follow("child", (vma(10, 20), vma(40, 50)), None, "parent")
    assert [k.letter for k in known] == ["b", "a"]
    assert known == identities.processes["parent"]


borders = st.lists(st.integers(0, 200), min_size=2, max_size=80, unique=True).map(sorted)


@given(st.lists(borders, min_size=1, max_size=4))
def test_numbers_and_letters_are_unique(states: list[list[int]]) -> None:
    identities = Identities(PLACES)
    most = 0
    for state in states:
        known = identities.follow("parent", [vma(s, e) for s, e in pairwise(state)])
        assert len({k.number for k in known}) == len(known)
        most = max(most, len(known))
        if most <= 26:
            assert len({k.letter for k in known}) == len(known)
