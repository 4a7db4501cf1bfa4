"""The limits of the model that are written down: each is still one, and fails in no other way."""

from __future__ import annotations

from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.compare.scenarios import compare_scenario
from mremapdsl.live.session import Session
from mremapdsl.program import RuleChoice, Scenario, Step

LIMITS = Path(__file__).parent / "limits.mrs"
OWN = RuleChoice("linux-6.18")


def test_what_the_model_says() -> None:
    assert {record.outcome for record in api.run(LIMITS)} == {"passed"}


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("scenario", api.compile(LIMITS).scenarios, ids=lambda scenario: scenario.title)
def test_the_kernel_differs_at_the_last_step(own_rules: str, scenario: Scenario) -> None:
    if own_rules != OWN.name:
        pytest.skip(f"written for {OWN}; this kernel follows {own_rules}")
    with Session() as session:
        compared = compare_scenario("-", scenario, session, [OWN], {OWN: api.rules(OWN)}, api.aliases())
        if compared.outcome == "skipped":
            pytest.skip(compared.reason)
        assert compared.outcome == "differ"
        assert compared.steps == tuple(s for s in scenario.body if isinstance(s, Step))
