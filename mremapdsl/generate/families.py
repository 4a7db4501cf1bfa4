"""Families of programs: which statements, how often, on memory of which size."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

Weights = tuple[tuple[float, str], ...]


class Family(NamedTuple):
    """What programs of one kind are made of."""

    name: str
    mix: Weights
    """Statements by their first words (``madvise FREE``)."""
    protections: Weights = ((56, "rw"), (9, "rwx"), (14, "r"), (12, ""), (2, "w"), (2, "x"), (2, "rx"))
    advice: tuple[str, ...] = ()
    """Given at once to most new mappings, one of them."""
    bytes: tuple[int, ...] = (1, 2)
    sizes: tuple[int, ...] = (1, 2, 3, 4, 4, 5, 6, 8)
    """Pages of a mapping."""
    unit: int = 1
    """Ranges and places are mostly multiples of this."""
    arena: int = 48
    """Places that have nothing to do with others lie below this page."""
    steps: tuple[int, int] = (4, 18)
    """Fewest and most statements after the first mappings."""
    children: int = 0
    """Most forks."""
    relocate: float = 0.0
    """How often a move asks to relocate."""
    odd: float = 0.06
    """How often a mremap has unusual flags or sizes."""
    resize: float = 0.1
    """How often a move resizes."""
    options: float = 0.05
    """How often a mapping is noreserve, populated, shared or of a file, each."""
    setup: Weights = ((1, ""),)
    """Knobs set at the beginning, ``;`` between several."""
    model_only: bool = False
    """Uses what only the model can do: pins, migration in steps, forced swap."""


ADVICE = tuple(
    f"madvise {word}"
    for word in (
        "DONTNEED", "FREE", "MERGEABLE", "UNMERGEABLE", "HUGEPAGE", "NOHUGEPAGE", "COLLAPSE", "PAGEOUT", "COLD",
        "DONTFORK", "DOFORK", "WIPEONFORK", "KEEPONFORK", "POPULATE_READ", "POPULATE_WRITE", "GUARD_INSTALL",
        "GUARD_REMOVE",
    )
)  # fmt: skip
SOME_ADVICE: Weights = tuple((0.35, words) for words in ADVICE)
PLAIN = ((12.0, "rw"), (1.0, "r"), (1.0, "rwx"), (1.0, ""))

MERGE = Family(
    "merge",
    ((20, "mmap"), (27, "mremap"), (20, "touch"), (14, "mprotect"), (6, "munmap"), (3, "read"), (1.5, "mlock"),
     (1, "munlock"), (0.6, "mseal"), (0.4, "ksm merge"), (0.5, "madvise GUARD_INSTALL"), *SOME_ADVICE),
)  # fmt: skip

FORK = Family(
    "fork",
    ((17, "mmap"), (30, "mremap"), (26, "touch"), (13, "fork"), (8, "mprotect"), (4, "munmap"), (3, "read"),
     (5, "exit"), (1.5, "madvise DONTFORK"), (1.5, "madvise WIPEONFORK"), (1, "mlock"), *SOME_ADVICE),
    children=4,
)  # fmt: skip

ERRORS = Family(
    "errors",
    ((17, "mmap"), (46, "mremap"), (11, "touch"), (10, "mprotect"), (7, "munmap"), (2, "mseal"), (2, "mlock"),
     (1, "munlock"), (2, "fork"), *SOME_ADVICE),
    odd=0.35, resize=0.25, children=2, options=0.08,
    setup=((6, ""), (1, "max_map_count 6"), (1, "max_map_count 8"), (1, "max_map_count 10"), (1, "swap off")),
)  # fmt: skip

KSM = Family(
    "ksm",
    ((16, "mmap"), (24, "mremap"), (31, "touch"), (14, "ksm scan"), (5, "fork"), (3, "munmap"), (1, "ksm merge"),
     (5, "madvise MERGEABLE"), (3, "madvise UNMERGEABLE"), (2, "madvise DONTNEED"), (4, "mprotect"), (3, "read"),
     (1.5, "exit"), (1, "mlock"), (0.7, "madvise WIPEONFORK"), (0.7, "madvise GUARD_INSTALL")),
    PLAIN, advice=("MERGEABLE",), children=3, setup=((5, ""), (1, "ksm_zero_pages on")), bytes=(1, 1, 1, 2, 0),
)  # fmt: skip

SWAP = Family(
    "swap",
    ((16, "mmap"), (24, "mremap"), (28, "touch"), (9, "read"), (8, "fork"), (3, "munmap"), (14, "madvise PAGEOUT"),
     (5, "madvise DONTNEED"), (2, "madvise FREE"), (1.5, "madvise COLD"), (2, "mlock"), (1, "munlock"),
     (4, "mprotect"), (2, "exit"), (1, "madvise POPULATE_READ"), (1, "madvise POPULATE_WRITE")),
    PLAIN, children=3,
)  # fmt: skip

THP = Family(
    "thp",
    ((18, "mmap"), (27, "mremap"), (29, "touch"), (8, "fork"), (4, "munmap"), (3, "mprotect"), (5, "read"),
     (4, "madvise COLLAPSE"), (2, "madvise NOHUGEPAGE"), (3, "madvise DONTNEED"), (4, "madvise HUGEPAGE"), (1, "exit"),
     (1, "mlock"), (1.5, "madvise PAGEOUT"), (1, "madvise FREE"), (0.7, "madvise GUARD_INSTALL"),
     (1, "madvise POPULATE_READ"), (1, "madvise POPULATE_WRITE"), (0.5, "madvise COLD")),
    PLAIN, advice=("HUGEPAGE",), sizes=(256, 512, 512, 768, 1024), unit=64, arena=24576, children=3, bytes=(1,),
)  # fmt: skip

RELOCATE_MIX: Weights = (
    (18, "mmap"), (34, "mremap"), (24, "touch"), (5, "fork"), (3, "munmap"), (3, "mprotect"), (2, "read"),
    (1.5, "exit"), (3, "pin"), (1.5, "unpin"), (3, "migrate"), (3, "swapout"), (1.5, "swapin"), (0.7, "split"),
    (1, "ksm scan"), (1.5, "madvise MERGEABLE"), (1, "madvise DONTNEED"), (0.5, "madvise GUARD_INSTALL"),
    (0.5, "mlock"), (0.4, "madvise WIPEONFORK"), (0.4, "madvise PAGEOUT"),
)  # fmt: skip

RELOCATE = Family(
    "relocate", RELOCATE_MIX, ((14, "rw"), (1, "rwx"), (1, "r")), relocate=0.75, children=3, model_only=True,
    setup=((8, ""), (1, "mthp 4 always"), (1, "mthp 8 always"), (1, "swap off")), options=0.02,
)  # fmt: skip

RELOCATE_KSM = RELOCATE._replace(
    name="relocate-ksm",
    mix=((8, "ksm scan"), *RELOCATE_MIX), advice=("MERGEABLE",), bytes=(1, 1, 2, 0),
)  # fmt: skip

RELOCATE_THP = RELOCATE._replace(
    name="relocate-thp", advice=("HUGEPAGE",), sizes=(256, 512, 512, 768, 1024), unit=64, arena=24576, bytes=(1,),
    setup=((1, ""),),
)  # fmt: skip

FAMILIES: Mapping[str, tuple[Family, ...]] = MappingProxyType({
    "merge": (MERGE,),
    "fork": (FORK,),
    "ksm": (KSM,),
    "swap": (SWAP,),
    "thp": (THP,),
    "errors": (ERRORS,),
    "relocate": (RELOCATE, RELOCATE, RELOCATE_KSM, RELOCATE_THP),
})  # fmt: skip
"""Name -> the families that programs of this name take turns in."""
ALL = "all"


def families(name: str, *, kernel: bool) -> tuple[Family, ...]:
    """The families behind a name; ``all`` leaves relocation out where a kernel must follow."""
    if name != ALL:
        return FAMILIES[name]
    plain = tuple(family for key, found in FAMILIES.items() for family in found if key != "relocate")
    return plain if kernel else plain * 2 + FAMILIES["relocate"]
