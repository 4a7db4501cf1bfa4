"""``mremapdsl matrix FILE… --rules R1,R2``: scenarios down, rules across."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence

from mremapdsl import api
from mremapdsl.cli import complain, status
from mremapdsl.cli.run import compiled, inputs, write
from mremapdsl.cli.terminal import prepare, style, use_color
from mremapdsl.lang import Diagnostic
from mremapdsl.lang.diagnostics import Problem
from mremapdsl.lang.rules import unknown
from mremapdsl.lang.syntax import Token
from mremapdsl.matrix import Matrix, Row, columns, markdown, plain, row, text
from mremapdsl.program import Program, RuleChoice, Scenario
from mremapdsl.record import ScenarioRecord
from mremapdsl.runner import run_scenario

EPILOG = """\
A cell says what the last mremap of the scenario did and why; `violation` and
the invariant, if a step broke one; or how the step went that ended the scenario
before its time. A mark says that an expectation about something else does not
hold: scenarios run under all these rules, whatever they name themselves.
Expectations that are `on` other rules are left out.

exit status: 0 the table was printed, whatever it says; 2 an input, rule set or
decision could not be used
"""


def configure(parser: ArgumentParser) -> None:
    """The options."""
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    add = parser.add_argument
    add("inputs", nargs="*", metavar="FILE", help="scenario file, directory (all .mrs files below it), or - (stdin)")
    add("-c", dest="text", action="append", default=[], metavar="TEXT", help="run this text; may be repeated")
    add("--rules", metavar="R,…", help=f"the rule sets, also 'R with K=V' (default: {api.DEFAULT_RULES})")
    add(
        "--vary", action="append", default=[], metavar="KEY[=V,…]",
        help="each rule set with these alternatives of a decision, or with all; several give every combination",
    )  # fmt: skip
    add("--diff", action="store_true", help="only scenarios that the rules make a difference to")
    add("--format", choices=("text", "json", "markdown"), default="text", help="how to print it (default: text)")
    add("--color", choices=("auto", "always", "never"), default="auto", help="colour the output (default: auto)")


def main(args: Namespace) -> int:
    """Print the table."""
    prepare(json=args.format == "json")
    if not args.inputs and not args.text:
        complain("nothing to compare: name a file or a directory, or give a text with -c")
        return status.UNUSABLE
    try:
        rules = (RuleChoice(api.DEFAULT_RULES),) if args.rules is None else api.parse_rules(args.rules, file="--rules")
        across = columns(rules, varied(args.vary))
    except api.CompileError as error:
        print(error, file=sys.stderr)
        return status.UNUSABLE
    rows: list[Row] = []
    unusable = False
    for program in programs(args):
        if program is None:
            unusable = True
            continue
        rows += [row(program, scenario, across, run) for scenario in program.scenarios]
    kept = tuple(found for found in rows if found.differs or not args.diff)
    show(Matrix(across, kept), len(rows), args)
    return status.UNUSABLE if unusable else status.HELD


def programs(args: Namespace) -> Iterator[Program | None]:
    """What is named, compiled; None in the place of what cannot be."""
    color = use_color(args.color, sys.stderr)
    for found in inputs(args):
        yield compiled(found, color, warnings=False)


def run(file: str, scenario: Scenario, rules: RuleChoice) -> ScenarioRecord:
    return run_scenario(file, scenario, rules, api.backend, aliases=api.aliases())


def show(matrix: Matrix, scenarios: int, args: Namespace) -> None:
    """Print it in the format asked for."""
    if args.format == "json":
        import json

        write(json.dumps(plain(matrix), ensure_ascii=False) + "\n")
        return
    lines = markdown(matrix) if args.format == "markdown" else text(matrix, style(args.color, full=False))
    if not matrix.rows and scenarios:
        lines = iter([f"{scenarios} scenario(s), and the rules make no difference to any"])
    write("".join(f"{line}\n" for line in lines))


def varied(given: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What ``--vary`` names: decision -> alternatives. Raises CompileError, as for a list of rule sets."""
    found: dict[str, tuple[str, ...]] = {}
    known = api.overrides()
    for words in given:
        key, sign, values = words.partition("=")
        try:
            if key not in known:
                raise unknown("MRS211", "decision", Token(key, 0), [*known])
            if key in found:
                raise Problem("MRS123", 0, len(key), f"`{key}` is given twice", "delete one of them")
            found[key] = alternatives(values, len(key) + 1, key, known[key]) if sign else known[key]
        except Problem as p:
            place = ("--vary", 1, p.start + 1, max(p.end - p.start, 1))
            raise api.CompileError(words, [Diagnostic(p.code, "error", *place, p.message, p.remedy)]) from None
    return found


def alternatives(values: str, start: int, key: str, known: Sequence[str]) -> tuple[str, ...]:
    """``skip,abort``, which begins at ``start``. Raises Problem (MRS212)."""
    found: list[str] = []
    for value in values.split(","):
        if value not in known:
            raise unknown("MRS212", f"alternative of `{key}`", Token(value, start), [*known])
        found.append(value)
        start += len(value) + 1
    return tuple(found)
