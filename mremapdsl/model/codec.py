"""Machines as canonical, hashable keys, and back.

Two machines get one key exactly when they differ only in the numbers of frames, slots and anon_vmas, in the names of
processes and, where that is sound, in where in the arena they lie.  A key holds all that can matter later, so a
machine made from it behaves the same.  Numbers are given in order of first appearance: process by process, VMA by VMA,
page by page.  Meant for small arenas: cost follows pages, not runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any, NamedTuple, TypeAlias

from mremapdsl.model.journal import Journal
from mremapdsl.model.ksmd import Ksm, RmapItem
from mremapdsl.model.machine import File, Machine, Mm, Settings, Swapped
from mremapdsl.model.records import FILE, MIGRATION, PRESENT, SWAP, AnonVma, Frame, Origin, Pte, Slot, Vma
from mremapdsl.model.rules import Rules
from mremapdsl.model.runs import RunMap

Key: TypeAlias = tuple[Any, ...]
NOWHERE = Origin(0, 0, 0, 0)


class Canonical(NamedTuple):
    """A machine's key and how the machine maps to it."""

    key: Key
    names: tuple[str, ...]
    """The machine's process for each process of the key (``p0``, ``p1``…)."""
    shift: int
    """Machine page - key page."""


class Symmetry(NamedTuple):
    """What may be forgotten without changing what can happen."""

    shift: bool = True
    """Where in the arena things lie: only distances matter (no huge pages, no fixed borders)."""
    rename: bool = True
    """Which process is which."""
    tables: bool = False
    """Keep which blocks have page tables (they decide about huge pages)."""
    base: int = 0
    """Where the first page of a shifted key lies."""


EVERYTHING = Symmetry(shift=False, rename=False, tables=True)
"""Nothing is forgotten but the numbers of frames, slots and anon_vmas."""


def encode(machine: Machine, symmetry: Symmetry) -> Canonical:
    """The key of a machine."""
    shift = 0
    if symmetry.shift:
        shift = lowest(machine, symmetry.base) - symmetry.base
    best: Canonical | None = None
    for names in orders(machine, shift) if symmetry.rename else [tuple(machine.mms)]:
        key = _Encoder(machine, names, shift, symmetry.tables).key()
        if best is None or key < best.key:
            best = Canonical(key, names, shift)
    assert best is not None
    return best


def lowest(machine: Machine, otherwise: int) -> int:
    """The lowest page of a VMA; without any, the lowest that a pin or ksmd remembers."""
    mms = machine.mms.values()
    pages = [mm.vmas[0].start for mm in mms if mm.vmas]
    if not pages:
        pages = [start for mm in mms for start, _, _ in mm.pins]
        pages += [page for items in machine.ksm.items.values() for page in items]
    return min(pages, default=otherwise)


def orders(machine: Machine, shift: int) -> list[tuple[str, ...]]:
    """The orders of processes worth trying: sorted by what each looks like by itself, ties in every way."""
    if len(machine.mms) < 2:
        return [tuple(machine.mms)]
    looks = sorted((signature(mm, shift), name) for name, mm in machine.mms.items())
    groups: list[list[str]] = []
    last = None
    for look, name in looks:
        if look == last:
            groups[-1].append(name)
        else:
            groups.append([name])
        last = look
    found: list[tuple[str, ...]] = [()]
    for group in groups:
        found = [head + tail for head in found for tail in permutations(group)]
    return found


def signature(mm: Mm, shift: int) -> Key:
    """What a process looks like without numbers of frames and anon_vmas."""
    return (
        tuple((vma.start - shift, vma.end - shift, vma.flags, vma.skew, len(vma.chain)) for vma in mm.vmas),
        tuple([(page - shift, p.kind, p.exclusive) for s, e, p in mm.ptes.runs for page in range(s, e)]),
    )


