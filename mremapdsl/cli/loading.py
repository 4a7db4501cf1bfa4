"""What the commands that take scenarios have in common: rules from the command line, and compiled programs."""

from __future__ import annotations

import sys
from argparse import Namespace

from mremapdsl import api
from mremapdsl.cli import run
from mremapdsl.cli.terminal import use_color
from mremapdsl.program import Program, RuleChoice


def default_rules(text: str | None) -> tuple[RuleChoice, ...] | None:
    """The rules of scenarios that name none; None, with everything said, if the text names no rules."""
    if text is None:
        return (RuleChoice(api.DEFAULT_RULES),)
    try:
        return api.parse_rules(text, file="--rules")
    except api.CompileError as error:
        print(error, file=sys.stderr)
        return None


def programs(args: Namespace) -> list[Program] | None:
    """The programs of ``args.inputs`` and ``args.text``; None, with everything said, if one cannot be used."""
    color = use_color(args.color, sys.stderr)
    found = [run.compiled(name, color, warnings=True) for name in run.inputs(args)]
    good = [program for program in found if program is not None]
    return good if len(good) == len(found) else None
