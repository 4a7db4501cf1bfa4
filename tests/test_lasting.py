"""Expectations may name processes that have exited: nothing is mapped there."""

from __future__ import annotations

import pytest

from mremapdsl import run

BEFORE = "mmap A 4; touch A; fork; child: munmap A[0]; exit child; "


@pytest.mark.parametrize(
    ("predicate", "held"),
    [
        ("unmapped child:A", True),
        ("not merged child:A", True),
        ("child:A[0] is none", True),
        ("child:A[0] is anon", False),
        ("child:A.pgoff == none", True),
        ("child:A[0].frame == none", True),
        ('layout child:A "...."', True),
        ("rmap A[0] == A[0]", True),
        ("rmap A[0] == A[0], child:A[0]", False),
        ("rmap child:A[0] == A[0]", False),
    ],
)
def test_nothing_is_mapped_there(predicate: str, held: bool) -> None:
    [record] = run(f"{BEFORE}expect {predicate}")
    assert [expectation.held for expectation in record.expectations] == [held]


def test_as_the_process_that_expects() -> None:
    [record] = run(f"{BEFORE}child: expect vmas 0; child: expect count anon_vmas == 1; child: show")
    assert record.outcome == "passed"
    assert record.shows[0].lines == ("child has exited",)
