"""The table of reasons: every one is reached, by a scenario that gives it again, or is told why not."""

from __future__ import annotations

import re

import pytest

from mremapdsl import api
from mremapdsl.cli import main
from mremapdsl.explore import cover
from mremapdsl.explore.cover import NEEDS, OF_RELOCATION, why_not
from mremapdsl.model.decision import DECISIONS
from mremapdsl.model.reasons import REASONS
from mremapdsl.record import ScenarioRecord

WAITING = {"waits-for-mmap-lock", "waits-for-anon-vma"}


def given(record: ScenarioRecord) -> set[str]:
    """The reasons in a run's verdicts and notes."""
    verdicts = [step.verdict for step in record.steps if step.verdict is not None]
    return {name for verdict in verdicts for name in (verdict.reason, *(note.reason for note in verdict.notes))}


def test_every_reason_is_reached_or_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """What is printed is a file of scenarios; what a lock forbids is passed over when it is run, or refused."""
    assert main(["explore", "--rules", "relocate-v1-7.3", "--cover"]) == 0
    out = capsys.readouterr().out
    table, _, rest = out.partition("\n# not reached:\n")
    titles = re.findall(r'^scenario "reaches ([\w-]+)" on relocate-v1-7.3', table, flags=re.MULTILINE)
    missing = dict(re.findall(r"^#   ([\w-]+): (.+)", rest, flags=re.MULTILINE))
    assert sorted([*titles, *missing]) == sorted(REASONS)
    assert all(words.startswith("needs ") for words in missing.values())
    assert all(len(line) <= 80 for line in out.splitlines() if line.startswith("#"))
    steps = {name: int(count) for name, count in re.findall(r"^# ([\w-]+) +(\d+)[ *] +\S", table, flags=re.MULTILINE)}
    assert sorted(steps) == sorted(titles)
    assert steps["advised"] == steps["accessed"] == 2, "the shortest of all worlds"
    assert re.search(r"^# sealed +3  EPERM +several VMAs$", table, flags=re.MULTILINE)
    for record in api.run(out, states=False):
        reason = record.scenario.title.removeprefix("reaches ")
        assert len(record.steps) in (steps[reason], 0), "none if it could not run"
        if reason in WAITING:
            assert record.steps or "it waits" in record.reason, "at some moments, or at all"
        elif reason != "no-neighbour":  # which the program tells by other words
            assert record.outcome == "passed", reason
            assert reason in given(record)


def test_needs_name_decisions_and_their_choices() -> None:
    assert set(NEEDS) | set(OF_RELOCATION) <= REASONS.keys()
    for needs in NEEDS.values():
        for decision, choices in needs:
            assert set(choices.split()) <= DECISIONS[decision].choices.keys()


def test_why_not_names_what_stands_in_the_way() -> None:
    assert why_not("relocated", api.rules("linux-6.18")) == "no move relocates under these rules"
    needs = "needs pinned=abort; these rules have pinned=skip"
    assert why_not("pinned-folio", api.rules("relocate-v1")) == needs
    assert why_not("pinned-folio", api.rules("relocate-v1 with pinned=abort")) == ""


def test_an_interrupt_prints_what_is_known(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*anything: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(cover, "WORLDS", cover.WORLDS[1:2])
    monkeypatch.setattr(cover, "AIMED", ())
    monkeypatch.setattr(cover, "why_not", interrupted)
    assert main(["explore", "--rules", "linux-6.18", "--cover"]) == 130
    out = capsys.readouterr().out
    assert "interrupted before the others" in out
    assert 'scenario "reaches no-length"' in out
