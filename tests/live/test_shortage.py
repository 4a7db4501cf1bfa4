"""A huge page that the kernel has no memory for ends the scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.live import shortage
from mremapdsl.live.session import Session
from mremapdsl.onkernel import run_on_kernel
from mremapdsl.program import RuleChoice

HUGE = "mmap A 1024 at @0; madvise A HUGEPAGE; expect A is none; touch A[0]; expect A[0] is huge"


def test_failures_of_all_kinds_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "vmstat"
    file.write_text("pgfault 7\nthp_fault_alloc 9\nthp_fault_fallback 2\nthp_file_fallback 1\nthp_swpout 5\n")
    monkeypatch.setattr(shortage, "VMSTAT", str(file))
    assert shortage.failures() == 3
    file.unlink()
    assert shortage.failures() == 0


@pytest.mark.usefixtures("root")
def test_a_shortage_skips_the_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = iter(range(10))
    monkeypatch.setattr("mremapdsl.live.backend.failures", lambda: next(counted))
    [scenario] = api.compile(HUGE).scenarios
    with Session() as session:
        record = run_on_kernel("-", scenario, session, [RuleChoice("linux-6.18")], api.aliases(), states=False)
    assert (record.outcome, record.reason) == ("skipped", shortage.LACK)
