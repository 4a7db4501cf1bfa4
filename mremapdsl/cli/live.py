"""``mremapdsl live FILE…``: run scenarios on the running kernel."""

from __future__ import annotations

import signal
import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from typing import NoReturn

from mremapdsl import api
from mremapdsl.backend import Unsupported
from mremapdsl.cli import complain, status
from mremapdsl.cli.report import Report
from mremapdsl.cli.run import compiled, file_documentation, inputs, join_overrides, printer, write
from mremapdsl.cli.terminal import prepare, style, use_color
from mremapdsl.live.probe import release
from mremapdsl.live.session import TIMEOUT, Session
from mremapdsl.onkernel import run_on_kernel
from mremapdsl.program import Program, RuleChoice
from mremapdsl.record import ScenarioRecord

EPILOG = """\
Each scenario gets processes of its own; they share one CPU. Settings that are
changed (huge pages, KSM, swap) are put back. An expectation about what this
kernel or this user cannot see is `not observable here`; a scenario that has no
other expectations is skipped, as is one that asks for what this machine cannot
do.

exit status: 0 all held, 1 an expectation or errno failed, 2 an input could not
be used, 4 everything was skipped
"""


def configure(parser: ArgumentParser) -> None:
    """The options."""
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    add = parser.add_argument
    scenarios(parser)
    add("--trace", choices=("text", "json"), help="print every step: as text, or one line of JSON a scenario")
    add("-v", "--verbose", action="store_true", help="print also what held and why; leave nothing out of traces")


def scenarios(parser: ArgumentParser) -> None:
    """The options of all commands that run scenarios on the running kernel."""
    add = parser.add_argument
    add("inputs", nargs="*", metavar="FILE", help="scenario file, directory (all .mrs files below it), or - (stdin)")
    add("-c", dest="text", action="append", default=[], metavar="TEXT", help="run this text; may be repeated")
    add("--rules", metavar="R", help="the rule set that the running kernel follows (default: by its release)")
    add("--timeout", type=seconds, default=TIMEOUT, metavar="S", help="seconds a scenario may take (default: 10)")
    add("--deep", action="store_true", help="show also what only BPF can see: offsets, anon_vmas, indices (root)")
    add("--color", choices=("auto", "always", "never"), default="auto", help="colour the output (default: auto)")
    add("-q", "--quiet", action="store_true", help="print failures only, no warnings")


def seconds(text: str) -> float:
    """A time for the option ``--timeout``."""
    number = float(text)
    if not 0 < number < 1e6:
        raise ValueError
    return number


def main(args: Namespace) -> int:
    """Run everything that is named and report it."""
    json = args.trace == "json"
    prepare(json=json)
    if not args.inputs and not args.text:
        complain("nothing to run: name a file or a directory, or give a text with -c (--help shows all)")
        return status.UNUSABLE
    report = Report(style(args.color, full=args.verbose), args.verbose - args.quiet)
    started = time.perf_counter()
    show = printer(args.trace, report)
    unusable = False
    try:
        with start(args, flags=args.trace is not None) as session:
            own = own_rules(args, session)
            for program in programs(args, warnings=not args.quiet):
                unusable |= program is None
                if program is not None and program.doc and args.trace == "text":
                    write(file_documentation(program, report.style))
                for record in records(program, session, own, states=args.trace is not None) if program else ():
                    report.count(record.file, record.scenario.title, record.rules, record.outcome, record.seconds)
                    write(show(record))
    except api.CompileError as error:
        print(error, file=sys.stderr)
        return status.UNUSABLE
    except Unsupported as unsupported:
        complain(f"no live run: {unsupported}")
        return status.SKIPPED if unsupported.skip else status.UNUSABLE
    report.seconds = time.perf_counter() - started
    if not json:
        write("".join(f"{line}\n" for line in report.summary()))
    return status.of_outcomes(report.outcomes, unusable=unusable)


def start(args: Namespace, *, flags: bool) -> Session:
    """A session that also ends in order when it is asked to by a signal. Raises Unsupported."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    session = Session(timeout=args.timeout, flags=flags, deep=args.deep, say=complain)
    for lack in () if args.quiet else session.lacks:
        complain(f"note: {lack}")
    return session


def leave(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)


def own_rules(args: Namespace, session: Session) -> Sequence[RuleChoice]:
    """The rules that the running kernel follows: as told, or by its release. Raises CompileError, Unsupported."""
    if args.rules is not None:
        return api.parse_rules(" ".join(join_overrides(["--rules", args.rules])[1:]), file="--rules")
    name = session.rules(list(api.rule_sets()))
    if name is None:
        raise Unsupported(f"no rule set follows Linux {release()}; --rules names one to take it for", skip=False)
    if not args.quiet and not release().startswith(name.rpartition("-")[2]):
        complain(f"note: Linux {release()} is taken for {name} (--rules changes that)")
    return (RuleChoice(name),)


def programs(args: Namespace, *, warnings: bool) -> Iterator[Program | None]:
    """What is named, compiled; None for what cannot be used."""
    color = use_color(args.color, sys.stderr)
    for found in inputs(args):
        yield compiled(found, color, warnings=warnings)


def records(program: Program, session: Session, own: Sequence[RuleChoice], *, states: bool) -> Iterator[ScenarioRecord]:
    """Every scenario once, under the rules that this kernel follows."""
    for scenario in program.scenarios:
        yield run_on_kernel(program.file, scenario, session, own, api.aliases(), states=states)
