"""Expectations that a running kernel cannot answer: not observable, never held."""

from __future__ import annotations

import pytest

from mremapdsl import api
from mremapdsl.live.session import Session
from mremapdsl.onkernel import run_on_kernel
from mremapdsl.program import RuleChoice
from mremapdsl.record import ScenarioRecord

OWN = [RuleChoice("linux-6.18")]


def run(text: str, *, deep: bool = False) -> ScenarioRecord:
    [scenario] = api.compile(text).scenarios
    with Session(deep=deep) as session:
        if deep and session.machine.deep is None:
            pytest.skip(session.lacks[-1])
        return run_on_kernel("-", scenario, session, OWN, api.aliases(), states=False)


def test_a_scenario_of_nothing_else_is_skipped(kernel: str) -> None:
    record = run("mmap A 1; touch A; expect not violation; expect A.pgoff == 1000; expect A.anon_vma != none")
    assert (record.outcome, record.rules) == ("skipped", kernel)
    assert [e.held for e in record.expectations] == [None, None, None]
    assert all(e.detail.startswith("not observable here: ") for e in record.expectations)


@pytest.mark.usefixtures("kernel")
def test_what_can_be_seen_counts() -> None:
    held, failed = (
        run("mmap A 1; expect vmas 1; expect not violation"),
        run("mmap A 1; expect vmas 2; expect violation"),
    )
    assert (held.outcome, [e.held for e in held.expectations]) == ("passed", [True, None])
    assert (failed.outcome, [e.held for e in failed.expectations]) == ("failed", [False, None])


@pytest.mark.usefixtures("kernel")
def test_an_expectation_about_all_runs_is_not_observable_where_none_of_them_is() -> None:
    record = run("mmap A 1; maybe touch A; expect never violation")
    assert [e.held for e in record.expectations] == [None]


@pytest.mark.usefixtures("root")
def test_bpf_shows_one_invariant() -> None:
    text = "mmap A 1; touch A; expect not violation rmap-complete; expect not violation vma-order"
    record = run(text, deep=True)
    assert [e.held for e in record.expectations] == [True, None]
    assert record.expectations[1].detail == "not observable here: of the invariants, only rmap-complete can be seen"


@pytest.mark.usefixtures("root")
def test_of_ksm_pages_bpf_does_not_show_the_reverse_map() -> None:
    text = "mmap A 2; touch A 7; madvise A MERGEABLE; ksm scan; expect A is ksm; expect not violation rmap-complete"
    record = run(text, deep=True)
    if record.outcome == "skipped":
        pytest.skip(record.reason)
    assert [e.held for e in record.expectations] == [True, None]
