"""A strict parser of KTAP, version 1, after the kernel's Documentation/dev-tools/ktap.rst.

Stricter than that text where it only recommends: plans and descriptions must be there, names must be unique among
siblings, lines must be of one of the four kinds, diagnostics stand directly before the result that they are about.
"""

from __future__ import annotations

import re
from typing import NamedTuple

RESULT = re.compile(r"(?P<result>ok|not ok) (?P<number>[1-9]\d*) (?P<name>[^#]*[^#\s])(?: # (?P<directive>.*\S))?")
DIRECTIVES = ("SKIP", "TODO", "XFAIL", "TIMEOUT", "ERROR")
MUST_FAIL = ("TIMEOUT", "ERROR")
INDENT = "  "


class Result(NamedTuple):
    ok: bool
    name: str
    directive: str
    why: str
    diagnostics: tuple[str, ...]
    tests: tuple[Result, ...]

    def __getitem__(self, name: str) -> Result:  # type: ignore[override]
        return next(test for test in self.tests if test.name == name)


class Malformed(Exception):
    """What is wrong, and in which line."""


def parse(text: str) -> tuple[tuple[Result, ...], tuple[str, ...]]:
    """The tests at the top, and the diagnostics behind the last of them."""
    if not text.endswith("\n") or any(ord(c) < 32 for c in text.replace("\n", "")):
        raise Malformed("lines end in newlines and hold no control characters")
    lines = text.split("\n")[:-1]
    tests, at = block(lines, 0, "")
    rest = lines[at:]
    for line in rest:
        if not line.startswith("# "):
            raise Malformed(f"not a diagnostic line behind the last result: {line!r}")
    return tests, tuple(line[2:] for line in rest)


def block(lines: list[str], at: int, indent: str) -> tuple[tuple[Result, ...], int]:
    """Version line, plan and as many results; the number of the line behind them."""
    expect(lines, at, f"{indent}KTAP version 1")
    plan = re.fullmatch(rf"{indent}1\.\.(\d+)", line(lines, at + 1))
    if not plan:
        raise Malformed(f"line {at + 2}: no plan behind the version line: {line(lines, at + 1)!r}")
    at += 2
    found: list[Result] = []
    for number in range(1, int(plan[1]) + 1):
        test, at = one(lines, at, indent, number)
        if test.name in (other.name for other in found):
            raise Malformed(f"two tests are called {test.name!r}")
        found.append(test)
    return tuple(found), at


def one(lines: list[str], at: int, indent: str, number: int) -> tuple[Result, int]:
    """One result with its subtests and diagnostics before it."""
    inner: tuple[Result, ...] = ()
    if line(lines, at) == f"{indent}{INDENT}KTAP version 1":
        inner, at = block(lines, at, indent + INDENT)
    diagnostics: list[str] = []
    while line(lines, at).startswith(f"{indent}#"):
        diagnostics.append(line(lines, at)[len(indent) + 1 :])
        at += 1
    found = RESULT.fullmatch(line(lines, at).removeprefix(indent))
    if not found or not line(lines, at).startswith(indent) or int(found["number"]) != number:
        raise Malformed(f"line {at + 1}: not result {number} at this level: {line(lines, at)!r}")
    directive, _, why = (found["directive"] or "").partition(" ")
    result = Result(found["result"] == "ok", found["name"], directive, why, tuple(diagnostics), inner)
    check(result, at + 1)
    return result, at + 1


def check(result: Result, number: int) -> None:
    """What a result and its subtests must agree in."""
    if result.directive and result.directive not in DIRECTIVES:
        raise Malformed(f"line {number}: no directive: {result.directive}")
    if result.directive in MUST_FAIL and result.ok:
        raise Malformed(f"line {number}: {result.directive} and ok")
    if any(not test.ok and test.directive != "SKIP" for test in result.tests) and result.ok:
        raise Malformed(f"line {number}: ok, but a subtest failed")
    if result.tests and all(test.ok for test in result.tests) and not result.ok:
        raise Malformed(f"line {number}: not ok, but all subtests are")


def expect(lines: list[str], at: int, wanted: str) -> None:
    if line(lines, at) != wanted:
        raise Malformed(f"line {at + 1}: {line(lines, at)!r} instead of {wanted!r}")


def line(lines: list[str], at: int) -> str:
    if at >= len(lines):
        raise Malformed("the document ends too early")
    return lines[at]
