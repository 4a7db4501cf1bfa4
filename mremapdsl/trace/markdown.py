"""Markdown on a terminal: its paragraphs are filled up to a width, everything else stays as it was written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from mremapdsl.trace.style import Style, paragraph

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
CODE = " " * 4
ITEM = re.compile(r" *([-*+]|\d{1,9}[.)]) +(?=\S)")
INTERRUPTING = re.compile(r" *([-*+]|1[.)]) +(?=\S)")
"""Where a list begins inside a paragraph: a sentence may well go on in the next line with `1948. `."""
ALONE = re.compile(r" {0,3}(#{1,6}( |$)|(=+|([-*_])( *\4){2,}) *$)")
"""Headings, their underlines, and lines across."""
ROW = re.compile(r" {0,3}\|")
QUOTE = re.compile(r" {0,3}> ?")
BREAK = "\\"
"""At the end of a line: the next one begins anew."""


CITATION = re.compile(r"@<([^<>\s]+)>")
ARCHIVE = "https://lore.kernel.org/all/"
LINK = "\x1b]8;;{}\x1b\\{}\x1b]8;;\x1b\\"
"""A text that a terminal can follow to an address."""


class Paragraph(NamedTuple):
    """Lines that belong together; the first is set behind ``first``, the others behind ``rest``."""

    first: str
    rest: str
    lines: list[str]


NONE = Paragraph("", "", [])


def documentation(doc: str, indent: str, style: Style) -> Iterator[str]:
    """The documentation of a scenario or statement as its author marked it, within the width.

    On a terminal, citations are links.
    """
    for line in filled(doc, style.width - len(indent) - len("## ")) if doc else ():
        text = f"## {line}".rstrip()
        if style.color:
            text = CITATION.sub(lambda found: LINK.format(address(found[1]), found[0]), text)
        yield indent + style.paint("dim", text)


def address(message: str) -> str:
    """Where the public archive of the mailing lists has a message."""
    from urllib.parse import quote

    return f"{ARCHIVE}{quote(message, safe='@+=~')}/"


def filled(text: str, width: int) -> Iterator[str]:
    """The lines of a text, at most ``width`` columns each where words, code and tables let them."""
    fence = ""
    for quoted, lines in groupby(text.split("\n"), lambda line: bool(QUOTE.match(line))):
        if quoted and not fence:
            inner = "\n".join(QUOTE.sub("", line, count=1) for line in lines)
            yield from (f"> {line}".rstrip() for line in filled(inner, width - 2))
            continue
        for part, left_open in parts(lines, fence):
            fence = left_open
            if isinstance(part, str):
                yield part
            elif part.lines:
                yield from paragraph(" ".join(part.lines), part.first, part.rest, width)


def parts(lines: Iterator[str], fence: str) -> Iterator[tuple[Paragraph | str, str]]:
    """Paragraphs, and lines that stay as they are; each with the fence of the code that is open behind it."""
    under_way = NONE
    for line in lines:
        if fence:
            fence = "" if line.strip().startswith(fence) and not line.strip(f"{fence[0]} ") else fence
            yield line, fence
            continue
        begun = under_way is not NONE
        opening, alone = FENCE.match(line), ALONE.match(line)
        item = (INTERRUPTING if under_way.first == under_way.rest and begun else ITEM).match(line)
        as_written = opening or not line.strip() or ROW.match(line) or (line.startswith(CODE) and not begun)
        if as_written or alone or item:
            yield under_way, ""
            under_way = NONE
        if as_written:
            fence = opening[1] if opening else ""
            yield line, fence
        elif alone:
            yield Paragraph("", "  ", [line]), ""
        elif under_way is NONE:
            first = item[0] if item else line[: len(line) - len(line.lstrip())]
            under_way = Paragraph(first, " " * len(first), [line[len(first) :]])
        else:
            under_way.lines.append(line.strip())
        if line.endswith(BREAK) and under_way is not NONE:
            yield under_way, ""
            under_way = Paragraph(under_way.rest, under_way.rest, [])
    yield under_way, fence
