"""``mremapdsl compare FILE…``: scenarios on the model and on the running kernel, step by step."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections import Counter
from collections.abc import Iterator, Sequence

from mremapdsl import api
from mremapdsl.backend import Unsupported
from mremapdsl.cli import complain, status
from mremapdsl.cli.live import own_rules, programs, scenarios, start
from mremapdsl.cli.run import write
from mremapdsl.cli.terminal import prepare, style
from mremapdsl.compare.scenarios import Compared, compare_scenario
from mremapdsl.compare.words import compared_lines
from mremapdsl.live.session import Session
from mremapdsl.onkernel import kernel_name
from mremapdsl.program import Program, RuleChoice
from mremapdsl.trace.style import Style, paragraph

EPILOG = """\
Model and kernel carry out each scenario step by step. What both can see must be
equal after each: results, VMAs, pages; with --deep also offsets, anon_vmas,
indices and the rest of what the model shows. The first difference of a scenario
is shown with both states and the model's reason. Expectations are not judged.

exit status: 0 they agree, 2 an input could not be used, 3 they disagree,
4 everything was skipped
"""
WORDS = {"agree": ("good", "agree"), "differ": ("bad", "DIFFER"), "error": ("bad", "ERROR"),
         "skipped": ("unsure", "skipped")}  # fmt: skip


def configure(parser: ArgumentParser) -> None:
    """The options."""
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    scenarios(parser)


def main(args: Namespace) -> int:
    """Compare everything that is named."""
    prepare(json=False)
    if not args.inputs and not args.text:
        complain("nothing to compare: name a file or a directory, or give a text with -c (--help shows all)")
        return status.UNUSABLE
    outcomes: Counter[str] = Counter()
    look = style(args.color, full=False)
    started = time.perf_counter()
    unusable = False
    try:
        with start(args, flags=True) as session:
            own = own_rules(args, session)
            for program in programs(args, warnings=False):
                unusable |= program is None
                for compared in compare(program, session, own) if program is not None else ():
                    outcomes[compared.outcome] += 1
                    write("".join(f"{line}\n" for line in lines(compared, look, quiet=args.quiet)))
    except api.CompileError as error:
        print(error, file=sys.stderr)
        return status.UNUSABLE
    except Unsupported as unsupported:
        complain(f"no comparison: {unsupported}")
        return status.SKIPPED if unsupported.skip else status.UNUSABLE
    if not args.quiet:
        counts = ", ".join(f"{outcomes[name]} {word}" for name, word in SUMMARY.items() if outcomes[name])
        text = f"{counts}; {', '.join(map(str, own))} and {kernel_name()}; {time.perf_counter() - started:.2f} s"
        write("".join(f"{line}\n" for line in paragraph(text, "", INDENT, look.width)) if counts else "")
    return exit_status(outcomes, unusable=unusable)


INDENT = "    "
SUMMARY = {"agree": "agree", "differ": "differ", "error": "in error", "skipped": "skipped"}


def compare(program: Program, session: Session, own: Sequence[RuleChoice]) -> Iterator[Compared]:
    """Every scenario of a file."""
    rules = {choice: api.rules(choice) for choice in own}
    for scenario in program.scenarios:
        yield compare_scenario(program.file, scenario, session, own, rules, api.aliases())


def lines(compared: Compared, look: Style, *, quiet: bool) -> Iterator[str]:
    """What came out for one scenario."""
    if quiet and compared.outcome in ("agree", "skipped"):
        return
    role, word = WORDS[compared.outcome]
    name, stem = compared.scenario.title, compared.file.rpartition("/")[2].removesuffix(".mrs")
    title = compared.file if name in (compared.file, stem) else f'{compared.file}: "{name}"'
    runs = f", {compared.runs} runs" if compared.runs > 1 else ""
    yield f"{look.paint(role, word)}{' ' * (8 - len(word))}{title} [{compared.rules} and {kernel_name()}{runs}]"
    yield from compared_lines(compared, look)


def exit_status(outcomes: Counter[str], *, unusable: bool) -> int:
    """The exit status of a comparison."""
    if unusable or outcomes["error"]:
        return status.UNUSABLE
    if outcomes["differ"]:
        return status.DISAGREE
    return status.SKIPPED if outcomes and set(+outcomes) == {"skipped"} else status.HELD