class _Encoder:
    """Numbers things as they appear."""

    def __init__(self, machine: Machine, names: tuple[str, ...], shift: int, tables: bool) -> None:
        self.machine = machine
        self.tables = tables
        self.names = names
        self.shift = shift
        self.anons: dict[int, int] = {0: 0}
        self.frames: dict[int, int] = {}
        self.slots: dict[int, int] = {}
        self.next_frame = 0

    def key(self) -> Key:
        machine = self.machine
        mms = [self.mm(machine.mms[name]) for name in self.names]
        ksm = self.ksm()
        files = tuple(
            (name, file.pages, self.cache(file), tuple([(s, e, tuple(v)) for s, e, v in file.swapped.runs]))
            for name, file in sorted(machine.files.items())
        )
        self.number_swap_cache()
        frames = self.all_frames()
        slots = self.all_slots()
        anons = self.all_anons()
        return (tuple(mms), anons, frames, slots, files, ksm, tuple(machine.settings))

    def anon(self, number: int) -> int:
        """The canonical number of an anon_vma; one that is gone gets a number too."""
        found = self.anons.get(number)
        if found is None:
            found = self.anons[number] = len(self.anons)
        return found

    def frame(self, number: int) -> int:
        """The canonical number of a frame; frames of one folio stay together and in place."""
        found = self.frames.get(number)
        if found is not None:
            return found
        record = self.machine.frames.at(number)
        size = 1 << record.order if record is not None else 1
        head = number - number % size
        base = -(-self.next_frame // size) * size
        self.next_frame = base + size
        for i in range(size):
            self.frames[head + i] = base + i
        return base + number - head

    def slot(self, number: int) -> int:
        return self.slots.setdefault(number, len(self.slots))

    def mm(self, mm: Mm) -> Key:
        shift = self.shift
        vmas = tuple(
            (v.start - shift, v.end - shift, v.flags, v.skew, v.anon_skew, self.anon(v.anon),
             tuple([self.anon(n) for n in v.chain]), v.file or "")
            for v in mm.vmas
        )  # fmt: skip
        ptes: list[Key] = []
        for start, end, pte in mm.ptes.runs:
            kind = pte.kind
            for page in range(start, end):
                if kind in (PRESENT, MIGRATION):
                    to = self.frame(page + pte.delta)
                elif kind == SWAP:
                    to = self.slot(page + pte.delta)
                else:
                    to = 0
                ptes.append((page - shift, kind, to, pte.huge, pte.exclusive, pte.clean, pte.stray))
        tables = tuple([(s, e) for s, e, _ in mm.tables.runs]) if self.tables else ()
        pins = tuple([(page - shift, self.frame(page + delta)) for s, e, delta in mm.pins for page in range(s, e)])
        return (vmas, tuple(ptes), tables, pins, mm.merge_any, mm.pinned_before)

    def number_swap_cache(self) -> None:
        """Number the frames that only the swap cache holds, in the order of their slots."""
        for number in list(self.slots):
            record = self.machine.slots.at(number)
            if record is not None and record.cached is not None:
                self.frame(number + record.cached)

    def all_frames(self) -> Key:
        """Every frame's record, those that nothing numbered yet last."""
        records: list[Key] = []
        numbers = ((n, record) for start, end, record in self.machine.frames.runs for n in range(start, end))
        for to, number, record in sorted([(self.frame(n), n, record) for n, record in numbers]):
            index = number + record.delta - (0 if record.kind == FILE else self.shift)
            swap = -1 if record.swap is None else self.slot(number + record.swap)
            home = self.anon(record.home)
            records.append((to, record.kind, home, index, record.maps, record.exclusive, record.data, record.order,
                            record.pins, swap, record.lazyfree, record.ever_shared, record.mlocked))  # fmt: skip
        return tuple(records)

    def all_slots(self) -> Key:
        records: list[Key] = []
        for start, end, record in self.machine.slots.runs:
            for number in range(start, end):
                cached = -1 if record.cached is None else self.frame(number + record.cached)
                records.append((self.slot(number), record.users, record.data, cached, record.ever_shared))
        records.sort()
        return tuple(records)

    def cache(self, file: File) -> Key:
        return tuple([(page, self.frame(page + delta)) for s, e, delta in file.cache.runs for page in range(s, e)])

    def ksm(self) -> Key:
        ksm, frames = self.machine.ksm, self.machine.frames
        if not (ksm.mms or ksm.stable):
            return ()
        place = {name: i for i, name in enumerate(self.names)}
        mms = tuple([place[name] for name in ksm.mms])
        items = sorted((place[name], page, item) for name, found in ksm.items.items() for page, item in found.items())
        known: list[Key] = []
        orphans = sorted((page, item) for page, item in ksm.orphans if frames.at(item.frame) is not None)
        for process, page, item in [*items, *((-1, *orphan) for orphan in orphans)]:
            on = (-1, 0, 0)  # of a page that is gone, nothing matters any more
            if frames.at(item.frame) is not None:
                on = (self.frame(item.frame), self.anon(item.anon_vma), item.linear - self.shift)
            known.append((process, page - self.shift, item.age, item.skips, item.checksum, *on))
        living = [(data, [n for n in numbers if frames.at(n) is not None]) for data, numbers in ksm.stable.items()]
        stable = tuple([(data, tuple(map(self.frame, numbers))) for data, numbers in sorted(living) if numbers])
        return (mms, tuple(known), stable) if mms or stable else ()

    def all_anons(self) -> Key:
        anons = self.machine.anon_vmas
        records: list[Key] = []
        for number in list(self.anons):
            record = anons.get(number)
            if record is not None:
                records.append((self.anons[number], self.anon(record.root), self.anon(record.parent),
                                record.num_children, record.num_active_vmas, record.links))  # fmt: skip
        return tuple(records)


def decode(key: Key, rules: Rules) -> Machine:
    """A machine with this key, its processes called ``p0``, ``p1``…"""
    mms, anons, frames, slots, files, ksm, settings = key
    machine = Machine(rules)
    machine.settings = Settings(*settings)
    machine.anon_vmas = {r[0]: AnonVma(r[1], r[2], r[3], r[4], r[5]) for r in anons}
    machine.next_anon = 1 + max(*_anon_numbers(anons, frames, ksm), 0, 0)
    machine.frames = RunMap(_runs((r[0], _frame(r)) for r in frames))
    machine.next_frame = max(((r[0] >> r[7]) + 1 << r[7] for r in frames), default=0)
    machine.slots = RunMap(_runs((r[0], Slot(r[1], r[2], None if r[3] < 0 else r[3] - r[0], r[4])) for r in slots))
    machine.next_slot = slots[-1][0] + 1 if slots else 0
    machine.mms = {}
    for i, data in enumerate(mms):
        mm = _mm(f"p{i}", data)
        machine.mms[mm.name] = mm
    for name, pages, cached, swapped in files:
        cache = RunMap(_runs((page, frame - page) for page, frame in cached))
        machine.files[name] = File(pages, cache, RunMap([(s, e, Swapped(*v)) for s, e, v in swapped]))
    if ksm:
        machine.ksm = _ksm(ksm)
    machine.journal = Journal()
    return machine


def _anon_numbers(anons: Key, frames: Key, ksm: Key) -> Iterator[int]:
    """Every number that stands for an anon_vma in these parts of a key, dead ones included."""
    for record in anons:
        yield from record[:3]
    for record in frames:
        yield record[2]
    for item in ksm[1] if ksm else ():
        yield item[6]


def _frame(r: Key) -> Frame:
    swap = None if r[9] < 0 else r[9] - r[0]
    return Frame(r[1], r[2], r[3] - r[0], r[4], r[5], r[6], r[7], r[8], swap, r[10], r[11], r[12])


def _mm(name: str, data: Key) -> Mm:
    vmas, ptes, tables, pins, merge_any, pinned_before = data
    mm = Mm(name)
    mm.vmas = [Vma(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7] or None, NOWHERE) for v in vmas]
    mm.ptes = RunMap(_runs((p[0], _pte(p)) for p in ptes))
    mm.tables = RunMap([(s, e, True) for s, e in tables])
    mm.pins = [(page, page + 1, frame - page) for page, frame in pins]
    mm.merge_any = merge_any
    mm.pinned_before = pinned_before
    return mm


def _pte(p: Key) -> Pte:
    kind = p[1]
    return Pte(kind, p[2] - p[0] if kind in (PRESENT, SWAP, MIGRATION) else 0, p[3], p[4], p[5], p[6])


def _runs(items: Any) -> list[tuple[int, int, Any]]:
    """Maximal runs of equal values at consecutive numbers."""
    runs: list[tuple[int, int, Any]] = []
    for number, value in items:
        if runs and runs[-1][1] == number and runs[-1][2] == value:
            runs[-1] = (runs[-1][0], number + 1, value)
        else:
            runs.append((number, number + 1, value))
    return runs


def _ksm(data: Key) -> Ksm:
    ksm = Ksm()
    mms, items, stable = data
    ksm.mms = [f"p{i}" for i in mms]
    ksm.items = {name: {} for name in ksm.mms}
    for place, page, age, skips, checksum, frame, anon_vma, linear in items:
        item = RmapItem(age, skips, checksum, frame, anon_vma, linear)
        if place < 0:
            ksm.orphans.append((page, item))
        else:
            ksm.items[f"p{place}"][page] = item
    ksm.stable = {content: list(numbers) for content, numbers in stable}
    return ksm
