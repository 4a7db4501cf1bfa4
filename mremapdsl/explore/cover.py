"""Which reasons can be reached at all, and by which shortest scenario: searches of many small worlds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from mremapdsl import ops
from mremapdsl.explore.alphabet import Bounds
from mremapdsl.explore.run import Limits, search
from mremapdsl.explore.search import Problem, Taken, reasons, symmetry_for, take
from mremapdsl.explore.witness import Witness, witness
from mremapdsl.model.journal import Journal
from mremapdsl.model.machine import Machine
from mremapdsl.model.reasons import REASONS
from mremapdsl.model.rules import Rules
from mremapdsl.ops import Operation


class World(NamedTuple):
    """A small world to search: what is there at first, what can be done, how far."""

    about: str
    kinds: tuple[str, ...]
    depth: int
    pages: int = 3
    processes: int = 2
    before: tuple[Operation, ...] = ()


def _mmap(at: int, pages: int, **more: object) -> Operation:
    return ops.Mmap("parent", at, pages, **more)  # type: ignore[arg-type]


HUGE = (ops.Set("parent", "thp", "always"), _mmap(0, 512), ops.Touch("parent", 0, 1))
WORLDS = (
    World("one process", ("mmap", "touch", "munmap", "mremap", "mprotect", "resize", "read"), 4, processes=1),
    World("calls that are wrong", ("mmap", "mmap-read-only", "touch", "mremap", "invalid"), 4, 2, 1),
    World("forks", ("mmap", "touch", "fork", "exit", "mremap", "relocate", "must"), 6, 2),
    World("merges", ("mmap", "mmap-read-only", "touch", "mremap", "mprotect", "relocate"), 5, 3, 1),
    World("children merge", ("mmap", "touch", "fork", "mremap", "mprotect", "resize"), 5, 2),
    World("shared memory and files", ("mmap-shared", "mmap-file", "mmap", "touch", "mremap", "relocate", "resize"),
          4, 2, 1),
    World("DONTUNMAP and locks", ("mmap", "touch", "mlock", "dontunmap", "mremap", "dontneed", "guard"), 5, 2, 1),
    World("several VMAs", ("mmap", "mmap-read-only", "touch", "spanning", "resize-move", "mseal", "munmap"), 4, 3, 1),
    World("swap, pins and migration", ("mmap", "touch", "fork", "pin", "unpin", "swapout", "swapout-cached", "swapin",
          "migrate", "free", "pageout", "relocate", "populate", "exit"), 5, 2),
    World("KSM", ("ksm", "mremap", "relocate", "munmap"), 3, 3, 1,
          (_mmap(3, 2), ops.Touch("parent", 3, 2), ops.Madvise("parent", 3, 2, "MERGEABLE"))),
    World("few mappings allowed", ("mmap", "mmap-read-only", "mremap", "munmap", "mprotect", "dontfork"), 4, 3, 1,
          (ops.Set("parent", "max_map_count", 2),)),
    World("very few mappings allowed", ("mmap", "mremap", "munmap", "dontfork"), 3, 3, 1,
          (ops.Set("parent", "max_map_count", 7),)),
    World("no swap", ("mmap", "touch", "swapout"), 3, 2, 1, (ops.Set("parent", "swap", False),)),
)  # fmt: skip


class Aimed(NamedTuple):
    """A run that is known to reach reasons which lie too deep for a search, mostly about huge pages."""

    about: str
    run: tuple[Operation, ...]


M = ops.MAYMOVE | ops.FIXED
AIMED = (
    Aimed("huge page, part of it", (*HUGE, ops.Mremap("parent", 0, 64, 64, 2048, M | ops.RELOCATE))),
    Aimed("huge page, pinned", (*HUGE, ops.Pin("parent", 0, 1),
          ops.Mremap("parent", 0, 512, 512, 2048, M | ops.RELOCATE))),
    Aimed("huge page under migration", (*HUGE, ops.Migrate("parent", 0, 512, "begin"),
          ops.Mremap("parent", 0, 512, 512, 2048, M | ops.RELOCATE))),
    Aimed("huge page moved unaligned, then in part", (*HUGE, ops.Mremap("parent", 0, 512, 512, 2049, M),
          ops.Mremap("parent", 2049, 64, 64, 4096, M | ops.RELOCATE))),
    Aimed("the same, pinned", (*HUGE, ops.Mremap("parent", 0, 512, 512, 2049, M), ops.Pin("parent", 2100, 1),
          ops.Mremap("parent", 2049, 64, 64, 4096, M | ops.RELOCATE))),
    Aimed("large folio next to its own root", (*HUGE, ops.Mremap("parent", 0, 512, 512, 2049, M),
          ops.Mremap("parent", 2049, 64, 64, 1985, M | ops.RELOCATE))),
    Aimed("collapse", (_mmap(0, 1024), ops.Collapse("parent", 0, 512))),
    Aimed("collapse of part of a block", (_mmap(0, 1024), ops.Touch("parent", 0, 1), ops.Collapse("parent", 64, 64))),
    Aimed("collapse without a page table", (_mmap(0, 1024), ops.Touch("parent", 0, 1),
          ops.Collapse("parent", 512, 512))),
    Aimed("collapse over a pin", (_mmap(0, 512), ops.Touch("parent", 0, 1), ops.Pin("parent", 0, 1),
          ops.Collapse("parent", 0, 512))),
    Aimed("collapse over a guard page", (_mmap(0, 512), ops.Madvise("parent", 0, 1, "GUARD_INSTALL"),
          ops.Collapse("parent", 0, 512))),
    Aimed("split", (*HUGE, ops.Split("parent", 0, 1))),
    Aimed("behind the end of shared memory", (_mmap(0, 1, shared=True), ops.Mremap("parent", 0, 1, 2),
          ops.Touch("parent", 1, 1))),
    Aimed("shared huge page", (*HUGE, ops.Fork("parent", "child"),
          ops.Mremap("parent", 0, 512, 512, 2048, M | ops.RELOCATE))),
    Aimed("nothing to change", (_mmap(0, 1), ops.Mprotect("parent", 0, 1, "rw"))),
    Aimed("a second mapping of shared memory", (_mmap(0, 1, shared=True), ops.Mremap("parent", 0, 0, 1, 4, M))),
    Aimed("locked without access", (_mmap(0, 1, prot=""), ops.Mlock("parent", 0, 1))),
    Aimed("advice for private memory", (_mmap(0, 1, shared=True), ops.Madvise("parent", 0, 1, "WIPEONFORK"))),
    Aimed("guard pages", (_mmap(0, 1), ops.Madvise("parent", 0, 1, "GUARD_INSTALL"))),
    Aimed("three generations", (_mmap(0, 1), ops.Touch("parent", 0, 1), ops.Fork("parent", "child"),
          ops.Fork("child", "grandchild"), ops.Exit("child"), ops.Fork("grandchild", "last"))),
    Aimed("shrinking move", (_mmap(0, 2), ops.Mremap("parent", 0, 2, 1, 4, M))),
    Aimed("DONTUNMAP of a moved VMA", (_mmap(0, 1), ops.Touch("parent", 0, 1), ops.Mremap("parent", 0, 1, 1, 4, M),
          ops.Mremap("parent", 4, 1, 1, 8, M | ops.DONTUNMAP))),
    Aimed("two VMAs in one move", (_mmap(0, 1), _mmap(1, 1, prot="r"), ops.Mremap("parent", 0, 2, 2, 4, M))),
    Aimed("a page that a moved child still maps", (_mmap(0, 1), ops.Touch("parent", 0, 1), ops.Fork("parent", "child"),
          ops.Munmap("child", 4, 1), ops.Mremap("parent", 0, 1, 1, 4, M | ops.RELOCATE))),
    Aimed("merging marked for KSM", (ops.KsmMerge("parent", True), _mmap(0, 1))),
)  # fmt: skip


ONLY_UNDER = {
    "unfaulted-neighbour": "anon_vmas_join=unfaulted_only (linux-6.12)",
    "unknown-advice": "guards=unknown (linux-6.12)",
    "pinned-folio": "pinned=abort",
    "nonpresent-entry": "nonpresent=fail",
    "large-folio-crosses": "large_folio=fail",
    "ever-shared-folio": "sharing=ever_shared",
    "ksm-pages": "ksm=give_up",
    "charge-leaks": "shrink_charge=stale (up to 7.2)",
    "source-kept-shifted": "dontunmap_source_pgoff=kept (up to 7.0)",
    "next-piece": "move_range=many_vmas (from 6.17 on)",
}
"""Reasons that some rule sets never give, and the decision that gives them."""


class Covered(NamedTuple):
    """A reason and how it is reached."""

    reason: str
    witness: Witness | None
    about: str


def cover(rules: Rules, jobs: int, seconds: float, tell: Callable[[str], None]) -> Iterator[Covered]:
    """Every reason with its shortest witness, as they are found; at the end those without one."""
    missing = dict.fromkeys(REASONS)
    for world in WORLDS:
        bounds = Bounds(world.pages, world.processes, world.kinds)
        problem = Problem(rules, None, bounds, symmetry_for(bounds), "reasons")
        start = machine_after(rules, world.before)
        limits = Limits(world.depth, 200_000, seconds, on=True)
        result = search(problem, start, limits, jobs)
        tell(f"{world.about}: {result.level.states} states, {result.level.transitions} transitions")
        for found in result.found:
            if found.hit.kind in missing:
                del missing[found.hit.kind]
                yield Covered(found.hit.kind, witness(problem, start, world.before, found), world.about)
    for aimed in AIMED:
        taken: list[Taken] = []
        machine = Machine(rules)
        for op in aimed.run:
            machine.events, machine.journal = [], Journal()
            step = take(machine, op)
            if step is None:
                break
            taken.append(step)
            for reason in reasons(step):
                if reason in missing:
                    del missing[reason]
                    yield Covered(reason, Witness((), taken[:]), aimed.about)
    for reason in missing:
        yield Covered(reason, None, ONLY_UNDER.get(reason, ""))


def machine_after(rules: Rules, before: tuple[Operation, ...]) -> Machine:
    """A machine on which some operations have run."""
    machine = Machine(rules)
    for op in before:
        take(machine, op)
    return machine
