"""Rewriting the folios of a moved range, one walk over its old page tables. Mirrors the June 2025 series.

Each run of entries is rewritten, left alone, or an :class:`Obstacle`, as the rule set says.  Undoing is the same walk
with the source's goal, as in the series.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mremapdsl.model.machine import HUGE_PAGES, Machine, Mm
from mremapdsl.model.records import ANON, KSM, MIGRATION, PRESENT, SWAP, Frame, Pte, Vma
from mremapdsl.model.thp import folio_of, split_folio

MOMENT_LINKED = "linked"
"""The new VMA is in place, its anon_vma locked."""
MOMENT_REWRITTEN = "rewritten"
"""A folio (or a row of like ones) points to the new VMA; its page table entries are still at the old place."""
MOMENT_OBSTACLE = "stopped"
"""The walk has met an obstacle; nothing is undone yet."""
MOMENT_PUT_BACK = "put back"
"""The undo has pointed a folio (or a row of like ones) at the old VMA again."""
MOMENT_MOVED = "moved"
"""The page tables have moved, the anon_vma is still locked."""
MOMENT_UNLOCKED = "unlocked"
"""The lock is gone; the second merge comes next."""

MOST_APART = HUGE_PAGES
"""Like pages in a row that are taken one by one when somebody may act in between."""


class Obstacle(Exception):
    """The relocation cannot go on."""

    def __init__(self, reason: str, page: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.page = page
        self.done = 0
        """Folios rewritten before it."""


class Span(NamedTuple):
    """The range that moves, at its old place."""

    start: int
    end: int
    to: int


class Goal(NamedTuple):
    """What rewritten folios shall say."""

    anon: int
    """folio->mapping."""
    skew: int
    """index - old page."""


def gate(machine: Machine, source: Vma) -> str | None:
    """The first reason against relocating this VMA at all, before anything is done; None if there is none."""
    if source.file is not None:
        return "not-anonymous"
    if not source.anon:
        return None
    against: str | None = machine.rules.sharing.gate(source, machine.anon_vmas[source.anon])
    return against


def has_ksm(machine: Machine, mm: Mm, start: int, end: int) -> bool:
    """Whether the range maps a KSM page."""
    return any(
        frame.kind == KSM
        for s, e, pte in mm.ptes.clip(start, end)
        if pte.kind == PRESENT
        for _, _, frame in machine.frames.clip(s + pte.delta, e + pte.delta)
    )


def rewrite(machine: Machine, mm: Mm, span: Span, goal: Goal, locked_root: int, *, undoing: bool = False) -> int:
    """Point every folio of the range that can be at ``goal``; how many. Raises Obstacle, those before it rewritten."""
    return _Walk(machine, mm, span, goal, locked_root, undoing=undoing).run()


def find_obstacle(machine: Machine, mm: Mm, span: Span, locked_root: int) -> None:
    """Raise the Obstacle that :func:`rewrite` would meet, without touching anything."""
    _Walk(machine, mm, span, None, locked_root).run()


class _Walk:
    """One walk over the old range; without a goal it only looks."""

    def __init__(
        self, machine: Machine, mm: Mm, span: Span, goal: Goal | None, locked_root: int, *, undoing: bool = False
    ) -> None:
        self.machine = machine
        self.rules = machine.rules
        self.mm = mm
        self.span = span
        self.goal = goal
        self.locked_root = locked_root
        self.undoing = undoing
        self.done = 0
        self.rewritten: list[tuple[int, int]] = []
        """Runs of pages whose folios were rewritten and that nothing was told of yet."""
        self.told = False

    def run(self) -> int:
        """Folios rewritten."""
        at = self.span.start
        try:
            while at < self.span.end:
                runs = self.mm.ptes.clip(at, self.span.end)
                if not runs:
                    break
                at = self.entries(*runs[0])
        except Obstacle as obstacle:
            obstacle.done = self.done
            self.tell_rewritten()
            raise
        if self.told:
            self.tell_rewritten()
        return self.done

    def entries(self, start: int, end: int, pte: Pte) -> int:
        """A run of like entries, or the part of it that can be dealt with at once. Where to go on."""
        if pte.huge:
            return self.huge(start, pte)
        rewrites = pte.kind == PRESENT or self.rules.nonpresent == "fix"
        if self.machine.one_by_one and rewrites and end - start <= MOST_APART:
            end = start + 1
        if pte.kind == PRESENT:
            return self.present(start, end, pte)
        if pte.kind in (SWAP, MIGRATION):
            self.nonpresent(start, end, pte)
        return end

    def point(self, first: int, last: int, index_delta: int, page: int) -> None:
        """Folios [first, last), met at ``page``, get the goal's anon_vma and index = frame + index_delta."""
        if self.goal is not None:
            home = self.goal.anon
            self.machine.edit_frames(first, last, lambda f: f._replace(home=home, delta=index_delta))
            stop = min(self.span.end, page + last - first)
            if self.rewritten and self.rewritten[-1][1] == page:
                self.rewritten[-1] = self.rewritten[-1][0], stop
            else:
                self.rewritten.append((page, stop))
            self.machine.moment(self.mm, MOMENT_PUT_BACK if self.undoing else MOMENT_REWRITTEN, page, stop)

    def skew(self) -> int:
        return self.goal.skew if self.goal is not None else 0

    def note(self, reason: str, **values: int) -> None:
        """Tell of something, on the first walk that acts; and before it of what was rewritten without more ado."""
        if self.goal is not None and not self.undoing:
            self.tell_rewritten()
            self.machine.note(reason, **values)
            self.told = True

    def tell_rewritten(self) -> None:
        for start, end in self.rewritten if not self.undoing else ():
            self.machine.note("relocation-rewrote", start=start, last=end - 1)
        self.rewritten.clear()

    def check_mark(self, frame: Frame, page: int) -> None:
        """A folio that was ever shared stops the relocation if the rules go by marks."""
        if self.rules.sharing.marks and frame.ever_shared:
            raise Obstacle("ever-shared-folio", page)

    # --- PMD entries -----------------------------------------------------------------------------------

    def huge(self, at: int, pte: Pte) -> int:
        """One PMD entry: rewritten whole, split into single entries, or an obstacle."""
        block = at - at % HUGE_PAGES
        end = block + HUGE_PAGES
        if block < self.span.start or end > self.span.end:
            raise Obstacle("partial-huge-page", at)
        if (self.span.to - self.span.start) % HUGE_PAGES:
            if self.goal is None:
                return self.entries(block, end, pte._replace(huge=False))
            self.machine.split_huge_block(self.mm, block)
            return block
        if pte.kind == MIGRATION and self.rules.nonpresent != "fix":
            raise Obstacle("huge-migration-entry", block)
        if pte.kind == MIGRATION:
            first = block + pte.delta
            self.point(first, first + HUGE_PAGES, self.skew() - pte.delta, block)
            self.done += 1
        if pte.kind == PRESENT:
            first = block + pte.delta
            for _, _, frame in self.machine.frames.clip(first, first + HUGE_PAGES):
                self.check_huge(frame, block)
            self.point(first, first + HUGE_PAGES, self.skew() - pte.delta, block)
            self.done += 1
        return end

    def check_huge(self, frame: Frame, block: int) -> None:
        """A PMD-mapped folio is an obstacle where a small one would be left alone."""
        self.check_mark(frame, block)
        if self.rules.shared_folio == "skip" and frame.maps > 1:
            raise Obstacle("shared-huge-page", block)
        if self.rules.pinned != "move" and frame.pins:
            raise Obstacle("pinned-huge-page", block)

    # --- single entries --------------------------------------------------------------------------------

    def present(self, start: int, end: int, pte: Pte) -> int:
        """A row of like small folios, or one large folio."""
        first, last, frame = self.machine.frames.clip(start + pte.delta, end + pte.delta)[0]
        stop = last - pte.delta
        self.check_mark(frame, start)
        if frame.kind != ANON:
            return stop
        if frame.order:
            return self.large(start, pte, frame)
        index_delta = self.skew() - pte.delta
        if self.may_rewrite(frame, start, index_delta):
            self.point(first, last, index_delta, start)
            self.done += stop - start
        return stop

    def may_rewrite(self, frame: Frame, page: int, index_delta: int) -> bool:
        """Whether a folio is rewritten; False leaves it as it is."""
        if self.rules.shared_folio == "skip" and frame.maps > 1:
            self.note("relocation-skipped-shared", page=page)
            return False
        if frame.pins and self.rules.pinned == "stop":
            raise Obstacle("pinned-folio", page)
        if frame.pins and self.rules.pinned == "skip":
            self.note("relocation-skipped-pinned", page=page)
            if self.undoing and frame.delta != index_delta:
                self.machine.note("undo-skipped-pinned", page=page)
            return False
        return True

    def large(self, page: int, pte: Pte, frame: Frame) -> int:
        """A large folio mapped by single entries, met at ``page``: rewritten in one step, split, or an obstacle.

        Whether it lies in the range is judged by the aligned block of *addresses* around the page, and its index is set
        as if the page were its first.
        """
        head, end, runs = folio_of(self.machine, page + pte.delta)
        size = end - head
        block = page - page % size
        for _, _, part in runs:
            self.check_mark(part, page)
        if block >= self.span.start and block + size <= self.span.end:
            index_delta = page + self.skew() - head
            if all(self.may_rewrite(f, page, index_delta) for _, _, f in runs):
                self.point(head, end, index_delta, page)
                self.done += 1
            return block + size
        if self.rules.large_folio == "stop":
            raise Obstacle("large-folio-crosses", page)
        home = self.machine.anon_vmas.get(frame.home)
        if home is not None and home.root == self.locked_root:
            raise Obstacle("large-folio-same-root", page)
        if any(f.pins for _, _, f in runs):
            raise Obstacle("large-folio-pinned", page)
        if self.goal is None:
            return min(self.span.end, end - pte.delta)
        split_folio(self.machine, page + pte.delta)
        self.note("relocation-split-folio", page=page, order=frame.order)
        return page

    # --- entries without a present page ----------------------------------------------------------------

    def nonpresent(self, start: int, end: int, pte: Pte) -> None:
        """Swap and migration entries: left alone, fixed, or an obstacle."""
        if self.rules.sharing.marks and self.marked(start, end, pte):
            raise Obstacle("ever-shared-folio", start)
        if self.rules.nonpresent == "stop":
            raise Obstacle("nonpresent-entry", start)
        if self.rules.nonpresent == "skip":
            self.note("relocation-skipped-nonpresent", start=start, last=end - 1)
            return
        for first, last, delta in self.behind(start, end, pte):
            for s, e, frame in self.machine.frames.clip(first, last):
                if frame.order:
                    self.large_behind(s, delta)
                else:
                    self.point(s, e, self.skew() - delta, s - delta)
                    self.done += e - s

    def large_behind(self, first: int, delta: int) -> None:
        """A large folio behind entries is rewritten whole; there is no splitting it, so it must lie in the range."""
        head, end, _ = folio_of(self.machine, first)
        if head - delta < self.span.start or end - delta > self.span.end:
            raise Obstacle("large-folio-crosses", first - delta)
        if first == head:
            self.point(head, end, self.skew() - delta, head - delta)
            self.done += 1

    def behind(self, start: int, end: int, pte: Pte) -> Iterator[tuple[int, int, int]]:
        """The folios behind entries, under migration or in the swap cache: (first frame, end, frame - page)."""
        if pte.kind == MIGRATION:
            yield start + pte.delta, end + pte.delta, pte.delta
            return
        for s, e, slot in self.machine.slots.clip(start + pte.delta, end + pte.delta):
            if slot.cached is not None:
                yield s + slot.cached, e + slot.cached, pte.delta + slot.cached

    def marked(self, start: int, end: int, pte: Pte) -> bool:
        """Whether a folio or slot behind the entries carries the ever-shared mark."""
        first, last = start + pte.delta, end + pte.delta
        if pte.kind == MIGRATION:
            return any(frame.ever_shared for _, _, frame in self.machine.frames.clip(first, last))
        return any(slot.ever_shared for _, _, slot in self.machine.slots.clip(first, last))
