"""What /proc shows of a process: VMAs, page table entries, the flags and counts of page frames.

All addresses that leave this module are arena pages.  Reading takes no reference to a page.
"""

from __future__ import annotations

import fcntl
import os
import struct
from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mremapdsl.live.process import ARENA_PAGES, CHOSEN_BELOW, Process
from mremapdsl.ops import ARENA, PAGE

FIRST_PAGE = ARENA // PAGE
LOWEST = -(1 << 32)
"""Arena page above which scenarios may map (some map just below the arena)."""
OWN_END = (0x5800_0000_0000 - ARENA) // PAGE
"""Between ARENA_PAGES and here lie the helper's program and heap."""
VSYSCALL = (0xFFFF_FFFF_FF60_0000 - ARENA) // PAGE

# pagemap
PRESENT, SWAPPED, OF_FILE, GUARD, ONCE = 1 << 63, 1 << 62, 1 << 61, 1 << 58, 1 << 56
FRAME = (1 << 55) - 1
TYPE = 31
"""The low bits of a swap entry say what it is (shown to root): a swap device, or one of these."""
MARKER = 31
MIGRATION = range(26, 31)
PAGEMAP_SCAN, IS_PRESENT, IS_SWAPPED, IS_ZERO, IS_HUGE = 0xC0606610, 1 << 3, 1 << 4, 1 << 5, 1 << 6
ANY = IS_PRESENT | IS_SWAPPED
SCAN = struct.Struct("@12Q")
REGIONS = 512
"""Regions that one PAGEMAP_SCAN returns at most."""
SPARSE = 4096
"""Longer ranges are searched for entries first."""

# kpageflags
LARGEST = 512
"""Pages of the largest anonymous folio; folios are aligned to their size."""
ANON, HEAD, TAIL, KSM, ZERO_PAGE = 1 << 12, 1 << 15, 1 << 16, 1 << 21, 1 << 24


class Area(NamedTuple):
    """A line of /proc/PID/maps."""

    start: int
    end: int
    prot: str
    offset: int
    """Of a file, in pages."""
    inode: int


class Entries(NamedTuple):
    """``count`` pages from ``page`` with entries that continue each other, or are equal."""

    page: int
    count: int  # type: ignore[assignment]
    entry: int
    """The first one as in pagemap."""
    step: int
    """By how much each is higher than the one before: 1 for consecutive frames."""


