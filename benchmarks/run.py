"""Measures what is promised about speed. Ratios travel between machines; absolute figures do not.

    python benchmarks/run.py [start|parse|steps|terabyte|explore|report|records] [--records FILE.jsonl.gz ...]

Without a name everything is measured. ``records`` needs files of records (or RECORDS in the environment).
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.records import cases, scenario
from mremapdsl import api
from mremapdsl.cli.explore import RELOCATING, USUAL
from mremapdsl.explore.alphabet import KINDS
from mremapdsl.explore.arena import Bounds
from mremapdsl.explore.run import Limits, Result, search
from mremapdsl.explore.search import Problem, symmetry_for
from mremapdsl.model.backend import ModelBackend
from mremapdsl.model.codec import Symmetry
from mremapdsl.model.machine import Machine
from mremapdsl.ops import FIXED, MAYMOVE, Mmap, Mprotect, Mremap, Operation, Touch
from mremapdsl.runner import run_scenario

PROGRAM = [sys.executable, "-m", "mremapdsl"]


def say(what: str, value: str) -> None:
    print(f"{what:58} {value}", flush=True)


def seconds(command: Sequence[str], runs: int = 25) -> float:
    """The shortest time of a process, its modules compiled: what others do on the machine only adds to it."""
    compiling = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return best(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=compiling), runs)


def best(work: Callable[[], object], runs: int) -> float:
    """The shortest of several runs, in seconds."""
    taken: list[float] = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


def start() -> None:
    """How long a cold start takes, compared with an empty Python and with importing Lark."""
    empty = seconds([sys.executable, "-c", "pass"])
    lark = seconds([sys.executable, "-c", "import lark"])
    ours = seconds([*PROGRAM, "-q", "-c", "mmap A 16"])
    say("empty Python", f"{empty * 1e3:.0f} ms")
    say("import lark", f"{lark * 1e3:.0f} ms, {lark / empty:.1f} times an empty Python")
    say("mremapdsl -c 'mmap A 16'", f"{ours * 1e3:.0f} ms, {ours / empty:.1f} times an empty Python")
    say("  above an empty Python", f"{(ours - empty) * 1e3:.0f} ms")


def parse() -> None:
    """Lines of a large file compiled a second."""
    three = ("mremap P[2..5] after P size 3 MAYMOVE FIXED", "touch P[1] 7", "expect P[0].index == 3")
    lines = ["mmap P 16", *three * 10_000]
    text = "\n".join(lines)
    assert api.compile_text("mmap A 1", "warm").program is not None
    taken = best(lambda: api.compile_text(text, "large"), 3)
    say(f"compile {len(lines):,} lines", f"{taken:.2f} s, {len(lines) / taken:,.0f} lines a second")


# --- steps -------------------------------------------------------------------------------------------------------


def mixed_steps(vmas: int, count: int) -> Iterator[Operation]:
    """Calls on VMAs of four pages, each eight pages from the next; after each five everything is where it was."""
    chance = random.Random(vmas)
    for _ in range(count // 5):
        at = chance.randrange(vmas) * 8
        yield Touch("parent", at, 4)
        yield Mprotect("parent", at, 2, "r")
        yield Mprotect("parent", at, 2, "rw")
        yield Mremap("parent", at, 4, 4, at + 4, MAYMOVE | FIXED)
        yield Mremap("parent", at + 4, 4, 4, at, MAYMOVE | FIXED)


def steps() -> None:
    """Operations a second on few and many VMAs, every invariant checked after each."""
    for vmas in (10, 1_000, 60_000):
        backend = api.backend("linux-6.18")
        for i in range(vmas):
            backend.step(Mmap("parent", i * 8, 4))
        operations = list(mixed_steps(vmas, 2_000))
        outcomes = [backend.step(operation) for operation in operations]
        assert all(outcome.result == "ok" and not outcome.breaches for outcome in outcomes)

        def again(backend: ModelBackend = backend, operations: list[Operation] = operations) -> None:
            for operation in operations:
                backend.step(operation)

        taken = best(again, 3)
        say(f"{len(operations):,} steps on {vmas:,} VMAs", f"{taken:.2f} s, {len(operations) / taken:,.0f} a second")
    text = "for i in 0..1000 { mmap A 4 at @(i * 8) }\nfor i in 0..500 { touch @(i * 8)+4; mprotect @(i * 8)+2 r }\n"
    print_run("1,000 maps and 1,000 steps on them through the program", text + "expect vmas 1500\n")


MEASURED = """
import re, sys
from mremapdsl.cli import main
status = main(sys.argv[1:])
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1], file=sys.stderr)
sys.exit(status)
"""


def print_run(what: str, text: str, rules: str = "linux-6.18") -> tuple[float, int]:
    """Run a text through the program; its seconds and its peak memory in KiB."""
    command = [sys.executable, "-c", MEASURED, "-q", "--rules", rules, "-c", text]
    started = time.perf_counter()
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - started
    assert ran.returncode == 0, ran.stdout + ran.stderr
    memory = int(ran.stderr.split()[-1])
    say(what, f"{taken:.2f} s, at most {memory / 1024:.0f} MiB")
    return taken, memory


# --- size --------------------------------------------------------------------------------------------------------

FAR = """mmap A {size}
touch A
expect A is exclusive
fork
expect A is shared
exit child
mremap A B {flag}
expect not merged
mremap B A {flag}
expect A.pgoff == A.page
expect A[0].index == A.page
expect vmas 1
"""


def inside(text: str, rules: str) -> float:
    """Seconds of compiling and running a text within this process."""
    assert [record.outcome for record in api.run(text, rules)] == ["passed"]
    return best(lambda: api.run(text, rules, states=True), 20)


def terabyte() -> None:
    """The same scenario on 1 MiB and on 1 TiB: cost follows runs of pages, not pages."""
    for flag, rules in (("", "linux-6.18"), ("RELOCATE", "relocate-v1")):
        small, large = (FAR.format(size=size, flag=flag) for size in ("1M", "1T"))
        print_run(f"1 MiB: map, write, fork, move, move back {flag}", small, rules)
        print_run(f"1 TiB: the same {flag}", large, rules)
        ratio = inside(large, rules) / inside(small, rules)
        say("  1 TiB against 1 MiB, without the start", f"{ratio:.2f} times")


# --- searches ----------------------------------------------------------------------------------------------------

DEPTH = 4
FIXED_ARENA = (0, 4)


def explore() -> None:
    """States a second on four pages and two processes, growth with depth, and what symmetry saves."""
    for rules in ("linux-6.18", "relocate-v1 with failure=detect_early, pinned=abort, nonpresent=fail"):
        made = problem(rules)
        for depth in range(1, DEPTH + 1):
            runs = 3 if depth == DEPTH else 1
            result = min((searched(made, depth) for _ in range(runs)), key=lambda result: result.seconds)
            grown = f"{result.progress.transitions:,} states generated, {result.progress.states:,} distinct"
            say(
                f"{rules[:32]}, {depth} operations",
                f"{grown}, {result.progress.transitions / result.seconds:,.0f} a second",
            )
    for processes in (2, 3):
        slides = problem("linux-6.18", processes)
        fixed = slides._replace(bounds=slides.bounds._replace(window=FIXED_ARENA))
        for name, made in (
            ("every place and process told apart", fixed._replace(symmetry=Symmetry(shift=False, rename=False))),
            ("processes interchangeable", fixed._replace(symmetry=Symmetry(shift=False, rename=True))),
            ("the arena may lie anywhere as well", slides),
        ):
            result = searched(made, DEPTH)
            say(f"{processes} processes, {name}", f"{result.progress.states:,} distinct states")


def problem(rules: str, processes: int = 2) -> Problem:
    """What the command searches by itself, on four pages."""
    kinds = (USUAL if rules.startswith("linux") else USUAL + RELOCATING).split(",")
    bounds = Bounds(4, processes, tuple(kind for kind in KINDS if kind in kinds))
    return Problem(api.rules(rules), None, bounds, symmetry_for(bounds), "violation")


def searched(made: Problem, depth: int) -> Result:
    result = search(made, Machine(made.rules), Limits(depth, 10**7), 1)
    assert not result.found
    return result


def report() -> None:
    """A site of 1,000 scenarios in one file, by one process."""
    lines = "mmap B 4; touch B; mmap A {}; touch A; fork; mremap A after B; expect not merged"
    text = "".join(f'scenario "{n}" {{ {lines.format(1 + n % 9)} }}\n' for n in range(1000))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "thousand.mrs")
        file.write_text(text, encoding="utf-8")
        command = [*PROGRAM, "report", "-q", "-j1", "--rules", "linux-6.18", "-o", f"{folder}/site", str(file)]
        say("report of 1,000 scenarios of six steps", f"{seconds(command, 1):.0f} s")


# --- records -----------------------------------------------------------------------------------------------------


def records(files: Sequence[str]) -> None:
    """Recorded programs replayed a second: compiled, run, every state kept."""
    for file in files:
        text = "".join(scenario(case) for case in cases(file))
        started = time.perf_counter()
        compiled = api.compile_text(text, file)
        assert compiled.program is not None
        (rules,) = api.parse_rules("linux-6.18")
        count = steps_run = 0
        for program in compiled.program.scenarios:
            record = run_scenario(file, program, rules, api.backend, states=True)
            count += 1
            steps_run += len(record.steps)
        taken = time.perf_counter() - started
        what = f"{count / taken:,.0f} programs, {steps_run / taken:,.0f} steps a second"
        say(f"{Path(file).name}: {count} programs", what)


def main() -> None:
    figures: dict[str, Callable[[], None]] = {
        "start": start,
        "parse": parse,
        "steps": steps,
        "terabyte": terabyte,
        "explore": explore,
        "report": report,
    }
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("figure", nargs="?", choices=[*figures, "records"])
    parser.add_argument("--records", nargs="+", metavar="FILE", default=os.environ.get("RECORDS", "").split())
    args = parser.parse_args()
    for name, figure in figures.items():
        if args.figure in (None, name):
            figure()
    if args.figure in (None, "records") and args.records:
        records(args.records)


if __name__ == "__main__":
    main()
