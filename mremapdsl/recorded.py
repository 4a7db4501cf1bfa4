"""Recorded traces: ``foo.trace`` beside ``foo.mrs`` holds the text trace of it.

File names stand there without folders. A trace that is there is compared with every run; an empty file asks for a
first record.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from mremapdsl.program import Program, RuleChoice
from mremapdsl.record import ScenarioRecord
from mremapdsl.trace.style import Style

STYLE = Style(80, False, True, False)
SUFFIX = ".trace"
BOM = b"\xef\xbb\xbf"
MOST = 40
"""Lines of a difference that are shown."""


def path_of(program: Program, defaults: Sequence[RuleChoice], usual: Sequence[RuleChoice]) -> str:
    """The recorded trace that a run under these default rules is held against; empty if there is none.

    What is recorded are the rules that scenarios name, and the usual ones of those that name none.
    """
    path = program.file.removesuffix(".mrs") + SUFFIX
    if not program.file.endswith(".mrs") or not os.path.isfile(path):
        return ""
    return path if list(defaults) == list(usual) or all(scenario.rules for scenario in program.scenarios) else ""


def part(record: ScenarioRecord) -> str:
    """What is recorded of a scenario under one rule set; the record holds states."""
    from mremapdsl.trace.text import scenario_text

    return scenario_text(record._replace(file=os.path.basename(record.file)), STYLE)


def whole(program: Program, parts: Iterable[str]) -> str:
    """The trace of a file."""
    from mremapdsl.trace.markdown import documentation

    head = [os.path.basename(program.file), *documentation(program.doc, "    ", STYLE), ""] if program.doc else []
    return "".join(f"{line}\n" for line in head) + "\n".join(parts)


def text_of(content: bytes) -> str:
    """What a recorded trace says, whatever its line ends."""
    return content.removeprefix(BOM).decode("utf-8", errors="replace").replace("\r\n", "\n")


def like(content: bytes, text: str) -> bytes:
    """The text with the line ends and the byte order mark of ``content``."""
    ends = text.replace("\n", "\r\n") if b"\r\n" in content else text
    return (BOM if content.startswith(BOM) else b"") + ends.encode()


def difference(path: str, old: str, new: str) -> Iterator[str]:
    """What changes in a file, as a unified diff."""
    from difflib import unified_diff

    yield from unified_diff(lines(old), lines(new), f"a/{path}", f"b/{path}", lineterm="", n=2)


def lines(text: str) -> list[str]:
    """The lines of a text, and a remark where the last one has no end."""
    found = text.split("\n")
    return found[:-1] if not found[-1] else [*found, "\\ No newline at end of file"]


def mismatch(program: Program, path: str, parts: Iterable[str]) -> list[str]:
    """How a run differs from the recorded trace, and what to do about it; empty if it does not. Raises OSError."""
    from mremapdsl.output.paths import relative

    with open(path, "rb") as stream:
        old = text_of(stream.read())
    new = whole(program, parts)
    if old == new:
        return []
    accept = f"if that is right: --bless records {os.path.basename(path)} anew"
    return [*shortened(difference(relative(path), old, new)), accept]


def shortened(difference: Iterable[str]) -> Iterator[str]:
    """At most MOST lines, and how many there would be more."""
    found = list(difference)
    yield from found[:MOST]
    if len(found) > MOST:
        yield f"… and {len(found) - MOST} more lines"
