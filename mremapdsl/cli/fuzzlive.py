"""``mremapdsl fuzz`` without ``--against``: random programs on the model and on the running kernel."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator

from mremapdsl import api
from mremapdsl.backend import Unsupported
from mremapdsl.cli import complain, status
from mremapdsl.cli.fuzz import campaign, limit
from mremapdsl.cli.live import own_rules, start
from mremapdsl.generate.campaign import Batch, Workers
from mremapdsl.generate.families import families
from mremapdsl.generate.live import LiveTask, hunt_live, kernel_side, reproducible, shrinking
from mremapdsl.generate.sides import of_rules
from mremapdsl.live.session import TIMEOUT


def against_kernel(args: Namespace) -> int:
    """Model and running kernel."""
    args.quiet, args.timeout = False, TIMEOUT
    args.directory = args.directory or "."
    try:
        with start(args, flags=True) as session:
            (own, *_) = own_rules(args, session)
            task = LiveTask(families(args.family, kernel=True), args.seed, api.rules(own), session)
            batches = steady(task, Workers(task, hunt_live, 1).batches(limit(args)))
            sides = (of_rules(own)._replace(name=f"the model of {own}"), kernel_side(session, own))
            return campaign(args, batches, lambda operations: shrinking(task, operations), sides)
    except api.CompileError as error:
        print(error, file=sys.stderr)
        return status.UNUSABLE
    except Unsupported as unsupported:
        complain(f"no live run: {unsupported}")
        return status.SKIPPED if unsupported.skip else status.UNUSABLE


def steady(task: LiveTask, batches: Iterator[Batch]) -> Iterator[Batch]:
    """Batches without findings that do not show again; these are counted as skipped."""
    try:
        for batch in batches:
            kept = tuple(found for found in batch.found if reproducible(task, found))
            for found in batch.found:
                if found not in kept:
                    why = f"program {found.number}: a difference in {found.difference.field} did not show again"
                    batch.skipped[why] += 1
            yield batch._replace(found=kept)
    except KeyboardInterrupt:
        task.session.machine.broken = True  # somebody waits for an answer to what was asked
        raise
