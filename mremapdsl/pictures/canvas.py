"""SVG text: numbers, escaping, elements, and how much room text takes.

All text is set in a monospaced font, so its width is known without a browser: no common one has characters wider than
``ADVANCE`` of its size.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

ADVANCE = 0.62
SIZES = {"small": 11.0, "plain": 12.0, "head": 14.0}
ELLIPSIS = "…"
ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
INVALID = dict.fromkeys(
    (*range(9), 11, 12, *range(14, 32), *range(0x7F, 0xA0), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)), "\ufffd"
)
"""What XML cannot hold, or should not."""


def escape(text: str) -> str:
    """Text for an element or an attribute."""
    return text.translate(INVALID).translate(ESCAPES)


def number(value: float) -> str:
    """A coordinate: at most one decimal, no superfluous zeros."""
    return f"{value:.1f}".removesuffix(".0").replace("-0", "-0" if round(value, 1) else "0")


def columns(text: str) -> int:
    """Columns of a text in a monospaced font; characters of unsure width count as two."""
    return sum(0 if unicodedata.combining(c) else 1 if ord(c) < 0x2E80 else 2 for c in text)


def width(text: str, size: str = "plain") -> float:
    """Room that a text takes, rather too much than too little."""
    return columns(text) * SIZES[size] * ADVANCE


def fitting(text: str, room: float, size: str = "plain") -> str:
    """The text, cut with an ellipsis where it is too long; empty if nothing of it fits."""
    if width(text, size) <= room:
        return text
    most = int(room / (SIZES[size] * ADVANCE)) - 1
    if most < 2:
        return ""
    cut = text[:most]
    while columns(cut) > most:
        cut = cut[:-1]
    return cut.rstrip() + ELLIPSIS


def wrapped(text: str, room: float, size: str = "plain", most: int = 6) -> list[str]:
    """The text in lines that fit; after the last of ``most`` lines it is cut."""
    limit = max(8, int(room / (SIZES[size] * ADVANCE)))
    lines: list[str] = []
    current = ""
    for word in (part for whole in text.split() for part in short(whole, limit)):
        joined = f"{current} {word}" if current else word
        if columns(joined) > limit:
            lines.append(current)
            current = word
        else:
            current = joined
    lines += [current] if current else []
    if len(lines) > most:
        lines = lines[:most]
        lines[-1] = lines[-1][: limit - 2] + " " + ELLIPSIS
    return lines


def short(word: str, limit: int) -> Iterator[str]:
    """A word in parts of at most ``limit`` columns."""
    while columns(word) > limit:
        head = word[: limit // 2 if columns(word[:limit]) > limit else limit]
        yield head
        word = word[len(head) :]
    yield word


class Span(NamedTuple):
    """A piece of a line of text."""

    text: str
    role: str = ""
    """Class of the theme."""


class Canvas:
    """Collects elements, layer by layer: what is added to a lower layer lies behind."""

    LAYERS = ("ribbons", "grid", "boxes", "lines", "text")

    def __init__(self) -> None:
        self._layers: dict[str, list[str]] = {layer: [] for layer in self.LAYERS}

    def render(self) -> Iterator[str]:
        """All elements, lowest layer first."""
        for layer in self.LAYERS:
            yield from self._layers[layer]

    def rect(self, x: float, y: float, w: float, h: float, role: str, *, layer: str = "boxes", more: str = "") -> None:
        """A rectangle; ``more`` is a further attribute, ready to write."""
        geometry = f'x="{number(x)}" y="{number(y)}" width="{number(w)}" height="{number(h)}"'
        self._layers[layer].append(f'<rect class="{role}" {geometry}{" " + more if more else ""}/>')

    def path(self, data: str, role: str, *, layer: str = "lines") -> None:
        """A path from path data."""
        self._layers[layer].append(f'<path class="{role}" d="{data}"/>')

    def line(self, x1: float, y1: float, x2: float, y2: float, role: str, *, layer: str = "lines") -> None:
        self.path(f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}", role, layer=layer)

    def text(self, x: float, y: float, text: str, role: str = "", size: str = "plain", anchor: str = "") -> None:
        """A line of text; ``y`` is its baseline, ``anchor`` is ``mi`` for the middle and ``e`` for the end at x."""
        self.spans(x, y, [Span(text)], role, size, anchor)

    def spans(
        self, x: float, y: float, spans: Sequence[Span], role: str = "", size: str = "plain", anchor: str = ""
    ) -> None:
        """A line of pieces of text with a blank between them."""
        parts = [
            f'<tspan class="{span.role}">{escape(span.text)}</tspan>' if span.role else escape(span.text)
            for span in spans
        ]
        role = " ".join(word for word in ("" if size == "plain" else size[0], role, anchor) if word)
        classes = f' class="{role}"' if role else ""
        self._layers["text"].append(f'<text{classes} x="{number(x)}" y="{number(y)}">{" ".join(parts)}</text>')


def spans_width(spans: Sequence[Span], size: str = "plain") -> float:
    return width(" ".join(span.text for span in spans), size)


def first_fitting(spans: Sequence[Span], room: float, size: str = "plain") -> list[Span]:
    """As many of the pieces, from the first on, as fit."""
    taken: list[Span] = []
    for span in spans:
        if spans_width([*taken, span], size) > room:
            break
        taken.append(span)
    return taken
