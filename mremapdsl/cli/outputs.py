"""``--report FORMAT[:FILE]``: which documents of a run go where."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentTypeError
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from mremapdsl.output import FORMATS

if TYPE_CHECKING:
    from mremapdsl.output.results import RunResult

SOURCES = (".mrs", ".trace")
"""Suffixes of what reports must not be written over."""


class Target(NamedTuple):
    """A document to write."""

    form: str
    path: str
    """Empty for standard output."""


def target(text: str) -> Target:
    """The value of the option. Raises ArgumentTypeError."""
    form, colon, path = text.partition(":")
    if form not in FORMATS:
        raise ArgumentTypeError(f"{form!r} is no report; there are: {', '.join(FORMATS)}")
    if colon and not path:
        raise ArgumentTypeError(f"a file name is missing behind {text!r}; without the colon it goes to standard output")
    return Target(form, path)


def conflict(targets: Sequence[Target], trace: str | None) -> str:
    """Why these documents cannot all be written; empty if they can."""
    to_stdout = [found.form for found in targets if not found.path]
    if len(to_stdout) > 1:
        return (
            f"--report {to_stdout[0]} and {to_stdout[1]} both go to standard output: give one a file, as in junit:FILE"
        )
    if to_stdout and trace:
        return f"--report {to_stdout[0]} and --trace both go to standard output: give the report a file"
    paths = [os.path.realpath(found.path) for found in targets if found.path]
    for path, found in zip(paths, [found for found in targets if found.path], strict=True):
        if paths.count(path) > 1:
            return f"--report: {found.path} is named twice"
        if path.endswith(SOURCES):
            return f"--report: {found.path} would be written over a scenario: choose another name"
        if os.path.isdir(path):
            return f"--report: {found.path} is a directory"
        if not os.path.isdir(os.path.dirname(path)):
            return f"--report: {found.path}: there is no directory {os.path.dirname(found.path)}"
    return ""


def write_all(targets: Sequence[Target], run: RunResult) -> None:
    """Write them. Raises OSError."""
    from importlib import import_module

    for form, path in targets:
        text = "".join(f"{line}\n" for line in import_module(f"mremapdsl.output.{form}").lines(run))
        content = text.encode("utf-8", "backslashreplace")
        if path:
            from mremapdsl.atomic import replace

            sys.stdout.flush()
            replace(path, content)
        else:
            sys.stdout.write(text)
