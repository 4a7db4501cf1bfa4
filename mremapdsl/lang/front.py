"""The way in: from the text of a file to a compiled program or the list of what is wrong with it."""

from __future__ import annotations

import gc
from functools import cache
from typing import NamedTuple

from mremapdsl.lang.context import Findings, Vocabulary
from mremapdsl.lang.diagnostics import Diagnostic, Problem
from mremapdsl.lang.docs import attach
from mremapdsl.lang.parse import Lexeme, Recover, Stacks, parse
from mremapdsl.lang.scenarios import compile_file
from mremapdsl.lang.text import Source, blank, decode, readable, unseen
from mremapdsl.program import Program


class Compiled(NamedTuple):
    """The outcome of ``compile_text``."""

    program: Program | None
    """None if there is any error."""
    diagnostics: tuple[Diagnostic, ...]
    """Errors and warnings in the order of the text."""


def compile_text(text: str | bytes, file: str, vocabulary: Vocabulary) -> Compiled:
    """Compile the text of a file; no text makes it raise.

    ``file`` is the name that diagnostics and the program show.
    """
    collecting = gc.isenabled()
    gc.disable()  # the records hold no cycles; to look for some while they are made takes a third of the time
    try:
        return _compile(text, file, vocabulary)
    finally:
        if collecting:
            gc.enable()


def _compile(content: str | bytes, file: str, vocabulary: Vocabulary) -> Compiled:
    findings = Findings()
    try:
        source = Source(file, decode(content))
    except Problem as problem:
        findings.add(problem)
        return Compiled(None, findings.diagnostics(Source(file, readable(content))))
    hidden = list(unseen(source.text))
    findings.take(hidden)
    text = blank(source.text) if hidden else source.text
    body = parse(text, recovery(text, findings))
    docs = attach(text, body)
    scenarios = compile_file(source, vocabulary, findings, docs, body)
    findings.take(docs.lost)
    program = None if findings.errors else Program(file, source.text, scenarios, docs.program)
    return Compiled(program, findings.diagnostics(source))


def recovery(text: str, findings: Findings) -> Recover:
    """What the parser calls for errors; most texts have none, and need not wait for its modules."""

    @cache
    def made() -> Recover:
        from mremapdsl.lang.recover import Recovery

        return Recovery(text, findings)

    def recover(stacks: Stacks, lexeme: Lexeme, too_deep: bool) -> int:
        return made()(stacks, lexeme, too_deep)

    return recover
