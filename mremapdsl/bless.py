"""Accepting what the model shows: layouts, values and recorded traces as they would have to be for a run to pass.

Only what repeats a state is rewritten: the picture of ``expect layout``, the number of ``expect … == VALUE``, the trace
beside a file. Whatever claims something (an errno, ``merged``, ``fallback``, a negation) stays as its author wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mremapdsl import api, recorded
from mremapdsl.atomic import replace_unchanged
from mremapdsl.program import Compare, Const, Expect, Layout, Program, RuleChoice
from mremapdsl.record import ExpectationRecord, ScenarioRecord
from mremapdsl.runner import run_program

PICTURE = re.compile(r'(?<=")[^"]*(?=")')
LITERAL = re.compile(r"\s*(0x[0-9A-Fa-f]+|[0-9]+[KMGT]?|none)\s*")


class Edit(NamedTuple):
    """Characters [start, end) of a program's text are to be replaced."""

    start: int
    end: int
    new: str


class Change(NamedTuple):
    """A file as it was read, and as it should be."""

    path: str
    old: bytes
    new: bytes

    def difference(self) -> Iterator[str]:
        old, new = recorded.text_of(self.old), recorded.text_of(self.new)
        return recorded.difference(self.path, old, new)

    def write(self) -> None:
        """Raises Changed if somebody else has written to the file, OSError."""
        replace_unchanged(self.path, self.old, self.new)


class Blessed(NamedTuple):
    """What came of a file."""

    changes: tuple[Change, ...]
    refusals: tuple[str, ...]
    """What fails and was not rewritten although it could be thought so, with the reason."""


def bless(path: str, name: str, defaults: Sequence[RuleChoice], usual: Sequence[RuleChoice]) -> Blessed:
    """What would have to change in a scenario file and its recorded trace.

    ``name`` is what messages call the file. Raises OSError; a file that does not compile needs no change.
    """
    with open(path, "rb") as stream:
        old = stream.read()
    program = api.compile_text(old, name).program
    if program is None:
        return Blessed((), ())
    records = run_program(program, api.backend, defaults, aliases=api.aliases())
    edits, refusals = edits_of(program, records)
    changes: list[Change] = []
    new = old
    if edits:
        new = edited(old, program.text, edits)
        changes.append(Change(path, old, new))
    trace = recorded.path_of(program, defaults, usual)
    if trace:
        change = trace_change(trace, new, name, defaults)
        if isinstance(change, Change):
            changes.append(change)
        elif change:
            refusals.append(change)
    return Blessed(tuple(changes), tuple(refusals))


def trace_change(trace: str, content: bytes, name: str, defaults: Sequence[RuleChoice]) -> Change | str | None:
    """How the recorded trace of a program must change; why it cannot be recorded; None if it need not."""
    program = api.compile_text(content, name).program
    assert program is not None, "a rewritten value does not compile"
    records = run_program(program, api.backend, defaults, states=True, aliases=api.aliases())
    with open(trace, "rb") as stream:
        old = stream.read()
    text = recorded.whole(program, map(recorded.part, records))
    if recorded.text_of(old) == text:
        return None
    if any(record.outcome != "passed" for record in records):
        return f"{trace}: not recorded anew: a scenario does not pass"
    return Change(trace, old, recorded.like(old, text))


def edited(content: bytes, text: str, edits: Sequence[Edit]) -> bytes:
    """The file with its edits; byte order mark and line ends stay."""
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.new + text[edit.end :]
    return (recorded.BOM if content.startswith(recorded.BOM) else b"") + text.encode("utf-8")


# --- expectations ------------------------------------------------------------------------------------------


def edits_of(program: Program, records: Sequence[ScenarioRecord]) -> tuple[list[Edit], list[str]]:
    """The edits that make failed expectations hold, and why there is none for some that might have one."""
    judged: dict[int, list[tuple[ScenarioRecord, ExpectationRecord]]] = {}
    for record in records:
        for expectation in record.expectations:
            judged.setdefault(expectation.expect.start, []).append((record, expectation))
    edits: list[Edit] = []
    refusals: list[str] = []
    for start, found in sorted(judged.items(), key=lambda item: item[0]):
        expect = found[0][1].expect
        if start < 0 or not blessable(expect) or all(e.held is not False for _, e in found):
            continue
        made = edit_of(program, expect, found)
        if isinstance(made, Edit):
            edits.append(made)
        else:
            refusals.append(f"{program.file}:{expect.line}: expect {expect.text}: left alone: {made}")
    return edits, refusals


def blessable(expect: Expect) -> bool:
    """Whether it repeats a state."""
    predicate = expect.predicate
    if isinstance(predicate, Compare):
        return predicate.op == "==" and isinstance(predicate.left, Const) != isinstance(predicate.right, Const)
    return isinstance(predicate, Layout)


def edit_of(program: Program, expect: Expect, found: Sequence[tuple[ScenarioRecord, ExpectationRecord]]) -> Edit | str:
    """The edit that makes an expectation hold wherever it was judged; why there is none."""
    if any(record.exhaustive is not None for record, _ in found):
        return "the scenario branches, so that there may be several values"
    at = program.text.find(expect.text, expect.start)
    place = literal(expect)
    if at < 0 or place is None:
        return "the value is computed, not written as a number"
    written = expect.text[place[0] : place[1]]
    wanted: dict[str, str] = {}
    for record, expectation in found:
        loop = "".join(f", {name} = {value}" for name, value in expectation.expect.loop)
        if expectation.held is False and not expectation.actual:
            return "what is there has no name in the language"
        value = expectation.actual if expectation.held is False else written
        wanted.setdefault(value, f"{value} under {record.rules}{loop}")
    if len(wanted) > 1:
        return f"it would have to be {' but '.join(list(wanted.values())[:3])}"
    return Edit(at + place[0], at + place[1], *wanted)


def literal(expect: Expect) -> tuple[int, int] | None:
    """Where in the text of an expectation its picture or plain number stands."""
    if isinstance(expect.predicate, Layout):
        found = PICTURE.search(expect.text)
        return found.span() if found else None
    assert isinstance(expect.predicate, Compare)
    middle = expect.text.index("==")
    left = isinstance(expect.predicate.left, Const)
    start, end = (0, middle) if left else (middle + 2, len(expect.text))
    number = LITERAL.fullmatch(expect.text, start, end)
    return number.span(1) if number else None