def areas(process: Process) -> list[Area]:
    """The scenario's VMAs of a process, in order of address."""
    found: list[Area] = []
    for line in lines(process.open("maps"), process.maps_size):
        fields = line.split(None, 5)
        low, _, high = fields[0].partition(b"-")
        start = int(low, 16) // PAGE - FIRST_PAGE
        if start >= CHOSEN_BELOW or (start >= ARENA_PAGES and not process.far):
            break
        if start < LOWEST or ARENA_PAGES <= start < OWN_END:
            continue
        end = int(high, 16) // PAGE - FIRST_PAGE
        found.append(Area(start, end, fields[1].decode(), int(fields[2], 16) // PAGE, int(fields[4])))
    process.maps_size = 100 * (len(found) + 3)
    return found


def lines(file: int, size: int) -> Iterator[bytes]:
    """The lines of a file of /proc as far as they are wanted, ``size`` bytes at first."""
    at, rest = 0, b""
    while text := os.pread(file, max(size - at, 1000), at):
        at += len(text)
        *whole, rest = (rest + text).split(b"\n")
        yield from whole


def own_areas(process: Process) -> list[tuple[int, int]]:
    """(address, size) of the helper's own mappings, without ``[vsyscall]``, which is no VMA."""
    found: list[tuple[int, int]] = []
    with open(f"/proc/{process.pid}/maps", "rb") as maps:
        for line in maps:
            start, end = (int(word, 16) for word in line.split(None, 1)[0].split(b"-"))
            page = start // PAGE - FIRST_PAGE
            if CHOSEN_BELOW <= page < VSYSCALL or ARENA_PAGES <= page < OWN_END or page < LOWEST:
                found.append((start, end - start))
    return found


def vm_flags(process: Process, starts: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The VmFlags of VMAs, given and found by their first pages."""
    wanted = set(starts)
    found: dict[int, tuple[str, ...]] = {}
    start = 0
    for line in lines(process.open("smaps"), 900 * len(starts)):
        if line.startswith(b"VmFlags:"):
            if start in wanted:
                found[start] = tuple(line.decode().split()[1:])
                if len(found) == len(wanted):
                    break
        elif b"-" in line[:20]:
            start = int(line.partition(b"-")[0], 16) // PAGE - FIRST_PAGE
    return found


class Anonymous(NamedTuple):
    """What smaps counts in a VMA, in kB."""

    start: int
    end: int
    pages: int
    """Anonymous pages, with those of KSM."""
    ksm: int | None
    """Those of KSM; None on kernels that do not count them."""


def anonymous(process: Process) -> list[Anonymous]:
    """The process's VMAs in order of address, and what anonymous memory they map."""
    found: list[Anonymous] = []
    start, end, pages, ksm = 0, 0, 0, None
    for line in lines(process.open("smaps"), 4000):
        name, _, rest = line.partition(b":")
        if name == b"Anonymous":
            pages, ksm = int(rest.split()[0]), None
        elif name == b"KSM":
            ksm = int(rest.split()[0])
        elif name == b"VmFlags":
            found.append(Anonymous(start, end, pages, ksm))
        elif b"-" in line[:20]:
            start, end = (int(word, 16) // PAGE - FIRST_PAGE for word in line.split(None, 1)[0].split(b"-"))
    return found


# --- page table entries ----------------------------------------------------------------------------------------


def entries(process: Process, start: int, end: int) -> Iterator[Entries]:
    """The entries of pages [start, end) that are not empty."""
    if end - start > SPARSE:
        for s, e in occupied(process, start, end):
            yield from _entries(process, s, e)
    else:
        yield from _entries(process, start, end)


def _entries(process: Process, start: int, end: int) -> Iterator[Entries]:
    found = array("Q", os.pread(process.open("pagemap"), (end - start) * 8, (start + FIRST_PAGE) * 8))
    i, n = 0, len(found)
    while i < n:
        entry = found[i]
        i += 1
        if not entry & (PRESENT | SWAPPED):
            continue
        first = i - 1
        step = found[i] - entry if i < n else 0
        if step not in (0, 1) or entry & SWAPPED:
            step = 0
        while i < n and found[i] == entry + (i - first) * step:
            i += 1
        yield Entries(start + first, i - first, entry, step)


def entry(process: Process, page: int) -> int:
    """The entry of one page."""
    data = os.pread(process.open("pagemap"), 8, (page + FIRST_PAGE) * 8)
    return int.from_bytes(data, "little")


def occupied(process: Process, start: int, end: int, wanted: int = ANY) -> Iterator[tuple[int, int]]:
    """The ranges of [start, end) with entries of a wanted category (PAGEMAP_SCAN, since Linux 6.7).

    Raises OSError on earlier kernels.
    """
    file = process.open("pagemap")
    at, stop = (start + FIRST_PAGE) * PAGE, (end + FIRST_PAGE) * PAGE
    regions = array("Q", (0,)) * (3 * REGIONS)
    while at < stop:
        place = regions.buffer_info()[0]
        request = bytearray(SCAN.pack(SCAN.size, 0, at, stop, 0, place, REGIONS, 0, 0, 0, wanted, wanted))
        count = fcntl.ioctl(file, PAGEMAP_SCAN, request)
        for i in range(count):
            yield regions[3 * i] // PAGE - FIRST_PAGE, regions[3 * i + 1] // PAGE - FIRST_PAGE
        at = SCAN.unpack(request)[4] if count == REGIONS else stop


def is_guard(entry: int) -> bool:
    """Whether a swap entry is a guard marker (bit 58 since Linux 6.15; the type, where the kernel shows it)."""
    return bool(entry & GUARD) or entry & TYPE == MARKER


def is_migration(entry: int) -> bool:
    return entry & TYPE in MIGRATION


# --- page frames ---------------------------------------------------------------------------------------------


class Frames:
    """The flags and mapping counts of page frames (needs root)."""

    def __init__(self) -> None:
        self._flags = os.open("/proc/kpageflags", os.O_RDONLY | os.O_CLOEXEC)
        self._counts = os.open("/proc/kpagecount", os.O_RDONLY | os.O_CLOEXEC)
        self.marks_ksm = True
        """KSM pages have a flag of their own. (Some kernels, 6.12 among them, set it for all anonymous pages.)"""

    def flags(self, frame: int, count: int) -> Sequence[int]:
        """Those of ``count`` frames."""
        if count == 1:
            return (int.from_bytes(os.pread(self._flags, 8, frame * 8), "little"),)
        return array("Q", os.pread(self._flags, count * 8, frame * 8))

    def kind(self, frame: int) -> str:
        """What a frame is, as in PageRun."""
        return self.kind_of(self.flags(frame, 1)[0])

    def kind_of(self, flags: int) -> str:
        """What a frame with these flags is; KSM pages are anonymous ones where they have no flag of their own."""
        if flags & ZERO_PAGE:
            return "Z"
        if flags & KSM and self.marks_ksm:
            return "K"
        if not flags & ANON:
            return "F"
        return "H" if flags & (HEAD | TAIL) else "P"

    def folio(self, frame: int) -> tuple[int, int]:
        """The first frame of the folio that a frame is part of, and its size."""
        if not self.flags(frame, 1)[0] & (HEAD | TAIL):
            return frame, 1
        block = frame - frame % LARGEST
        flags = self.flags(block, LARGEST)
        head = frame - block
        while head and flags[head] & TAIL:
            head -= 1
        end = head + 1
        while end < LARGEST and flags[end] & TAIL:
            end += 1
        return block + head, end - head

    def mapcount(self, frame: int) -> int:
        return int.from_bytes(os.pread(self._counts, 8, frame * 8), "little")

    def close(self) -> None:
        os.close(self._flags)
        os.close(self._counts)
