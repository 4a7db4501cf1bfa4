"""The command line: picks the command, and sees to it that every ending is an orderly one."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from mremapdsl.cli import status

COMMANDS: dict[str, str] = {
    "draw": "draw a picture of each step, as SVG files",
    "step": "go through a scenario forwards and backwards, and try statements",
    "live": "run scenarios on the running kernel",
    "compare": "run on model and running kernel: the first difference of each",
    "record": "keep what the running kernel does as data",
    "replay": "hold the model against what real kernels were recorded doing",
    "export": "a C program in kselftest style, for kernels without Python",
    "explore": "search all scenarios up to a bound",
    "fuzz": "random programs on which two rule sets, or model and kernel, differ",
    "matrix": "compare scenarios under several rules, in one table",
    "report": "a static site: prose, source, steps in pictures, rules side by side",
    "shrink": "the smallest scenario that fails, or differs, in the same way",
}
"""Subcommand -> what it does, in a line.  ``cli/<name>.py`` has ``configure(parser)`` and ``main(args) -> int``."""
MODULES = {"report": "site"}
"""Subcommands whose module has another name."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with these arguments (those of the process if None) and return its exit status."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115  (closed by whoever started the program)
    try:
        result = dispatch(list(sys.argv[1:] if argv is None else argv))
        flush()
    except KeyboardInterrupt:
        complain("interrupted")
        result = status.INTERRUPTED
    except BrokenPipeError:
        result = status.BROKEN_PIPE
    except OSError as error:
        complain(f"{error.filename or 'output'}: {error.strerror or error}")
        result = status.UNUSABLE
    except Exception as error:
        if os.environ.get("MREMAPDSL_DEBUG"):
            raise
        text = " ".join(str(error).split())
        complain(f"internal error: {type(error).__name__}: {text} (please report it; MREMAPDSL_DEBUG=1 shows where)")
        result = status.UNUSABLE
    discard_output()
    return result


def dispatch(argv: list[str]) -> int:
    """Hand over to a subcommand, or run scenarios."""
    name = argv[0] if argv else ""
    if name in COMMANDS:
        return subcommand(name, argv[1:])
    from mremapdsl.cli import run

    return run.main(argv)


def subcommand(name: str, argv: list[str]) -> int:
    """Run ``cli/<name>.py``."""
    from argparse import ArgumentParser
    from importlib import import_module

    module = import_module(f"mremapdsl.cli.{MODULES.get(name, name)}")
    parser = ArgumentParser(prog=f"mremapdsl {name}", description=COMMANDS[name], allow_abbrev=False)
    module.configure(parser)
    result: int = module.main(parser.parse_args(argv))
    return result


def complain(message: str) -> None:
    """A line to standard error; where that is closed, nothing."""
    with suppress(OSError, ValueError):
        print(f"mremapdsl: {message}", file=sys.stderr, flush=True)


def flush() -> None:
    sys.stdout.flush()


def discard_output() -> None:
    """Let what could not be written not be tried again when the interpreter ends."""
    try:
        flush()
    except (OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        for number in (1, 2):
            os.dup2(null, number)
