"""What can be done in a state: the operations that an exploration tries, within its bounds.

Operations come in a fixed order, simple ones first, and only such as can do something there; calls that are refused
for their words alone are tried only when asked for (``invalid``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from mremapdsl import ops
from mremapdsl.explore.arena import Bounds, Place, destinations, free_ranges, mapped_ranges, pages_of, pieces, place
from mremapdsl.explore.taking import During, count_moments
from mremapdsl.model.machine import Machine, Mm
from mremapdsl.model.records import (
    EXEC,
    GUARD,
    LOCKED,
    MERGEABLE,
    MIGRATION,
    PRESENT,
    READ,
    SEALED,
    SHARED,
    SWAP,
    WRITE,
    protection,
)
from mremapdsl.ops import DONTUNMAP, FIXED, MAYMOVE, MUST_RELOCATE, RELOCATE, Operation

Action: TypeAlias = Operation | During
ACCESS = READ | WRITE | EXEC
FAR_TOO_LARGE = 1 << 36
"""Pages: more than an address space has."""


def operations(machine: Machine, bounds: Bounds) -> Iterator[Action]:
    """Everything to try in this state, in order."""
    for kind in bounds.kinds:
        make = KINDS[kind]
        for mm in machine.mms.values():
            yield from make(machine, place(machine, mm, bounds), bounds)


# --- kinds ---------------------------------------------------------------------------------------------------


def _mmap(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for start, pages in free_ranges(at):
        yield ops.Mmap(at.mm.name, start, pages)


def _mmap_read_only(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for start, pages in free_ranges(at):
        yield ops.Mmap(at.mm.name, start, pages, "r")


def _mmap_exec(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for start, pages in free_ranges(at):
        yield ops.Mmap(at.mm.name, start, pages, "rwx")


def _mmap_shared(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for start, pages in free_ranges(at):
        yield ops.Mmap(at.mm.name, start, pages, shared=True)


def _mmap_file(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for start, pages in free_ranges(at):
        yield ops.Mmap(at.mm.name, start, pages, file="f", file_page=start - at.low)


def _munmap(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for start, pages in mapped_ranges(at):
        yield ops.Munmap(at.mm.name, start, pages)


def _mprotect(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    yield from _protect(at, "r", "rw")


def _mprotect_exec(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    yield from _protect(at, "rwx")


def _protect(at: Place, *wanted: str) -> Iterator[Operation]:
    for start, pages in mapped_ranges(at):
        for prot in wanted:
            vma = at.mm.vma_at(start)
            if vma is not None and vma.flags & ACCESS != protection(prot):
                yield ops.Mprotect(at.mm.name, start, pages, prot)


def _touch(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    """A whole VMA, or one page of it."""
    for vma in at.mm.vmas:
        if vma.flags & WRITE:
            pages = vma.end - vma.start
            if pages > 1:
                yield ops.Touch(at.mm.name, vma.start, pages)
            for page in range(vma.start, vma.end):
                yield ops.Touch(at.mm.name, page, 1)


def _touch_other(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for op in _touch(machine, at, bounds):
        yield op._replace(byte=2)  # type: ignore[call-arg]


def _read(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for vma in at.mm.vmas:
        if vma.flags & ACCESS:
            for page in range(vma.start, vma.end):
                if at.mm.ptes.at(page) is None:
                    yield ops.Read(at.mm.name, page, 1)


def _moves(at: Place, flags: int) -> Iterator[Operation]:
    for start, pages in pieces(at):
        for to in destinations(at, start, pages):
            yield ops.Mremap(at.mm.name, start, pages, pages, to, flags | MAYMOVE | FIXED)


def _mremap(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    yield from _moves(at, 0)


def _relocate(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    yield from _moves(at, RELOCATE)


def _must(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    yield from _moves(at, MUST_RELOCATE)


def _dontunmap(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    yield from _moves(at, DONTUNMAP)


def _dontunmap_must(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    yield from _moves(at, DONTUNMAP | MUST_RELOCATE)


def _inside(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Action]:
    """Relocating moves with something happening at each moment between their inner steps."""
    for call in _moves(at, RELOCATE if machine.rules.relocate_flags else 0):
        assert isinstance(call, ops.Mremap)
        for moment in range(count_moments(machine, call)):
            for event in _events(machine, at.mm, call):
                yield During(call, event, moment)


def _events(machine: Machine, mover: Mm, call: ops.Mremap) -> Iterator[Operation]:
    """What others may want to do meanwhile: about the moving pages, and to the other processes."""
    for page in range(call.at, call.at + call.pages):
        pte = mover.ptes.at(page)
        if pte is not None and pte.kind == PRESENT:
            yield ops.Pin(mover.name, page, 1)
            yield ops.Pin(mover.name, page - call.at + (call.to or 0), 1)
            yield ops.Migrate(mover.name, page, 1, "begin")
            yield ops.Swapout(mover.name, page, 1)
        elif pte is not None and pte.kind == MIGRATION:
            yield ops.Migrate(mover.name, page, 1, "end")
            yield ops.Migrate(mover.name, page, 1, "fail")
    if call.pages > 1:
        yield ops.Pin(mover.name, call.at, call.pages)
    yield ops.Fork(mover.name, "during")
    for mm in machine.mms.values():
        if mm is not mover:
            yield ops.Exit(mm.name)


def _spanning(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    """Moves over several VMAs."""
    for start, pages in mapped_ranges(at):
        vma = at.mm.vma_at(start)
        if vma is not None and start + pages > vma.end:
            for to in destinations(at, start, pages):
                yield ops.Mremap(at.mm.name, start, pages, pages, to, MAYMOVE | FIXED)


def _resize(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    """In place: every smaller and larger size."""
    for start, pages in pieces(at):
        for new in range(1, at.high - start + 1):
            if new != pages and at.fits(start, start + new):
                yield ops.Mremap(at.mm.name, start, pages, new)


def _resize_move(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    """To a fixed place with another size."""
    for start, pages in pieces(at):
        for new in range(1, at.pages + 1):
            for to in range(at.low, at.high - new + 1):
                if new != pages and (to >= start + pages or to + new <= start) and at.fits(to, to + new):
                    yield ops.Mremap(at.mm.name, start, pages, new, to, MAYMOVE | FIXED)


def _fork(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    if len(machine.mms) < bounds.processes and at.mm.vmas:
        yield ops.Fork(at.mm.name, next(f"p{i}" for i in range(99) if f"p{i}" not in machine.mms))


def _exit(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    if len(machine.mms) > 1:
        yield ops.Exit(at.mm.name)


def _advice(name: str) -> Callable[[Machine, Place, Bounds], Iterator[Operation]]:
    def make(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
        for start, pages in pieces(at):
            yield ops.Madvise(at.mm.name, start, pages, name)

    return make


def _mergeable(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for vma in at.mm.vmas:
        if not vma.flags & (MERGEABLE | SHARED):
            yield ops.Madvise(at.mm.name, vma.start, vma.end - vma.start, "MERGEABLE")


def _ksm(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    if at.mm.name == next(iter(machine.mms)) and machine.ksm.mms:
        yield ops.KsmScan(at.mm.name)


def _mlock(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for start, pages in pieces(at):
        vma = at.mm.vma_at(start)
        if vma is not None:
            yield (ops.Munlock if vma.flags & LOCKED else ops.Mlock)(at.mm.name, start, pages)


def _mseal(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for vma in at.mm.vmas:
        if not vma.flags & SEALED:
            yield ops.Mseal(at.mm.name, vma.start, vma.end - vma.start)


def _pin(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for page in pages_of(at, PRESENT):
        pte = at.mm.ptes.at(page)
        frame = machine.frames.at(page + pte.delta) if pte is not None else None
        if frame is not None and not frame.pins:
            yield ops.Pin(at.mm.name, page, 1)


def _unpin(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for start, end, _ in at.mm.pins:
        yield ops.Unpin(at.mm.name, start, end - start)


def _swapout(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for page in pages_of(at, PRESENT):
        yield ops.Swapout(at.mm.name, page, 1)


def _swapout_cached(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for page in pages_of(at, PRESENT):
        yield ops.Swapout(at.mm.name, page, 1, True)


def _swapin(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for page in pages_of(at, SWAP):
        yield ops.Swapin(at.mm.name, page, 1)


def _migrate(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for page in pages_of(at, PRESENT):
        yield ops.Migrate(at.mm.name, page, 1, "begin")
    for page in pages_of(at, MIGRATION):
        yield ops.Migrate(at.mm.name, page, 1, "fail")
        yield ops.Migrate(at.mm.name, page, 1, "end")


def _guard(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for vma in at.mm.vmas:
        for page in range(vma.start, vma.end):
            pte = at.mm.ptes.at(page)
            install = pte is None or pte.kind != GUARD
            yield ops.Madvise(at.mm.name, page, 1, "GUARD_INSTALL" if install else "GUARD_REMOVE")


def _collapse(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for vma in at.mm.vmas:
        yield ops.Collapse(at.mm.name, vma.start, vma.end - vma.start)


def _split(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    for page in pages_of(at, PRESENT):
        pte = at.mm.ptes.at(page)
        frame = machine.frames.at(page + pte.delta) if pte is not None else None
        if frame is not None and frame.order:
            yield ops.Split(at.mm.name, page, 1)


def _invalid(machine: Machine, at: Place, bounds: Bounds) -> Iterator[Operation]:
    """Calls that are wrong in themselves, one of each sort a process."""
    name, high = at.mm.name, at.high
    yield ops.Mmap(name, at.low if at.low >= 0 else 0, 0)
    yield ops.Munmap(name, high, 0)
    yield ops.Munmap(name, high, 1)
    yield ops.Mprotect(name, high, 1, "r")
    yield ops.Madvise(name, high, 1, "DONTNEED")
    yield ops.Touch(name, high, 1)
    for vma in at.mm.vmas[:1]:
        start, pages = vma.start, vma.end - vma.start
        yield ops.Touch(name, start, 1)
        yield ops.Read(name, start, 1)
        yield ops.Mremap(name, start, pages, 0)
        yield ops.Mremap(name, start, 0, 1)
        yield ops.Mremap(name, start, pages, pages)
        yield ops.Mremap(name, start, pages, pages, start, MAYMOVE | FIXED)
        yield ops.Mremap(name, start, pages, pages, high + pages, FIXED)
        yield ops.Mremap(name, start, pages, pages, high + pages, MAYMOVE | FIXED | RELOCATE)
        yield ops.Mremap(name, start, pages, pages, None, RELOCATE)
        yield ops.Mremap(name, start, pages, pages + 1, None, MAYMOVE | DONTUNMAP)
        yield ops.Mremap(name, start, pages + 1, pages + 2)
        yield ops.Mremap(name, start, pages + 1, pages + 2, None, MAYMOVE)
        yield ops.Mremap(name, start, pages, FAR_TOO_LARGE, None, MAYMOVE)
        yield ops.Mremap(name, start, pages, pages, None, MAYMOVE | FIXED)
    yield ops.Mremap(name, high, 1, 1)


KINDS: dict[str, Callable[[Machine, Place, Bounds], Iterator[Action]]] = {
    "mmap": _mmap,
    "touch": _touch,
    "fork": _fork,
    "munmap": _munmap,
    "mremap": _mremap,
    "relocate": _relocate,
    "must": _must,
    "pin": _pin,
    "migrate": _migrate,
    "inside": _inside,
    "swapout": _swapout,
    "swapin": _swapin,
    "mprotect": _mprotect,
    "exit": _exit,
    "unpin": _unpin,
    "read": _read,
    "touch-other": _touch_other,
    "dontunmap": _dontunmap,
    "dontunmap-must": _dontunmap_must,
    "spanning": _spanning,
    "resize": _resize,
    "resize-move": _resize_move,
    "swapout-cached": _swapout_cached,
    "dontneed": _advice("DONTNEED"),
    "free": _advice("FREE"),
    "pageout": _advice("PAGEOUT"),
    "dontfork": _advice("DONTFORK"),
    "wipeonfork": _advice("WIPEONFORK"),
    "hugepage": _advice("HUGEPAGE"),
    "populate": _advice("POPULATE_WRITE"),
    "mergeable": _mergeable,
    "ksm": _ksm,
    "mlock": _mlock,
    "mseal": _mseal,
    "guard": _guard,
    "collapse": _collapse,
    "split": _split,
    "mmap-read-only": _mmap_read_only,
    "mmap-exec": _mmap_exec,
    "mprotect-exec": _mprotect_exec,
    "mmap-shared": _mmap_shared,
    "mmap-file": _mmap_file,
    "invalid": _invalid,
}
"""What can be tried, by the names that ``--ops`` takes; the order is the order of trying."""
