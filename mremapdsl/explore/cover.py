"""Which reasons can be reached at all, and by which shortest scenario: searches of many small worlds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from mremapdsl import ops
from mremapdsl.explore.alphabet import Action
from mremapdsl.explore.arena import Bounds
from mremapdsl.explore.run import Limits, search
from mremapdsl.explore.search import Hit, Problem, may_slide, symmetry_for
from mremapdsl.explore.taking import During, reasons
from mremapdsl.explore.witness import Witness, after, witness
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
FOLIO = (ops.Set("parent", "mthp", "always", 4), _mmap(0, 4), ops.Touch("parent", 0, 1))
WORLDS = (
    World("one process", ("mmap", "touch", "munmap", "mremap", "mprotect", "resize", "read"), 4, processes=1),
    World("calls that are wrong", ("mmap", "mmap-read-only", "touch", "mremap", "invalid"), 4, 2, 1),
    World("forks", ("mmap", "touch", "fork", "exit", "mremap", "relocate", "must"), 5, 2),
    World("merges", ("mmap", "mmap-read-only", "touch", "mremap", "mprotect", "relocate"), 5, 3, 1),
    World("children and exec", ("mmap", "mmap-exec", "touch", "fork", "mprotect-exec"), 5, 2),
    World("shared memory and files", ("mmap-shared", "mmap-file", "mmap", "touch", "mremap", "relocate", "resize"),
          3, 2, 1),
    World("private files", ("mmap-file", "touch", "mremap"), 4, 3, 1),
    World("DONTUNMAP and locks", ("mmap", "touch", "mlock", "dontunmap", "mremap", "dontneed", "guard"), 4, 2, 1),
    World("several VMAs", ("mmap", "mmap-read-only", "touch", "spanning", "resize-move", "mseal", "munmap"), 3, 4, 1),
    World("swap, pins and migration", ("mmap", "touch", "fork", "pin", "unpin", "swapout", "swapout-cached", "swapin",
          "migrate", "free", "pageout", "relocate", "populate", "exit"), 4, 2),
    World("inside a relocation", ("mmap", "touch", "fork", "inside"), 3, 2),
    World("a folio of four pages", ("munmap", "pin", "relocate", "fork"), 2, 8, 1, FOLIO),
    World("KSM", ("ksm", "mremap", "relocate", "munmap"), 3, 3, 1,
          (_mmap(3, 2), ops.Touch("parent", 3, 2), ops.Madvise("parent", 3, 2, "MERGEABLE"))),
    World("few mappings allowed", ("mmap", "mmap-read-only", "mremap", "munmap", "mprotect", "dontfork"), 3, 3, 1,
          (ops.Set("parent", "max_map_count", 2),)),
    World("no swap", ("mmap", "touch", "swapout"), 3, 2, 1, (ops.Set("parent", "swap", False),)),
)  # fmt: skip


class Aimed(NamedTuple):
    """A run that is known to reach reasons which lie too deep for a search, mostly about huge pages."""

    about: str
    run: tuple[Action, ...]


M = ops.MAYMOVE | ops.FIXED
AIMED = (
    Aimed("huge page, part of it", (*HUGE, ops.Mremap("parent", 0, 64, 64, 2048, M | ops.RELOCATE))),
    Aimed("huge page, pinned", (*HUGE, ops.Pin("parent", 0, 1),
          ops.Mremap("parent", 0, 512, 512, 2048, M | ops.RELOCATE))),
    Aimed("a pin between rewriting and undo", (_mmap(0, 1024), ops.Touch("parent", 507, 5),
          ops.Set("parent", "thp", "always"), ops.Touch("parent", 512, 1),
          During(ops.Mremap("parent", 507, 6, 6, 2048, M | ops.RELOCATE), ops.Pin("parent", 509, 1), 5))),
    Aimed("huge page under migration", (*HUGE, ops.Migrate("parent", 0, 512, "begin"),
          ops.Mremap("parent", 0, 512, 512, 2048, M | ops.RELOCATE))),
    Aimed("huge page moved askew, then in part", (*HUGE, ops.Mremap("parent", 0, 512, 512, 2049, M),
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
    Aimed("collapse over a page under migration", (_mmap(0, 512), ops.Touch("parent", 0, 1),
          ops.Migrate("parent", 0, 1, "begin"), ops.Collapse("parent", 0, 512))),
    Aimed("collapse over a KSM page twice", (_mmap(0, 512), ops.Touch("parent", 0, 2),
          ops.Madvise("parent", 0, 512, "MERGEABLE"), ops.KsmScan("parent"), ops.Collapse("parent", 0, 512))),
    Aimed("collapse of what a child shares", (_mmap(0, 512), ops.Touch("parent", 0, 1), ops.Fork("parent", "child"),
          ops.Collapse("parent", 0, 512))),
    Aimed("collapse of shmem without pages", (_mmap(0, 512, shared=True), ops.Collapse("parent", 0, 512))),
    Aimed("collapse of shmem over a pin", (_mmap(0, 512, shared=True), ops.Touch("parent", 0, 1),
          ops.Pin("parent", 0, 1), ops.Collapse("parent", 0, 512))),
    Aimed("collapse of shmem over a guard page", (_mmap(0, 512, shared=True), ops.Touch("parent", 0, 1),
          ops.Madvise("parent", 7, 1, "GUARD_INSTALL"), ops.Collapse("parent", 0, 512))),
    Aimed("file collapse over a private page", (_mmap(0, 512, file="F"), ops.Touch("parent", 0, 1),
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
    Aimed("DONTUNMAP of a moved VMA", (_mmap(0, 1), ops.Touch("parent", 0, 1), ops.Fork("parent", "child"),
          ops.Mremap("parent", 0, 1, 1, 4, M),
          ops.Mremap("parent", 4, 1, 1, 8, M | ops.DONTUNMAP))),
    Aimed("two VMAs in one move", (_mmap(0, 1), _mmap(1, 1, prot="r"), ops.Mremap("parent", 0, 2, 2, 4, M))),
    Aimed("a page that a moved child still maps", (_mmap(0, 1), ops.Touch("parent", 0, 1), ops.Fork("parent", "child"),
          ops.Munmap("child", 4, 1), ops.Mremap("parent", 0, 1, 1, 4, M | ops.RELOCATE))),
    Aimed("merging marked for KSM", (ops.KsmMerge("parent", True), _mmap(0, 1))),
)  # fmt: skip


NEEDS: dict[str, tuple[tuple[str, str], ...]] = {
    "unknown-flags": (("relocate_flags", "unknown"),),
    "relocate-needs-maymove": (("relocate_flags", "known"),),
    "plain-move": (("trigger", "flag"),),
    "moved-unfaulted": (("trigger", "flag"),),
    "duplicated": (("trigger", "flag"),),
    "unknown-advice": (("guards", "unknown"),),
    "guard": (("guards", "markers"),),
    "unfaulted-neighbour": (("anon_vmas_join", "unfaulted_only"),),
    "neighbour-is-fork-child": (("anon_vmas_join", "either_unfaulted either_unfaulted_copies_too"),),
    "source-is-fork-child": (("anon_vmas_join", "either_unfaulted either_unfaulted_copies_too"),),
    "anon-pgoffs-do-not-continue": (("private_file_index", "anon_pgoff"),),
    "no-whole-block": (("collapse_without_block", "einval"),),
    "no-writable-page": (("collapse_read_only", "refused"),),
    "charge-leaks": (("shrink_charge", "stale"),),
    "account-dropped": (("dontunmap_account", "cleared"),),
    "source-kept-shifted": (("dontunmap_source_pgoff", "kept"),),
    "next-piece": (("move_range", "many_vmas"),),
    "fork-child": (("sharing", "anon_vma chain_only children"),),
    "forked-parent": (("sharing", "anon_vma children"),),
    "ever-shared-folio": (("sharing", "ever_shared"),),
    "shared-huge-page": (("shared_folio", "skip"), ("sharing", "chain_only")),
    "relocation-skipped-shared": (("shared_folio", "skip"), ("sharing", "chain_only")),
    "pinned-folio": (("pinned", "abort"),),
    "pinned-huge-page": (("pinned", "abort skip"),),
    "relocation-skipped-pinned": (("pinned", "skip"),),
    "nonpresent-entry": (("nonpresent", "fail"),),
    "huge-migration-entry": (("nonpresent", "skip fail"),),
    "relocation-skipped-nonpresent": (("nonpresent", "skip"),),
    "large-folio-crosses": (("large_folio", "fail"),),
    "large-folio-same-root": (("large_folio", "split"),),
    "large-folio-pinned": (("large_folio", "split"),),
    "relocation-split-folio": (("large_folio", "split"),),
    "relocation-stopped": (("failure", "undo"),),
    "undo-skipped-pinned": (("failure", "undo"), ("pinned", "skip")),
    "relocation-undone": (("failure", "undo"),),
    "no-anon-vma": (("relocation_memory", "no_anon_vma"),),
    "no-page-table-to-move-to": (("relocation_memory", "no_page_table"),),
    "ksm-pages": (("ksm", "give_up"),),
    "waits-for-anon-vma": (("relocation_lock", "new_anon_vma"),),
}
"""Reason -> the decisions, and their choices, without which no run gives it.

