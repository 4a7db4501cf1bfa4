"""What one file becomes: compiled, run, and written as pages. Plain data in and out, so that processes can share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mremapdsl import api
from mremapdsl.program import Program, RuleChoice
from mremapdsl.record import ScenarioRecord
from mremapdsl.report.compare import first_difference
from mremapdsl.report.html import EMPTY, el
from mremapdsl.report.index import Entry, File
from mremapdsl.report.prose import inline, summary, titled
from mremapdsl.report.scenario import Part, file_page, outcome_of, plain, scenario_page, shown_title
from mremapdsl.runner import run_scenario
from mremapdsl.trace.failures import failure_lines


class Job(NamedTuple):
    """A file to report."""

    name: str
    content: bytes
    topic: str
    address: str
    """Of its page from the root of the site, without ``.html``."""
    rules: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    """Of scenarios that name none."""


class Done(NamedTuple):
    """What came of it."""

    entries: tuple[Entry, ...]
    pages: tuple[tuple[str, str], ...]
    """(path from the root of the site, text)"""
    failures: tuple[str, ...]
    """Lines for a terminal."""
    diagnostics: str
    unusable: bool


def work(job: Job) -> Done:
    """Do one file."""
    compiled = api.compile_text(job.content, job.name)
    told = "\n".join(diagnostics(job.content, compiled.diagnostics))
    if compiled.program is None:
        entry = Entry(job.topic, File(job.name, EMPTY, "", EMPTY), job.name, EMPTY, "", EMPTY, "error", (), 0, 0, told)
        return Done((entry,), (), (), told, True)
    program = compiled.program
    defaults = tuple(RuleChoice(*choice) for choice in job.rules)
    parts = list(run_parts(job, program, defaults))
    failures = [line for part in parts for record in part.records for line in failed(record)]
    return Done(tuple(entries(job, program, parts)), tuple(pages(job, program, parts)), tuple(failures), told, False)


def diagnostics(content: bytes, found: Sequence[object]) -> Iterator[str]:
    """Diagnostics with the lines that they are about."""
    from mremapdsl.lang import Diagnostic, render

    lines = content.decode("utf-8", errors="replace").removeprefix("\ufeff").split("\n")
    for d in found:
        assert isinstance(d, Diagnostic)
        yield render(d, lines[d.line - 1].rstrip("\r") if d.line <= len(lines) else "")


def run_parts(job: Job, program: Program, defaults: Sequence[RuleChoice]) -> Iterator[Part]:
    """Run each scenario under all its rules."""
    several = len(program.scenarios) > 1
    digits = len(str(len(program.scenarios)))
    for number, scenario in enumerate(program.scenarios, 1):
        records = tuple(
            run_scenario(program.file, scenario, rules, api.backend, states=True, aliases=api.aliases())
            for rules in scenario.rules or defaults
        )
        own = re.sub(r"[^a-z0-9]+", "-", scenario.title.lower()).strip("-")[:60].rstrip("-")
        address = f"{job.address}/{number:0{digits}}-{own or 'scenario'}.html" if several else f"{job.address}.html"
        yield Part(scenario, records, address)


def entries(job: Job, program: Program, parts: Sequence[Part]) -> Iterator[Entry]:
    """The lines of the index."""
    several = len(parts) > 1
    about = File(job.name, EMPTY, "", EMPTY)
    if several:
        title, doc = titled(program.doc)
        shown = inline(title) if title else el("code", stem(job))
        about = File(job.name, shown, f"{job.address}.html", summary(doc))
    for part in parts:
        runs = tuple((record.rules, record.outcome) for record in part.records)
        branches = any(record.exhaustive for record in part.records)
        parting = 0 if branches else first_difference(part.records) or 0
        steps = max((len(record.steps) for record in part.records), default=0)
        yield Entry(
            job.topic, about, f"{job.name}:{part.scenario.line}", inline(shown_title(part.scenario)), part.address,
            summary(titled(part.scenario.doc)[1]), outcome_of(part.records), runs, steps, parting,
        )  # fmt: skip


def pages(job: Job, program: Program, parts: Sequence[Part]) -> Iterator[tuple[str, str]]:
    """The pages of a file: one for each scenario, and one for the file if it has several."""
    depth = job.address.count("/")
    if len(parts) > 1:
        base = job.address.rpartition("/")[0] + "/"
        crumbs = trail(job, "../" * depth)
        yield f"{job.address}.html", file_page(program, parts, crumbs, "../" * depth, base)
    for part in parts:
        root = "../" * part.address.count("/")
        crumbs = trail(job, root)
        if len(parts) > 1:
            crumbs.append((plain(titled(program.doc)[0]) or stem(job), f"../{job.address.rpartition('/')[2]}.html"))
        yield part.address, scenario_page(program, part, crumbs, root)


def trail(job: Job, root: str) -> list[tuple[str, str]]:
    """The way from the index down to a file."""
    topic = [(part, "") for part in job.topic.split("/") if part]
    return [("Scenarios", f"{root}index.html"), *topic]


def stem(job: Job) -> str:
    return job.name.rpartition("/")[2].removesuffix(".mrs")


def failed(record: ScenarioRecord) -> Iterator[str]:
    """What a terminal says of a run that did not pass."""
    if record.outcome in ("failed", "error"):
        word = "FAILED" if record.outcome == "failed" else "ERROR"
        yield f'{word:8}{record.file}: "{record.scenario.title}" [{record.rules}]'
        yield from failure_lines(record)
