"""The operations: what a compiled scenario asks of a machine, as plain data.

One record per statement that can change memory.  Every place is settled: addresses and lengths are pages
of the arena, processes are named, flags are the kernel's bits.  A backend (the model, a live kernel) gives
a record its meaning; nothing here knows how.

Units: ``at``, ``to`` are arena pages (page 0 is virtual address ``ARENA``); ``pages`` counts 4 KiB pages.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

PAGE = 4096
ARENA = 0x2000_0000_0000
"""Virtual address of arena page 0."""
TASK_SIZE = 0x7FFF_FFFF_F000
TASK_PAGES = (TASK_SIZE - ARENA) // PAGE
"""Arena pages below TASK_SIZE: no address reaches beyond this page."""

FOLIO_SIZES = tuple(1 << order for order in range(2, 10))
"""Pages that large anonymous folios can have (THP_ORDERS_ALL_ANON)."""

# mremap(2) flags, the kernel's values; the last two are those of the June 2025 series.
MAYMOVE, FIXED, DONTUNMAP, RELOCATE, MUST_RELOCATE = 1, 2, 4, 8, 16
MREMAP_FLAGS = {
    "MAYMOVE": MAYMOVE,
    "FIXED": FIXED,
    "DONTUNMAP": DONTUNMAP,
    "RELOCATE": RELOCATE,
    "MUST_RELOCATE": MUST_RELOCATE,
}


class Mmap(NamedTuple):
    """mmap(2) at a fixed place (MAP_FIXED): private anonymous memory unless ``shared`` or ``file`` is given."""

    process: str
    at: int
    pages: int
    prot: str = "rw"
    """Any of ``r w x`` in this order; empty is PROT_NONE."""
    shared: bool = False
    noreserve: bool = False
    populate: bool = False
    file: str | None = None
    file_page: int = 0


class Munmap(NamedTuple):
    """munmap(2)."""

    process: str
    at: int
    pages: int


class Mprotect(NamedTuple):
    """mprotect(2)."""

    process: str
    at: int
    pages: int
    prot: str


class Mlock(NamedTuple):
    """mlock(2): locks and faults in every page."""

    process: str
    at: int
    pages: int


class Munlock(NamedTuple):
    """munlock(2)."""

    process: str
    at: int
    pages: int


class Mseal(NamedTuple):
    """mseal(2)."""

    process: str
    at: int
    pages: int


class Madvise(NamedTuple):
    """madvise(2); ``advice`` is the kernel's name without ``MADV_``."""

    process: str
    at: int
    pages: int
    advice: str


class Touch(NamedTuple):
    """Write ``byte`` to the first byte of each page in order; stops at the first page that faults (SEGV)."""

    process: str
    at: int
    pages: int
    byte: int = 1


class Read(NamedTuple):
    """Read the first byte of each page in order; stops at the first page that faults (SEGV)."""

    process: str
    at: int
    pages: int


class Mremap(NamedTuple):
    """mremap(2): ``flags`` are exactly the bits passed, ``to`` is the new address or None (none passed)."""

    process: str
    at: int
    pages: int
    new_pages: int
    to: int | None = None
    flags: int = 0


class Fork(NamedTuple):
    """fork(2): the new process is called ``child``."""

    process: str
    child: str


class Exit(NamedTuple):
    """_exit(2): the process and all its memory go."""

    process: str


class KsmScan(NamedTuple):
    """Full passes of ksmd over all mergeable memory until nothing more merges."""

    process: str


class KsmMerge(NamedTuple):
    """prctl(PR_SET_MEMORY_MERGE, on)."""

    process: str
    on: bool


class Pin(NamedTuple):
    """Take a long-term GUP pin (FOLL_PIN | FOLL_LONGTERM | FOLL_WRITE where writable) on each page."""

    process: str
    at: int
    pages: int


class Unpin(NamedTuple):
    """Drop the pins that ``pin`` took on this range."""

    process: str
    at: int
    pages: int


class Migrate(NamedTuple):
    """Page migration in steps: ``begin`` installs migration entries, ``end`` new folios, ``fail`` the old ones."""

    process: str
    at: int
    pages: int
    phase: str


class Swapout(NamedTuple):
    """Put each present page of the range into swap, whoever maps it; ``cached`` leaves it in the swap cache as well."""

    process: str
    at: int
    pages: int
    cached: bool = False


class Swapin(NamedTuple):
    """Read each swapped page of the range back (a read fault per page)."""

    process: str
    at: int
    pages: int


class Split(NamedTuple):
    """Split every large folio with a page in the range into small folios."""

    process: str
    at: int
    pages: int


class Collapse(NamedTuple):
    """Collapse the range into PMD-sized huge pages (as MADV_COLLAPSE)."""

    process: str
    at: int
    pages: int


class Set(NamedTuple):
    """Set a knob of the machine: ``key`` is ``thp``, ``mthp``, ``swap``, ``max_map_count`` or ``ksm_zero_pages``.

    ``value`` is the mode word (``thp``, ``mthp``), a bool (``swap``, ``ksm_zero_pages``) or a count
    (``max_map_count``); ``pages`` is the folio size in pages for ``mthp`` and 0 otherwise.
    """

    process: str
    key: str
    value: str | int | bool
    pages: int = 0


Operation: TypeAlias = (
    Mmap | Munmap | Mprotect | Mlock | Munlock | Mseal | Madvise | Touch | Read | Mremap | Fork | Exit
    | KsmScan | KsmMerge | Pin | Unpin | Migrate | Swapout | Swapin | Split | Collapse | Set
)
