"""khugepaged sleeps while scenarios run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.live.session import Session
from mremapdsl.live.settings import THP
from mremapdsl.onkernel import run_on_kernel
from mremapdsl.program import RuleChoice

SCANS = Path(THP, "khugepaged", "full_scans")
MAY_HAVE_HUGE_PAGES = "mmap A 1024; madvise A HUGEPAGE; touch A[0]; expect A[0] is anon"


@pytest.mark.usefixtures("root")
def test_the_first_process_that_may_have_huge_pages_does_not_wake_it() -> None:
    if not SCANS.exists():
        pytest.skip("this kernel has no khugepaged")
    [scenario] = api.compile(MAY_HAVE_HUGE_PAGES).scenarios
    with Session() as session:
        before = SCANS.read_text()
        run_on_kernel("-", scenario, session, [RuleChoice("linux-6.18")], api.aliases(), states=False)
        time.sleep(0.05)
        assert SCANS.read_text() == before
