"""What a run leaves behind: the record that every renderer of traces and reports reads. Frozen plain data."""

from __future__ import annotations

from typing import NamedTuple

from mremapdsl.backend import AnonVmaView, Breach, PageRun, Verdict, VmaView
from mremapdsl.program import Expect, Range, Scenario, Statement, Step


class ProcessState(NamedTuple):
    """One process's memory."""

    vmas: tuple[VmaView, ...]
    pages: tuple[PageRun, ...]


class StateRecord(NamedTuple):
    """The state after a step."""

    processes: dict[str, ProcessState]
    """Living processes in order of birth."""
    anon_vmas: dict[str, AnonVmaView]


class StepRecord(NamedTuple):
    """One operation as it went."""

    step: Step
    process: str
    result: str
    """``ok``, an errno name or ``SEGV``."""
    verdict: Verdict | None
    breaches: tuple[Breach, ...]
    """Invariants that this step broke."""
    target: Range | None
    """What the call was about, where it ended up; None for operations without a target."""
    state: StateRecord | None
    """Only if states were asked for."""
    failure: str
    """Why this step fails the scenario (unexpected result, undocumented breach); empty if it does not."""


class ExpectationRecord(NamedTuple):
    """One expectation as it was judged."""

    expect: Expect
    after: int
    """How many steps had run."""
    held: bool | None
    """None: this machine cannot tell."""
    detail: str
    """Which part failed with both values, or why it held; several lines."""
    shown: tuple[str, ...]
    """The state around a failed expectation, in the language's own terms."""
    actual: str = ""
    """What a failed picture or value would have to be so that it holds (see ``actual.py``)."""


class ShowRecord(NamedTuple):
    """What ``show`` printed."""

    line: int
    after: int
    process: str
    lines: tuple[str, ...]
    """Its VMAs."""
    state: StateRecord
    """Its pages and all anon_vmas are printed as well."""


class Exhaustive(NamedTuple):
    """All runs of a branching scenario; the record shows one of them, a shortest failing one if there is one."""

    runs: int
    points: int
    """Distinct points (statement, machine) of all runs."""
    states: int
    """Distinct machines."""
    body: tuple[Statement, ...]
    """The run shown, as plain statements."""
    broken: tuple[int, str] | None = None
    """The first break of an invariant in any run: the step's line, the invariant."""


class ScenarioRecord(NamedTuple):
    """One scenario under one rule set."""

    file: str
    scenario: Scenario
    rules: str
    outcome: str
    """passed, failed, error (not modelled) or skipped."""
    reason: str
    """Why it is an error or was skipped."""
    reason_line: int
    steps: tuple[StepRecord, ...]
    expectations: tuple[ExpectationRecord, ...]
    shows: tuple[ShowRecord, ...]
    initial: StateRecord | None
    seconds: float
    exhaustive: Exhaustive | None = None
    """Of a scenario that branches."""
