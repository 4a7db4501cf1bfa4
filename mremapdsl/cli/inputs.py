"""What the command line names: files, directories, standard input, texts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

SUFFIX = ".mrs"
STDIN = "-"
MOST = 64 << 20
"""Bytes that are read of one input; the compiler refuses as many."""


class Input(NamedTuple):
    """One text to compile."""

    name: str
    """What diagnostics call it."""
    content: bytes
    is_file: bool = False


class Unusable(Exception):
    """An input that cannot be had; the message says which and why."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name, self.why = name, why


def texts(given: Sequence[str]) -> Iterator[Input]:
    """The texts of ``-c``."""
    for number, text in enumerate(given, 1):
        yield Input("-c" if number == 1 else f"-c#{number}", os.fsencode(text))


def expand(names: Sequence[str]) -> Iterator[str | Unusable]:
    """The files that the arguments name, directories searched; in their place whatever cannot be used."""
    seen_stdin = False
    for name in names:
        if name == STDIN:
            yield Unusable("standard input", "it can be read only once") if seen_stdin else STDIN
            seen_stdin = True
        elif os.path.isdir(name):
            yield from search(name)
        else:
            yield name


def search(directory: str) -> Iterator[str | Unusable]:
    """All scenario files below a directory, sorted by path."""
    errors: list[Unusable] = []

    def note(error: OSError) -> None:
        errors.append(Unusable(printable(error.filename), error.strerror or str(error)))

    found = [
        os.path.join(path, file)
        for path, _, files in os.walk(directory, onerror=note)
        for file in files
        if file.endswith(SUFFIX)
    ]
    yield from errors
    if not found and not errors:
        yield Unusable(printable(directory), f"no {SUFFIX} file is in this directory or below it")
    yield from sorted(found, key=lambda path: path.split(os.sep))


def read(name: str) -> Input:
    """Read a file, or standard input.

    Raises Unusable.
    """
    try:
        if name == STDIN:
            if sys.stdin is None:
                raise Unusable("standard input", "it is closed")
            return Input("<stdin>", sys.stdin.buffer.read(MOST + 1))
        with open(name, "rb") as file:
            return Input(printable(name), file.read(MOST + 1), True)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        shown = "standard input" if name == STDIN else printable(name) or "an empty file name"
        raise Unusable(shown, why + (command_meant(name) if isinstance(error, FileNotFoundError) else "")) from None


def command_meant(name: str) -> str:
    """A hint for the name of a file that does not exist and is nearly a command's."""
    from mremapdsl.cli import COMMANDS
    from mremapdsl.lang.words import meant

    near = meant(name, COMMANDS)
    return f" (did you mean the command `{near}`?)" if near else ""


def printable(name: str) -> str:
    """A file name as text: UTF-8 whatever the locale, other bytes as escapes."""
    return os.fsencode(name).decode("utf-8", errors="backslashreplace")
