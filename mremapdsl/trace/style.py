"""How text is set: colour, signs, width, and paragraphs with hanging indents.

Colour only repeats what the words say: without it nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

COLORS = {"bold": "1", "dim": "2", "good": "32", "bad": "1;31", "name": "36", "unsure": "33"}


class Style(NamedTuple):
    """What the place where a text goes to can show."""

    width: int = 80
    color: bool = False
    unicode: bool = False
    """Whether signs beyond ASCII may be used."""
    full: bool = False
    """Nothing is left out, however long."""

    def paint(self, role: str, text: str) -> str:
        """The text in the colour of a role (see COLORS)."""
        return f"\x1b[{COLORS[role]}m{text}\x1b[0m" if self.color and text else text

    def change(self, line: str) -> str:
        """A line of a unified diff."""
        role = {"+": "good", "-": "bad", "@": "name"}.get(line[:1])
        return self.paint(role, line) if role else line

    @property
    def held(self) -> str:
        return self.paint("good", "✓" if self.unicode else "ok")

    @property
    def failed(self) -> str:
        return self.paint("bad", "✗ FAILED" if self.unicode else "FAILED")


PLAIN = Style()


def paragraph(text: str, first: str, rest: str, width: int) -> Iterator[str]:
    """The text in lines of at most ``width`` columns; the first begins with ``first``, the others with ``rest``.

    Words longer than a line stay whole; newlines in the text begin new lines.
    """
    for line in text.split("\n"):
        words = line.split(" ")
        current, empty = first, True
        for word in words:
            if not empty and len(current) + 1 + len(word) > width:
                yield current
                current, empty = rest, True
            current += word if empty else " " + word
            empty = False
        yield current.rstrip()
        first = rest
