"""``mremapdsl FILE…``: run scenarios on the model."""

from __future__ import annotations

import re
import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator, Sequence

from mremapdsl import api
from mremapdsl.cli import COMMANDS, complain, status
from mremapdsl.cli.inputs import Input, Unusable, expand, read, texts
from mremapdsl.cli.report import Report
from mremapdsl.cli.terminal import prepare, style, use_color
from mremapdsl.program import Program, RuleChoice
from mremapdsl.record import ScenarioRecord
from mremapdsl.runner import run_scenario
from mremapdsl.trace.style import Style

OVERRIDE = re.compile(r"[\w-]+=[\w.-]+,?|,")

EPILOG = """\
exit status: 0 all held, 1 an expectation, errno or invariant failed, 2 the input
could not be used, 3 model and kernel disagree, 4 everything was skipped
"""


def main(argv: list[str]) -> int:
    """The command without a subcommand."""
    parser = ArgumentParser(
        prog="mremapdsl",
        description="Run scenarios of Linux anonymous memory on an executable model.",
        epilog=EPILOG + commands(),
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    configure(parser)
    args = parser.parse_intermixed_args(join_overrides(argv))
    if args.version or args.list_rules:
        from mremapdsl.cli import about

        prepare(json=False)
        write(about.version() if args.version else about.list_rules(style(args.color, full=False)))
        return status.HELD
    if not args.inputs and not args.text:
        parser.error("nothing to run: name a file or a directory, or give a text with -c (--help shows all)")
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
    add("--list-rules", action="store_true", help="print the rule sets, and what can be overridden in them")
    add("--version", action="store_true", help="print the version and the rule sets")


def commands() -> str:
    """The subcommands for the end of the help text."""
    return "".join(f"\n  {name:10} {text}" for name, text in COMMANDS.items()) and (
        "\ncommands:" + "".join(f"\n  mremapdsl {name:9} {text}" for name, text in COMMANDS.items()) + "\n"
    )


def join_overrides(argv: Sequence[str]) -> list[str]:
    """``--rules R with K=V, K=V`` as two arguments: the words behind ``with`` belong to the rule set."""
    joined: list[str] = []
    i = 0
    while i < len(argv):
        joined.append(argv[i])
        i += 1
        if joined[-1] == "--":
            return joined + list(argv[i:])
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
    json = args.trace == "json"
    prepare(json=json)
    color = use_color(args.color, sys.stderr)
    defaults: tuple[RuleChoice, ...] = (RuleChoice(api.DEFAULT_RULES),)
    try:
        if args.rules is not None:
            defaults = api.parse_rules(args.rules, file="--rules")
    except api.CompileError as error:
        print(error, file=sys.stderr)
        return status.UNUSABLE
    report = Report(style(args.color, full=args.verbose), args.verbose - args.quiet)
    started = time.perf_counter()
    show = printer(args.trace, report)
    unusable = False
    for found in inputs(args):
        program = compiled(found, color, warnings=not args.quiet)
        unusable |= program is None
        if program is not None and program.doc and args.trace == "text":
            write(file_documentation(program, report.style))
        for record in records(program, defaults, states=args.trace is not None) if program is not None else ():
            report.count(record)
            show(record)
    report.seconds = time.perf_counter() - started
    if not json:
        write("".join(f"{line}\n" for line in report.summary()))
    return status.of_outcomes(report.outcomes, unusable=unusable)


def records(program: Program, defaults: Sequence[RuleChoice], *, states: bool) -> Iterator[ScenarioRecord]:
    """Every scenario under each of its rule sets, one after the other."""
    for scenario in program.scenarios:
        for rules in scenario.rules or defaults:
            yield run_scenario(program.file, scenario, rules, api.backend, states=states, aliases=api.aliases())


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
    if isinstance(found, Unusable):
        sys.stdout.flush()
        complain(str(found))
        return None
    result = api.compile_text(found.content, found.name)
    shown = [d for d in result.diagnostics if warnings or d.severity == "error"]
    if shown:
        from mremapdsl.cli.about import diagnostics

        sys.stdout.flush()
        print(diagnostics(found.content, shown, color=color), file=sys.stderr, flush=True)
    return result.program


def file_documentation(program: Program, style: Style) -> str:
    from mremapdsl.trace.text import documentation

    lines = [program.file, *documentation(program.doc, "    ", style), ""]
    return "".join(f"{line}\n" for line in lines)


def printer(trace: str | None, report: Report) -> Callable[[ScenarioRecord], None]:
    """What prints one scenario."""
    if trace == "json":
        from mremapdsl.trace.jsonl import scenario_line

        return lambda record: write(f"{scenario_line(record)}\n")
    if trace == "text":
        from mremapdsl.trace.text import scenario_text

        return lambda record: write(scenario_text(record, report.style) + "\n")
    return lambda record: write("".join(f"{line}\n" for line in report.scenario(record)))


def write(text: str) -> None:
    sys.stdout.write(text)
