"""``mremapdsl explore``: search all scenarios up to a bound.

Everything printed is a scenario file: findings as scenarios, the rest as comments.
"""

from __future__ import annotations

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence

from mremapdsl import api
from mremapdsl.cli import complain, status
from mremapdsl.explore.alphabet import KINDS, Bounds
from mremapdsl.explore.cover import Covered, cover
from mremapdsl.explore.run import Limits, Result, search
from mremapdsl.explore.search import Level, Problem, symmetry_for
from mremapdsl.explore.shards import Report, merge, read, write
from mremapdsl.explore.witness import Witness, witness
from mremapdsl.model.machine import Machine
from mremapdsl.ops import Operation
from mremapdsl.program import Expect, RuleChoice

USUAL = "mmap,touch,fork,munmap,mremap,mprotect,exit"
RELOCATING = ",relocate,must,pin,migrate,swapout-cached"
EPILOG_FIND = "violation, or a predicate of the language about the process that made the last call"


def configure(parser: ArgumentParser) -> None:
    """The options."""
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
    add("--ops", metavar="LIST", help=f"what to try: {', '.join(KINDS)}; +NAME adds to the usual ones ({USUAL}; "
        f"with relocation also {RELOCATING[1:]})")  # fmt: skip
    add("--find", metavar="WHAT", help=f"{EPILOG_FIND} (default: violation)")
    add("--against", metavar="R2", help="find a run in which these rules end differently")
    add("--all-minimal", action="store_true", help="every kind of finding of the least depth, not only the first")
    add("--cover", action="store_true", help="a table of every reason with its shortest scenario")
    add("--jobs", type=int, default=1, metavar="N", help="processes to search with; results do not depend on it")
    add("--shard", default="1/1", metavar="I/N", help="search only a part, to be joined with the others by --merge")
    add("--merge", nargs="+", metavar="JSON", help="join what shards wrote with --json")
    add("--json", metavar="FILE", help="write the result for --merge (never over an existing file)")
    add("--max-states", type=int, default=2_000_000, metavar="N", help="states to keep at most (about 200 bytes each)")
    add("--time", type=float, metavar="S", help="seconds to search at most")
    add("-o", dest="directory", metavar="DIR", help="write each finding as a scenario file here")


def main(args: Namespace) -> int:
    """Search, print, and say by the exit status whether something was found."""
    if args.merge:
        return report(args, merge([read(path) for path in args.merge]), [])
    try:
        choice = one_choice(args.rules)
        against = one_choice(args.against) if args.against else None
        start, before = starting_point(args, choice)
        if args.cover:
            return cover_table(args, choice)
        problem = make_problem(args, choice, against)
        shard = parse_shard(args.shard)
    except (api.CompileError, ValueError) as error:
        print(error, file=sys.stderr)
        return status.UNUSABLE
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}")
        return status.UNUSABLE
    limits = Limits(args.depth, args.max_states, args.time, not args.all_minimal, False, shard)
    result = search(problem, start, limits, max(1, args.jobs), meter())
    witnesses = [witness(problem, start, before, found) for found in result.found]
    return report(args, make_report(args, problem, choice, result, witnesses), witnesses)


def one_choice(text: str) -> RuleChoice:
    """One rule set from the command line."""
    choices = api.parse_rules(text, file="--rules")
    if len(choices) != 1:
        raise ValueError("explore takes one rule set at a time; compare two with --against")
    return choices[0]


def starting_point(args: Namespace, choice: RuleChoice) -> tuple[Machine, tuple[Operation, ...]]:
    """The machine to begin on, and the operations that have run on it."""
    machine = Machine(api.rules(choice))
    if not args.start:
        return machine, ()
    from mremapdsl.explore.search import take
    from mremapdsl.program import Step

    program = api.compile(args.start)
    steps = [s for s in program.scenarios[0].body if isinstance(s, Step)]
    for step in steps:
        taken = take(machine, step.op)
        if taken is None or taken.result != (step.fails or "ok"):
            raise ValueError(f"{args.start}:{step.line}: the start scenario does not run as written under {choice}")
    return machine, tuple(step.op for step in steps if step.fails is None)


def make_problem(args: Namespace, choice: RuleChoice, against: RuleChoice | None) -> Problem:
    """The search that the options describe."""
    rules = api.rules(choice)
    usual = USUAL + (RELOCATING if rules.relocate_flags or rules.trigger(0) else "")
    wanted = args.ops or usual
    if wanted.startswith("+"):
        wanted = f"{usual},{wanted[1:]}"
    kinds = tuple(dict.fromkeys(wanted.replace("+", "").split(",")))
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        from mremapdsl.lang.words import meant

        near = meant(unknown[0], KINDS)
        hint = f"; did you mean `{near}`?" if near else ""
        raise ValueError(f"--ops: `{unknown[0]}` is nothing to try{hint}")
    ordered = tuple(kind for kind in KINDS if kind in kinds)
    bounds = Bounds(args.pages, args.procs, ordered)
    find, predicate = "violation", None
    if args.find and args.find != "violation":
        from mremapdsl.explore.finding import predicate_test

        find, predicate = "predicate", predicate_test(parse_predicate(args.find))
    if against is not None:
        find = "difference"
    return Problem(rules, api.rules(against) if against else None, bounds, symmetry_for(bounds), find, predicate)


