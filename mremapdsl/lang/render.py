"""Findings as text for people: cause, line, caret, remedy."""

from __future__ import annotations

from mremapdsl.lang.diagnostics import Diagnostic


def render(diagnostic: Diagnostic, source_line: str, color: bool = False) -> str:
    head = f"{diagnostic.file}:{diagnostic.line}:{diagnostic.column}: {diagnostic.severity}: {diagnostic.message}"
    caret = " " * (diagnostic.column - 1) + "^" * diagnostic.length
    return f"{head} [{diagnostic.code}]\n  {source_line}\n  {caret}\n  remedy: {diagnostic.remedy}"
