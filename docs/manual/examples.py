"""The scenarios of the repository, run once: their titles, their places in the manual, what they are witnesses of."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from mremapdsl import api
from mremapdsl.ops import Mremap
from mremapdsl.program import Program, Scenario
from mremapdsl.record import ScenarioRecord
from mremapdsl.report.prose import titled
from mremapdsl.sphinxext import running

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
WITNESSES = ROOT / "tests" / "scenarios"
NUMBERED = re.compile(r"[to]\d\d-")


class Example(NamedTuple):
    """A file of scenarios."""

    path: Path
    program: Program

    @property
    def topic(self) -> str:
        return self.path.parent.name

    @property
    def page(self) -> str:
        """The name of its page."""
        return f"/_generated/{self.topic}/{self.path.stem}"

    @property
    def title(self) -> str:
        """In Markdown."""
        return (
            titled(self.program.doc or self.program.scenarios[0].doc)[0]
            or self.path.stem.replace("-", " ").capitalize()
        )

    @property
    def source(self) -> str:
        """The file as the directive `mrs` takes it."""
        return f"/../{self.path.relative_to(ROOT)}"


class Witness(NamedTuple):
    """A run in which something happens."""

    example: Example
    number: int
    """Of the scenario, from 1."""
    rules: str
    steps: int

    @property
    def scenario(self) -> Scenario:
        return self.example.program.scenarios[self.number - 1]


def label(example: Example, number: int) -> str:
    """The label of a scenario on the page of its file."""
    return f"{example.topic}-{example.path.stem}-{number}"


@cache
def examples(folder: Path = EXAMPLES) -> tuple[Example, ...]:
    """The files below a folder, in order."""
    return tuple(Example(path, api.compile(path, file=path.name)) for path in sorted(folder.rglob("*.mrs")))


def topic(name: str) -> list[Example]:
    """The files of one folder of examples."""
    return [example for example in examples() if example.topic == name]


def runs(example: Example, scenario: Scenario) -> tuple[ScenarioRecord, ...]:
    """A scenario under its rules."""
    return running.records(example.program, [scenario], running.rule_choices(""))


def last_move(record: ScenarioRecord) -> int | None:
    """The number of the last mremap of a run."""
    moves = [i for i, step in enumerate(record.steps, 1) if isinstance(step.step.op, Mremap)]
    return moves[-1] if moves else None


class Seen(NamedTuple):
    """Which runs show what, the shortest first, examples before tests."""

    verdicts: dict[str, Witness]
    """Reason -> a run with a call that ends so."""
    refusals: dict[str, Witness]
    """Reason -> a run with a call that fails so."""
    notes: dict[str, Witness]
    """Reason -> a run with a call that meets it on its way."""
    breaches: dict[str, Witness]
    """Invariant -> a run with a step that breaks it."""


@cache
def seen() -> Seen:
    """Run everything and look."""
    found: dict[str, dict[str, list[Witness]]] = {kind: defaultdict(list) for kind in Seen._fields}
    for example in (*examples(), *examples(WITNESSES)):
        for number, scenario in enumerate(example.program.scenarios, 1):
            for record in runs(example, scenario):
                witness = Witness(example, number, record.rules, len(record.steps))
                for kind, name in happenings(record):
                    found[kind][name].append(witness)
    return Seen(**{kind: {name: min(all_, key=rank) for name, all_ in names.items()} for kind, names in found.items()})


def happenings(record: ScenarioRecord) -> Iterator[tuple[str, str]]:
    """What a run shows: the kind, as a field of Seen, and the name."""
    for step in record.steps:
        yield from (("breaches", breach.invariant) for breach in step.breaches)
        if step.verdict is not None:
            yield ("verdicts" if step.result == "ok" else "refusals"), step.verdict.reason
            yield from (("notes", note.reason) for note in step.verdict.notes)


def rank(witness: Witness) -> tuple[bool, bool, int, str]:
    """What makes a witness a good one: an example, without overrides, short."""
    tests = WITNESSES in witness.example.path.parents
    return tests, " with " in witness.rules, witness.steps, str(witness.example.path)
