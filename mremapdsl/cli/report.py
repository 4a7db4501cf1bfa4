"""The report of a plain run: a line for each scenario and rule set, failures in full, a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from mremapdsl.cli.allruns import run_lines
from mremapdsl.record import ExpectationRecord, ScenarioRecord
from mremapdsl.trace.failures import failure_lines
from mremapdsl.trace.style import Style, paragraph
from mremapdsl.trace.words import expect_words, show_words

WORDS = {
    "passed": ("good", "ok"),
    "failed": ("bad", "FAILED"),
    "error": ("bad", "ERROR"),
    "skipped": ("unsure", "skipped"),
}
QUIET, NORMAL, VERBOSE = -1, 0, 1
SLOWEST = 3
"""Runs that are named as the slowest."""


class Report:
    """Makes the lines of a report and counts outcomes."""

    def __init__(self, style: Style, verbosity: int, *, offer: bool = False) -> None:
        self.style = style
        self.verbosity = verbosity
        self.offer = offer
        """Name ``--bless`` where it would help."""
        self.outcomes: Counter[str] = Counter()
        self.rules: dict[str, None] = {}
        self.times: list[tuple[float, str]] = []
        """Of each run, with its name; only if slow ones are to be named."""
        self.seconds = 0.0

    def count(self, file: str, title: str, rules: str, outcome: str, seconds: float) -> None:
        """Take a run into the summary."""
        self.outcomes[outcome] += 1
        if rules:
            self.rules.setdefault(rules)
        if self.verbosity >= VERBOSE:
            self.times.append((seconds, named(file, title, rules)))

    def scenario(self, record: ScenarioRecord) -> Iterator[str]:
        """The lines of one scenario under one rule set."""
        if self.verbosity <= QUIET and record.outcome == "passed":
            return
        role, word = WORDS[record.outcome]
        unseen = sum(e.held is None for e in record.expectations)
        blind = f" ({unseen} expectation(s) not observable)" if unseen and record.outcome != "skipped" else ""
        name = named(record.file, record.scenario.title, record.rules)
        yield f"{self.style.paint(role, word)}{' ' * (8 - len(word))}{name}{blind}"
        if self.verbosity > QUIET:
            yield from self.shows(record)
        yield from failure_lines(record, self.style, offer=self.offer)
        yield from run_lines(record, self.style)
        if self.verbosity >= VERBOSE:
            for expectation in record.expectations:
                if expectation.held is not False:
                    yield from self.expectation(record.file, expectation)

    def shows(self, record: ScenarioRecord) -> Iterator[str]:
        """What ``show`` printed."""
        if not record.shows:
            return
        from mremapdsl.trace.text import memory_lines

        for show in record.shows:
            yield f"{record.file}:{show.line}: {self.style.paint('bold', show_words(show))}"
            yield from (f"    {line}" for line in show.lines)
            yield from memory_lines(show, record.scenario.places, "    ", self.style)

    def expectation(self, file: str, record: ExpectationRecord) -> Iterator[str]:
        """An expectation that held, or of which this machine cannot tell."""
        sign = self.style.held if record.held else self.style.paint("unsure", "?")
        yield f"{file}:{record.expect.line}: {sign} {expect_words(record.expect)}"
        for line in record.detail.split("\n"):
            yield from paragraph(line, "    ", "        ", self.style.width)

    def summary(self) -> Iterator[str]:
        """How many of what, under which rules, in what time."""
        if self.verbosity <= QUIET or not self.outcomes:
            return
        counts = ", ".join(
            f"{self.outcomes[outcome]} {outcome if outcome != 'error' else 'in error'}"
            for outcome in WORDS
            if self.outcomes[outcome]
        )
        overridden = [rules for rules in self.rules if " with " in rules]
        names = dict.fromkeys(rules.partition(" with ")[0] for rules in self.rules)
        rules = ", ".join(self.rules if len(overridden) <= 1 else names)
        more = f" ({len(overridden)} of them with overrides)" if len(overridden) > 1 else ""
        text = f"{counts}; rules {rules}{more}; {self.seconds:.2f} s"
        yield from paragraph(text, "", "    ", self.style.width)
        if len(self.times) > 1:
            yield "slowest:"
            for seconds, name in sorted(self.times, key=lambda found: -found[0])[:SLOWEST]:
                yield from paragraph(f"{seconds:.3f} s  {name}", "    ", " " * 13, self.style.width)

    def trace(self, path: str, outcome: str, lines: Sequence[str]) -> Iterator[str]:
        """The lines of a recorded trace that was compared."""
        if self.verbosity > QUIET or outcome != "passed":
            role, word = WORDS[outcome]
            yield f"{self.style.paint(role, word)}{' ' * (8 - len(word))}{path}"
            yield from (self.style.change(line) for line in lines)


def named(file: str, title: str, rules: str) -> str:
    """The file, the scenario's title unless it is only the file's name, and the rules."""
    stem = file.rpartition("/")[2].removesuffix(".mrs")
    shown = file if title in (file, stem) else f'{file}: "{title}"'
    return f"{shown} [{rules}]" if rules else shown
