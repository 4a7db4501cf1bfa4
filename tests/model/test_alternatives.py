"""The alternatives of the review, also two at a time: each keeps its promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.model.backend import ModelBackend
from mremapdsl.program import RuleChoice, Scenario
from mremapdsl.record import ScenarioRecord
from mremapdsl.runner import run_scenario

FILE = Path(__file__).parent.parent / "scenarios" / "alternatives.mrs"
EXAMPLES = Path(__file__).parents[2] / "examples"
SITUATIONS = [
    scenario
    for path in (
        *EXAMPLES.glob("observed/*.mrs"),
        EXAMPLES / "review/designs.mrs",
        *EXAMPLES.glob("review/t1[1-9]*.mrs"),
    )
    for scenario in api.compile(path).scenarios
]
OTHERS = [
    (key, value) for key in ("sharing", "pinned", "nonpresent", "large_folio", "ksm") for value in api.overrides()[key]
]


@pytest.mark.parametrize("record", api.run(FILE, states=False), ids=lambda record: record.scenario.title)
def test_a_design_keeps_its_promise(record: ScenarioRecord) -> None:
    assert record.outcome == "passed", [e.detail for e in record.expectations if not e.held]


@pytest.mark.parametrize(("key", "value"), OTHERS)
def test_who_looks_beforehand_never_undoes(key: str, value: str) -> None:
    for scenario in SITUATIONS:
        assert undone(scenario, RuleChoice("relocate-v1", (("failure", "detect_early"), (key, value)))) == 0
    assert any(undone(scenario, RuleChoice("relocate-v1", ((key, value),))) for scenario in SITUATIONS)


def undone(scenario: Scenario, rules: RuleChoice) -> int:
    """How many folios were pointed back in a scenario under any rules."""
    made: list[ModelBackend] = []

    def make(choice: RuleChoice) -> ModelBackend:
        made.append(ModelBackend(api.rules(str(choice))))
        return made[-1]

    run_scenario("", scenario, rules, make, aliases=api.aliases(), states=False)
    return sum(backend.machine.counters["folios_undone"] for backend in made)
