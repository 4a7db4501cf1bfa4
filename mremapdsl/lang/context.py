"""What is known at a point of a scenario while it is compiled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from mremapdsl.lang.diagnostics import CODES, ERROR, AlreadyReported, Diagnostic, Problem
from mremapdsl.lang.syntax import Token
from mremapdsl.lang.text import Source
from mremapdsl.lang.words import meant
from mremapdsl.program import Place, RuleChoice, Statement

FIRST_PROCESS = "parent"
UNBORN, UNSURE = -1, -2
"""Of a process: forked in the ``any order`` at hand; forked or exited on some ways through a choice."""


class Vocabulary(NamedTuple):
    """The names that a scenario may use and that the language itself does not know."""

    rule_sets: tuple[str, ...]
    """Including aliases."""
    overrides: Mapping[str, tuple[str, ...]]
    """Decision -> its alternatives."""
    reasons: frozenset[str]
    invariants: frozenset[str]
    counts: tuple[str, ...]
    """What can stand after ``count``."""
    aliases: Mapping[str, str] = MappingProxyType({})
    """Alias of a rule set -> its name."""
    default: str = ""
    """The rule set that a ``KEY=VALUE`` without any before it changes."""


MOST = 100
"""Findings shown for one file."""


LONG = r"(\S{40})\S{40,}"
"""Words that nobody wants to read in full."""


class Findings:
    """The problems found so far; the same one is kept once, however often a loop meets it."""

    def __init__(self) -> None:
        self.problems: dict[tuple[str, int, int], Problem] = {}
        self.errors = 0

    def add(self, problem: Problem) -> None:
        key = (problem.code, problem.start, problem.end)
        if key not in self.problems:
            self.problems[key] = problem
            self.errors += CODES[problem.code].severity == ERROR

    def take(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self.add(problem)

    def codes(self) -> set[str]:
        return {problem.code for problem in self.problems.values()}

    def diagnostics(self, source: Source) -> tuple[Diagnostic, ...]:
        """The findings in the order of the text; of more than MOST rather errors than warnings, and how many more."""
        found = sorted((problem for problem in self.problems.values() if problem.message), key=Findings.order)
        shown = sorted(sorted(found, key=lambda problem: CODES[problem.code].severity)[:MOST], key=Findings.order)
        if len(self.problems) > MOST:
            more = f"... and {len(self.problems) - len(shown)} more"
            shown.append(Problem("MRS499", shown[-1].end, shown[-1].end + 1, more, "mend these first"))
        return tuple(diagnostic(problem, source) for problem in shown)

    @staticmethod
    def order(problem: Problem) -> tuple[int, int, str]:
        return problem.start, problem.end, problem.code

    def warn(self, code: str, where: Token, message: str, remedy: str) -> None:
        self.add(Problem(code, where.start, where.end, message, remedy))


def diagnostic(problem: Problem, source: Source) -> Diagnostic:
    """A problem with its lines and columns; one that goes over several lines is shown on the first."""
    start = min(problem.start, len(source.text))
    line = source.line(start)
    column = source.column(start)
    length = min(problem.end - start, len(source.line_text(line)) - column + 1)
    severity = CODES[problem.code].severity
    message, remedy = (re.sub(LONG, r"\1...", text) for text in (problem.message, problem.remedy))
    return Diagnostic(problem.code, severity, source.file, line, column, max(length, 1), message, remedy)


class Slots:
    """Where places without an address of their own go: ``first``, ``first + pitch``, ...

    Also counts what the distance between them depends on (see ``places.spread``).  Without a first slot they
    are so far apart that nothing can go wrong while that is counted, and no address is final.
    """

    def __init__(self, spread: tuple[int, int] | None = None) -> None:
        self.surveying = spread is None
        self.first, self.pitch = spread or (1 << 56, 1 << 56)
        self.taken = 0
        self.first_taker: Token | None = None
        self.sizes: dict[int, int] = {}
        """Offset of a number in the text -> the most pages that it meant."""
        self.lowest, self.highest = 1 << 62, 0
        """The pages that the text names by number lie in [lowest, highest)."""

    def take(self, name: Token) -> int:
        self.first_taker = self.first_taker or name
        self.taken += 1
        return self.first + (self.taken - 1) * self.pitch

    def size(self, where: int, pages: int) -> None:
        if self.sizes.get(where, -1) < pages:
            self.sizes[where] = pages

    def page(self, start: int, end: int) -> None:
        self.lowest = min(self.lowest, start)
        self.highest = max(self.highest, end)


class Context:
    """One scenario on its way to plain data."""

    def __init__(self, source: Source, vocabulary: Vocabulary, findings: Findings, slots: Slots) -> None:
        self.source, self.vocabulary, self.findings, self.slots = source, vocabulary, findings, slots
        self.body: list[Statement] = []
        self.threads: dict[str, list[Statement]] | None = None
        """In ``any order``: what each process does, instead of ``body``."""
        self.made = 0
        """Statements so far."""
        self.docs: Mapping[int, str] = {}
        self.rules: tuple[RuleChoice, ...] = ()
        self.places: dict[str, Place] = {}
        self.constants: dict[str, int] = {}
        self.defined: list[str] = []
        """Constants that a ``let`` has defined, in order."""
        self.processes: dict[str, int | None] = {FIRST_PROCESS: None}
        """Name -> line of its exit, None while it lives, or UNBORN or UNSURE."""
        self.children = 0
        """No process after this number has been called ``child`` with a number."""
        self.process = FIRST_PROCESS
        self.loop: tuple[tuple[str, int], ...] = ()
        self.uncertain: set[str] = set()
        """Names that a faulty statement may have defined: nothing is said about them."""
        self.mentioned: set[str] = set()
        self.unmentioned: dict[str, Token] = {}
        """Definitions that deserve a warning if their name is never mentioned."""
        self.latest: str | None = None
        """The place that the last call made or moved to, if it has a name."""
        self.expects = self.counts_vmas = False
        self.passes = self.skipped = 0
        """Passes through loops, statements left out because of an error."""

    def place(self, name: Token) -> Place:
        """The place of a name. Raises Problem (MRS201) if no statement has named it yet."""
        found = self.places.get(name.text)
        if found is None:
            raise self.unknown("MRS201", "place", name, [*self.places], "map it first: " + f"`mmap {name.text} 16`")
        self.mentioned.add(name.text)
        return found

    def alive(self, name: Token, others: tuple[str, ...] = ()) -> str:
        """A process that exists. Raises Problem (MRS203, MRS204) otherwise.

        ``others`` are keywords that could have been meant as well.
        """
        self.seen(name, others)
        self.check_alive(name.text, name.start, name.end)
        return name.text

    def seen(self, name: Token, others: tuple[str, ...] = ()) -> str:
        """A process that exists or has exited, to look at. Raises Problem (MRS203) otherwise; ``others`` as above."""
        if name.text not in self.processes:
            living = [known for known, gone in self.processes.items() if gone is None]
            raise self.unknown("MRS203", "process", name, [*living, *others], f"fork it first: `fork {name.text}`")
        if (self.processes[name.text] or 0) < 0:
            self.check_alive(name.text, name.start, name.end)
        return name.text

    def check_alive(self, process: str, start: int, end: int) -> None:
        """Raises Problem (MRS203, MRS204) if the process has exited, or might not exist."""
        match self.processes[process]:
            case None:
                return
            case int(line) if line > 0:
                raise Problem("MRS204", start, end, f"process `{process}` has exited in line {line}",
                              "use one that still runs; only expectations can name one that does not")  # fmt: skip
            case state:
                where = "inside the same `any order`" if state == UNBORN else "on some of the ways here only"
                raise Problem("MRS203", start, end, f"process `{process}` was forked or exited {where}",
                              "fork it before, and exit it behind")  # fmt: skip

    def emit(self, statement: Statement) -> None:
        """Add a compiled statement where it belongs."""
        self.made += 1
        body = self.body if self.threads is None else self.threads.setdefault(self.process, [])
        body.append(statement)

    def unknown(self, code: str, what: str, name: Token, known: list[str], otherwise: str) -> Exception:
        """The error for a name that is not known, with the nearest one that is."""
        if name.text in self.uncertain:
            return AlreadyReported()
        near = meant(name.text, known) if len(self.findings.problems) <= MOST else None
        remedy = f"did you mean `{near}`?" if near else otherwise
        return Problem(code, name.start, name.end, f"no {what} is named `{name.text}` here", remedy)

    def claim(self, name: Token, *, constant: bool) -> None:
        """Raises Problem (MRS205) if a name that is to be defined is taken by something else."""
        if name.text in self.constants:
            raise Problem("MRS205", name.start, name.end, f"`{name.text}` is a constant already", "choose another name")
        if constant and name.text in self.places:
            line = self.places[name.text].line
            raise Problem("MRS205", name.start, name.end, f"`{name.text}` is a place since line {line}",
                          "choose another name")  # fmt: skip
