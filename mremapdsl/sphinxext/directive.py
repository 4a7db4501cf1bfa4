"""``.. mrs::``: scenarios, run when the document is built."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from mremapdsl import api
from mremapdsl.matrix import Matrix, columns, row
from mremapdsl.program import Program, Scenario
from mremapdsl.record import ScenarioRecord
from mremapdsl.report.prose import titled
from mremapdsl.sphinxext import parts, running
from mremapdsl.sphinxext.prose import prose
from mremapdsl.sphinxext.running import Ran, Unusable
from mremapdsl.trace.failures import failure_lines

if TYPE_CHECKING:
    from sphinx.util.typing import OptionSpec

SHOWN = ("prose", "source", "trace", "picture", "table", "failures")
STEPS = re.compile(r"(\d+|last)(?:-(\d+|last))?")
logger = logging.getLogger(__name__)


def kinds(argument: str | None) -> list[str]:
    """``:show:``: what to show, in this order. Raises ValueError."""
    found = [word.strip() for word in (argument or "").split(",")]
    for word in found:
        if word not in SHOWN:
            raise ValueError(f"`{word}` cannot be shown; there are: {', '.join(SHOWN)}")
    return found


def steps(argument: str | None) -> list[tuple[str, str]]:
    """``:step:``: ``3``, ``last``, ``2-4``, several with commas. Raises ValueError."""
    found: list[tuple[str, str]] = []
    for word in (argument or "").split(","):
        match = STEPS.fullmatch(word.strip())
        if match is None:
            raise ValueError(f"`{word.strip()}` is no step: write 3, 2-4 or last")
        found.append((match[1], match[2] or match[1]))
    return found


class ScenarioDirective(SphinxDirective):
    """Run the scenarios of a file, or of the text below, and show what ``:show:`` names (the source).

    ``:scenario:`` takes one of several by title or number; ``:rules:`` is for those that name none; ``:step:`` chooses
    the steps of traces and pictures.  A table shows each scenario under its own rules; with ``:compare:`` (rule sets)
    or ``:vary:`` (a decision, ``KEY`` or ``KEY=V,V``), all scenarios under all of those.  ``:fails:`` is for texts that
    are to fail: in a run, or in the compiler with the code that it names.
    """

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[OptionSpec | None] = {
        "show": kinds,
        "scenario": directives.unchanged_required,
        "rules": directives.unchanged_required,
        "step": steps,
        "compare": directives.unchanged_required,
        "vary": directives.unchanged_required,
        "caption": directives.unchanged_required,
        "fails": directives.unchanged,
        "class": directives.class_option,
        "name": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        try:
            ran = self.read()
            box = nodes.container(classes=["mrs", *self.options.get("class", [])])
            self.set_source_info(box)
            self.add_name(box)
            box += self.caption()
            box += self.body(ran)
        except (Unusable, OSError) as error:
            raise self.error(str(error)) from None
        return [box]

    def read(self) -> Ran:
        """The text, compiled. Raises Unusable, OSError."""
        if bool(self.arguments) == bool(self.content):
            raise Unusable("name a file, or write scenarios below the directive; one of both")
        if self.arguments:
            relative, path = self.env.relfn2path(self.arguments[0])
            self.env.note_dependency(relative)
            self.place, self.first = path, 0
            return running.compiled(Path(path).read_bytes(), Path(path).name)
        self.place, self.first = str(self.env.doc2path(self.env.docname)), self.content_offset
        return running.compiled("\n".join(self.content).encode(), Path(self.env.docname).name)

    def caption(self) -> list[nodes.Node]:
        """The caption, in which other roles can stand."""
        if "caption" not in self.options:
            return []
        found, messages = self.state.inline_text(self.options["caption"], self.lineno)
        return [parts.paragraph(*found, role="mrs-caption"), *messages]

    def body(self, ran: Ran) -> Iterator[nodes.Node]:
        """What is shown. Says what fails that should not, and what does not fail that should."""
        wanted: str | None = self.options.get("fails")
        if ran.program is None:
            yield from self.not_compiled(ran, wanted)
            return
        if wanted:
            self.warn(1, f"this was to fail with {wanted}, but compiles")
        scenarios = running.chosen(ran.program, self.options.get("scenario", ""))
        rules = running.rule_choices(self.options.get("rules", self.config.mrs_rules))
        records = running.records(ran.program, scenarios, rules)
        self.judge(records, fails=wanted is not None)
        for kind in self.options.get("show", ["source"]):
            yield from self.part(kind, ran.program, scenarios, records)

    def not_compiled(self, ran: Ran, wanted: str | None) -> Iterator[nodes.Node]:
        """A text that is no program: a warning, unless its document says so."""
        for found, text in zip(ran.diagnostics, running.rendered(ran), strict=True):
            if not wanted or found.code not in re.split(r"[\s,]+", wanted):
                self.warn(found.line, text)
        for kind in self.options.get("show", ["source"]):
            if kind == "source":
                yield parts.code(ran.text, "text")
            elif kind == "failures":
                yield parts.code("\n".join(running.rendered(ran)), "text")

    def judge(self, records: Sequence[ScenarioRecord], *, fails: bool) -> None:
        """Warn of runs that fail, or of a text of which none does though it should."""
        bad = [record for record in records if record.outcome in ("failed", "error")]
        if fails and not bad:
            self.warn(1, "this was to fail, but everything holds")
        for record in bad if not fails else ():
            said = "\n".join(failure_lines(record))
            self.warn(running.failing_line(record), f'scenario "{record.scenario.title}" [{record.rules}]:\n{said}')

    def part(
        self, kind: str, program: Program, scenarios: Sequence[Scenario], records: Sequence[ScenarioRecord]
    ) -> Iterator[nodes.Node]:
        """One of the things that can be shown."""
        chosen = scenarios[0] if "scenario" in self.options else None
        if kind == "prose":
            yield from prose(titled(parts.about(program, chosen))[1])
        elif kind == "source":
            yield parts.source(program, chosen, without_prose="prose" in self.options.get("show", ()))
        elif kind == "table":
            yield self.compared(program, scenarios) if self.across else parts.outcomes(records)
        elif kind == "picture":
            yield from self.pictures(records)
        elif kind == "trace":
            alone = len(records) == 1 and "rules" not in self.options
            yield from (parts.trace(record, self.wanted_steps(record), alone=alone) for record in records)
        else:
            yield from (node for record in records for node in parts.failures(record))

    def pictures(self, records: Sequence[ScenarioRecord]) -> Iterator[nodes.Node]:
        """Pictures of the steps, once for all rules under which they are the same."""
        for shown in parts.alike((record, self.wanted_steps(record)) for record in records):
            if len(records) > 1:
                about: list[nodes.Node | str] = [
                    f"{shown.record.scenario.title}, rules ",
                    *parts.rules_names(shown.rules),
                ]
                yield parts.paragraph(*about, role="mrs-run")
            yield from parts.pictures(shown.record, shown.steps, f"mrs{self.env.new_serialno('mrs')}-")

    def wanted_steps(self, record: ScenarioRecord) -> list[int] | None:
        """The steps that ``:step:`` names; None for all. Raises Unusable."""
        if "step" not in self.options:
            return None
        most = len(record.steps)
        ends = [[most if end == "last" else int(end) for end in pair] for pair in self.options["step"]]
        found = [number for first, last in ends for number in range(first, last + 1)]
        if not found or min(found) < 1 or max(found) > most:
            raise Unusable(f'scenario "{record.scenario.title}" has the steps 1 to {most}')
        return found

    @property
    def across(self) -> bool:
        return "compare" in self.options or "vary" in self.options

    def compared(self, program: Program, scenarios: Sequence[Scenario]) -> nodes.Node:
        """The table of all scenarios under given rules. Raises Unusable."""
        rules = running.rule_choices(self.options.get("compare", self.config.mrs_rules))
        key, _, values = self.options.get("vary", "").partition("=")
        known = api.overrides()
        if key and key not in known:
            raise Unusable(f"no decision `{key}`; there are: {', '.join(known)}")
        vary = {key: [v.strip() for v in values.split(",")] if values else known[key]} if key else {}
        if key and not set(vary[key]) <= set(known[key]):
            raise Unusable(f"`{key}` has the alternatives {', '.join(known[key])}")
        choices = columns(rules, vary)
        rows = tuple(row(program, scenario, choices, running.under) for scenario in scenarios)
        return parts.compared(Matrix(choices, rows))

    def warn(self, line: int, message: str) -> None:
        """A warning at a line of the text; its document is read again the next time."""
        self.env.note_reread()
        logger.warning(message, location=f"{self.place}:{self.first + line}", type="mrs", subtype="failed")
