"""``mremapdsl export FILE… -o out.c``: scenarios as a C program for kernels under test."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence

from mremapdsl import api
from mremapdsl.cli import complain, status
from mremapdsl.cli.loading import programs
from mremapdsl.cli.run import join_overrides, write
from mremapdsl.cli.saving import save
from mremapdsl.cli.terminal import prepare
from mremapdsl.export.program import Exported, export
from mremapdsl.export.select import Target
from mremapdsl.program import Program, RuleChoice, Scenario

STDOUT = "-"
EPILOG = """\
The program has a test for each scenario and prints KTAP; its exit status is 0
if all passed, 1 if one failed, 4 if all were skipped. Without --rules it has
the scenarios for released kernels, and skips those that are for others than
the one it runs on. A scenario that branches becomes a test for each of its
runs (up to 24).

  mremapdsl export copy-on-write.mrs -o cow.c
  gcc -Wall -Wextra -std=gnu11 -static -o cow cow.c

exit status: 0 written, 2 an input could not be used or the file could not be
written, 4 no scenario could be exported
"""


def configure(parser: ArgumentParser) -> None:
    """The options."""
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    add = parser.add_argument
    add("inputs", nargs="*", metavar="FILE", help="scenario file, directory (all .mrs files below it), or - (stdin)")
    add("-c", dest="text", action="append", default=[], metavar="TEXT", help="export this text; may be repeated")
    add("-o", dest="output", default=STDOUT, metavar="FILE.c", help="file to write (default: standard output)")
    add("--force", action="store_true", help="replace the file if there is one")
    add("--scenario", action="append", default=[], metavar="TITLE", help="only this scenario; may be repeated")
    add("--rules", metavar="R", help="the rule set that the kernel under test follows, such as relocate-v1")
    add("--harness", action="store_true", help="tests for kselftest_harness.h, as in tools/testing/selftests/mm")
    add("--color", choices=("auto", "always", "never"), default="auto", help="colour diagnostics (default: auto)")
    add("-q", "--quiet", action="store_true", help="do not say which scenarios are left out")


def main(args: Namespace) -> int:
    """Export everything that is named."""
    prepare(json=False)
    if not args.inputs and not args.text:
        complain("nothing to export: name a file or a directory, or give a text with -c (--help shows all)")
        return status.UNUSABLE
    own = own_rules(args.rules)
    found = programs(args)
    if own is None or found is None:
        return status.UNUSABLE
    chosen = [(program, scenario) for program in found for scenario in program.scenarios]
    if args.scenario and not all([is_title(wanted, chosen) for wanted in args.scenario]):  # noqa: C419  (say all)
        return status.UNUSABLE
    chosen = [pair for pair in chosen if not args.scenario or pair[1].title in args.scenario]
    made = export(chosen, Target(own, api.aliases()), api.rule_sets(), harness=args.harness)
    tell(made, args)
    if not made.text:
        complain("no scenario can be exported")
        return status.SKIPPED
    if args.output == STDOUT:
        write(made.text)
    elif not save(args.output, made.text, force=args.force):
        complain(f"{args.output} exists (--force replaces it)")
        return status.UNUSABLE
    elif not args.quiet:
        write(f"{made.tests} test{'s' * (made.tests != 1)} written to {args.output}\n")
    return status.HELD


def own_rules(text: str | None) -> Sequence[RuleChoice] | None:
    """The rules of ``--rules``; None, with everything said, if the text names none."""
    if text is None:
        return ()
    try:
        return api.parse_rules(" ".join(join_overrides(["--rules", text])[1:]), file="--rules")
    except api.CompileError as error:
        print(error, file=sys.stderr)
        return None


def is_title(wanted: str, chosen: Sequence[tuple[Program, Scenario]]) -> bool:
    """Whether there is a scenario of this title; says so if not."""
    titles = [scenario.title for _, scenario in chosen]
    if wanted in titles:
        return True
    from difflib import get_close_matches

    near = get_close_matches(wanted, titles, 1)
    complain(f"no scenario has the title `{wanted}`" + (f" (did you mean `{near[0]}`?)" if near else ""))
    return False


def tell(made: Exported, args: Namespace) -> None:
    """Which scenarios are left out, and why."""
    for left in () if args.quiet else made.left:
        complain(f"left out: {left.program.file}:{left.line}: `{left.title}`: {left.why}")
