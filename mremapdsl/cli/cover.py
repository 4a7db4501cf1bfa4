"""``mremapdsl explore --cover``: a table of every reason, with its shortest scenario or why there is none."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator, Sequence

from mremapdsl import api
from mremapdsl.cli import status
from mremapdsl.cli.explore import WIDTH, comment
from mremapdsl.explore.cover import Covered, cover
from mremapdsl.program import RuleChoice
from mremapdsl.trace.style import paragraph


def cover_table(args: Namespace, choice: RuleChoice) -> int:
    """Print the table; it is for reading, so the exit status says nothing about it."""
    began = time.perf_counter()
    found: dict[str, Covered] = {}
    interrupted = False
    try:
        for covered in cover(api.rules(choice), args.jobs, args.time or 600.0, comment):
            found[covered.reason] = covered
    except KeyboardInterrupt:
        interrupted = True
    seconds = time.perf_counter() - began
    reached = sorted((c for c in found.values() if c.witness is not None), key=lambda c: c.reason)
    missing = [c for c in found.values() if c.witness is None]
    rest = "interrupted before the others" if interrupted else f"{len(missing)} not"
    comment(f"{len(reached)} reasons reached under {choice}, {rest}; {seconds:.0f} s")
    print("#\n" + "\n".join(table(reached)))
    for covered in reached:
        assert covered.witness is not None
        print("\n" + covered.witness.text(choice, f"reaches {covered.reason}"), end="")
    if interrupted:
        return status.INTERRUPTED
    print("\n# not reached:")
    for covered in missing:
        comment(f"  {covered.reason}: {covered.about or 'no run of these searches gives it'}")
    return status.HELD


def table(reached: Sequence[Covered]) -> Iterator[str]:
    """A line for each reason: how many operations its scenario below has, how it fails, and where it was found."""
    width = max((len(covered.reason) for covered in reached), default=0)
    errno = max((len(covered.errno) for covered in reached), default=0)
    yield f"# {'reason':{width}} steps {'fails':{errno}} found in"
    for covered in reached:
        steps = f"{covered.operations:4}{'*' if covered.aimed else ' '}"
        yield f"# {covered.reason:{width}} {steps} {covered.errno:{errno}} {covered.about}"
    yield "#"
    words = "no shorter run of the searches above gives it; * was written by hand for it, and may not be shortest"
    yield from paragraph(f"steps: operations of its scenario, below; {words}", "# ", "#     ", WIDTH)
