"""What each operation means to the model: the one table from operation records to algorithms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mremapdsl import ops
from mremapdsl.model.attributes import mlock, mprotect, mseal
from mremapdsl.model.fault import access, populate
from mremapdsl.model.fork import exit_process, fork
from mremapdsl.model.ksm import scan
from mremapdsl.model.machine import Machine, Mm
from mremapdsl.model.madvise import madvise
from mremapdsl.model.mapping import mmap, munmap
from mremapdsl.model.mremap import mremap
from mremapdsl.model.reason import NotModelled, Why, why


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


def _ksm_scan(machine: Machine, mm: Mm, op: ops.KsmScan) -> Why:
    return why("ksm-scanned", pages=scan(machine))


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
