"""After a syntax error: say what is wrong, and find a place to read on."""

from __future__ import annotations

from mremapdsl.lang.context import Findings
from mremapdsl.lang.diagnostics import Problem
from mremapdsl.lang.parse import Lexeme, Stacks


class Recovery:
    """Called by the parser for each token that it cannot accept."""

    def __init__(self, text: str, findings: Findings) -> None:
        self.text, self.findings = text, findings

    def __call__(self, stacks: Stacks, lexeme: Lexeme) -> int:
        raise Problem("MRS101", lexeme.start, max(lexeme.end, lexeme.start + 1),
                      f"`{self.text[lexeme.start:lexeme.end]}` cannot stand here", "")  # fmt: skip
