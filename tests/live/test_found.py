"""What comparisons with the running kernel once found: model and kernel must do the same now."""

from __future__ import annotations

from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.live.session import Session
from mremapdsl.onkernel import run_on_kernel
from mremapdsl.program import RuleChoice

FOUND = Path(__file__).parent / "found.mrs"
SCENARIOS = api.compile(FOUND).scenarios


def test_all_hold_in_the_model() -> None:
    for record in api.run(FOUND):
        assert record.outcome == "passed", record.scenario.title


def test_holds_on_the_running_kernel(own_rules: str) -> None:
    if own_rules != "linux-6.18":
        pytest.skip(f"written for linux-6.18; this kernel follows {own_rules}")
    with Session(deep=True) as session:
        for scenario in SCENARIOS:
            record = run_on_kernel(FOUND.name, scenario, session, [RuleChoice(own_rules)], api.aliases(), states=False)
            assert record.outcome == "passed" or (record.outcome == "skipped" and record.reason), scenario.title
