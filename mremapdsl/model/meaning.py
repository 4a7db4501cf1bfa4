"""What each operation means to the model: the one table from operation records to algorithms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mremapdsl import ops
from mremapdsl.model.attributes import mlock, mprotect, mseal
from mremapdsl.model.fault import access, populate
from mremapdsl.model.fork import exit_process, fork
from mremapdsl.model.ksm import merge_any, scan
from mremapdsl.model.machine import Machine, Mm
from mremapdsl.model.madvise import madvise
from mremapdsl.model.mapping import mmap, munmap
from mremapdsl.model.migrate import force_out, migrate, pin, unpin
from mremapdsl.model.mremap import mremap
from mremapdsl.model.reason import NotModelled, Why, why
from mremapdsl.model.records import MERGEABLE, SWAP
from mremapdsl.model.thp import split_range


def _mmap(machine: Machine, mm: Mm, op: ops.Mmap) -> Why:
    did = mmap(machine, mm, op)
    if op.populate:
        populate(machine, mm, op.at, op.at + op.pages)
    return did


def _munmap(machine: Machine, mm: Mm, op: ops.Munmap) -> Why:
    return munmap(machine, mm, op.at, op.pages)


def _mprotect(machine: Machine, mm: Mm, op: ops.Mprotect) -> Why:
    return mprotect(machine, mm, op.at, op.pages, op.prot)


def _mlock(machine: Machine, mm: Mm, op: ops.Mlock) -> Why:
    return mlock(machine, mm, op.at, op.pages, True)


def _munlock(machine: Machine, mm: Mm, op: ops.Munlock) -> Why:
    return mlock(machine, mm, op.at, op.pages, False)


def _mseal(machine: Machine, mm: Mm, op: ops.Mseal) -> Why:
    return mseal(machine, mm, op.at, op.pages)


def _madvise(machine: Machine, mm: Mm, op: ops.Madvise) -> Why:
    return madvise(machine, mm, op.at, op.pages, op.advice)


def _touch(machine: Machine, mm: Mm, op: ops.Touch) -> Why:
    access(machine, mm, op.at, op.pages, op.byte)
    return why("accessed", pages=op.pages)


def _read(machine: Machine, mm: Mm, op: ops.Read) -> Why:
    access(machine, mm, op.at, op.pages, None)
    return why("accessed", pages=op.pages)


def _mremap(machine: Machine, mm: Mm, op: ops.Mremap) -> tuple[Why, int]:
    return mremap(machine, mm, op)


def _fork(machine: Machine, mm: Mm, op: ops.Fork) -> Why:
    fork(machine, mm, op.child)
    return why("forked", child=op.child, vmas=len(machine.mms[op.child].vmas))


MOST_SCANNED = 1 << 13
"""Mergeable pages that one ``ksm scan`` looks at: each comes to map a frame of its own choice."""


def _ksm_scan(machine: Machine, mm: Mm, op: ops.KsmScan) -> Why:
    pages = sum(
        end - start
        for each in machine.mms.values()
        for vma in each.vmas
        if vma.flags & MERGEABLE
        for start, end, _ in each.ptes.clip(vma.start, vma.end)
    )
    if pages > MOST_SCANNED:
        raise NotModelled(f"a ksm scan of more than {MOST_SCANNED} pages at a time: {pages} are mergeable")
    return why("ksm-scanned", pages=scan(machine))


def _ksm_merge(machine: Machine, mm: Mm, op: ops.KsmMerge) -> Why:
    merge_any(machine, mm, op.on)
    return why("ksm-merge-any", state="on" if op.on else "off")


def _pin(machine: Machine, mm: Mm, op: ops.Pin) -> Why:
    return pin(machine, mm, op.at, op.pages)


def _unpin(machine: Machine, mm: Mm, op: ops.Unpin) -> Why:
    return unpin(machine, mm, op.at, op.pages)


def _migrate(machine: Machine, mm: Mm, op: ops.Migrate) -> Why:
    return migrate(machine, mm, op.at, op.pages, op.phase)


def _swapout(machine: Machine, mm: Mm, op: ops.Swapout) -> Why:
    return force_out(machine, mm, op.at, op.pages, keep_cached=op.cached)


def _swapin(machine: Machine, mm: Mm, op: ops.Swapin) -> Why:
    swapped = [(s, e) for s, e, pte in mm.ptes.clip(op.at, op.at + op.pages) if pte.kind == SWAP]
    for s, e in swapped:
        access(machine, mm, s, e - s, None)
    return why("swapped-in", pages=sum(e - s for s, e in swapped))


def _split(machine: Machine, mm: Mm, op: ops.Split) -> Why:
    return split_range(machine, mm, op.at, op.at + op.pages)


def _collapse(machine: Machine, mm: Mm, op: ops.Collapse) -> Why:
    return madvise(machine, mm, op.at, op.pages, "COLLAPSE")


def _set(machine: Machine, mm: Mm, op: ops.Set) -> Why:
    settings = machine.settings
    if op.key == "mthp":
        order = op.pages.bit_length() - 1
        others = [(o, mode) for o, mode in settings.mthp if o != order]
        value: object = tuple(sorted([*others, (order, str(op.value))], reverse=True))
    else:
        value = op.value
    changed: dict[str, Any] = {op.key: value}
    machine.settings = settings._replace(**changed)
    return why("set", key=op.key, value=op.value)


def _exit(machine: Machine, mm: Mm, op: ops.Exit) -> Why:
    exit_process(machine, mm)
    return why("exited")


MEANING: dict[type, Callable[[Machine, Mm, Any], Why | tuple[Why, int]]] = {
    ops.Mmap: _mmap,
    ops.Munmap: _munmap,
    ops.Mprotect: _mprotect,
    ops.Mlock: _mlock,
    ops.Munlock: _munlock,
    ops.Mseal: _mseal,
    ops.Madvise: _madvise,
    ops.Touch: _touch,
    ops.Read: _read,
    ops.Mremap: _mremap,
    ops.Fork: _fork,
    ops.Exit: _exit,
    ops.KsmScan: _ksm_scan,
    ops.KsmMerge: _ksm_merge,
    ops.Pin: _pin,
    ops.Unpin: _unpin,
    ops.Migrate: _migrate,
    ops.Swapout: _swapout,
    ops.Swapin: _swapin,
    ops.Split: _split,
    ops.Collapse: _collapse,
    ops.Set: _set,
}


def apply(machine: Machine, op: ops.Operation) -> tuple[Why, int | None]:
    """Carry out an operation: what it did, and the page that it returned (mmap, mremap).

    Raises Refused when the kernel says no (what was done before stays done) and NotModelled.
    """
    meaning = MEANING.get(type(op))
    if meaning is None:
        raise NotModelled(type(op).__name__.lower())
    did = meaning(machine, machine.mms[op.process], op)
    if isinstance(op, ops.Mmap):
        assert isinstance(did, Why)
        return did, op.at
    # A Why is a tuple too, so tell them apart by type.
    return (did, None) if isinstance(did, Why) else did
