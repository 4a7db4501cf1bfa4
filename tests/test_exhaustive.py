"""Every run of a scenario that branches."""

from __future__ import annotations

from mremapdsl import run


def test_ways_that_do_nothing_take_no_time_and_no_stack() -> None:
    [record] = run(f"mmap A 4; {'choose { } or { } ' * 2000}; expect vmas 1")
    assert record.outcome == "passed"
    assert record.exhaustive is not None
    assert record.exhaustive.runs == 1
