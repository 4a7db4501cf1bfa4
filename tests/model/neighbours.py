"""An exhaustive table of neighbours: what stands left and right of a hole, what comes into it, and how.

    left [0,4)   middle [4,8)   right [8,12)        pages 20 to 75 are workshops and parking places

Each case is a list of operations, made so that every piece is just what its name says when the last one, the call in
question, is carried out.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from mremapdsl import ops

SIDES = ("none", "unfaulted", "same", "other", "child", "shifted", "flags")
"""none; unfaulted; faulted with the middle's anon_vma (or both sides with one, if the middle has none); faulted with
one of its own; inherited through fork; faulted elsewhere and moved here; unfaulted with another VMA flag."""
MIDDLES = ("unfaulted", "faulted", "shifted", "child")
"""unfaulted; faulted at its place; faulted at page 24; inherited through fork."""
CALLS = ("mmap", "grow", "mprotect", "mremap", "dontunmap")
"""mmap into the hole; mremap of the left side that grows into it; mprotect of memory that is there, which makes its
flags those of its neighbours; a move into the hole; a move with DONTUNMAP."""
LEFT, MIDDLE, RIGHT = 0, 4, 8
WORKSHOP = 20
"""Where a shifted middle (and what shares its anon_vma) is made."""
PARKING = 60


class Case(NamedTuple):
    call: str
    left: str
    middle: str
    """``-`` where the call brings new memory."""
    right: str

    @property
    def process(self) -> str:
        """The process that makes the call: the child, if something comes through fork."""
        return "child" if "child" in (self.left, self.middle, self.right) else "parent"


def cases() -> Iterator[Case]:
    for call in CALLS:
        for left, right in product(SIDES, SIDES):
            if call == "mmap" or (call == "grow" and left != "none"):
                yield Case(call, left, "-", right)
            elif call != "grow":
                yield from (Case(call, left, middle, right) for middle in MIDDLES)


def operations(case: Case) -> list[ops.Operation]:
    return [*_inherited(case), *_base(case), *_sides(case), _call(case)]


def _faulted(process: str, at: int) -> Iterator[ops.Operation]:
    """Four pages with an anon_vma of their own, whoever stands beside them."""
    yield ops.Mmap(process, at, 4, "r")
    yield ops.Madvise(process, at, 4, "DONTFORK")
    yield ops.Mprotect(process, at, 4, "rw")
    yield ops.Touch(process, at, 4)
    yield ops.Madvise(process, at, 4, "DOFORK")


def _span(case: Case) -> tuple[int, int]:
    """The middle's place and the sides that share its anon_vma."""
    return (LEFT if case.left == "same" else MIDDLE), (RIGHT + 4 if case.right == "same" else RIGHT)


def _inherited(case: Case) -> Iterator[ops.Operation]:
    """What comes through fork, made in the parent, and the fork."""
    if case.process == "parent":
        return
    if case.middle == "child":
        start, end = _span(case)
        yield ops.Mmap("parent", start, end - start)
        yield ops.Touch("parent", start, end - start)
    for at, kind in ((LEFT, case.left), (RIGHT, case.right)):
        if kind == "child":
            yield from _faulted("parent", at)
    yield ops.Fork("parent", "child")


def _base(case: Case) -> Iterator[ops.Operation]:
    """The middle, where the call wants it, and the sides that share its anon_vma."""
    process = case.process
    start, end = _span(case)
    shift = WORKSHOP if case.middle == "shifted" else 0
    if case.middle != "child" and (case.middle in ("faulted", "shifted") or end - start > 4):
        yield ops.Mmap(process, start + shift, end - start)
        yield ops.Touch(process, start + shift, end - start)
    if case.middle in ("-", "unfaulted"):
        yield ops.Munmap(process, MIDDLE, 4)
    if shift:
        for at, kind in ((LEFT, case.left), (RIGHT, case.right)):
            if kind == "same":
                yield ops.Mremap(process, at + shift, 4, 4, at, ops.MAYMOVE | ops.FIXED)
    yield from _middle(case, process)


def _middle(case: Case, process: str) -> Iterator[ops.Operation]:
    if case.call == "mprotect":
        if case.middle == "unfaulted":
            yield ops.Mmap(process, MIDDLE, 4, "rwx")
        elif case.middle == "shifted":
            yield ops.Mprotect(process, MIDDLE + WORKSHOP, 4, "rwx")
            yield ops.Mremap(process, MIDDLE + WORKSHOP, 4, 4, MIDDLE, ops.MAYMOVE | ops.FIXED)
        else:
            yield ops.Mprotect(process, MIDDLE, 4, "rwx")
    elif case.middle == "unfaulted":
        yield ops.Mmap(process, PARKING, 4)
    elif case.middle in ("faulted", "child"):
        yield ops.Mremap(process, MIDDLE, 4, 4, PARKING, ops.MAYMOVE | ops.FIXED)


def _sides(case: Case) -> Iterator[ops.Operation]:
    process = case.process
    for at, kind in ((LEFT, case.left), (RIGHT, case.right)):
        if kind == "unfaulted":
            yield ops.Mmap(process, at, 4)
        elif kind == "other":
            yield from _faulted(process, at)
        elif kind == "shifted":
            yield ops.Mmap(process, at + 40, 4)
            yield ops.Touch(process, at + 40, 4)
            yield ops.Mremap(process, at + 40, 4, 4, at, ops.MAYMOVE | ops.FIXED)
        elif kind == "flags":
            yield ops.Mmap(process, at, 4)
            yield ops.Madvise(process, at, 4, "DONTFORK")


def _call(case: Case) -> ops.Operation:
    process = case.process
    if case.call == "mmap":
        return ops.Mmap(process, MIDDLE, 4)
    if case.call == "grow":
        return ops.Mremap(process, LEFT, 4, 8)
    if case.call == "mprotect":
        return ops.Mprotect(process, MIDDLE, 4, "rw")
    source = MIDDLE + WORKSHOP if case.middle == "shifted" else PARKING
    flags = ops.MAYMOVE | ops.FIXED | (ops.DONTUNMAP if case.call == "dontunmap" else 0)
    return ops.Mremap(process, source, 4, 4, MIDDLE, flags)
