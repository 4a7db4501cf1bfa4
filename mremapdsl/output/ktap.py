"""KTAP, version 1, as Documentation/dev-tools/ktap.rst of the kernel describes it: file > scenario > rule set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from mremapdsl.output.results import FileResult, Result, RunResult, diagnosed, one_line

INDENT = "  "
BAD = ("failed", "error")


class Test(NamedTuple):
    """A test, or a group of tests."""

    name: str
    outcome: str
    reason: str
    """Behind the directive."""
    notes: tuple[str, ...]
    """Diagnostic lines before the result."""
    tests: tuple[Test, ...] = ()


def lines(run: RunResult) -> Iterator[str]:
    """The document."""
    tests = [file_test(file) for file in run.files]
    yield from block(tests)
    counts = Counter(leaf.outcome for test in tests for leaf in leaves(test))
    if run.stopped:
        yield "# stopped at the first failure"
    yield (
        f"# Totals: pass:{counts['passed']} fail:{counts['failed']} xfail:0 xpass:0 "
        f"skip:{counts['skipped']} error:{counts['error']}"
    )


def block(tests: list[Test]) -> Iterator[str]:
    """Version line, plan, and the results, each behind its own subtests."""
    yield "KTAP version 1"
    yield f"1..{len(tests)}"
    taken: Counter[str] = Counter()
    for number, test in enumerate(tests, 1):
        if test.tests:
            yield from (INDENT + line for line in block(list(test.tests)))
        name = unique(plain(test.name), taken)
        yield from (f"# {name}: {note}" if note else "#" for note in test.notes)
        yield f"{'not ok' if test.outcome in BAD else 'ok'} {number} {name}{directive(test)}"


def directive(test: Test) -> str:
    word = {"skipped": " # SKIP", "error": " # ERROR"}.get(test.outcome, "")
    reason = one_line(test.reason.replace("#", " "))
    return f"{word} {reason}".rstrip() if word else ""


def plain(name: str) -> str:
    """A name that a result line can hold: no ``#``, one line."""
    return one_line(name.replace("#", " ")) or "unnamed"


def unique(name: str, taken: Counter[str]) -> str:
    """The name, numbered if a test before it has it."""
    taken[name] += 1
    if taken[name] == 1:
        return name
    return unique(f"{name} ({taken[name]})", taken)


def leaves(test: Test) -> Iterator[Test]:
    if not test.tests:
        yield test
    for inner in test.tests:
        yield from leaves(inner)


def file_test(file: FileResult) -> Test:
    """A file with its scenarios."""
    notes = tuple(line for d in file.diagnostics for line in diagnosed(d).text.split("\n"))
    if file.unreadable:
        return Test(file.name, "error", file.unreadable, notes)
    if not file.compiled:
        return Test(file.name, "error", "it does not compile", notes)
    found: list[Test] = []
    for (title, _), group in groupby(file.results, key=lambda result: (result.title, result.line)):
        results = list(group)
        found += [group_of(title, [rule_test(result) for result in results])] if results[0].rules else [
            rule_test(results[0])._replace(name=title)
        ]  # fmt: skip
    return group_of(file.name, found)._replace(notes=notes)


def group_of(name: str, tests: list[Test]) -> Test:
    """A group fails if one of its tests does, and is skipped if all are."""
    outcomes = {test.outcome for test in tests}
    if outcomes & set(BAD):
        return Test(name, "failed", "", (), tuple(tests))
    reason = tests[0].reason if tests else "nothing in it was run"
    outcome = "skipped" if outcomes <= {"skipped"} else "passed"
    return Test(name, outcome, reason if outcome == "skipped" else "", (), tuple(tests))


def rule_test(result: Result) -> Test:
    """A scenario under one rule set."""
    notes = tuple(line for finding in result.findings for line in finding.text.split("\n"))
    return Test(result.rules, result.outcome, result.reason, notes)
