"""The report of a plain run: a line for each scenario and rule set, failures in full, a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mremapdsl.record import ExpectationRecord, ScenarioRecord
from mremapdsl.trace.failures import failure_lines
from mremapdsl.trace.style import Style, paragraph

WORDS = {
    "passed": ("good", "ok"),
    "failed": ("bad", "FAILED"),
    "error": ("bad", "ERROR"),
    "skipped": ("unsure", "skipped"),
}
QUIET, NORMAL, VERBOSE = -1, 0, 1


class Report:
    """Makes the lines of a report and counts outcomes."""

    def __init__(self, style: Style, verbosity: int) -> None:
        self.style = style
        self.verbosity = verbosity
        self.outcomes: Counter[str] = Counter()
        self.rules: dict[str, None] = {}
        self.seconds = 0.0

    def count(self, record: ScenarioRecord) -> None:
        self.outcomes[record.outcome] += 1
        self.rules.setdefault(record.rules)

    def scenario(self, record: ScenarioRecord) -> Iterator[str]:
        """The lines of one scenario under one rule set."""
        if self.verbosity <= QUIET and record.outcome == "passed":
            return
        role, word = WORDS[record.outcome]
        unseen = sum(e.held is None for e in record.expectations)
        blind = f" ({unseen} expectation(s) not observable)" if unseen and record.outcome != "skipped" else ""
        yield f"{self.style.paint(role, word)}{' ' * (8 - len(word))}{title(record)} [{record.rules}]{blind}"
        yield from failure_lines(record, self.style)
        if self.verbosity >= VERBOSE:
            for expectation in record.expectations:
                if expectation.held is not False:
                    yield from self.expectation(record.file, expectation)

    def expectation(self, file: str, record: ExpectationRecord) -> Iterator[str]:
        """An expectation that held, or of which this machine cannot tell."""
        sign = self.style.held if record.held else self.style.paint("unsure", "?")
        yield f"{file}:{record.expect.line}: {sign} expect {record.expect.text}"
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


def title(record: ScenarioRecord) -> str:
    """The file, and the scenario's title unless it is only the file's name."""
    name = record.scenario.title
    stem = record.file.rpartition("/")[2].removesuffix(".mrs")
    return record.file if name in (record.file, stem) else f'{record.file}: "{name}"'
