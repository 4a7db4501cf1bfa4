"""The records of the model: VMAs, anon_vmas, page table entries, frames. Frozen, compared by value.

Numbers are arena pages, frame numbers or file pages.  Positions are stored as differences (``skew``,
``delta``), so that cutting a range copies the record and moving it changes one integer.
"""

from __future__ import annotations

from typing import NamedTuple

# VMA flags; the names and their two-letter forms are those of smaps.  READ|WRITE|EXEC are the access flags.
READ, WRITE, EXEC, SHARED = 1, 2, 4, 8
ACCESS = READ | WRITE | EXEC
ACCOUNT, NORESERVE, LOCKED, LOCKONFAULT = 0x10, 0x20, 0x40, 0x80
DONTCOPY, WIPEONFORK, HUGEPAGE, NOHUGEPAGE = 0x100, 0x200, 0x400, 0x800
MERGEABLE, SEALED, MAYBE_GUARD = 0x1000, 0x2000, 0x4000
LOCKED_MASK = LOCKED | LOCKONFAULT

FLAG_NAMES = {
    READ: ("rd", "VM_READ"), WRITE: ("wr", "VM_WRITE"), EXEC: ("ex", "VM_EXEC"), SHARED: ("sh", "VM_SHARED"),
    ACCOUNT: ("ac", "VM_ACCOUNT"), NORESERVE: ("nr", "VM_NORESERVE"), LOCKED: ("lo", "VM_LOCKED"),
    LOCKONFAULT: ("lf", "VM_LOCKONFAULT"), DONTCOPY: ("dc", "VM_DONTCOPY"), WIPEONFORK: ("wf", "VM_WIPEONFORK"),
    HUGEPAGE: ("hg", "VM_HUGEPAGE"), NOHUGEPAGE: ("nh", "VM_NOHUGEPAGE"), MERGEABLE: ("mg", "VM_MERGEABLE"),
    SEALED: ("sl", "VM_SEALED"), MAYBE_GUARD: ("gu", "VM_MAYBE_GUARD"),
}  # fmt: skip
PROTECTION = {"r": READ, "w": WRITE, "x": EXEC}


def protection(prot: str) -> int:
    """The access flags of a protection word (``rw``; empty for none)."""
    return sum(PROTECTION[letter] for letter in prot)


def prot_string(flags: int) -> str:
    """As in /proc/PID/maps."""
    return (
        ("r" if flags & READ else "-")
        + ("w" if flags & WRITE else "-")
        + ("x" if flags & EXEC else "-")
        + ("s" if flags & SHARED else "p")
    )


def flag_names(flags: int) -> tuple[str, ...]:
    """The ``VM_…`` names of these bits."""
    return tuple(long for bit, (_, long) in FLAG_NAMES.items() if flags & bit)


class Origin(NamedTuple):
    """The steps (counted from 1) that last set each side of a merge condition; 0 when unknown."""

    file: int
    flags: int
    pgoff: int
    anon_vma: int


class Vma(NamedTuple):
    """struct vm_area_struct. Pages [start, end)."""

    start: int
    end: int
    flags: int
    skew: int
    """vm_pgoff - start."""
    anon_skew: int
    """Offset for anonymous folios: index = page + anon_skew. Equals ``skew`` unless a file is mapped (7.3)."""
    anon: int
    """Active anon_vma; 0 is none (unfaulted)."""
    chain: tuple[int, ...]
    """anon_vmas linked by anon_vma_chain, list head first."""
    file: str | None
    origin: Origin

    def resized(self, start: int, end: int) -> Vma:
        return Vma(start, end, *self[2:])

    def with_flags(self, flags: int, step: int) -> Vma:
        o = self.origin
        return Vma(self.start, self.end, flags, *self[3:8], Origin(o.file, step, o.pgoff, o.anon_vma))

    def with_anon(self, anon: int, chain: tuple[int, ...], step: int) -> Vma:
        o = self.origin
        return Vma(*self[:5], anon, chain, self.file, Origin(o.file, o.flags, o.pgoff, step))


class AnonVma(NamedTuple):
    """struct anon_vma."""

    root: int
    parent: int
    num_children: int
    """anon_vmas with this parent; a root counts itself."""
    num_active_vmas: int
    """VMAs whose active anon_vma this is."""
    links: int
    """anon_vma_chain entries that point here: the size of its interval tree."""


# Kinds of page table entries.
PRESENT, ZERO, SWAP, GUARD, MIGRATION = range(5)


class Pte(NamedTuple):
    """Page table entries of a run of pages."""

    kind: int
    delta: int = 0
    """frame - page for PRESENT and MIGRATION, swap slot - page for SWAP, 0 otherwise."""
    huge: bool = False
    """Mapped by a PMD entry (PRESENT, ZERO, MIGRATION)."""
    exclusive: bool = False
    """The exclusive mark of swap and migration entries (PageAnonExclusive of present pages is in the frame); for the
    zero page: ksmd put it there."""
    clean: bool = False
    """Not written since MADV_FREE."""
    stray: bool = False
    """Maps what became a KSM page through another process's mapping: no rmap_item leads here."""


# Kinds of frames.
ANON, KSM, FILE = range(3)


class Frame(NamedTuple):
    """A run of page frames and what their folios say."""

    kind: int
    home: int
    """The anon_vma in folio->mapping; 0 for KSM and file folios."""
    delta: int
    """Linear index - frame; for file folios the file page - frame."""
    maps: int
    """How many page table entries map each frame (present or under migration)."""
    exclusive: bool
    """PageAnonExclusive."""
    data: int
    """First byte of the page; the rest of a page is never written."""
    order: int = 0
    """Folio order; frames of a folio of order n are aligned to 2**n."""
    pins: int = 0
    """Long-term pins on each frame."""
    swap: int | None = None
    """Swap slot - frame while the folio is in the swap cache."""
    lazyfree: bool = False
    """May be dropped instead of swapped out: after MADV_FREE if its entries are still clean; a page of the page cache
    that was never written."""
    ever_shared: bool = False
    """The reviewer's mark: some fork has shared this folio (no kernel has it)."""
    mlocked: bool = False
    """PG_mlocked though its VMA is locked no more: DONTUNMAP of another part of that has dropped the lock."""


class Slot(NamedTuple):
    """A run of swap slots."""

    users: int
    """Swap entries that refer to each slot."""
    data: int
    cached: int | None = None
    """Frame - slot while a folio in the swap cache holds the content."""
    ever_shared: bool = False
    """The mark of the folio that was swapped out."""
