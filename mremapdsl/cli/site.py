"""``mremapdsl report``: a static site of scenarios."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from importlib.util import find_spec

from mremapdsl.cli import complain, status
from mremapdsl.cli.inputs import Input, Unusable, expand, read
from mremapdsl.cli.loading import default_rules
from mremapdsl.cli.report import WORDS
from mremapdsl.cli.terminal import prepare

NEEDED = ("markdown_it", "pygments")
"""What the extra ``report`` brings."""


def configure(parser: ArgumentParser) -> None:
    """The options."""
    add = parser.add_argument
    parser.epilog = "exit status: that of the run (0 all held, 1 something failed, 2 something was unusable)"
    add("inputs", nargs="+", metavar="PATH", help="scenario file, directory (all .mrs files below it), or - (stdin)")
    add("-o", "--output", required=True, metavar="DIR", help="directory for the site: a new, an empty or an older one")
    add("--rules", metavar="'R [with K=V …]'", help="rules of scenarios that name none")
    add("-j", "--jobs", type=int, default=0, metavar="N", help="processes to work with (default: one a processor)")
    add("-q", "--quiet", action="store_true", help="print failures only, no warnings")


def main(args: Namespace) -> int:
    """Run all scenarios and write the site."""
    prepare(json=False)
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        complain("report: this needs the packages of the extra `report`: pip install markdown-it-py pygments")
        return status.UNUSABLE
    defaults = default_rules(args.rules)
    if defaults is None:
        return status.UNUSABLE
    if args.jobs < 0:
        complain("report: --jobs takes a number of processes")
        return status.UNUSABLE
    from mremapdsl.report.files import Output
    from mremapdsl.report.files import Unusable as Occupied
    from mremapdsl.report.site import Source, build, jobs_of
    from mremapdsl.report.work import Done

    sources: list[Source] = []
    unusable = False
    for found in read_all(args.inputs):
        if isinstance(found, Unusable):
            complain(str(found))
            unusable = True
        else:
            sources.append(Source(found.name, found.content))
    if not sources:
        return status.UNUSABLE

    def tell(done: Done) -> None:
        if done.diagnostics and (done.unusable or not args.quiet):
            print(done.diagnostics, file=sys.stderr, flush=True)
        for line in done.failures:
            print(line)

    try:
        jobs = jobs_of(sources, tuple((choice.name, choice.overrides) for choice in defaults))
        built = build(jobs, Output(args.output), args.jobs or os.cpu_count() or 1, tell)
    except Occupied as occupied:
        complain(f"report: {occupied}")
        return status.UNUSABLE
    if not args.quiet:
        print(summary(built.scenarios, built.outcomes, os.path.join(args.output, "index.html")))
    return status.of_outcomes(built.outcomes, unusable=unusable or built.unusable > 0)


def read_all(names: Sequence[str]) -> list[Input | Unusable]:
    """The files named, each once."""
    found: dict[str, Input | Unusable] = {}
    for name in expand(names):
        if isinstance(name, Unusable):
            found[str(name)] = name
            continue
        try:
            found.setdefault(os.path.realpath(name), read(name))
        except Unusable as unusable:
            found[name] = unusable
    return list(found.values())


def summary(scenarios: int, outcomes: dict[str, int], index: str) -> str:
    """How many of what, and where to look."""
    counts = ", ".join(
        f"{outcomes[outcome]} {outcome if outcome != 'error' else 'in error'}" for outcome in WORDS if outcomes[outcome]
    )
    return f"{scenarios} scenario{'' if scenarios == 1 else 's'}, runs: {counts or 'none'}\n{index}"
