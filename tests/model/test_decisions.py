"""Every decision is seen: replaced by any other choice, it breaks a scenario wherever it matters."""

from __future__ import annotations

import re
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.backend import Backend
from mremapdsl.model.backend import ModelBackend
from mremapdsl.model.decision import DECISIONS
from mremapdsl.model.rules import Rules
from mremapdsl.model.series import RULE_SETS
from mremapdsl.program import Program, RuleChoice, Scenario
from mremapdsl.record import ScenarioRecord, StateRecord
from mremapdsl.runner import run_scenario

SCENARIOS = Path(__file__).parent.parent / "scenarios" / "decisions"
LINUX = ("linux-6.12", "linux-6.16", "linux-6.17", "linux-6.18", "linux-7.3")
ON_6_16 = ("relocate-rfc1", "relocate-rfc2", "relocate-rfc3", "relocate-v1", "relocate-auto")
ON_7_3 = ("linux-7.3", "relocate-v1-7.3")
SERIES = (*ON_6_16, "relocate-v1-7.3")
BEFORE_7 = ("linux-6.12", "linux-6.16", "linux-6.17", "linux-6.18", *ON_6_16)

UNSEEN: dict[tuple[str, str], tuple[tuple[str, ...], str]] = {
    ("flags_ignored", "sticky"): (
        tuple(name for name in BEFORE_7 if name != "linux-6.18"),
        "the only sticky flag is VM_MAYBE_GUARD, which they never set",
    ),
    ("ksm_lookup", "by_index"): (BEFORE_7, "address and index of a merged page never part: the result is the same"),
    ("ksm_lookup", "whole_tree"): (ON_7_3, "address and index of a merged page never part: the result is the same"),
    ("pagemap_huge_exclusive", "each_page"): (
        tuple(name for name in RULE_SETS if name != "linux-6.12"),
        "expectations go by each page: seen in the trace alone",
    ),
    ("pagemap_huge_exclusive", "first_page"): (("linux-6.12",), "the same"),
    ("sharing", "anon_vma"): (("relocate-rfc2",), "a VMA with one link has a root, which counts itself as a child"),
    ("sharing", "children"): (
        ("relocate-rfc3", "relocate-v1", "relocate-v1-7.3", "relocate-auto"),
        "a VMA with one link has a root, which counts itself as a child",
    ),
    ("shared_folio", "unchecked"): (
        ("relocate-rfc2", "relocate-rfc3", "relocate-v1", "relocate-v1-7.3", "relocate-auto"),
        "whoever maps a folio twice has a VMA that the test of sharing refuses",
    ),
}
"""(decision, other choice): the rule sets where nothing changes though the decision is asked, and why."""
IN_THE_TRACE = {
    ("guard_flag", "none"),
    ("pagemap_huge_exclusive", "each_page"),
    ("pagemap_huge_exclusive", "first_page"),
}
"""Of those above, the ones that change the trace."""


@cache
def program(decision: str) -> Program:
    return api.compile(SCENARIOS / f"{decision}.mrs")


@cache
def replaced(name: str, decision: str, choice: str) -> Rules:
    return Rules(name, {**RULE_SETS[name], decision: choice})


def run(scenario: Scenario, name: str, decision: str, choice: str, *, states: bool = False) -> ScenarioRecord:
    """A scenario under a rule set with one decision replaced (or its own choice)."""

    def make(rules: RuleChoice) -> Backend:
        return ModelBackend(replaced(rules.name, decision, choice))

    return run_scenario("", scenario, RuleChoice(name), make, states=states, aliases=api.aliases())


def applies(scenario: Scenario, name: str) -> bool:
    """Whether a scenario is about a rule set; one that names none is about all."""
    return not scenario.rules or RuleChoice(name) in scenario.rules


def went(record: ScenarioRecord) -> tuple[object, ...]:
    """What a scenario shows: results, reasons, expectations."""
    steps = tuple((s.result, s.verdict and s.verdict.reason, s.failure) for s in record.steps)
    return record.outcome, steps, tuple((e.held, e.detail) for e in record.expectations)


CASES = [
    (decision, name, choice)
    for decision, name in product(DECISIONS, RULE_SETS)
    for choice in DECISIONS[decision].choices
    if choice != RULE_SETS[name][decision]
]


def test_each_decision_has_its_file() -> None:
    assert {path.stem for path in SCENARIOS.glob("*.mrs")} == DECISIONS.keys()


@pytest.mark.parametrize("decision", DECISIONS)
def test_its_scenarios_hold_and_are_documented(decision: str) -> None:
    assert program(decision).doc or program(decision).scenarios[0].doc
    for scenario in program(decision).scenarios:
        names = [name for name in RULE_SETS if applies(scenario, name)]
        assert names, scenario.title
        for name in names:
            record = run(scenario, name, decision, RULE_SETS[name][decision])
            details = [e.detail for e in record.expectations if not e.held] + [s.failure for s in record.steps]
            assert record.outcome == "passed", (name, scenario.title, [d for d in details if d])


@pytest.mark.parametrize(("decision", "name", "choice"), CASES, ids=["/".join(case) for case in CASES])
def test_another_choice_breaks_a_scenario_wherever_it_matters(decision: str, name: str, choice: str) -> None:
    about = [scenario for scenario in program(decision).scenarios if applies(scenario, name)]
    broken = [s.title for s in about if run(s, name, decision, choice).outcome == "failed"]
    unseen, _ = UNSEEN.get((decision, choice), ((), ""))
    if name in unseen:
        assert not broken
    elif about:
        assert broken
    else:
        # No scenario of the file is about this rule set: then none may go another way in it.
        own = RULE_SETS[name][decision]
        for scenario in program(decision).scenarios:
            assert went(run(scenario, name, decision, choice)) == went(run(scenario, name, decision, own))


def test_what_is_said_to_be_unseen_is_a_case() -> None:
    cases = set(CASES)
    for (decision, choice), (names, why) in UNSEEN.items():
        assert why
        for name in names:
            assert (decision, name, choice) in cases


@pytest.mark.parametrize(("decision", "choice"), UNSEEN)
def test_what_is_unseen_shows_in_the_trace_or_nowhere(decision: str, choice: str) -> None:
    def trace(name: str, word: str) -> list[StateRecord | None]:
        about = [scenario for scenario in program(decision).scenarios if applies(scenario, name)]
        return [step.state for scenario in about for step in run(scenario, name, decision, word, states=True).steps]

    names, _ = UNSEEN[decision, choice]
    differs = {name for name in names if trace(name, choice) != trace(name, RULE_SETS[name][decision])}
    assert differs == (set(names) if (decision, choice) in IN_THE_TRACE else set())


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_decision_is_asked_for_and_every_choice_says_what_it_means(decision: str) -> None:
    package = Path(api.__file__).parent / "model"
    asked = [path.name for path in package.glob("*.py") if re.search(rf"rules\.{decision}\b", path.read_text("utf-8"))]
    assert asked
    assert DECISIONS[decision].doc
    assert all(choice.doc for choice in DECISIONS[decision].choices.values())


def test_a_choice_is_made_by_some_rule_set_or_open_to_scenarios_or_marked_wrong() -> None:
    for name, decision in DECISIONS.items():
        made = {rules[name] for rules in RULE_SETS.values()}
        assert made <= decision.choices.keys()
        assert not any(decision.choices[word].wrong for word in made)
        assert all(choice.wrong or word in api.overrides()[name] for word, choice in decision.choices.items())
