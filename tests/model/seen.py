"""The notation of ``tests/data/seen-6.18.md``: rows of operations with the states that a live kernel showed.

The head of that file explains the notation.  Nothing here knows the model.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple, TypeAlias

DATA = Path(__file__).parent.parent / "data" / "seen-6.18.md"
DETAILED = 64
"""VMAs of more pages are shown as a tally."""


class Op(NamedTuple):
    """One operation as printed: ``C: mremap 0 4 4 may,fixed 20 **=> EFAULT**``."""

    process: str
    words: tuple[str, ...]
    result: str
    """What stands behind ``=>``; empty if it just succeeded."""

    def __str__(self) -> str:
        result = f" => {self.result}" if self.result else ""
        return f"{self.process}: {' '.join(self.words)}{result}"


class Page(NamedTuple):
    """One page; fields that its kind does not have, or a tally does not tell, are None."""

    kind: str
    """``.`` none, Z, HZ, P anonymous, L part of a large folio, K KSM, S swap entry, G guard, F page cache."""
    index: int | None = None
    exclusive: bool | None = None
    home: str | None = None
    mapcount: int | None = None
    order: int | None = None
    folio: str | None = None
    """Name of a KSM folio."""


Pages: TypeAlias = list[Page] | Counter[Page]
"""Each page in order, or how many there are of each."""


class Vma(NamedTuple):
    process: str
    start: int
    end: int
    prot: str
    of_file: bool
    """The page offset is one of a file."""
    pgoff: int
    shifted: bool
    flags: frozenset[str]
    anon_vma: str | None
    chain: tuple[str, ...]
    pages: Pages


class AnonVma(NamedTuple):
    name: str
    root: str
    parent: str
    refcount: int
    num_children: int
    num_active_vmas: int


class State(NamedTuple):
    vmas: tuple[Vma, ...]
    anon_vmas: tuple[AnonVma, ...]


class Row(NamedTuple):
    id: str
    title: str
    events: tuple[Op | State, ...]


# --- reading -------------------------------------------------------------------------------------------------

ROW = re.compile(r"\| ([a-z]\d\d) \| \*(.*?)\*<br>(.*) \|")
OPERATION = re.compile(r"(?:([A-Z]): )?([^*]*?)(?: \*\*=> (.*?)\*\*)?(?:; |$)")
VMA = re.compile(
    r"(?P<process>[A-Z]) \[(?P<start>\d+),(?P<end>\d+)\) (?P<prot>\S{4}) "
    r"pgoff=(?P<file>[f+])(?P<pgoff>\d+)(?P<shifted>\*?)(?: \{(?P<flags>[a-z,]*)\})?"
    r"(?: av=(?P<anon>a\d+) chain=(?P<chain>\S+))? \\\| (?P<pages>.*)"
)
ANON_VMA = re.compile(r"(a\d+): root=(a\d+) parent=(a\d+) ref=(\d+) children=(\d+) active=(\d+)")
FOLIO = re.compile(
    r"(?:L(?P<order>\d+):)?(?:(?P<at>[+f])(?P<first>\d+)(?:\.\.[+f](?P<last>\d+))?)?(?P<exclusive>!?)"
    r":(?P<home>a\d+)(?P<droppable>~?)(?:/m(?P<mapcount>\d+))?"
)
KSM_PAGE = re.compile(r"(?P<folio>K\d+)(?:/m(?P<mapcount>\d+))?")
OTHER = {".": Page("."), "Z": Page("Z"), "HZ": Page("HZ"), "S0": Page("S"), "S31": Page("G")}


def rows() -> list[Row]:
    """Every table row of the file."""
    found = (ROW.fullmatch(line) for line in DATA.read_text(encoding="utf-8").splitlines())
    return [Row(m[1], m[2], tuple(events(m[3].split("<br>")))) for m in found if m]


def events(parts: list[str]) -> list[Op | State]:
    found: list[Op | State] = []
    vmas: list[Vma] = []
    anon_vmas: list[AnonVma] = []
    for part in [*parts, ""]:
        text = part.strip("`")
        if part.startswith("`") and (match := ANON_VMA.fullmatch(text)):
            anon_vmas.append(AnonVma(*match.groups()[:3], *map(int, match.groups()[3:])))
        elif part.startswith("`"):
            vmas.append(read_vma(text))
        else:
            if vmas or anon_vmas:
                found.append(State(tuple(vmas), tuple(anon_vmas)))
                vmas, anon_vmas = [], []
            found += operations(part)
    return found


def operations(text: str) -> list[Op]:
    found: list[Op] = []
    at = 0
    while at < len(text):
        match = OPERATION.match(text, at)
        assert match, text[at:]
        assert match.end() > at, text[at:]
        found.append(Op(match[1] or "P", tuple(match[2].split()), match[3] or ""))
        at = match.end()
    return found


def read_vma(text: str) -> Vma:
    match = VMA.fullmatch(text)
    assert match, text
    start, end = int(match["start"]), int(match["end"])
    if end - start > DETAILED:
        pages: Pages = tally(match["pages"])
    else:
        pages = [page for token in match["pages"].split() for page in run(token)]
    count = sum(pages.values()) if isinstance(pages, Counter) else len(pages)
    assert count == end - start, text
    return Vma(
        match["process"], start, end, match["prot"], match["file"] == "f", int(match["pgoff"]), bool(match["shifted"]),
        frozenset((match["flags"] or "").split(",")) - {""}, match["anon"], tuple((match["chain"] or "").split(",")) if
        match["chain"] else (), pages,
    )  # fmt: skip


def run(token: str) -> list[Page]:
    """The pages of one token: ``+0..+3!:a1/m2``, ``.x8``, ``Zx2``, ``K1/m2x2``, ``L4:+0..+15!:a1/m16``, ``F3``."""
    word, _, times = token.partition("x")
    count = int(times) if times else 1
    if word in OTHER:
        return [OTHER[word]] * count
    if match := KSM_PAGE.fullmatch(word):
        return [Page("K", mapcount=int(match["mapcount"] or 1), folio=match["folio"])] * count
    if word.startswith("F"):
        return [Page("F", int(word[1:]))]
    match = FOLIO.fullmatch(word)
    assert match, token
    first = int(match["first"]) if match["first"] else None
    last = int(match["last"]) if match["last"] else first
    indices = [None] * count if first is None or last is None else list(range(first, last + 1))
    return [
        Page("L" if match["order"] else "P", index, bool(match["exclusive"]), match["home"],
             int(match["mapcount"] or 1), int(match["order"] or 0))
        for index in indices
    ]  # fmt: skip


def tally(text: str) -> Counter[Page]:
    """``L9:!:a1/m1 x1, L9::a1/m1 x511, . x512``."""
    found: Counter[Page] = Counter()
    for part in text.split(", "):
        token, times = part.rsplit(" x", 1)
        (page,) = run(token)
        found[page] += int(times)
    return found


def map_count_table() -> tuple[list[int], dict[str, list[str]]]:
    """The distances from the limit, and for each call what it did at each distance."""
    lines = DATA.read_text(encoding="utf-8").splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("map_count = max -"))
    distances = [int(word) for word in lines[at].split("-", 1)[1].split()]
    found: dict[str, list[str]] = {}
    for line in lines[at + 1 :]:
        if line.startswith("```"):
            return distances, found
        words = line.split()
        found[" ".join(words[: -len(distances)])] = words[-len(distances) :]
    raise AssertionError("the table does not end")
