"""``mremapdsl explore``: search all scenarios up to a bound.

Everything printed is a scenario file: findings as scenarios, the rest as comments.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter

from mremapdsl import api
from mremapdsl.cli import complain, status
from mremapdsl.explore.alphabet import KINDS
from mremapdsl.explore.arena import Bounds
from mremapdsl.explore.run import Limits, Meter, Result, search
from mremapdsl.explore.search import Problem, Progress, may_slide, symmetry_for
from mremapdsl.explore.shards import Finding, Report, merge, read, write
from mremapdsl.explore.taking import Taken
from mremapdsl.explore.witness import after, witness
from mremapdsl.model.machine import Machine
from mremapdsl.program import Expect, Place, RuleChoice, Step
from mremapdsl.trace.style import paragraph

USUAL = "mmap,touch,fork,munmap,mremap,mprotect,exit"
RELOCATING = ",relocate,must,pin,migrate,swapout-cached"
WIDTH = 80
EPILOG = f"""\
--ops takes names, separated by commas; +NAME adds to the usual ones.
usual: {USUAL.replace(",", " ")}
       under rules with relocation also {RELOCATING[1:].replace(",", " ")}
all:   {{all}}

They are calls, but for:
  relocate, must    mremap with RELOCATE or MUST_RELOCATE
  inside            such a move, and what others do between its inner steps
  spanning          mremap of several VMAs at once
  resize, -move     mremap with another size, in place or to a fixed place
  touch-other       writing another byte (for KSM)
  swapout-cached    into swap, and still in the swap cache
  populate          madvise POPULATE_WRITE
  invalid           calls that are wrong in themselves

WHAT is `violation`, or a predicate of the language about the process that made
the last call, as in --find 'fallback because forked-parent'.

examples:
  mremapdsl explore --rules relocate-rfc1           what breaks the reverse map?
  mremapdsl explore --rules relocate-v1-7.3 --cover how is each reason reached?
  mremapdsl explore --rules relocate-v1 --against relocate-auto
  mremapdsl explore --rules linux-6.18 --find 'vmas 3' --pages 3

