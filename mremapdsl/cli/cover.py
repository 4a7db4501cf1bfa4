"""``mremapdsl explore --cover``: every reason with its shortest scenario, or why there is none."""

from __future__ import annotations

import time
from argparse import Namespace

from mremapdsl import api
from mremapdsl.cli import status
from mremapdsl.cli.explore import comment
from mremapdsl.explore.cover import Covered, cover
from mremapdsl.program import RuleChoice


def cover_table(args: Namespace, choice: RuleChoice) -> int:
    """Print the table; it is for reading, so the exit status says nothing about it."""
    began = time.perf_counter()
    reached: list[Covered] = []
    missing: list[Covered] = []
    interrupted = False
    try:
        for covered in cover(api.rules(choice), args.jobs, args.time or 600.0, comment):
            (reached if covered.witness is not None else missing).append(covered)
    except KeyboardInterrupt:
        interrupted = True
    seconds = time.perf_counter() - began
    rest = "interrupted before the others" if interrupted else f"{len(missing)} not"
    comment(f"{len(reached)} reasons reached under {choice}, {rest}; {seconds:.0f} s")
    for covered in sorted(reached, key=lambda c: c.reason):
        assert covered.witness is not None
        print()
        comment(f"{covered.reason}: {covered.about}")
        print(covered.witness.text(choice, f"reaches {covered.reason}"), end="")
    if interrupted:
        return status.INTERRUPTED
    print("\n# not reached:")
    for covered in missing:
        comment(f"  {covered.reason}: {covered.about or 'no run of these searches gives it'}")
    return status.HELD
