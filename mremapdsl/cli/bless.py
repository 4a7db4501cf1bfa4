"""``--bless``: rewrite what a run knows better, file by file, each change shown before it is made."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Sequence

from mremapdsl.atomic import Changed
from mremapdsl.bless import bless as changes_of
from mremapdsl.cli import complain
from mremapdsl.cli.inputs import Unusable, expand, printable
from mremapdsl.cli.suite import USUAL
from mremapdsl.cli.terminal import style
from mremapdsl.program import RuleChoice


def bless(args: Namespace, defaults: Sequence[RuleChoice]) -> None:
    """Go through all files; what cannot be used is left to the run that follows."""
    done: set[str] = set()
    for name in expand(args.inputs):
        if isinstance(name, Unusable) or os.path.realpath(name) in done:
            continue
        done.add(os.path.realpath(name))
        try:
            bless_file(name, args, defaults)
        except Changed as changed:
            complain(f"--bless: {changed}")
        except OSError as error:
            if os.path.isfile(name):
                complain(f"--bless: {error.filename}: {error.strerror}; it was left alone")


def bless_file(name: str, args: Namespace, defaults: Sequence[RuleChoice]) -> None:
    """One file. Raises Changed, OSError."""
    blessed = changes_of(name, printable(name), defaults, USUAL)
    paint = style(args.color, full=True).change
    for change in blessed.changes:
        print("".join(f"{paint(line)}\n" for line in change.difference()), end="", flush=True)
        change.write()
    for refusal in blessed.refusals:
        complain(f"--bless: {refusal}")
