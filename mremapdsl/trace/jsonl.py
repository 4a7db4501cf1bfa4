"""The JSON trace of LANGUAGE.md: one line a scenario, schema ``mremapdsl-trace/1``."""

from __future__ import annotations

import json
from typing import Any

from mremapdsl.backend import Breach, Verdict
from mremapdsl.record import ScenarioRecord, StateRecord, StepRecord

SCHEMA = "mremapdsl-trace/1"


def scenario_line(record: ScenarioRecord) -> str:
    """One scenario under one rule set as one line of JSON, without the newline."""
    return json.dumps(scenario_data(record), separators=(",", ":"), ensure_ascii=False)


def scenario_data(record: ScenarioRecord) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "schema": SCHEMA,
        "file": record.file,
        "scenario": record.scenario.title,
        "rules": record.rules,
        "outcome": record.outcome,
        "steps": [step_data(step) for step in record.steps],
        "expectations": [
            {"line": e.expect.line, "text": e.expect.text, "held": e.held, "detail": e.detail}
            for e in record.expectations
        ],
    }


def step_data(record: StepRecord) -> dict[str, Any]:
    return {
        "line": record.step.line,
        "text": record.step.text,
        "process": record.process,
        "result": record.result,
        "verdict": verdict_data(record.verdict, record.breaches) if record.verdict is not None else None,
        "state": state_data(record.state) if record.state is not None else None,
    }


def verdict_data(verdict: Verdict, breaches: tuple[Breach, ...]) -> dict[str, Any]:
    """The verdict; broken invariants are its last notes."""
    notes = [f"{verdict.sentence} ({verdict.function})"]
    notes += [f"{n.reason}: {n.sentence} ({n.function})" for n in verdict.notes]
    notes += [f"violation of {b.invariant}: {b.sentence}" for b in breaches]
    return {"outcome": verdict.outcome, "reason": verdict.reason, "notes": notes}


def state_data(state: StateRecord) -> dict[str, Any]:
    """A state as LANGUAGE.md's ``state`` object; the sixth field of a page run is its first page's index."""
    processes = {
        name: {
            "vmas": [
                {"start": v.start, "end": v.end, "prot": v.prot, "pgoff": v.pgoff, "anon_vma": v.anon_vma or None,
                 "chain": v.chain}
                for v in process.vmas
            ],
            "pages": [list(run) for run in process.pages],
        }
        for name, process in state.processes.items()
    }  # fmt: skip
    return {"processes": processes, "anon_vmas": {name: a._asdict() for name, a in state.anon_vmas.items()}}
