"""Putting source lines where a backend's sentences name steps (``⟦3⟧`` is the third operation of the run)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mremapdsl.backend import Note, Verdict
from mremapdsl.program import Step

_STEP = re.compile(r"⟦(\d+)⟧")


def with_lines(verdict: Verdict, steps: Sequence[Step]) -> Verdict:
    """The verdict with ``line 4 `touch B``` for each step reference."""

    def line(match: re.Match[str]) -> str:
        number = int(match[1])
        if not 0 < number <= len(steps):
            return f"step {number}"
        step = steps[number - 1]
        return f"line {step.line} `{step.text}`"

    def words(text: str) -> str:
        return _STEP.sub(line, text) if "⟦" in text else text

    notes = tuple(Note(n.reason, words(n.sentence), n.function) for n in verdict.notes)
    return verdict._replace(sentence=words(verdict.sentence), notes=notes)
