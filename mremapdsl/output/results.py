"""What a run leaves for reports: plain data that processes can hand to each other."""

from __future__ import annotations

from typing import NamedTuple

from mremapdsl.lang import Diagnostic


class Finding(NamedTuple):
    """One thing that failed, and where."""

    rule: str
    """What kind of failure: ``expect/layout``, ``invariant/mapcount``, ``result/not-mapped``, ``MRS201``…"""
    line: int
    column: int
    """1-based, in characters; 0 if only the line is known."""
    end: int
    """Column behind it; 0 if it is not known or lies on another line."""
    message: str
    """In a line."""
    text: str
    """In full, several lines, as the tool prints it."""
    level: str = "error"
    """error or warning"""


class Result(NamedTuple):
    """One scenario under one rule set, or a file's recorded trace (which has no rules)."""

    title: str
    line: int
    rules: str
    outcome: str
    """passed, failed, error (not modelled) or skipped."""
    reason: str
    """Why it is an error or was skipped."""
    seconds: float
    findings: tuple[Finding, ...]
    shown: str
    """What is printed of it."""
    trace: str
    """Its part of the file's recorded trace, if there is one."""


class FileResult(NamedTuple):
    """One input."""

    name: str
    """A path as it was given, ``-c`` or ``<stdin>``."""
    is_file: bool
    unreadable: str
    """Why it could not be read; empty if it could."""
    diagnostics: tuple[Diagnostic, ...]
    compiled: bool
    results: tuple[Result, ...]


class RunResult(NamedTuple):
    """A whole run."""

    files: tuple[FileResult, ...]
    seconds: float
    stopped: bool
    """At the first failure, because that was asked for: there may be more."""


def diagnosed(diagnostic: Diagnostic) -> Finding:
    """A finding of the compiler."""
    d = diagnostic
    message = f"{d.message}; {d.remedy}" if d.remedy else d.message
    text = f"{d.file}:{d.line}:{d.column}: {d.severity}: {message} [{d.code}]"
    return Finding(d.code, d.line, d.column, d.column + d.length, message, text, d.severity)


def findings(file: FileResult) -> list[Finding]:
    """Everything that is wrong with a file, in the order of the run."""
    found = [diagnosed(diagnostic) for diagnostic in file.diagnostics]
    return found + [finding for result in file.results for finding in result.findings]


def one_line(text: str) -> str:
    """The text as one line without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
