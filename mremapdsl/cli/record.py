"""``mremapdsl record FILE… -o RECORDS``: what the running kernel does, kept as data."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence

from mremapdsl import api
from mremapdsl.backend import Unsupported
from mremapdsl.cli import complain, status
from mremapdsl.cli.live import own_rules, programs, scenarios, start
from mremapdsl.cli.terminal import prepare
from mremapdsl.compare.scenarios import all_runs
from mremapdsl.live.probe import release
from mremapdsl.live.session import Session
from mremapdsl.onkernel import choose, kernel_name, why_not
from mremapdsl.program import Program, RuleChoice, Scenario
from mremapdsl.recording.files import Exists, header, write
from mremapdsl.recording.operations import Json
from mremapdsl.recording.recorder import record

EPILOG = """\
Scenarios that this machine cannot carry out are left out, and named. With
--deep the records hold everything that the model shows, too.

exit status: 0 written, 2 an input could not be used or the file could not be
written, 4 nothing could be recorded
"""


def configure(parser: ArgumentParser) -> None:
    """The options."""
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    scenarios(parser)
    parser.add_argument("-o", dest="output", required=True, metavar="RECORDS", help="file to write (.jsonl, .jsonl.gz)")
    parser.add_argument("--force", action="store_true", help="replace the file if there is one")


def main(args: Namespace) -> int:
    """Record everything that is named."""
    prepare(json=False)
    if not args.inputs and not args.text:
        complain("nothing to record: name a file or a directory, or give a text with -c (--help shows all)")
        return status.UNUSABLE
    found = list(programs(args, warnings=False))
    try:
        with start(args, flags=True) as session:
            own = own_rules(args, session)
            lines = list(records([program for program in found if program is not None], session, own))
            swap = "memory" if session.machine.swap.in_memory else "disk"
            head = header(release(), str(own[0]), deep=session.machine.deep is not None, swap=swap)
        if not lines:
            complain("nothing could be recorded")
            return status.UNUSABLE if None in found else status.SKIPPED
        write(args.output, [head, *lines], force=args.force)
    except Exists:
        complain(f"{args.output} exists (--force replaces it)")
        return status.UNUSABLE
    except api.CompileError as error:
        print(error, file=sys.stderr)
        return status.UNUSABLE
    except Unsupported as unsupported:
        complain(f"no recording: {unsupported}")
        return status.SKIPPED if unsupported.skip else status.UNUSABLE
    if not args.quiet:
        print(f"{len(lines)} programs of {kernel_name()} recorded in {args.output}")
    return status.UNUSABLE if None in found else status.HELD


def records(found: Sequence[Program], session: Session, own: Sequence[RuleChoice]) -> Iterator[Json]:
    """A record for each run of each scenario that is for this kernel."""
    names: dict[str, int] = {}
    for program in found:
        for scenario in program.scenarios:
            try:
                if choose(scenario, own, api.aliases()) is None:
                    raise Unsupported(why_not(scenario, own))
                for steps in all_runs(scenario):
                    name = unique(title(program, scenario), names)
                    yield record(name, (step.op for step in steps), session, named=bool(scenario.rules))
            except Unsupported as unsupported:
                complain(f"left out: {program.file}:{scenario.line}: {unsupported}")


def title(program: Program, scenario: Scenario) -> str:
    """A name for the record that can stand between quotes in a scenario."""
    stem = program.file.rpartition("/")[2].removesuffix(".mrs")
    name = stem if scenario.title == stem else f"{stem}: {scenario.title}"
    return name.replace('"', "'").replace("\\", "/")


def unique(name: str, names: dict[str, int]) -> str:
    """The name, with a number if it was given before."""
    names[name] = names.get(name, 0) + 1
    return name if names[name] == 1 else f"{name} #{names[name]}"
