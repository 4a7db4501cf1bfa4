"""``mremapdsl shrink --live``: the smallest scenario in which model and running kernel differ in the same way."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from functools import partial

from mremapdsl import api
from mremapdsl.cli.live import own_rules, start
from mremapdsl.cli.shrink import Shown, difference
from mremapdsl.generate.live import LiveTask, kernel_side, shrinking
from mremapdsl.generate.sides import of_rules
from mremapdsl.live.session import TIMEOUT
from mremapdsl.onkernel import choose
from mremapdsl.program import Scenario


def against_kernel(args: Namespace, scenarios: Sequence[Scenario]) -> Shown | None:
    """The result for the first scenario that is for this kernel and differs. Raises Unsupported, CompileError."""
    args.quiet, args.timeout = False, TIMEOUT
    with start(args, flags=True) as session:
        own = own_rules(args, session)
        for scenario in scenarios:
            choice = choose(scenario, own, api.aliases())
            if choice is None:
                continue
            task = LiveTask((), 0, api.rules(choice), session)
            sides = (of_rules(choice)._replace(name=f"the model of {choice}"), kernel_side(session, choice))
            made = difference(scenario, partial(shrinking, task), sides)
            if made is not None:
                return made
    return None
