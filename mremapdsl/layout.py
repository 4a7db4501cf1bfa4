"""The ``layout`` notation.

One character a page; a run of one letter is one VMA, capital when faulted, ``.`` is unmapped.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase

from mremapdsl.backend import Unseen, VmaView
from mremapdsl.program import Place

UNMAPPED = "."


def letters(vmas: Sequence[VmaView], initials: Sequence[tuple[int, int, str]] = ()) -> list[str]:
    """A letter for each VMA in order of address, lower case where faultedness is unseen.

    A VMA that begins in [start, end) of one of the ``initials`` gets its letter, the others the next free one;
    after z it starts again.
    """
    taken = {letter for _, _, letter in initials}
    free = iter([letter for letter in ascii_lowercase if letter not in taken])
    left = {letter: (start, end) for start, end, letter in initials}
    found: list[str] = []
    for i, vma in enumerate(vmas):
        letter = next((c for c, (start, end) in left.items() if start <= vma.start < end), "")
        left.pop(letter, None)
        found.append(cased(letter or next(free, ascii_lowercase[i % 26]), vma))
    return found


def initials(places: Sequence[Place]) -> list[tuple[int, int, str]]:
    """(start, end, initial letter) of each place; of several places with one initial the first has it."""
    found: dict[str, tuple[int, int, str]] = {}
    for place in places:
        letter = place.name[0].lower()
        if letter in ascii_lowercase:
            found.setdefault(letter, (place.start, place.start + place.pages, letter))
    return list(found.values())


def cased(letter: str, vma: VmaView) -> str:
    return letter.upper() if vma.anon_vma else letter


def layout(vmas: Sequence[VmaView], start: int, end: int, initials: Sequence[tuple[int, int, str]] = ()) -> str:
    """Pages [start, end) in the notation; ``initials`` as for :func:`letters`."""
    shown = [vma for vma in vmas if vma.start < end and vma.end > start]
    cells: list[str] = []
    at = start
    for letter, vma in zip(letters(shown, initials), shown, strict=True):
        cells.append(UNMAPPED * (vma.start - at))
        first = max(at, vma.start)
        at = min(end, vma.end)
        cells.append(letter * (at - first))
    return "".join(cells) + UNMAPPED * (end - at)


def vma_line(vma: VmaView, letter: str) -> str:
    """A VMA as the predicate that holds for it, with the rest of it (and its letter in a picture) as a comment."""
    pgoff = "?" if vma.pgoff is None else str(vma.pgoff)
    anon = "?" if vma.anon_vma is None else vma.anon_vma or "none"
    name = f"{letter} " if letter else ""
    return f"vma @{vma.start}+{vma.end - vma.start}  # {name}{vma.prot} pgoff {pgoff} anon_vma {anon}"


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
