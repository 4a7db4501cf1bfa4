"""What a failed expectation says: the part that failed with both values, and what is there instead."""

from __future__ import annotations

from mremapdsl import api


def failed(text: str) -> tuple[str, tuple[str, ...]]:
    """Detail and shown state of a scenario's last expectation, which fails."""
    [record] = api.run(text, "linux-6.18")
    last = record.expectations[-1]
    assert last.held is False
    return last.detail, last.shown


def test_places_in_two_vmas_that_were_tried_to_join() -> None:
    detail, _ = failed("mmap A 4 at @0\nmadvise A MERGEABLE\nmmap B 4 at @4\nexpect merged A B")
    assert detail == (
        "A = [0,4) lies in VMA [0,4)\nB = [4,8) lies in VMA [4,8)\n[4,8) and [0,4) on its left stay apart: "
        "the flags differ: VM_MERGEABLE only there (line 2 `madvise A MERGEABLE`) "
        "(file, anon_vma, page offset would fit)"
    )


def test_places_in_two_vmas_that_nothing_tried_to_join() -> None:
    detail, _ = failed("mmap A 4 at @0; mprotect A[0..2] r; expect merged A[0..2] A[2..4]")
    assert detail.endswith("[0,2) and [2,4) touch, but no step has tried to join them (r--p and rw-p)")
    detail, _ = failed("mmap A 4 at @0; mmap B 4 at @8; expect merged A B")
    assert detail.endswith("[0,4) and [8,12) do not touch")
    detail, _ = failed("mmap A 4; fork; expect merged A child:A")
    assert detail.endswith("parent and child are two processes")
    detail, _ = failed("mmap A 4 at @0; expect merged A @2+8")
    assert detail == "A = [0,4) lies in VMA [0,4)\n@2+8 = [2,10) lies in no single VMA"


def test_a_value_that_was_computed_shows_each_part() -> None:
    detail, _ = failed("mmap A 4 at @8; expect A.pgoff == A.page + 1")
    assert detail == "A.pgoff is 8; A.page is 8; 8 + 1 is 9, expected the first == the second"


def test_a_count_of_vmas_shows_them() -> None:
    assert failed("mmap A 4 at @8; expect count vmas == 2") == (
        "count vmas is 1, expected == 2",
        ('layout @8 "aaaa"', "vma @8+4  # a rw-p pgoff 8 anon_vma none"),
    )


def test_a_process_that_is_gone_is_said_to_be() -> None:
    _, shown = failed("mmap A 4; fork; exit child; expect child:A.page + 1 == child:A.pgoff")
    assert shown == ("child has exited",)


def test_a_walk_that_should_find_nothing_names_what_it_finds_once() -> None:
    detail, _ = failed("mmap A 2; touch A; expect rmap A[0] == none")
    assert detail == "a walk of the folio at A[0] finds parent:A[0]"


def test_a_negation_that_holds_says_what_there_is_instead() -> None:
    [record] = api.run("mmap A 4 at @8; expect not vmas 4; expect not A.pgoff == 3")
    assert [e.detail for e in record.expectations] == ["parent has 1 VMA(s), not 4", "A.pgoff is 8, not == 3"]
