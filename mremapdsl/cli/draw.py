"""``mremapdsl draw``: a picture of each step as an SVG file."""

from __future__ import annotations

import os
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mremapdsl import api
from mremapdsl.cli import complain, status
from mremapdsl.cli.loading import default_rules, programs
from mremapdsl.cli.report import QUIET, Report
from mremapdsl.cli.terminal import prepare, style
from mremapdsl.program import Program, RuleChoice
from mremapdsl.record import ScenarioRecord
from mremapdsl.runner import run_program

GENERATED = "<!-- made by mremapdsl draw -->"
"""In the second line of every file that this command writes; it overwrites only such files."""
LEAST_WIDTH, MOST_WIDTH = 300, 4000


class File(NamedTuple):
    """A picture and where it is to go."""

    name: str
    svg: str


def configure(parser: ArgumentParser) -> None:
    """The options."""
    add = parser.add_argument
    parser.epilog = (
        "Files are named NN-scenario-STEP-statement.svg; files that are not this command's stay as they are. "
        "What failed is said, and drawn as far as it went; the exit status is that of the run (0 all held, 1 something "
        "failed, 2 something was unusable)."
    )
    add("inputs", nargs="*", metavar="FILE", help="scenario file, directory (all .mrs files below it), or - (stdin)")
    add("-c", dest="text", action="append", default=[], metavar="TEXT", help="draw this text; may be repeated")
    add("-o", "--output", required=True, metavar="DIR", help="directory for the pictures; made if it does not exist")
    add("--rules", metavar="'R [with K=V …]'", help="rules of scenarios that name none")
    add("--step", type=int, action="append", metavar="N", help="draw step N only, counted from 1; may be repeated")
    add("--width", type=int, default=880, metavar="POINTS", help="width of the pictures (default: 880)")
    add("--force", action="store_true", help="overwrite whatever has the name of a picture")
    add("--color", choices=("auto", "always", "never"), default="auto", help="colour what is said (default: auto)")


def main(args: Namespace) -> int:
    """Run the scenarios, say what failed, and draw all of their steps. The status is that of the run."""
    prepare(json=False)
    if not args.inputs and not args.text:
        complain("draw: nothing to draw: name a file or a directory, or give a text with -c")
        return status.UNUSABLE
    if not LEAST_WIDTH <= args.width <= MOST_WIDTH:
        complain(f"draw: --width takes {LEAST_WIDTH} to {MOST_WIDTH} points")
        return status.UNUSABLE
    defaults = default_rules(args.rules)
    found = programs(args) if defaults else None
    if defaults is None or found is None:
        return status.UNUSABLE
    records = [record for program in found for record in run_all(program, defaults)]
    report = Report(style(args.color, full=False), QUIET)
    for record in records:
        for line in report.scenario(record):
            print(line)
    files = list(drawn(records, args.step, args.width))
    if not files:
        complain(f"draw: no scenario has a step {' or '.join(map(str, args.step))}" if args.step else "draw: no steps")
        return status.UNUSABLE
    if not write(args.output, files, force=args.force):
        return status.UNUSABLE
    return status.of_outcomes((record.outcome for record in records), unusable=False)


def run_all(program: Program, defaults: Sequence[RuleChoice]) -> list[ScenarioRecord]:
    return run_program(program, api.backend, defaults, states=True, aliases=api.aliases())


def drawn(records: Sequence[ScenarioRecord], steps: Sequence[int] | None, width: int) -> Iterator[File]:
    """The pictures of all scenarios under all their rules."""
    from mremapdsl.pictures import pictures

    digits = max(2, len(str(len(records))))
    for number, record in enumerate(records, 1):
        several = sum(other.scenario is record.scenario for other in records) > 1
        stem = f"{number:0{digits}}-{slug(record.scenario.title)}" + (f"-{slug(record.rules)}" if several else "")
        for picture in pictures(record, width=width):
            if not steps or picture.number in steps:
                head, _, rest = picture.svg.partition("\n")
                yield File(f"{stem}-{step_name(record, picture.number)}.svg", f"{head}\n{GENERATED}\n{rest}")


def step_name(record: ScenarioRecord, number: int) -> str:
    """``05-mremap-a-after-b``"""
    digits = max(2, len(str(len(record.steps))))
    return f"{number:0{digits}}-{slug(record.steps[number - 1].step.text)}"


def slug(text: str, most: int = 48) -> str:
    """A text as part of a file name: letters, digits, dots and hyphens."""
    plain = re.sub("-+", "-", re.sub(r"[^a-z0-9.]+|[.]{2,}", "-", text.lower())).strip("-.")
    return plain[:most].rstrip("-.") or "untitled"


def write(directory: str, files: Sequence[File], *, force: bool) -> bool:
    """Write all files, or none if a foreign one is in the way. False, and said why, if that cannot be done."""
    try:
        os.makedirs(directory, exist_ok=True)
    except FileExistsError:
        complain(f"draw: {directory} is not a directory")
        return False
    for file in files:
        path = os.path.join(directory, file.name)
        if not force and foreign(path):
            complain(f"draw: {path} exists and is no picture of this command; nothing was written (--force overwrites)")
            return False
    for file in files:
        with open(os.path.join(directory, file.name), "w", encoding="utf-8", newline="\n") as stream:
            stream.write(file.svg)
    print(f"{len(files)} picture{'s' if len(files) > 1 else ''} in {directory}")
    return True


def foreign(path: str) -> bool:
    """Whether there is something at this path that this command did not write."""
    try:
        with open(path, "rb") as stream:
            return GENERATED.encode() not in stream.read(200)
    except FileNotFoundError:
        return False
    except OSError:
        return True
