"""Swap space in memory, as the comparison with the running kernel assumes it where there is zram."""

from __future__ import annotations

from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.record import ScenarioRecord

FILE = Path(__file__).parent.parent / "scenarios" / "swap-in-memory.mrs"


@pytest.mark.parametrize("record", api.run(FILE, states=False), ids=lambda record: record.scenario.title)
def test_it_comes_back_as_it_should(record: ScenarioRecord) -> None:
    assert record.outcome == "passed", [e.detail for e in record.expectations if not e.held]


def test_small_pages_that_may_come_back_as_one_folio_are_not_claimed_to_be_known() -> None:
    text = """scenario "s" on linux-6.18 with swap_device=memory {
        set swap on; set mthp 16K always
        mmap A 4 at @4; touch A; madvise A PAGEOUT; read A[0]
    }"""
    [record] = api.run(text)
    assert record.outcome == "error"
    assert "not modelled yet: pages 4 to 7 may come back from memory as one folio" in record.reason
