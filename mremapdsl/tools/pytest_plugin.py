"""Scenario files as pytest tests: an item for each scenario and rule set, and one for a recorded trace.

Entry point ``mremapdsl`` of group ``pytest11``. Files that pytest comes across are collected if they end in ``.mrs``;
``collect_ignore_glob``, ``--ignore`` and ``-p no:mremapdsl`` keep it from that, as they do with any test.
"""

# pyright: reportUnknownMemberType=false
# (pytest leaves the types of from_parent and Item.__init__ open)

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from _pytest._code.code import TerminalRepr

    from mremapdsl.lang import Compiled
    from mremapdsl.program import Program, RuleChoice, Scenario
    from mremapdsl.record import ScenarioRecord

SUFFIX = ".mrs"


class ScenarioWarning(pytest.PytestWarning):
    """The compiler warns of something in a scenario file."""


class Failed(Exception):
    """What failed, as the tool tells it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option."""
    group = parser.getgroup("mremapdsl", "scenarios of Linux anonymous memory (.mrs)")
    group.addoption(
        "--mrs-rules", metavar="RULES",
        help="rule sets of scenarios that name none, with commas between: linux-6.18,relocate-v1",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Refuse rules that do not exist. Raises UsageError."""
    if config.getoption("--mrs-rules"):
        rules(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect scenario files, and nothing else."""
    return ScenarioFile.from_parent(parent, path=file_path) if file_path.suffix == SUFFIX else None


class ScenarioFile(pytest.File):
    """A scenario file."""

    def collect(self) -> Iterable[pytest.Item]:
        """An item for each scenario and rule set. Raises CollectError."""
        from mremapdsl import api
        from mremapdsl.recorded import path_of

        defaults, usual = rules(self.config), rules(None)
        compiled = api.compile_text(self.path.read_bytes(), shown(self.path))
        if compiled.program is None:
            raise self.CollectError(diagnosed(compiled, self.path))
        program = compiled.program
        for diagnostic in compiled.diagnostics:
            text = f"{program.file}:{diagnostic.line}: {diagnostic.message}; {diagnostic.remedy} [{diagnostic.code}]"
            self.warn(ScenarioWarning(text))
        taken: Counter[str] = Counter()
        for scenario in program.scenarios:
            for choice in scenario.rules or defaults:
                name = f"{plain(scenario.title)}[{choice}]"
                taken[name] += 1
                name = f"{plain(scenario.title)}#{taken[name]}[{choice}]" if taken[name] > 1 else name
                place = f"{self.nodeid}::{name}"  # parsed, so that the rules are parameters to pytest
                about = {"program": program, "scenario": scenario, "rules": choice}
                yield ScenarioItem.from_parent(self, name=name, nodeid=place, **about)
        trace = path_of(program._replace(file=str(self.path)), defaults, usual)
        if trace:
            yield TraceItem.from_parent(self, name=os.path.basename(trace), program=program, trace=trace)


class Told(pytest.Item):
    """An item whose failure is told by the tool."""

    def __init__(self, *, program: Program, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.program = program

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str | TerminalRepr:  # type: ignore[override]
        """The failure without the way to it; anything else is an error of ours and shown in full."""
        return str(excinfo.value) if isinstance(excinfo.value, Failed) else super().repr_failure(excinfo)


class ScenarioItem(Told):
    """One scenario under one rule set."""

    def __init__(self, *, scenario: Scenario, rules: RuleChoice, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scenario, self.rules = scenario, rules

    def runtest(self) -> None:
        """Run it on the model. Raises Failed."""
        record = run(self.program, self.scenario, self.rules, states=False)
        if record.outcome == "skipped":
            pytest.skip(record.reason)
        if record.outcome != "passed":
            from mremapdsl.trace.failures import failure_lines

            raise Failed("\n".join(failure_lines(record, offer=True)))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the scenario begins."""
        return self.path, self.scenario.line - 1, self.name


class TraceItem(Told):
    """The trace that is recorded beside a file."""

    def __init__(self, *, trace: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.trace = trace

    def runtest(self) -> None:
        """Hold it against a run. Raises Failed."""
        from mremapdsl import recorded

        records = [
            run(self.program, scenario, choice, states=True)
            for scenario in self.program.scenarios
            for choice in scenario.rules or rules(None)
        ]
        if any(record.outcome != "passed" for record in records):
            pytest.skip("a scenario of the file does not pass")
        told = recorded.mismatch(self.program, self.trace, map(recorded.part, records))
        if told:
            raise Failed("\n".join(told))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The file."""
        return self.path, None, self.name


def run(program: Program, scenario: Scenario, choice: RuleChoice, *, states: bool) -> ScenarioRecord:
    from mremapdsl import api
    from mremapdsl.runner import run_scenario

    return run_scenario(program.file, scenario, choice, api.backend, states=states, aliases=api.aliases())


def rules(config: pytest.Config | None) -> Sequence[RuleChoice]:
    """The rules of scenarios that name none. Raises UsageError for those that do not exist."""
    from mremapdsl import api

    text = config.getoption("--mrs-rules") if config is not None else None
    try:
        return api.parse_rules(text or api.DEFAULT_RULES, file="--mrs-rules")
    except api.CompileError as error:
        raise pytest.UsageError(str(error)) from None


def diagnosed(compiled: Compiled, path: Path) -> str:
    """What is wrong with a file, in the tool's words."""
    from mremapdsl.lang import render

    lines = path.read_text(encoding="utf-8", errors="replace").removeprefix("\ufeff").split("\n")
    return "\n".join(render(d, lines[d.line - 1] if d.line <= len(lines) else "") for d in compiled.diagnostics)


def plain(title: str) -> str:
    """A title without what pytest's names are made of."""
    return title.replace("::", ":").replace("[", "(").replace("]", ")")


def shown(path: Path) -> str:
    """The path from the working directory, where it lies below it."""
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)
