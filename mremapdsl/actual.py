"""What a failed picture or value would have to be so that it holds."""

from __future__ import annotations

from collections import Counter

from mremapdsl.backend import Unseen, VmaView
from mremapdsl.expectations import Context, value_of
from mremapdsl.layout import UNMAPPED, initials, layout, mismatch
from mremapdsl.program import Compare, Const, Layout, Predicate


def actual(predicate: Predicate, context: Context) -> str:
    """The picture of ``layout``, or the number (or ``none``) of ``… == VALUE``, as the machine shows it.

    Empty for other predicates, which claim something, and for what the language cannot write.
    """
    match predicate:
        case Layout():
            return redrawn(predicate, context)
        case Compare(Const(), "==", other) | Compare(other, "==", Const()):
            value, _ = value_of(other, context)
            writable = isinstance(value, int) and value >= 0
            return "none" if value is None else str(value) if writable else ""
        case _:
            return ""


def redrawn(picture: Layout, context: Context) -> str:
    """What lies under a picture, with the letters of its author where VMAs are still there; empty if none fits."""
    start, end = picture.start, picture.start + len(picture.pattern)
    vmas = [vma for vma in context.now.vmas(picture.process) if vma.start < end and vma.end > start]
    kept: dict[str, tuple[int, int, str]] = {}
    for vma in vmas:
        letter = next((c for c in common(picture, vma) if c not in kept), "")
        if letter:
            kept[letter] = (vma.start, vma.start + 1, letter)
    others = [place for place in initials(context.places) if place[2] not in kept]
    found = layout(vmas, start, end, [*kept.values(), *others])
    try:
        return "" if mismatch(vmas, start, found) else found
    except Unseen:
        return ""


def common(picture: Layout, vma: VmaView) -> list[str]:
    """The letters over the pages of a VMA, the most frequent first."""
    cells = picture.pattern[max(vma.start - picture.start, 0) : vma.end - picture.start].lower()
    return [letter for letter, _ in Counter(cells.replace(UNMAPPED, "")).most_common()]
