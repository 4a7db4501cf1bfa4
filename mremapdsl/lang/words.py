"""Word lists, taken from the grammar, and the nearest of them to a misspelt word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from mremapdsl.lang.tables import tables


@cache
def keywords() -> Mapping[str, tuple[str, ...]]:
    """All keywords by kind.

    ``statement`` and ``predicate`` are the words that can begin one; a terminal that stands for several words
    has a kind of its own (``flag``, ``advice``, ``errno``, ...); all others are of the kind ``other``.
    """
    made = tables()
    expect = made.actions[0][made.terminals.index("EXPECT")]
    kinds = {"statement": _beginning(0), "predicate": _beginning(expect)}
    kinds |= {name.lower(): found for name, found in made.words.items() if len(found) > 1}
    known = {word for found in kinds.values() for word in found}
    kinds["other"] = tuple(word for found in made.words.values() for word in found if word not in known)
    return MappingProxyType(kinds)


def _beginning(state: int) -> tuple[str, ...]:
    """The keywords that can come next in a state of the parser."""
    made = tables()
    read = (made.terminals[terminal] for terminal, action in made.actions[state].items() if action >= 0)
    return tuple(word for terminal in read for word in made.words.get(terminal, ()))


def words(kind: str) -> tuple[str, ...]:
    """The keywords of one kind (see ``keywords``)."""
    return keywords()[kind.lower()]


MOST_KNOWN = 500


def meant(word: str, known: Iterable[str]) -> str | None:
    """The known word that somebody who wrote ``word`` most likely meant; None if none is close.

    Of very many words only the last are looked at.

    Close is: equal but for upper and lower case or ``-`` and ``_``, or one slip (a letter more, less, other, or
    two swapped) for three letters, two from six on, three from ten on.
    """
    best, fewest = None, slips_allowed(word) + 1
    for candidate in [*known][-MOST_KNOWN:]:
        if candidate == word:
            continue
        if plain(candidate) == plain(word):
            return candidate
        if abs(len(candidate) - len(word)) < fewest and (slips := distance(plain(word), plain(candidate))) < fewest:
            best, fewest = candidate, slips
    return best


def nearest(word: str, known: Iterable[str], most: int = 4) -> list[str]:
    """The known words most like one that is none of them: those that share most parts between dashes come first."""
    word = plain(word[:60])
    parts = {*word.split("_")}
    return sorted(known, key=lambda each: (-len(parts & {*plain(each).split("_")}), distance(word, plain(each))))[:most]


def slips_allowed(word: str) -> int:
    size = len(word)
    return 0 if size > 60 else 3 if size > 9 else 2 if size > 5 else 1 if size > 2 else 0


def plain(word: str) -> str:
    return word.lower().replace("-", "_")


def distance(one: str, other: str) -> int:
    """Letters inserted, deleted, replaced or swapped with their neighbour (optimal string alignment)."""
    before: list[int] = []
    above = list(range(len(other) + 1))
    for i, letter in enumerate(one):
        row = [i + 1]
        for j, wanted in enumerate(other):
            cost = min(above[j] + (letter != wanted), above[j + 1] + 1, row[j] + 1)
            if i and j and letter == other[j - 1] and one[i - 1] == wanted:
                cost = min(cost, before[j - 1] + 1)
            row.append(cost)
        before, above = above, row
    return above[-1]
