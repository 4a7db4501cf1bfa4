"""``mremapdsl shrink FILE``: the smallest scenario that still fails, or differs, in the same way."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mremapdsl import api
from mremapdsl.backend import Unsupported
from mremapdsl.cli import complain, status
from mremapdsl.cli.inputs import Unusable, read
from mremapdsl.cli.run import compiled, join_overrides
from mremapdsl.cli.saving import save
from mremapdsl.cli.terminal import use_color
from mremapdsl.failure import Failure, first_failure
from mremapdsl.generate.campaign import Task, differ
from mremapdsl.generate.differ import FIELDS, Difference
from mremapdsl.generate.findings import Named, Small, commented, operations, text
from mremapdsl.generate.sides import of_rules
from mremapdsl.ops import Operation
from mremapdsl.predicatetext import Unsayable
from mremapdsl.program import Program, RuleChoice, Scenario, Statement
from mremapdsl.runner import run_scenario
from mremapdsl.shrink import shrink
from mremapdsl.statements import scenario_text, steps

EPILOG = "exit status: 0 nothing fails or differs, 1 a failure is shown, 2 bad use, 3 a difference is shown"


class Shown(NamedTuple):
    """A result."""

    content: str
    status: int


def configure(parser: ArgumentParser) -> None:
    """The options."""
    add = parser.add_argument
    parser.epilog = EPILOG
    add("file", metavar="FILE", help="scenario file, or - (stdin)")
    add("--rules", metavar="R", help=f"rules of scenarios that name none (default: {api.DEFAULT_RULES})")
    add("--against", metavar="R2", help="keep where these rules differ from the scenario's, instead of its failure")
    add("--live", action="store_true", help="keep where the running kernel differs from the model")
    add("--deep", action="store_true", help="with --live: compare also what only BPF can see (root)")
    add("--scenario", metavar="TITLE", help="the scenario (default: the first that fails or differs)")
    add("-o", dest="output", metavar="FILE", help="write the result here")
    add("--force", action="store_true", help="let -o write over an existing file")


def main(args: Namespace) -> int:
    """Shrink what fails first."""
    if args.against is not None and args.live:
        complain("--against and --live are two things to compare with; name one")
        return status.UNUSABLE
    try:
        program = load(args.file)
        if program is None:
            return status.UNUSABLE
        shown = smaller(args, program)
    except (api.CompileError, Unusable) as error:
        print(error if isinstance(error, api.CompileError) else f"mremapdsl: {error}", file=sys.stderr)
        return status.UNUSABLE
    except Unsupported as unsupported:
        complain(str(unsupported))
        return status.SKIPPED if unsupported.skip else status.UNUSABLE
    if shown is None:
        complain(f"{program.file}: nothing {'differs' if args.against or args.live else 'fails'}")
        return status.HELD
    if args.output is None:
        sys.stdout.write(shown.content)
    elif not save(args.output, shown.content, force=args.force):
        complain(f"{args.output} exists; --force writes over it")
        return status.UNUSABLE
    return shown.status


def load(name: str) -> Program | None:
    """The program; None, with everything said, if there is none. Raises Unusable."""
    return compiled(read(name), use_color("auto", sys.stderr), warnings=False)


def smaller(args: Namespace, program: Program) -> Shown | None:
    """The result for the first scenario that has one."""
    if args.live:
        from mremapdsl.cli.shrinklive import against_kernel

        return against_kernel(args, wanted(args, program))
    for scenario in wanted(args, program):
        for choice in scenario.rules or default_rules(args):
            made = failing(scenario, choice) if args.against is None else differing(args, scenario, choice)
            if made is not None:
                return made
    return None


def wanted(args: Namespace, program: Program) -> Sequence[Scenario]:
    """The scenarios to look at. Raises Unsupported if there is none of the title."""
    found = [s for s in program.scenarios if args.scenario in (None, s.title)]
    if not found:
        titles = ", ".join(f"`{scenario.title}`" for scenario in program.scenarios)
        raise Unsupported(f"no scenario is called `{args.scenario}`; there are {titles}", skip=False)
    return found


def default_rules(args: Namespace) -> Sequence[RuleChoice]:
    """What ``--rules`` says. Raises CompileError."""
    if args.rules is None:
        return (RuleChoice(api.DEFAULT_RULES),)
    return api.parse_rules(" ".join(join_overrides(["--rules", args.rules])[1:]), file="--rules")


# --- what fails ----------------------------------------------------------------------------------------------


def failing(scenario: Scenario, choice: RuleChoice) -> Shown | None:
    """The smallest scenario with the same failure."""

    def failure(body: Sequence[Statement]) -> Failure | None:
        return failure_of(scenario._replace(body=tuple(body)), choice)

    record = run_scenario("", scenario, choice, api.backend, aliases=api.aliases())
    body = record.exhaustive.body if record.exhaustive is not None else scenario.body
    found = failure(body)
    if found is None:
        if record.outcome == "failed":
            raise Unsupported(f"`{scenario.title}` fails over all of its runs, none of which fails alone", skip=False)
        return None

    def same(candidate: Sequence[Statement]) -> bool:
        seen = failure(candidate)
        return seen is not None and seen.signature == found.signature

    return Shown(failure_text(shrink(body, same, names=scenario.places), scenario, choice), status.FAILED)


def failure_of(scenario: Scenario, choice: RuleChoice) -> Failure | None:
    return first_failure(run_scenario("", scenario, choice, api.backend, aliases=api.aliases()))


def failure_text(body: Sequence[Statement], scenario: Scenario, choice: RuleChoice) -> str:
    """The result as a file, with the failure as a comment, which names lines of this file."""
    try:
        words = scenario_text(body, [choice], names=scenario.places)
    except Unsayable as unsayable:
        raise Unsupported(f"the smallest scenario cannot be written down: {unsayable}", skip=False) from None
    said = words
    while True:
        seen = failure_of(api.compile(said).scenarios[0], choice)
        longer = commented(seen.words.splitlines() if seen else []) + words
        if longer.count("\n") <= said.count("\n"):
            return longer
        said = longer


# --- what differs --------------------------------------------------------------------------------------------


def differing(args: Namespace, scenario: Scenario, choice: RuleChoice) -> Shown | None:
    """The smallest scenario in which two rule sets differ in the same way."""
    choices = api.parse_rules(args.against, file="--against")
    if len(choices) != 1:
        raise Unsupported(f"--against takes one rule set; these are {len(choices)}", skip=False)
    task = Task((), 0, api.rules(choice), api.rules(choices[0]), FIELDS)
    return difference(scenario, lambda found: differ(task, found), (of_rules(choice), of_rules(choices[0])))


def difference(
    scenario: Scenario, differ: Callable[[Sequence[Operation]], Difference | None], sides: tuple[Named, Named]
) -> Shown | None:
    """The same for any two machines."""
    if scenario.branches:
        raise Unsupported(f"`{scenario.title}` has several runs; write the one that differs by itself", skip=False)
    found = differ(operations(scenario.body))
    if found is None:
        return None
    kept = steps(operations(scenario.body)[: found.step + 1])

    def same(body: Sequence[Statement]) -> bool:
        seen = differ(operations(body))
        return seen is not None and seen.step == len(body) - 1 and seen.signature == found.signature

    made = operations(shrink(kept, same, names=scenario.places))
    small = Small(0, made, differ(made) or found, 1)
    return Shown(text(small, sides), status.DISAGREE)
