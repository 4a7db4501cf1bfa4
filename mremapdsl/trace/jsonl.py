"""The JSON trace of LANGUAGE.md: one line a scenario, schema ``mremapdsl-trace/1``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from mremapdsl.backend import Breach, PageRun, Verdict, VmaView
from mremapdsl.record import ScenarioRecord, StateRecord, StepRecord

SCHEMA = "mremapdsl-trace/1"


def scenario_line(record: ScenarioRecord) -> str:
    """One scenario under one rule set as one line of JSON, without the newline: :func:`scenario_data` as text."""
    data = scenario_data(record._replace(steps=()))
    fragments: dict[VmaView | PageRun, str] = {}
    steps = [_step_text(step, fragments) for step in record.steps]
    head, tail = dumps({**data, "steps": ["%"]}).split('["%"]')
    return f"{head}[{','.join(steps)}]{tail}"


def _step_text(record: StepRecord, fragments: dict[VmaView | PageRun, str]) -> str:
    """A step as text. What is the same in the states of many steps is put into text once."""
    data = dumps({**step_data(record._replace(state=None)), "state": None})
    if record.state is None:
        return data
    processes = [
        f"{dumps(name)}:{{"
        f'"vmas":[{",".join([_fragment(vma, vma_data, fragments) for vma in process.vmas])}],'
        f'"pages":[{",".join([_fragment(run, list, fragments) for run in process.pages])}]}}'
        for name, process in record.state.processes.items()
    ]
    anon_vmas = dumps(anon_vma_data(record.state))
    state = f'{{"processes":{{{",".join(processes)}}},"anon_vmas":{anon_vmas}}}'
    return f"{data[: -len('null}')]}{state}}}"


def _fragment(item: Any, data: Callable[[Any], Any], fragments: dict[VmaView | PageRun, str]) -> str:
    text = fragments.get(item)
    if text is None:
        text = fragments[item] = dumps(data(item))
    return text


def dumps(data: Any) -> str:
    """Compact JSON."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


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
        name: {"vmas": [vma_data(vma) for vma in process.vmas], "pages": [list(run) for run in process.pages]}
        for name, process in state.processes.items()
    }
    return {"processes": processes, "anon_vmas": anon_vma_data(state)}


def vma_data(vma: VmaView) -> dict[str, Any]:
    """One VMA."""
    return {
        "start": vma.start, "end": vma.end, "prot": vma.prot, "pgoff": vma.pgoff, "anon_vma": vma.anon_vma or None,
        "chain": vma.chain,
    }  # fmt: skip


def anon_vma_data(state: StateRecord) -> dict[str, Any]:
    """All anon_vmas."""
    return {name: anon_vma._asdict() for name, anon_vma in state.anon_vmas.items()}