def parse_predicate(text: str) -> Expect:
    """A predicate of the language."""
    program = api.compile(f"expect {text}", file="--find")
    (statement,) = program.scenarios[0].body
    assert isinstance(statement, Expect)
    return statement


def parse_shard(text: str) -> tuple[int, int]:
    try:
        i, n = (int(part) for part in text.split("/"))
    except ValueError:
        raise ValueError("--shard takes I/N, as in 2/4") from None
    if not 1 <= i <= n:
        raise ValueError("--shard takes I/N with I from 1 to N")
    return i, n


def meter() -> Callable[[Level, float], None] | None:
    """A progress line on a terminal."""
    if not sys.stderr.isatty():
        return None

    def show(level: Level, seconds: float) -> None:
        rate = level.transitions / seconds if seconds else 0
        print(f"\r\033[Kdepth {level.depth}, frontier {level.frontier}, states {level.states}, "
              f"{rate:.0f}/s, {seconds:.0f} s", end="\r", file=sys.stderr, flush=True)  # fmt: skip

    return show


# --- reports -------------------------------------------------------------------------------------------------


def make_report(
    args: Namespace, problem: Problem, choice: RuleChoice, result: Result, witnesses: Sequence[Witness]
) -> Report:
    """The result as plain data."""
    least = min((len(found.path) for found in result.found), default=0)
    chosen = [
        (found.hit.kind, w.words, w.text(choice, title(found.hit.kind)))
        for found, w in zip(result.found, witnesses, strict=True)
        if not args.all_minimal or len(found.path) == least
    ]
    return Report(
        rules=str(choice),
        against=args.against or "",
        find="difference" if args.against else args.find or "violation",
        pages=args.pages,
        processes=args.procs,
        kinds=problem.bounds.kinds,
        depth=args.depth,
        reached=result.level.depth,
        states=result.level.states,
        transitions=result.level.transitions,
        seconds=result.seconds,
        ended=result.ended,
        shard=args.shard,
        dropped=result.dropped,
        least=least,
        found=tuple(chosen),
    )


def title(kind: str) -> str:
    return f"explored: {kind}"


def report(args: Namespace, data: Report, witnesses: Sequence[Witness]) -> int:
    """Print (and write) a result; the exit status."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    for line in data.summary():
        print(f"# {line}")
    for kind, words, text in data.found:
        print(f"\n# {kind}: {words}\n{text}", end="")
    if args.json:
        write(args.json, data)
    if args.directory:
        save(args.directory, data)
    found = bool(data.found)
    if data.find == "violation":
        return status.FAILED if found else status.HELD
    return status.HELD if found else status.FAILED


def save(directory: str, data: Report) -> None:
    """Each finding as a file of its own; existing files are left alone."""
    os.makedirs(directory, exist_ok=True)
    for number, (kind, words, text) in enumerate(data.found, 1):
        name = f"{number:02}-" + "-".join("".join(c if c.isalnum() else " " for c in kind.lower()).split()) + ".mrs"
        path = os.path.join(directory, name)
        prose = [*data.summary(), f"{kind}: {words}"]
        with open(path, "x", encoding="utf-8") as stream:
            stream.write("".join(f"## {line}\n" for line in prose) + "\n" + text)


def cover_table(args: Namespace, choice: RuleChoice) -> int:
    """Every reason, with a witness or with why there is none."""
    began = time.perf_counter()
    reached: list[Covered] = []
    missing: list[Covered] = []
    for covered in cover(api.rules(choice), max(1, args.jobs), args.time or 600.0, lambda text: print(f"# {text}")):
        (reached if covered.witness is not None else missing).append(covered)
    print(f"# {len(reached)} reasons reached under {choice}, {len(missing)} not, {time.perf_counter() - began:.0f} s")
    for covered in sorted(reached, key=lambda c: c.reason):
        assert covered.witness is not None
        print(f"\n# {covered.reason}: {len(covered.witness.taken)} operations ({covered.about})")
        print(covered.witness.text(choice, f"reaches {covered.reason}"), end="")
    print("\n# not reached:")
    for covered in missing:
        print(f"#   {covered.reason}: {covered.about or 'no run of these searches gives it'}")
    return status.HELD
