"""Kernels that mark all anonymous pages as KSM pages: what can be known of them all the same."""

from __future__ import annotations

import pytest

from mremapdsl import api
from mremapdsl.live import procfs
from mremapdsl.live.process import Process
from mremapdsl.live.session import Session
from mremapdsl.onkernel import run_on_kernel
from mremapdsl.program import RuleChoice
from mremapdsl.record import ExpectationRecord

MIXED = "not observable here: kpageflags of this kernel marks all anonymous pages as KSM pages"


def are_ksm(session: Session) -> ExpectationRecord:
    """Of three pages that KSM might have merged."""
    [scenario] = api.compile("mmap A 3 at @9; touch A; madvise A MERGEABLE; expect A is ksm").scenarios
    record = run_on_kernel("-", scenario, session, [RuleChoice("linux-6.18")], api.aliases(), states=False)
    if not record.expectations:
        pytest.skip(record.reason)
    [found] = record.expectations
    return found


@pytest.mark.usefixtures("root")
def test_the_sums_of_a_vma_tell_if_all_of_its_pages_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    with Session() as session:
        assert session.machine.frames is not None
        session.machine.frames.marks_ksm = False
        assert are_ksm(session).held is False  # as smaps shows
        for kilobytes, held in ((0, False), (4, None), (12, True), (None, None)):

            def anonymous(_process: Process, ksm: int | None = kilobytes) -> list[procfs.Anonymous]:
                return [procfs.Anonymous(9, 12, 12, ksm)]

            monkeypatch.setattr(procfs, "anonymous", anonymous)
            found = are_ksm(session)
            assert (found.held, found.detail == MIXED) == (held, held is None)
