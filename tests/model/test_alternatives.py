"""The alternatives of the review, also two at a time: each keeps its promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.record import ScenarioRecord

FILE = Path(__file__).parent.parent / "scenarios" / "alternatives.mrs"


@pytest.mark.parametrize("record", api.run(FILE, states=False), ids=lambda record: record.scenario.title)
def test_a_design_keeps_its_promise(record: ScenarioRecord) -> None:
    assert record.outcome == "passed", [e.detail for e in record.expectations if not e.held]
