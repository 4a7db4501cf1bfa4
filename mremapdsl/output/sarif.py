"""SARIF 2.1.0: a result for each failure and diagnostic, a rule for each kind of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mremapdsl import __version__
from mremapdsl.lang.diagnostics import CODES
from mremapdsl.model.invariants import INVARIANTS
from mremapdsl.output.paths import uri
from mremapdsl.output.results import FileResult, Finding, RunResult, findings

SCHEMA = "https://raw.githubusercontent.com/oasis-tcs/sarif-spec/master/Schemata/sarif-schema-2.1.0.json"
RULES = {
    "expect": "An expectation about {} does not hold.",
    "result": "A call did not have the result that the scenario says; its reason: {}.",
    "invariant": "A call broke the invariant {}.",
}
ABOUT = {
    "merged": "what merged", "vma": "the borders of a VMA", "vmas": "the number of VMAs",
    "unmapped": "unmapped pages", "layout": "a layout", "move": "what the last mremap did",
    "value": "a value", "page": "the state of pages", "rmap": "a reverse-map walk", "violation": "a broken invariant",
}  # fmt: skip
SINGLE = {
    "not-modelled": "The scenario does something that the model does not know.",
    "trace": "The trace is not the recorded one.",
}


def lines(run: RunResult) -> Iterator[str]:
    """The document."""
    yield from json.dumps(document(run), indent=2, ensure_ascii=False).split("\n")


def document(run: RunResult) -> dict[str, Any]:
    """The log, with one run."""
    found = [(file, finding, title) for file in run.files for finding, title in titled(file)]
    rules = {rule: number for number, rule in enumerate(sorted({finding.rule for _, finding, _ in found}))}
    notes = [{"level": "error", "message": {"text": f"{f.name}: {f.unreadable}"}} for f in run.files if f.unreadable]
    driver = {"name": "mremapdsl", "version": __version__, "rules": [rule(name) for name in rules]}
    usable = all(file.compiled for file in run.files)
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "invocations": [{"executionSuccessful": usable, "toolExecutionNotifications": notes}],
                "columnKind": "unicodeCodePoints",
                "results": [result(file, finding, title, rules[finding.rule]) for file, finding, title in found],
            }
        ],
    }  # fmt: skip


def titled(file: FileResult) -> Iterator[tuple[Finding, str]]:
    """The findings of a file, each with the scenario and rule set; empty for those of the compiler."""
    for finding in findings(file._replace(results=())):
        yield finding, ""
    for run in file.results:
        for finding in run.findings:
            yield finding, f"{run.title} [{run.rules}]" if run.rules else run.title


def rule(name: str) -> dict[str, Any]:
    """A kind of failure."""
    found: dict[str, Any] = {"id": name, "shortDescription": {"text": described(name)}}
    if name in CODES:
        found["name"] = CODES[name].name
        found["defaultConfiguration"] = {"level": CODES[name].severity}
    kind, _, detail = name.partition("/")
    if kind == "invariant" and detail in INVARIANTS:
        found["fullDescription"] = {"text": INVARIANTS[detail]}
    return found


def described(name: str) -> str:
    """What a rule is about, in a sentence."""
    kind, _, detail = name.partition("/")
    if name in CODES:
        return CODES[name].explanation
    return SINGLE[name] if name in SINGLE else RULES[kind].format(ABOUT.get(detail, detail))


def result(file: FileResult, finding: Finding, title: str, index: int) -> dict[str, Any]:
    """A failure at its place."""
    location: dict[str, Any] = {}
    if file.is_file:
        region = {"startLine": finding.line}
        if finding.column:
            region["startColumn"] = finding.column
        if finding.end:
            region["endColumn"] = finding.end
        location["physicalLocation"] = {"artifactLocation": {"uri": uri(file.name)}, "region": region}
    if title or not file.is_file:
        location["logicalLocations"] = [{"name": title or file.name, "fullyQualifiedName": f"{file.name}: {title}"}]
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.level,
        "message": {"text": finding.text},
        "locations": [location],
    }
