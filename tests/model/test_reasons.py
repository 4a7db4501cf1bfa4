"""Every reason is reached, says what it says with its values, and is named where it is used."""

from __future__ import annotations

import re
import string
from functools import cache
from pathlib import Path

import pytest

from mremapdsl import api, ops
from mremapdsl.model.backend import ModelBackend
from mremapdsl.model.locks import waits_for
from mremapdsl.model.machine import Machine
from mremapdsl.model.merge import Ask, sides
from mremapdsl.model.reasons import REASONS
from mremapdsl.model.records import Origin, Vma
from mremapdsl.model.relocate import MOMENT_LINKED

ROOT = Path(__file__).parent.parent.parent
SCENARIOS = [*(ROOT / "tests" / "scenarios").rglob("*.mrs"), *(ROOT / "examples").rglob("*.mrs")]


@cache
def reached() -> dict[str, str]:
    """Reason -> a scenario file whose verdicts or notes name it."""
    found: dict[str, str] = {}
    for path in SCENARIOS:
        for record in api.run(path, states=False):
            for step in record.steps:
                if step.verdict is not None:
                    for reason in (step.verdict.reason, *(note.reason for note in step.verdict.notes)):
                        found.setdefault(reason, path.name)
    return found


def told_elsewhere() -> set[str]:
    """Reasons that no verdict of a plain step names: sides without neighbours, and locks held inside a call."""
    found: set[str | None] = set()
    new = Vma(8, 12, 3, 0, 0, 0, (), None, Origin(1, 1, 1, 1))
    found.update(sides(Machine(api.rules("linux-6.18")), Ask(new), None, None))
    backend = ModelBackend(api.rules("relocate-v1"))

    def others(machine: Machine, mm: object, moment: str, start: int, end: int) -> None:
        if moment == MOMENT_LINKED:
            for op in (ops.Fork("parent", "child"), ops.Migrate("parent", 4, 1, "begin")):
                wait = waits_for(machine, "parent", op)
                found.add(wait.reason if wait is not None else None)

    for step in (
        ops.Mmap("parent", 4, 1, "rwx"),
        ops.Touch("parent", 4, 1),
        ops.Mmap("parent", 0, 4),
        ops.Touch("parent", 0, 4),
    ):
        backend.step(step)
    backend.machine.inside = others
    # The new VMA touches [4,5) and takes its anon_vma, whose root is then the one that is locked.
    backend.step(ops.Mremap("parent", 0, 4, 4, 5, ops.MAYMOVE | ops.FIXED | ops.RELOCATE))
    return {reason for reason in found if reason}


def test_every_reason_is_reached_by_a_scenario() -> None:
    elsewhere = told_elsewhere()
    assert REASONS.keys() - reached().keys() - elsewhere == set()
    assert elsewhere == {"no-neighbour", "waits-for-mmap-lock", "waits-for-anon-vma"}


def test_scenarios_name_no_other_reason() -> None:
    """``inside`` is no reason: it tells what somebody else did during the call."""
    assert reached().keys() <= {*REASONS, "inside"}


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_is_written_in_the_source_once_or_more(reason: str) -> None:
    """Names are not put together from parts, so that they can be searched for."""
    sources = [path for path in (ROOT / "mremapdsl" / "model").rglob("*.py") if path.name != "reasons.py"]
    joined = reason.startswith("joined-")  # said of a side: f"joined-{side}"
    assert joined or any(re.search(rf'"{reason}"', path.read_text(encoding="utf-8")) for path in sources)


@pytest.mark.parametrize("reason", REASONS)
def test_a_sentence_is_a_template_without_a_full_stop(reason: str) -> None:
    sentence = REASONS[reason].sentence
    assert sentence
    assert not sentence.endswith(".")
    assert all(name is None or re.match(r"[a-z_]+$", name) for _, name, _, _ in string.Formatter().parse(sentence))
