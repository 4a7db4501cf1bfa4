"""Rule sets as sides of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from mremapdsl import api
from mremapdsl.backend import Unsupported
from mremapdsl.generate.differ import Quick, counts
from mremapdsl.generate.findings import Named
from mremapdsl.generate.telling import Side
from mremapdsl.ops import Operation
from mremapdsl.program import RuleChoice, Scenario, Statement
from mremapdsl.record import ScenarioRecord
from mremapdsl.runner import run_scenario


def of_rules(choice: RuleChoice) -> Named:
    """A rule set."""
    rules = api.rules(choice)

    def after(operations: Sequence[Operation]) -> tuple[Quick, list[str]]:
        backend, results = Quick(rules), list[str]()
        try:
            for op in operations:
                results.append(backend.step(op).result)
        except Unsupported:
            pass
        return backend, results

    def run(body: Sequence[Statement]) -> ScenarioRecord:
        return run_scenario("", scenario(body), choice, api.backend, states=True, aliases=api.aliases())

    def results(operations: Sequence[Operation]) -> list[str]:
        return after(operations)[1]

    def counted(operations: Sequence[Operation]) -> dict[str, int]:
        return counts(after(operations)[0].machine)

    return Named(str(choice), choice, Side(results, run, counted))


def scenario(body: Sequence[Statement]) -> Scenario:
    """A body by itself."""
    return Scenario("", 0, (), tuple(body), (), "")
