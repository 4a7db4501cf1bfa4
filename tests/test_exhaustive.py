"""Every run of a scenario that branches."""

from __future__ import annotations

from mremapdsl import run


def test_ways_that_do_nothing_take_no_time_and_no_stack() -> None:
    [record] = run(f"mmap A 4; {'choose { } or { } ' * 2000}; expect vmas 1")
    assert record.outcome == "passed"
    assert record.exhaustive is not None
    assert record.exhaustive.runs == 1


PIN = """
mmap A 4M; touch A[507..512]
set thp always; touch A[512]
mremap A[507..513] B RELOCATE during relocation { pin A[509] }
"""


def test_the_run_that_is_shown_is_one_in_which_what_happens_sometimes_does() -> None:
    [record] = run(f"{PIN} expect sometimes violation rmap-complete")
    assert record.outcome == "passed"
    assert record.steps[-1].breaches
    [other] = run(f"{PIN} expect sometimes rmap B[2] == B[2]; expect sometimes violation")
    assert not other.steps[-1].breaches


def test_what_happened_inside_one_run_is_not_told_of_another() -> None:
    [record] = run(f"{PIN} expect sometimes violation rmap-complete")
    verdict = record.steps[-1].verdict
    assert verdict is not None
    inside = [note.sentence for note in verdict.notes if note.reason == "inside"]
    assert inside == ["when rewritten: `pin A[509]` ok"]


def test_it_is_told_if_nothing_could_happen_inside() -> None:
    [record] = run(f"{PIN.replace(' RELOCATE', '')} expect always moved")
    verdict = record.steps[-1].verdict
    assert verdict is not None
    assert verdict.notes[0].sentence.startswith("nothing: the call did not relocate")
