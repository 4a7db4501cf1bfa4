"""The helpers of exported programs: those pieces of ``runtime.c`` that a program uses."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from typing import NamedTuple

SOURCE = os.path.join(os.path.dirname(__file__), "runtime.c")
MARK = re.compile(r"^// (--|==) ?(.*)\n", re.MULTILINE)
"""``// --`` begins a piece, ``// == title`` a group of pieces; a word behind ``--`` says which programs it is for."""
NOT_CODE = re.compile(r'/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'', re.DOTALL)
WORD = re.compile(r"[A-Za-z_]\w*")
ATTRIBUTE = re.compile(r"__attribute__\(\(.*?\)\) ")
DEFINITION = re.compile(r"^#define (\w+)|^(?:static |const )*struct (\w+) \{|^\} \*?(\w+)(?:\[\w+\])?;", re.MULTILINE)
FUNCTION = re.compile(r"^static [^;={}]*?\b(\w+)\([^;]*$\n\{", re.MULTILINE)
VARIABLES = re.compile(r"^static ([^;({}]*);", re.MULTILINE)
ENUMERATORS = re.compile(r"^enum \{(.*?)\};", re.MULTILINE | re.DOTALL)


LIBC = frozenset({"mmap", "munmap", "mprotect", "mlock", "munlock", "madvise", "char", "size_t", "access"})
"""What the functions of scenarios use besides."""


class Piece(NamedTuple):
    """A definition, or some that belong together."""

    group: str
    """The heading above it."""
    kind: str
    """``always``, ``standalone``, ``harness`` or ``main``: programs of this kind have it, used or not; else empty."""
    text: str
    names: frozenset[str]
    """What it defines."""
    uses: frozenset[str]
    """All words in its code."""


@cache
def pieces() -> tuple[Piece, ...]:
    """All of them, in an order in which each stands behind those that it uses."""
    with open(SOURCE, encoding="utf-8") as file:
        text = file.read()
    group, found = "", list[Piece]()
    marks = list(MARK.finditer(text))
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        piece = text[mark.end() : following.start() if following else len(text)]
        if mark[1] == "==":
            group = mark[2]
        found.append(Piece(group, mark[2] if mark[1] == "--" else "", piece, frozenset(defined(piece)), words(piece)))
    return tuple(found)


def words(text: str) -> frozenset[str]:
    """The words of code, without comments and strings."""
    return frozenset(WORD.findall(NOT_CODE.sub(" ", text)))


def defined(text: str) -> Iterator[str]:
    """The names that a piece defines."""
    text = ATTRIBUTE.sub("", NOT_CODE.sub(" ", text))
    for found in DEFINITION.finditer(text):
        yield from filter(None, found.groups())
    yield from FUNCTION.findall(text)
    for declared in VARIABLES.findall(text):
        yield from (WORD.findall(part.partition("=")[0])[-1] for part in declared.split(","))
    for enumerators in ENUMERATORS.findall(text):
        yield from WORD.findall(enumerators)


@cache
def reserved() -> frozenset[str]:
    """The words that may occur in a function of a scenario: its variables need other names."""
    macros = (words(line) for piece in pieces() for line in piece.text.splitlines() if line.startswith("#define"))
    return LIBC.union(*(piece.names for piece in pieces()), *macros)


def used(by: str, kinds: AbstractSet[str]) -> list[Piece]:
    """The pieces of these kinds, and those that they or the code need, directly or not, in order."""
    available = [piece for piece in pieces() if not piece.kind or piece.kind in kinds]
    wanted = {piece for piece in available if piece.kind}
    asked = words(by).union(*(piece.uses for piece in wanted))
    while more := {piece for piece in available if piece not in wanted and piece.names & asked}:
        wanted |= more
        asked = asked.union(*(piece.uses for piece in more))
    return [piece for piece in available if piece in wanted]


def rendered(chosen: Sequence[Piece]) -> str:
    """The text of pieces, with the headings of their groups; definitions of a line stand together."""
    text = group = ""
    one_line = False
    for piece in chosen:
        if piece.group != group:
            group = piece.group
            text += f"\n/* ---- {group} ---- */\n"
        short = piece.text.count("\n") == 1
        text += piece.text if short and one_line else f"\n{piece.text}"
        one_line = short
    return text.lstrip("\n")
