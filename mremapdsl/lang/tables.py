"""The parse tables: what they hold, where they lie, and how they are loaded.

They are made from ``grammar/mrs.lark`` when the package is built (``_tables.bin``, which begins with the
grammar it was made from).  If they are missing or the grammar has changed since, they are made anew in memory;
nothing is ever written at run time.
"""

from __future__ import annotations

import marshal
import os
from functools import cache
from typing import Any, NamedTuple

FORMAT = 1
SPLICE = 1 << 16


class Rule(NamedTuple):
    """A reduction of ``size`` symbols to the nonterminal ``target``."""

    target: int
    size: int
    builder: str
    """Name of the syntax record; ``"_"`` keeps a list for the rule above, ``""`` keeps the one part itself."""
    picks: tuple[int | None, ...]
    """Values to keep, by position: None for an absent ``[part]``, ``position - SPLICE`` for a list to take apart."""


class Tables(NamedTuple):
    """An LALR(1) automaton with the lexer's patterns. Terminals and nonterminals are numbered in one sequence."""

    terminals: tuple[str, ...]
    """By number; the last is the end of the text."""
    words: dict[str, tuple[str, ...]]
    """The words of each terminal that consists of words."""
    literals: dict[str, str]
    """The text of each terminal that has only one."""
    patterns: list[tuple[str, str]]
    """The other terminals with their regular expressions, in the order to try them."""
    ignored: str
    actions: list[dict[int, int]]
    """By state: terminal -> next state, or ``~rule`` to reduce by."""
    gotos: list[dict[int, int]]
    nonterminals: dict[str, int]
    rules: list[Rule]


def grammar_path() -> str:
    """The grammar: inside an installed package, or beside it in a checkout. (``os.path`` starts faster than Path.)"""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    inside = os.path.join(package, "grammar", "mrs.lark")
    return inside if os.path.exists(inside) else os.path.join(os.path.dirname(package), "grammar", "mrs.lark")


def tables_path() -> str:
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "_tables.bin")


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def dump(grammar: bytes, tables: Tables) -> bytes:
    """The content of ``_tables.bin``: version 2 of marshal writes equal bytes for equal tables."""
    plain: Any = (*tables[:-1], [tuple(rule) for rule in tables.rules])
    return marshal.dumps((FORMAT, grammar, plain), 2)


def load(grammar: bytes, content: bytes) -> Tables | None:
    """The tables in ``content`` if they were made from this grammar."""
    try:
        made: Any = marshal.loads(content)
        if made[:2] != (FORMAT, grammar):
            return None
    except (ValueError, EOFError, TypeError):
        return None
    tables = Tables(*made[2])
    return tables._replace(rules=[Rule(*rule) for rule in tables.rules])


@cache
def tables() -> Tables:
    """The tables of the grammar."""
    grammar = read(grammar_path())
    try:
        found = load(grammar, read(tables_path()))
    except OSError:
        found = None
    if found is None:
        from mremapdsl.lang.generate import generate

        found = generate(grammar.decode())
    return found
