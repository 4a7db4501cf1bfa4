"""Workflow commands of GitHub Actions: a line for each failure, which GitHub shows at its place in the changes."""

from __future__ import annotations

from collections.abc import Iterator

from mremapdsl.output.paths import relative
from mremapdsl.output.results import FileResult, Finding, RunResult, findings


def lines(run: RunResult) -> Iterator[str]:
    """``::error file=…,line=…,col=…,title=…::MESSAGE`` for each failure, ``::warning`` for warnings."""
    for file in run.files:
        if file.unreadable:
            yield command("error", {"title": "cannot be used"}, f"{file.name}: {file.unreadable}")
        for finding in findings(file._replace(results=())):
            yield annotation(file, finding, finding.rule)
        for result in file.results:
            for finding in result.findings:
                rules = f" [{result.rules}]" if result.rules else ""
                yield annotation(file, finding, f"{result.title}{rules}")


def annotation(file: FileResult, finding: Finding, title: str) -> str:
    properties: dict[str, str | int] = {}
    if file.is_file:
        properties = {"file": relative(file.name), "line": finding.line}
        if finding.column:
            properties["col"] = finding.column
        if finding.end:
            properties["endColumn"] = finding.end
    return command(finding.level, {**properties, "title": title}, finding.text)


def command(name: str, properties: dict[str, str | int], message: str) -> str:
    """A workflow command, escaped as the runner reads it back."""
    given = ",".join(f"{key}={escaped(str(value), ':,')}" for key, value in properties.items())
    return f"::{name} {given}::{escaped(message, '')}"


def escaped(text: str, more: str) -> str:
    """Percent signs and line ends, and whatever else would end a property, as ``%XX``."""
    for sign in "%\r\n" + more:
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text