A shared folio comes as far as the two reasons that name it only past a test for sharing that does not see fork parents.
"""
OF_RELOCATION = (
    "relocated", "ordinary-merge", "nothing-to-relocate", "not-anonymous", "fork-child", "forked-parent",
    "partial-huge-page", "huge-migration-entry", "shared-huge-page", "pinned-huge-page", "pinned-folio",
    "ever-shared-folio", "nonpresent-entry", "large-folio-crosses", "large-folio-same-root", "large-folio-pinned",
    "ksm-pages", "waits-for-mmap-lock", "waits-for-anon-vma", "relocation-skipped-shared", "relocation-skipped-pinned",
    "relocation-skipped-nonpresent", "relocation-split-folio", "relocation-stopped", "undo-skipped-pinned",
    "relocation-rewrote", "relocation-undone", "no-anon-vma", "no-page-table-to-move-to",
)  # fmt: skip
"""Reasons that only relocating moves give."""


class Covered(NamedTuple):
    """A reason and how it is reached."""

    reason: str
    witness: Witness | None
    about: str
    """Where it was found, or why not."""
    aimed: bool = False
    """The witness was written for it; a shorter one may exist."""

    @property
    def operations(self) -> int:
        return len(self.witness.taken) if self.witness is not None else 0

    @property
    def errno(self) -> str:
        """What the call failed with for this reason; empty if it did not."""
        last = self.witness.last if self.witness is not None else None
        refused = last is not None and last.why is not None and last.why.reason == self.reason
        return last.result if last is not None and refused and last.result != "ok" else ""


def cover(rules: Rules, jobs: int, seconds: float, tell: Callable[[str], None]) -> Iterator[Covered]:
    """Every reason with a witness, as they are found, and again with each shorter one; at the end those without.

    Raises KeyboardInterrupt with what is known by then already given.
    """
    least: dict[str, int] = {}
    for world in WORLDS:
        for covered in search_world(rules, world, jobs, seconds, tell, least):
            least[covered.reason] = covered.operations
            yield covered
    for covered in aimed_runs(rules, least):
        least[covered.reason] = covered.operations
        yield covered
    for reason in REASONS:
        if reason not in least:
            yield Covered(reason, None, why_not(reason, rules))


def aimed_runs(rules: Rules, least: Mapping[str, int]) -> Iterator[Covered]:
    """The reasons that the aimed runs give in less operations than are known."""
    for aimed in AIMED:
        try:
            taken, _ = after(rules, aimed.run)
        except ValueError:
            continue
        for i, step in enumerate(taken):
            for reason in reasons(step):
                if i + 1 < least.get(reason, i + 2):
                    yield Covered(reason, Witness(Hit(reason, ""), taken[: i + 1]), aimed.about, True)


def search_world(
    rules: Rules, world: World, jobs: int, seconds: float, tell: Callable[[str], None], least: Mapping[str, int]
) -> Iterator[Covered]:
    """The reasons that a small world gives in less operations than are known."""
    begins, start = after(rules, world.before)
    window = None if may_slide(start, world.kinds) else (0, world.pages)
    bounds = Bounds(world.pages, world.processes, world.kinds, window)
    problem = Problem(rules, None, bounds, symmetry_for(bounds), "reasons")
    result = search(problem, start, Limits(world.depth, 200_000, seconds, on=True), jobs)
    processes = "1 process" if world.processes == 1 else f"{world.processes} processes"
    cut = {"states": "; cut off, too many states", "time": "; cut off, out of time"}.get(result.ended, "")
    tell(f"{world.about}: {world.pages} pages, {processes}, {world.depth} operations: "
         f"{result.progress.transitions:,} runs, {result.progress.states:,} distinct states{cut}")  # fmt: skip
    for found in result.found:
        operations = len(begins) + len(found.path)
        if operations < least.get(found.hit.kind, operations + 1):
            yield Covered(found.hit.kind, witness(problem, begins, found), world.about)
    if result.ended == "interrupted":
        raise KeyboardInterrupt


def why_not(reason: str, rules: Rules) -> str:
    """Why no run gives a reason under these rules; empty if that is not known."""
    if reason in OF_RELOCATION and not rules.relocate_flags and not rules.trigger(0):
        return "no move relocates under these rules"
    for decision, choices in NEEDS.get(reason, ()):
        if rules.choices[decision] not in choices.split():
            wanted = " or ".join(f"{decision}={choice}" for choice in choices.split())
            return f"needs {wanted}; these rules have {decision}={rules.choices[decision]}"
    return ""
