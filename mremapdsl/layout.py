"""The ``layout`` notation: one character a page, a run of one letter is one VMA, capital when faulted, ``.`` unmapped."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase

from mremapdsl.backend import Unseen, VmaView

UNMAPPED = "."


def letters(vmas: Sequence[VmaView]) -> list[str]:
    """A letter for each VMA in order of address (after z it starts again); lower case where faultedness is unseen."""
    return [cased(ascii_lowercase[i % 26], vma) for i, vma in enumerate(vmas)]


def cased(letter: str, vma: VmaView) -> str:
    return letter.upper() if vma.anon_vma else letter


def layout(vmas: Sequence[VmaView], start: int, end: int) -> str:
    """Pages [start, end) in the notation; the letters count from the first VMA shown."""
    shown = [vma for vma in vmas if vma.start < end and vma.end > start]
    cells = []
    at = start
    for letter, vma in zip(letters(shown), shown, strict=True):
        cells.append(UNMAPPED * (vma.start - at))
        first = max(at, vma.start)
        at = min(end, vma.end)
        cells.append(letter * (at - first))
    return "".join(cells) + UNMAPPED * (end - at)


def mismatch(vmas: Sequence[VmaView], start: int, pattern: str) -> str:
    """What is wrong with ``pattern`` at page ``start``: the first page that differs, in words; empty if it fits.

    Raises Unseen if only the case of the letters could tell and this machine does not show it.
    """
    seen: dict[str, VmaView] = {}
    unseen = False
    for offset, character in enumerate(pattern):
        page = start + offset
        vma = next((v for v in vmas if v.start <= page < v.end), None)
        where = f"page {page} (column {offset + 1})"
        if character == UNMAPPED:
            if vma is not None:
                return f"{where} should be unmapped but lies in VMA [{vma.start},{vma.end})"
            continue
        if vma is None:
            return f"{where} should be mapped ({character}) but is not"
        letter = character.lower()
        if letter not in seen and vma in seen.values():
            return f"{where} should begin another VMA but still lies in [{vma.start},{vma.end})"
        if seen.setdefault(letter, vma) != vma:
            first = seen[letter]
            return f"{where} should still be VMA [{first.start},{first.end}) but is [{vma.start},{vma.end})"
        if vma.anon_vma is None:
            unseen = True
        elif bool(vma.anon_vma) != character.isupper():
            state = "faulted" if vma.anon_vma else "unfaulted"
            return f"{where} lies in VMA [{vma.start},{vma.end}), which is {state} (write {cased(letter, vma)})"
    if unseen:
        raise Unseen("the borders fit, but whether a VMA is faulted cannot be seen")
    return ""
