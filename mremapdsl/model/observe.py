"""Looking at the model: what a machine shows, in the backend-neutral terms of ``backend.Observation``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from mremapdsl.backend import AnonVmaView, PageRun, PageView, Unseen, VmaView
from mremapdsl.model.locks import waits_for_tree
from mremapdsl.model.machine import HUGE_PAGES, Machine, Mm
from mremapdsl.model.reasons import sentence
from mremapdsl.model.records import (
    FILE,
    FLAG_NAMES,
    GUARD,
    KSM,
    MIGRATION,
    PRESENT,
    SWAP,
    ZERO,
    Frame,
    Pte,
    Vma,
    prot_string,
)
from mremapdsl.model.rmap import walk

SHOWN_FLAGS = [(bit, short) for bit, (short, _) in FLAG_NAMES.items() if bit > 8]
ENTRY_KINDS = {ZERO: "Z", SWAP: "S", GUARD: "S", MIGRATION: "M"}


class ModelObservation:
    """An Observation of a model machine; valid until the machine's next step."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def processes(self) -> Sequence[str]:
        return list(self.machine.mms)

    def _mm(self, process: str) -> Mm:
        try:
            return self.machine.mms[process]
        except KeyError:
            raise Unseen(f"process {process} does not exist (any more)") from None

    def vmas(self, process: str) -> Sequence[VmaView]:
        return [vma_view(vma) for vma in self._mm(process).vmas]

    def pages(self, process: str) -> Sequence[PageRun]:
        return page_runs(self.machine, self._mm(process))

    def page(self, process: str, page: int) -> PageView:
        return page_view(self.machine, self._mm(process), page)

    def alike(self, process: str, page: int) -> int:
        mm = self._mm(process)
        run = mm.ptes.run_at(page)
        if run is None:
            return page + 1
        end, delta = run[1], run[2].delta
        if run[2].kind == SWAP:
            slots = self.machine.slots.run_at(page + delta)
            return min(end, slots[1] - delta) if slots is not None else end
        frames = self.machine.frames.run_at(page + delta) if run[2].kind in (PRESENT, MIGRATION) else None
        return min(end, frames[1] - delta) if frames is not None else end

    def anon_vmas(self) -> dict[str, AnonVmaView]:
        return {
            f"av{number}": AnonVmaView(f"av{a.root}", f"av{a.parent}", a.num_children, a.num_active_vmas)
            for number, a in self.machine.anon_vmas.items()
        }

    def rmap(self, process: str, page: int) -> frozenset[tuple[str, int]]:
        mm = self._mm(process)
        run = mm.ptes.run_at(page)
        if run is None or run[2].kind != PRESENT:
            raise Unseen(f"page {page} of {process} maps no folio")
        waits = waits_for_tree(self.machine, mm, page, page + 1)
        if waits is not None:
            raise Unseen(sentence(waits))
        number = page + run[2].delta
        return frozenset((mm.name, start) for mm, start, _ in walk(self.machine, number, number + 1))

    def count(self, process: str, what: str) -> int:
        if what == "vmas":
            return len(self._mm(process).vmas)
        if what == "anon_vmas":
            return len(self.machine.anon_vmas)
        if what == "committed":
            return self.machine.committed
        return self.machine.counters[what]

    def would_show(self, invariant: str | None) -> None:
        """Every step is checked for all of them."""


def vma_view(vma: Vma) -> VmaView:
    prot, flags = shown_flags(vma.flags)
    anon = f"av{vma.anon}" if vma.anon else ""
    return VmaView(vma.start, vma.end, prot, vma.start + vma.skew, anon, len(vma.chain), flags, vma.file)


@cache
def shown_flags(flags: int) -> tuple[str, tuple[str, ...]]:
    """The protection, and the names of the other flags."""
    return prot_string(flags), tuple(short for bit, short in SHOWN_FLAGS if flags & bit)


def page_runs(machine: Machine, mm: Mm) -> list[PageRun]:
    """The mapped pages as maximal runs of one kind with consecutive frames and indices."""
    found: list[PageRun] = []
    for start, end, pte in mm.ptes:
        if pte.kind != PRESENT:
            _extend(found, PageRun(start, end - start, ENTRY_KINDS[pte.kind], None, False, None))
            continue
        delta = pte.delta
        for s, e, frame in machine.frames.clip(start + delta, end + delta):
            kind = frame_kind(frame)
            for first, last, once in mapped_once(machine, s, e, frame, pte.huge):
                index = None if kind == "K" else first + frame.delta
                _extend(found, PageRun(first - delta, last - first, kind, first, once, index))
    return found


def mapped_once(machine: Machine, start: int, end: int, frame: Frame, huge: bool) -> list[tuple[int, int, bool]]:
    """Where pagemap shows bit 56 (mapped once); a PMD mapping shows its first page's for all (pagemap_pmd_range)."""
    once = frame.maps == 1
    head = start - start % HUGE_PAGES
    if not huge or head == start or not machine.rules.pagemap_huge_exclusive:
        return [(start, end, once)]
    first = machine.frames.at(head)
    of_first = first is not None and first.maps == 1
    border = min(end, head + HUGE_PAGES)
    return [(start, border, of_first)] + ([(border, end, once)] if border < end else [])


def frame_kind(frame: Frame) -> str:
    if frame.kind == KSM:
        return "K"
    if frame.kind == FILE:
        return "F"
    return "H" if frame.order else "P"


def _extend(runs: list[PageRun], run: PageRun) -> None:
    """Append a run, or lengthen the last one if this one continues it."""
    if runs:
        last = runs[-1]
        n = last.count
        if (
            last.page + n == run.page
            and last.kind == run.kind
            and last.exclusive == run.exclusive
            and (run.frame is None or last.frame is None or last.frame + n == run.frame)
            and (run.index is None or last.index is None or last.index + n == run.index)
        ):
            runs[-1] = last._replace(count=n + run.count)
            return
    runs.append(run)


def page_view(machine: Machine, mm: Mm, page: int) -> PageView:
    run = mm.ptes.run_at(page)
    if run is None:
        return PageView(".", None, None, None, None, None, None, None, None)
    pte: Pte = run[2]
    if pte.kind == GUARD:
        return PageView("G", None, None, None, None, None, None, None, None)
    if pte.kind == ZERO:
        return PageView("Z", None, None, None, None, False, None, 0, None, pte.huge)
    if pte.kind == SWAP:
        slot = machine.slots.at(page + pte.delta)
        data = slot.data if slot else None
        return PageView("S", None, None, None, None, pte.exclusive, None, data, None)
    number = page + pte.delta
    frame = machine.frames.at(number)
    if frame is None:
        raise AssertionError(f"page {page} of {mm.name} maps frame {number}, which does not exist")
    kind = "M" if pte.kind == MIGRATION else frame_kind(frame)
    return PageView(
        kind,
        number,
        None if frame.kind == KSM else number + frame.delta,
        f"av{frame.home}" if frame.home else "",
        frame.maps,
        frame.exclusive,
        frame.pins > 0,
        frame.data,
        frame.order,
        pte.huge,
    )
