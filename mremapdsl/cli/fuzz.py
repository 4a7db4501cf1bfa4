"""``mremapdsl fuzz``: random programs, on the model and on the running kernel or under two rule sets.

Everything printed is a scenario file: findings as scenarios, the rest as comments.
"""

from __future__ import annotations

import os
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections import Counter
from collections.abc import Iterator, Sequence

from mremapdsl import api
from mremapdsl.cli import complain, status
from mremapdsl.cli.progress import Progress
from mremapdsl.cli.saving import save_new
from mremapdsl.generate.campaign import Batch, Task, Workers, differ, hunt
from mremapdsl.generate.differ import CRASH, FIELDS
from mremapdsl.generate.families import ALL, FAMILIES, families
from mremapdsl.generate.findings import Collection, Differ, Named, Small, commented, smallest, text
from mremapdsl.generate.sides import of_rules
from mremapdsl.program import RuleChoice

USUAL_COUNT = 1000
EPILOG = """\
exit status: 0 nothing differs, 2 bad use, 3 differences were found, 4 this machine cannot do it, 130 interrupted
before anything was found
"""


def configure(parser: ArgumentParser) -> None:
    """The options."""
    add = parser.add_argument
    parser.epilog = EPILOG
    add("--against", metavar="R1,R2", help="compare these two rule sets instead of model and running kernel")
    add("--rules", metavar="R", help="the rule set that the running kernel follows (default: by its release)")
    add("--family", choices=(*FAMILIES, ALL), default=ALL, help="what programs are made of (default: all)")
    add("--seed", type=int, default=0, metavar="N", help="another seed makes other programs (default: 0)")
    add("--count", type=positive, metavar="N", help=f"programs (default: {USUAL_COUNT}, or as many as --time allows)")
    add("--time", type=seconds, metavar="S", help="stop making programs after so many seconds")
    add("--differ", type=fields, default=FIELDS, metavar="FIELDS",
        help=f"what counts as a difference: some of {','.join(FIELDS)} (with --against)")  # fmt: skip
    add("--most", type=positive, default=10, metavar="N", help="kinds of differences to shrink and show (default: 10)")
    add("--jobs", type=positive, default=1, metavar="N", help="processes; findings do not depend on it (--against)")
    add("--deep", action="store_true", help="compare also what only BPF can see (running kernel, root)")
    add("-o", dest="directory", metavar="DIR",
        help="write each finding as a scenario file here (default with a kernel: the current directory)")  # fmt: skip


def positive(word: str) -> int:
    number = int(word)
    if number < 1:
        raise ArgumentTypeError("must be at least 1")
    return number


def seconds(word: str) -> float:
    number = float(word)
    if not 0 < number < float("inf"):
        raise ArgumentTypeError("must be more than 0")
    return number


def fields(word: str) -> tuple[str, ...]:
    wanted = word.split(",")
    for name in wanted:
        if name not in FIELDS:
            raise ArgumentTypeError(f"`{name}` is none of {', '.join(FIELDS)}")
    return tuple(name for name in FIELDS if name in wanted)


def main(args: Namespace) -> int:
    """Hunt, shrink, print, and say by the exit status whether something was found."""
    if args.directory is not None and not os.path.isdir(args.directory):
        complain(f"{args.directory}: no such directory")
        return status.UNUSABLE
    if args.against is None:
        from mremapdsl.cli.fuzzlive import against_kernel

        return against_kernel(args)
    try:
        choices = api.parse_rules(args.against, file="--against")
    except api.CompileError as error:
        print(error, file=sys.stderr)
        return status.UNUSABLE
    if len(choices) != 2:
        complain(f"--against takes two rule sets, as in --against linux-6.12,linux-6.18; these are {len(choices)}")
        return status.UNUSABLE
    return against(args, (choices[0], choices[1]))


def against(args: Namespace, choices: tuple[RuleChoice, RuleChoice]) -> int:
    """Two rule sets."""
    left, right = map(api.rules, choices)
    task = Task(families(args.family, kernel=False), args.seed, left, right, args.differ)
    return campaign(
        args,
        Workers(task, hunt, args.jobs).batches(limit(args)),
        lambda operations: differ(task, operations),
        (of_rules(choices[0]), of_rules(choices[1])),
    )


def limit(args: Namespace) -> int | None:
    """How many programs."""
    count: int | None = args.count
    return count if count is not None or args.time is not None else USUAL_COUNT


def campaign(args: Namespace, batches: Iterator[Batch], differ: Differ, sides: tuple[Named, Named]) -> int:
    """Take the batches as they come, then shrink and show what they have found, also when interrupted."""
    collection, tally = Collection(), Tally()
    interrupted = False
    try:
        for batch in batches:
            for found in batch.found:
                collection.add(found)
            tally.add(batch, collection)
            if args.time is not None and tally.seconds >= args.time:
                break
    except KeyboardInterrupt:
        interrupted = True
    tally.end()
    if interrupted:
        complain("interrupted; what was found until then:")
    sys.stdout.write(commented(tally.summary(collection)))
    shown = 0
    for small in smallest(collection, differ, args.most):
        shown += 1
        show(args, small, text(small, sides, head(args, small)))
    left = len(collection.kinds) - shown
    if left and shown == args.most:
        print(f"# {left} more kinds of differences; --most shows more")
    if collection.total:
        return status.DISAGREE
    return status.INTERRUPTED if interrupted else status.HELD


def head(args: Namespace, small: Small) -> list[str]:
    """Where a finding comes from."""
    times = f"{small.times} programs show it" if small.times > 1 else "one program shows it"
    return [f"found by `mremapdsl fuzz --family {args.family} --seed {args.seed}` in program {small.number}; {times}"]


def show(args: Namespace, small: Small, content: str) -> None:
    """Print a finding, and save it if asked to."""
    print()
    print(content, end="", flush=True)
    if args.directory is not None:
        kind = "crash" if small.difference.field == CRASH else small.difference.field
        name = f"fuzz-{args.family}-{args.seed}-{small.number}-{kind}"
        print(f"# saved as {save_new(args.directory, name, content)}", flush=True)


class Tally:
    """What has been done so far; a line about it on a terminal."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.last = 0.0
        self.programs = self.steps = 0
        self.skipped: Counter[str] = Counter()
        self.progress = Progress(True)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def add(self, batch: Batch, collection: Collection) -> None:
        self.programs += batch.programs
        self.steps += batch.steps
        self.skipped += batch.skipped
        self.progress.show(f"{self.counted()}, {collection.total} differ in {len(collection.kinds)} ways")

    def end(self) -> None:
        self.last = self.seconds
        self.progress.clear()

    def counted(self) -> str:
        rate = self.programs / max(self.seconds, 1e-9)
        return f"{self.programs:,} programs ({self.steps:,} statements), {rate:,.0f} a second"

    def summary(self, collection: Collection) -> Sequence[str]:
        """How much of what."""
        differing = (
            f"{collection.total:,} differ in {len(collection.kinds)} ways" if collection.total else "none differs"
        )
        lines = [f"{self.programs:,} programs, {self.steps:,} statements, {self.last:.1f} s: {differing}"]
        if self.skipped:
            lines.append(f"{self.skipped.total():,} programs ended early:")
            lines += [f"  {count:,}: {why}" for why, count in self.skipped.most_common(8)]
        return lines
