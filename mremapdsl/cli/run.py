"""``mremapdsl FILE…``: run scenarios on the model."""

from __future__ import annotations

import os
import re
import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from mremapdsl import api
from mremapdsl.cli import COMMANDS, complain, status
from mremapdsl.cli.allruns import run_lines
from mremapdsl.cli.inputs import STDIN, Input, Unusable, expand, read, texts
from mremapdsl.cli.progress import Progress
from mremapdsl.cli.report import Report, named
from mremapdsl.cli.suite import USUAL, Source, go, load
from mremapdsl.cli.terminal import prepare, style, use_color
from mremapdsl.output.results import FileResult, Result
from mremapdsl.program import Program, RuleChoice
from mremapdsl.record import ScenarioRecord
from mremapdsl.trace.style import Style
from mremapdsl.units import How, recorded_result, run_unit

OVERRIDE = re.compile(r"[\w-]+=[\w.-]+,?|,")

EPILOG = """\
exit status: 0 all held, 1 an expectation, errno or invariant failed, 2 the
input could not be used, 3 model and kernel disagree, 4 everything was skipped
"""


def main(argv: list[str]) -> int:
    """The command without a subcommand."""
    parser = ArgumentParser(
        prog="mremapdsl",
        usage="mremapdsl [OPTION ...] [FILE ...]\n       mremapdsl COMMAND ...",
        description="Run scenarios of Linux anonymous memory on an executable model.\n\n"
        "  mremapdsl examples/                               all scenarios below it\n"
        "  mremapdsl --trace text -c 'mmap A 16; touch A'    what each step did, and why",
        epilog=EPILOG + commands(),
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    configure(parser)
    args = parser.parse_intermixed_args(join_overrides(argv))
    if args.version or args.list_rules or args.list_reasons:
        from mremapdsl.cli import about

        prepare(json=False)
        about_it = about.list_rules if args.list_rules else about.list_reasons
        write(about.version() if args.version else about_it(style(args.color, full=False)))
        return status.HELD
    if not args.inputs and not args.text:
        parser.error("nothing to run: name a file or a directory, or give a text with -c (--help shows all)")
    wrong = ""
    if args.report:
        from mremapdsl.cli.outputs import conflict

        wrong = conflict(args.report, args.trace)
    if args.bless and (args.text or STDIN in args.inputs):
        wrong = "--bless rewrites files: it cannot be used with -c or standard input"
    elif args.bless and (args.trace or any(not found.path for found in args.report)):
        wrong = "--bless prints what it changes: it cannot be used with --trace or a report to standard output"
    if wrong:
        parser.error(wrong)
    return run(args)


def configure(parser: ArgumentParser) -> None:
    """The options."""
    add = parser.add_argument
    add("inputs", nargs="*", metavar="FILE", help="scenario file, directory (all .mrs files below it), or - (stdin)")
    add("-c", dest="text", action="append", default=[], metavar="TEXT", help="run this text; may be repeated")
    add("--rules", metavar="R [with K=V …]", help=f"rules of scenarios that name none (default: {api.DEFAULT_RULES})")
    add("--trace", choices=("text", "json"), help="print every step: as text, or one line of JSON a scenario")
    add("--color", choices=("auto", "always", "never"), default="auto", help="colour the output (default: auto)")
    add("-q", "--quiet", action="store_true", help="print failures only, no warnings")
    add("-v", "--verbose", action="store_true", help="print also what held and why; leave nothing out of traces")
    add(
        "--report", action="append", type=target, default=[], metavar="FORMAT[:FILE]",
        help="write ktap, junit, github (workflow commands) or sarif to FILE, or to standard output in place of the "
        "text; may be repeated",
    )  # fmt: skip
    add("-j", "--jobs", type=jobs, default=1, metavar="N", help="processes to work with (0: one a processor)")
    add("--fail-fast", action="store_true", help="stop at the first failure")
    add(
        "--bless", action="store_true",
        help="rewrite failed layouts and `== VALUE` in the files, and the .trace beside a file, to what the model "
        "shows; prints what changes, then runs everything",
    )  # fmt: skip
    add("--list-rules", action="store_true", help="print the rule sets, and what can be overridden in them")
    add("--list-reasons", action="store_true", help="print the reasons of verdicts, for `fallback because REASON`")
    add("--version", action="store_true", help="print the version and the rule sets")


def target(text: str) -> object:
    """A value of ``--report``; its module is read only if there is one."""
    from mremapdsl.cli import outputs

    return outputs.target(text)


def jobs(text: str) -> int:
    """A number of processes. Raises ValueError."""
    number = int(text)
    if number < 0:
        raise ValueError
    return number or os.cpu_count() or 1


def commands() -> str:
    """The subcommands for the end of the help text."""
    lines = "".join(f"  {name:9} {text}\n" for name, text in COMMANDS.items())
    return f"\ncommands, as in `mremapdsl step FILE` (`mremapdsl step --help` shows more):\n{lines}"


def join_overrides(argv: Sequence[str]) -> list[str]:
    """``--rules R with K=V, K=V`` as two arguments: the words behind ``with`` belong to the rule set.

    Names behind ``--`` are files, whatever they begin with.
    """
    joined: list[str] = []
    i = 0
    while i < len(argv):
        joined.append(argv[i])
        i += 1
        if joined[-1] == "--":  # which argparse forgets where options may stand between files
            return joined[:-1] + [f"./{name}" if name[:1] == "-" and name != STDIN else name for name in argv[i:]]
        if joined[-1] == "--rules" and i < len(argv):
            words = [argv[i]]
            i += 1
            if i < len(argv) and argv[i] == "with":
                words.append("with")
                i += 1
                while i < len(argv) and OVERRIDE.fullmatch(argv[i]):
                    words.append(argv[i] if argv[i].endswith(",") else argv[i] + ",")
                    i += 1
            joined.append(" ".join(words).rstrip(","))
    return joined


def run(args: Namespace) -> int:
    """Run everything that is named and report it."""
    to_stdout = any(not target.path for target in args.report)
    prepare(json=args.trace == "json" or to_stdout)
    try:
        defaults = USUAL if args.rules is None else api.parse_rules(args.rules, file="--rules")
    except api.CompileError as error:
        print(error, file=sys.stderr)
        return status.UNUSABLE
    if args.bless:
        from mremapdsl.cli.bless import bless

        bless(args, defaults)
    report = Report(style(args.color, full=args.verbose), args.verbose - args.quiet, offer=True)
    started = time.perf_counter()
    suite = Suite(args, report, silent=to_stdout)
    suite.run(defaults)
    report.seconds = time.perf_counter() - started
    if args.report:
        from mremapdsl.cli.outputs import write_all
        from mremapdsl.output.results import RunResult

        write_all(args.report, RunResult(tuple(suite.files), report.seconds, suite.stopped))
    if args.trace != "json" and not to_stdout:
        write("".join(f"{line}\n" for line in report.summary()))
    return status.of_outcomes(report.outcomes, unusable=suite.unusable)


class Suite:
    """A run under way: prints what comes in, counts it, and keeps it where documents are wanted."""

    def __init__(self, args: Namespace, report: Report, *, silent: bool) -> None:
        self.args = args
        self.report = report
        self.silent = silent
        """Nothing but documents goes to standard output."""
        self.files: list[FileResult] = []
        self.unusable = False
        self.stopped = False
        self.progress = Progress(not args.quiet)

    def run(self, defaults: Sequence[RuleChoice]) -> None:
        """Everything, or up to the first failure if that is wanted."""
        render = no_text if self.silent else printer(self.args.trace, self.report)
        how = How(self.args.trace is not None, bool(self.args.report), render)
        sources = (load(found, defaults) for found in inputs(self.args))
        with closing(go(sources, lambda unit: run_unit(unit, how), self.args.jobs)) as going:
            for source, results in going:
                self.source(source, results)
                if self.stopped:
                    break
        self.progress.clear()

    def source(self, source: Source, results: Iterator[Result]) -> None:
        """One input."""
        self.progress.clear()
        say(source, use_color(self.args.color, sys.stderr), warnings=not self.args.quiet)
        if source.program is None:
            self.unusable = True
            self.stopped = self.args.fail_fast
        elif source.program.doc and self.args.trace == "text":
            write(file_documentation(source.program, self.report.style))
        kept = list(self.results(source, results))
        if source.trace and source.program is not None and all(result.outcome == "passed" for result in kept):
            kept.append(self.recorded(source.program, source.trace, kept))
        if self.args.report:
            compiled = source.program is not None
            self.files.append(FileResult(*source[:2], source.unreadable, source.diagnostics, compiled, tuple(kept)))

    def results(self, source: Source, results: Iterator[Result]) -> Iterator[Result]:
        """Print and count the runs of one input; those that are needed later."""
        for unit in source.units:
            name = named(source.name, unit.scenario.title, str(unit.rules))
            self.progress.show(f"[{self.report.outcomes.total()}] {name}")
            result = next(results)
            self.report.count(source.name, result.title, result.rules, result.outcome, result.seconds)
            if result.shown:
                self.progress.clear()
                write(result.shown)
            if source.trace or self.args.report:
                yield result
            if self.args.fail_fast and result.outcome in ("failed", "error"):
                self.stopped = True
                return

    def recorded(self, program: Program, path: str, results: Sequence[Result]) -> Result:
        """The recorded trace of an input held against its run."""
        result, lines = recorded_result(program, path, results)
        if result.outcome == "failed":
            self.report.count(path, "", "", result.outcome, 0.0)
            self.stopped = self.args.fail_fast
        self.progress.clear()
        if self.args.trace == "json":
            sys.stderr.write("".join(f"{line}\n" for line in lines))
        elif not self.silent:
            write("".join(f"{line}\n" for line in self.report.trace(path, result.outcome, lines)))
        return result


def no_text(record: ScenarioRecord) -> str:
    """Nothing to print."""
    return ""


def inputs(args: Namespace) -> Iterator[Input | Unusable]:
    """What is named, read when its turn comes."""
    yield from texts(args.text)
    for name in expand(args.inputs):
        try:
            yield name if isinstance(name, Unusable) else read(name)
        except Unusable as unusable:
            yield unusable


def compiled(found: Input | Unusable, color: bool, *, warnings: bool) -> Program | None:
    """The program of an input; None, with everything said, if there is none."""
    source = load(found, USUAL)
    say(source, color, warnings=warnings)
    return source.program


def say(source: Source, color: bool, *, warnings: bool) -> None:
    """Say what is wrong with an input."""
    if source.unreadable:
        sys.stdout.flush()
        complain(f"{source.name}: {source.unreadable}")
    shown = [d for d in source.diagnostics if warnings or d.severity == "error"]
    if shown:
        from mremapdsl.cli.about import diagnostics

        sys.stdout.flush()
        print(diagnostics(source.content, shown, color=color), file=sys.stderr, flush=True)


def file_documentation(program: Program, style: Style) -> str:
    from mremapdsl.trace.markdown import documentation

    lines = [program.file, *documentation(program.doc, "    ", style), ""]
    return "".join(f"{line}\n" for line in lines)


def printer(trace: str | None, report: Report) -> Callable[[ScenarioRecord], str]:
    """What makes the text that is printed of one scenario."""
    if trace == "json":
        from mremapdsl.trace.jsonl import scenario_line

        return lambda record: f"{scenario_line(record)}\n"
    if trace == "text":
        from mremapdsl.trace.text import scenario_text

        return lambda record: "\n".join(
            [scenario_text(record, report.style).rstrip("\n"), *run_lines(record, report.style), "", ""]
        )
    return lambda record: "".join(f"{line}\n" for line in report.scenario(record))


def write(text: str) -> None:
    sys.stdout.write(text)