exit status: --find violation 1 if one was found, 0 if the bound holds none; any
other --find and --against 0 if found, 1 if not; 4 if the search was cut short
before it could tell, 130 by Ctrl-C; 2 the input could not be used
"""


def configure(parser: ArgumentParser) -> None:
    """The options."""
    parser.formatter_class = RawDescriptionHelpFormatter
    names = list(paragraph(" ".join(KINDS), "", " " * 7, WIDTH - 7))
    parser.epilog = EPILOG.format(all="\n".join(names))
    add = parser.add_argument
    add("start", nargs="?", metavar="FILE", help="begin where this scenario ends (default: an empty machine)")
    add(
        "--rules",
        default=api.DEFAULT_RULES,
        metavar="R",
        help=f"rule set, with overrides (default: {api.DEFAULT_RULES})",
    )
    add("--pages", type=int, default=4, metavar="N", help="pages that all VMAs together may span (default: 4)")
    add("--procs", type=int, default=2, metavar="P", help="processes at a time (default: 2)")
    add("--depth", type=int, default=6, metavar="D", help="operations in a row (default: 6)")
    add("--ops", metavar="LIST", help="what to try (below)")
    add("--find", metavar="WHAT", help="what to look for (below; default: violation)")
    add("--against", metavar="R2", help="find a run in which these rules end differently")
    add("--all-minimal", action="store_true", help="every kind of finding of the least depth, not only the first")
    add("--cover", action="store_true", help="a table of every reason with its shortest scenario")
    add("--jobs", type=int, default=1, metavar="N", help="processes to search with; results do not depend on it")
    add("--shard", default="1/1", metavar="I/N", help="search only a part, to be joined with the others by --merge")
    add("--merge", nargs="+", metavar="JSON", help="join what shards wrote with --json")
    add("--json", metavar="FILE", help="write the result for --merge (never over an existing file)")
    add(
        "--max-states",
        type=int,
        default=8_000_000,
        metavar="N",
        help="distinct states to keep at most, some 200 bytes of memory each, and 100 more in each process of --jobs; "
        "what is still to be looked behind lies in a temporary file (default: 8 million)",
    )
    add("--time", type=float, metavar="S", help="seconds to search at most")
    add("-o", dest="directory", metavar="DIR", help="write each finding as a scenario file here")


def main(args: Namespace) -> int:
    """Search, print, and say by the exit status whether something was found."""
    try:
        check(args)
        if args.merge:
            return report(args, merge([read(path) for path in args.merge]))
        choice = one_choice(args.rules, "--rules")
        against = one_choice(args.against, "--against") if args.against else None
        if args.cover:
            from mremapdsl.cli.cover import cover_table

            return cover_table(args, choice)
        begins, start, names = starting_point(args.start, choice)
        sought = parse_predicate(args) if args.find and args.find != "violation" else None
        problem = make_problem(args, choice, against, sought, start)
        limits = Limits(args.depth, args.max_states, args.time, not args.all_minimal, shard=parse_shard(args.shard))
    except api.CompileError as error:
        print(error, file=sys.stderr)
        return status.UNUSABLE
    except ValueError as error:
        complain(str(error))
        return status.UNUSABLE
    result = search(problem, start, limits, args.jobs, meter())
    return report(args, make_report(args, problem, (choice, against), result, (begins, names), sought))


def check(args: Namespace) -> None:
    """Raises ValueError for options that make no sense."""
    for name in ("pages", "procs", "depth", "jobs", "max_states"):
        if getattr(args, name) < 1:
            raise ValueError(f"--{name.replace('_', '-')} must be at least 1")
    if args.against and args.find:
        raise ValueError("--against looks for a difference; it does not go with --find")
    if args.json and os.path.lexists(args.json):
        raise ValueError(f"--json: {args.json} exists already; it is left alone")
    if args.json and not os.path.isdir(os.path.dirname(args.json) or "."):
        raise ValueError(f"--json: there is no directory {os.path.dirname(args.json)}")
    if args.directory and os.path.lexists(args.directory) and not os.path.isdir(args.directory):
        raise ValueError(f"-o: {args.directory} is no directory")


def one_choice(text: str, option: str) -> RuleChoice:
    """One rule set from the command line."""
    choices = api.parse_rules(text, file=option)
    if len(choices) != 1:
        raise ValueError(f"{option} takes one rule set here; two are compared by --rules R --against R2")
    return choices[0]


def starting_point(file: str | None, choice: RuleChoice) -> tuple[tuple[Taken, ...], Machine, tuple[Place, ...]]:
    """What has run before the search, the machine that it left, and the names of places."""
    if file is None:
        return (), Machine(api.rules(choice)), ()
    scenario = api.compile(file).scenarios[0]
    if scenario.branches:
        raise ValueError(f"{file}: a search begins behind one run, but this scenario has several")
    steps = [s for s in scenario.body if isinstance(s, Step)]
    try:
        taken, machine = after(api.rules(choice), [s.op for s in steps])
    except ValueError:
        raise ValueError(f"{file}: the model does not know all of its statements under {choice}") from None
    for step, did in zip(steps, taken, strict=True):
        if did.result != (step.fails or "ok"):
            raise ValueError(f"{file}:{step.line}: `{step.text}` = {did.result} under {choice}: no place to begin")
    return taken, machine, scenario.places


def make_problem(
    args: Namespace, choice: RuleChoice, against: RuleChoice | None, sought: Expect | None, start: Machine
) -> Problem:
    """The search that the options describe."""
    from mremapdsl.explore.finding import names_places, predicate_test

    rules = api.rules(choice)
    kinds = parse_kinds(args.ops, USUAL + (RELOCATING if rules.relocate_flags or rules.trigger(0) else ""))
    if against and "inside" in kinds:
        raise ValueError("--ops: `inside` does not go with --against, because relocating has other moments under other "
                         "rules; search each rule set alone, as with --find violation")  # fmt: skip
    places = sought is not None and names_places(sought.predicate)
    vmas = [vma for mm in start.mms.values() for vma in mm.vmas]
    first, last = (min(v.start for v in vmas), max(v.end for v in vmas)) if vmas else (0, 0)
    if last - first > args.pages:
        raise ValueError(f"{args.start} uses {last - first} pages from its first to its last; --pages allows "
                         f"{args.pages}. Place its mappings next to each other (`at @0`)")  # fmt: skip
    window = None if may_slide(start, kinds) and not places else (first, first + args.pages)
    bounds = Bounds(args.pages, args.procs, kinds, window)
    find = "difference" if against else "predicate" if sought else "violation"
    return Problem(
        rules, api.rules(against) if against else None, bounds, symmetry_for(bounds), find,
        predicate_test(sought) if sought else None,
    )  # fmt: skip


def parse_kinds(text: str | None, usual: str) -> tuple[str, ...]:
    """The names of --ops in the order of trying. ValueError for others."""
    wanted = usual if text is None else f"{usual},{text[1:]}" if text.startswith("+") else text
    names = [name.strip().removeprefix("+") for name in wanted.split(",")]
    for name in names:
        if name not in KINDS:
            from mremapdsl.lang.words import meant

            near = meant(name, KINDS)
            hint = f"did you mean `{near}`?" if near else "--help lists what there is"
            raise ValueError(f"--ops: `{name}` is nothing to try; {hint}")
    return tuple(kind for kind in KINDS if kind in names)


def parse_predicate(args: Namespace) -> Expect:
    """The predicate of --find, which may speak of the places of FILE."""
    from mremapdsl.statements import body_lines

    lines: list[str] = []
    if args.start:
        scenario = api.compile(args.start).scenarios[0]
        lines = body_lines([s for s in scenario.body if isinstance(s, Step)], scenario.places, "places")
    before = "expect "
    compiled = api.compile_text("\n".join([*lines, before + args.find]), "--find")
    if compiled.program is None:
        errors = [d for d in compiled.diagnostics if d.severity == "error"]
        raise api.CompileError(args.find, [d._replace(line=1, column=max(d.column - len(before), 1)) for d in errors])
    *steps, last = compiled.program.scenarios[0].body
    if len(steps) != len(lines) or not isinstance(last, Expect) or last.quantifier:
        raise ValueError("--find takes one predicate, without always, sometimes or never")
    return last


def parse_shard(text: str) -> tuple[int, int]:
    """``I/N``. ValueError for anything else."""
    i, _, n = text.partition("/")
    if not (i.isdecimal() and n.isdecimal() and 1 <= int(i) <= int(n)):
        raise ValueError(f"--shard takes I/N with I from 1 to N, as in 2/4, not {text}")
    return int(i), int(n)


def meter() -> Meter | None:
    """A progress line on a terminal."""
    if not sys.stderr.isatty():
        return None

    def show(progress: Progress, seconds: float) -> None:
        rate = progress.transitions / seconds if seconds else 0
        print(f"\r\033[Kdepth {progress.depth + 1}, frontier {progress.queue:,}, states {progress.states:,}, "
              f"{rate:,.0f}/s, {seconds:.0f} s", end="\r", file=sys.stderr, flush=True)  # fmt: skip

    return show


# --- reports -------------------------------------------------------------------------------------------------


def make_report(
    args: Namespace,
    problem: Problem,
    choices: tuple[RuleChoice, RuleChoice | None],
    result: Result,
    before: tuple[tuple[Taken, ...], tuple[Place, ...]],
    sought: Expect | None,
) -> Report:
    """The result as plain data. ``before`` is what had run before the search, and the names of its places."""
    choice, against = choices
    found: list[Finding] = []
    for hit in result.found:
        made = witness(problem, before[0], hit, before[1])
        kind = args.find if sought else hit.hit.kind
        if against is None:
            text = made.text(choice, f"explored: {kind}", sought)
        else:
            from mremapdsl.explore.differing import difference_text

            text = difference_text(made, choice, against)
        found.append(Finding(kind, made.words, hit.path, text))
    return Report(
        rules=str(choice),
        against=str(against or ""),
        find="difference" if against else args.find or "violation",
        start=args.start or "",
        pages=args.pages,
        window=problem.bounds.window,
        processes=args.procs,
        kinds=problem.bounds.kinds,
        depth=args.depth,
        all_minimal=args.all_minimal,
        reached=result.progress.depth,
        queue=result.progress.queue,
        states=result.progress.states,
        transitions=result.progress.transitions,
        seconds=result.seconds,
        ended=result.ended,
        shards=(args.shard,),
        found=tuple(found),
    )


def report(args: Namespace, data: Report) -> int:
    """Print (and write) a result; the exit status."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    comment("\n".join(data.summary()))
    for finding in data.found:
        print()
        comment(f"{finding.kind}: {finding.words}")
        print(finding.text, end="")
    if args.json:
        write(args.json, data)
    if args.directory:
        save(args.directory, data)
    if data.ended == "interrupted" and not data.found:
        return status.INTERRUPTED
    if not data.conclusive:
        return status.SKIPPED
    return status.HELD if bool(data.found) == (data.find != "violation") else status.FAILED


def comment(text: str) -> None:
    for line in text.split("\n"):
        print("\n".join(paragraph(line, "# ", "#     ", WIDTH)))


def save(directory: str, data: Report) -> None:
    """Each finding as a file of its own; existing files are left alone."""
    os.makedirs(directory, exist_ok=True)
    for number, finding in enumerate(data.found, 1):
        words = "".join(c if c.isalnum() else " " for c in finding.kind.lower()).split()
        path = os.path.join(directory, f"{number:02}-{'-'.join(words)[:80]}.mrs")
        prose = [*data.summary(), f"{finding.kind}: {finding.words}"]
        lines = [line for text in prose for line in paragraph(text, "## ", "##     ", WIDTH)]
        with open(path, "x", encoding="utf-8") as stream:
            stream.write("\n".join(lines) + "\n\n" + finding.text)
