"""The machine: processes, anon_vmas, frames, swap slots, files, and the few verbs that change them.

Containers are mutable, the records in them are not; a copy of the containers is a snapshot.  Every change goes
through a verb of :class:`Machine`, which also enters it in the journal, so that the invariants after a step need
to look only at what the step changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from mremapdsl.model.journal import Journal
from mremapdsl.model.ksmd import Ksm
from mremapdsl.model.reason import Why
from mremapdsl.model.records import FILE, GUARD, MIGRATION, PRESENT, SWAP, ZERO, AnonVma, Frame, Pte, Slot, Vma
from mremapdsl.model.rules import Rules
from mremapdsl.model.runs import Run, RunMap

if TYPE_CHECKING:
    from mremapdsl.model.merge import Attempt

HUGE_ORDER = 9
HUGE_PAGES = 1 << HUGE_ORDER
"""Pages under one PMD."""


class Mm:
    """struct mm_struct: one process's address space."""

    __slots__ = ("merge_any", "name", "pinned_before", "pins", "ptes", "tables", "vmas")

    def __init__(self, name: str) -> None:
        self.name = name
        self.vmas: list[Vma] = []
        """Sorted by address, disjoint."""
        self.ptes: RunMap[Pte] = RunMap()
        self.tables: RunMap[bool] = RunMap()
        """PMD ranges (page // 512) that have a page table page."""
        self.merge_any = False
        """PR_SET_MEMORY_MERGE is on."""
        self.pinned_before = False
        """MMF_HAS_PINNED: some page was ever pinned through this mm."""
        self.pins: list[tuple[int, int, int]] = []
        """Pins held: (start, end, frame - page) as they were when taken."""

    def copy(self) -> Mm:
        new = Mm.__new__(Mm)
        new.name = self.name
        new.vmas = self.vmas[:]
        new.ptes = self.ptes.copy()
        new.tables = self.tables.copy()
        new.merge_any = self.merge_any
        new.pinned_before = self.pinned_before
        new.pins = self.pins[:]
        return new

    def find(self, page: int) -> int:
        """Position of the first VMA that ends after ``page`` (find_vma)."""
        vmas = self.vmas
        low, high = 0, len(vmas)
        while low < high:
            middle = (low + high) // 2
            if vmas[middle].end > page:
                high = middle
            else:
                low = middle + 1
        return low

    def vma_at(self, page: int) -> Vma | None:
        i = self.find(page)
        if i < len(self.vmas) and self.vmas[i].start <= page:
            return self.vmas[i]
        return None


COUNTERS = ("folios_relocated", "folios_undone", "folios_split", "ptes_moved", "pmds_moved")
"""Work that ``count`` can ask about; a PMD moved is a huge mapping or a whole page table."""


class Settings(NamedTuple):
    """The knobs of ``set``."""

    thp: str = "madvise"
    mthp: tuple[tuple[int, str], ...] = ()
    """(order, mode) of each enabled size, largest first."""
    swap: bool = True
    max_map_count: int = 65530
    ksm_zero_pages: bool = False


class Swapped(NamedTuple):
    """A run of pages of the page cache that went to swap."""

    data: int
    order: int
    """Of the folios that went."""


class File(NamedTuple):
    """A file or a shmem object."""

    pages: int | None
    """Its size; None for a file as large as anyone maps it."""
    cache: RunMap[int]
    """frame - file page of each page in the page cache."""
    swapped: RunMap[Swapped]
    """The pages that are in swap instead."""


class Machine:
    """One machine under one rule set."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.mms: dict[str, Mm] = {"parent": Mm("parent")}
        self.anon_vmas: dict[int, AnonVma] = {}
        self.frames: RunMap[Frame] = RunMap()
        self.slots: RunMap[Slot] = RunMap()
        self.files: dict[str, File] = {}
        self.ksm = Ksm()
        self.settings = Settings()
        self.next_anon = 1
        self.next_frame = 0
        self.next_slot = 0
        self.step_number = 0
        self.committed = 0
        """Committed_AS of these processes in pages."""
        self.counters: dict[str, int] = dict.fromkeys(COUNTERS, 0)
        self.locked_root = 0
        """Root of the anon_vma that a relocation under way has locked; 0 for none."""
        self.inside: Callable[[Machine, Mm, str, int, int], None] | None = None
        """Called at each :meth:`moment`."""
        self.one_by_one = False
        """Whether a moment follows each folio that a relocation rewrites, not only each run of like ones."""
        self.journal = Journal()
        self.events: list[Why | Attempt] = []
        """What was decided on the way, for explanations; cleared by whoever takes them."""

    def copy(self) -> Machine:
        """A snapshot: containers are copied, records shared. The journal and the events start empty."""
        new = Machine.__new__(Machine)
        new.__dict__.update(self.__dict__)
        new.mms = {name: mm.copy() for name, mm in self.mms.items()}
        new.anon_vmas = self.anon_vmas.copy()
        new.frames = self.frames.copy()
        new.slots = self.slots.copy()
        new.files = {
            name: File(file.pages, file.cache.copy(), file.swapped.copy()) for name, file in self.files.items()
        }
        new.ksm = self.ksm.copy()
        new.counters = self.counters.copy()
        new.journal = Journal()
        new.events = []
        return new

    def note(self, reason: str, /, **values: Any) -> None:
        self.events.append(Why(reason, values))

    # --- the lock that a relocation holds ---------------------------------------------------------------

    def lock_anon_vma(self, number: int) -> int:
        """Write-lock an anon_vma (its root's rwsem): walks of folios that point into its tree wait. Its root."""
        root = self.anon_vmas[number].root
        self.locked_root = root if self.rules.relocation_lock else 0
        return root

    def unlock_anon_vma(self) -> None:
        self.locked_root = 0

    def moment(self, mm: Mm, name: str, start: int, end: int) -> None:
        """A moment between two inner steps of a relocating move, about pages [start, end): others may look or act."""
        if self.inside is not None:
            self.inside(self, mm, name, start, end)

    # --- VMAs ------------------------------------------------------------------------------------------

    def replace_vmas(self, mm: Mm, i: int, j: int, new: list[Vma]) -> None:
        """Put ``new`` in the place of VMAs i to j. The counts of their anon_vmas are the caller's business."""
        journal = self.journal
        for vma in mm.vmas[i:j]:
            journal.vmas.append((mm.name, vma.start, vma.end))
            for number in vma.chain:
                journal.links[number] -= 1
            if vma.anon:
                journal.active[vma.anon] -= 1
        mm.vmas[i:j] = new
        for vma in new:
            journal.vmas.append((mm.name, vma.start, vma.end))
            for number in vma.chain:
                journal.links[number] += 1
            if vma.anon:
                journal.active[vma.anon] += 1

    def split(self, mm: Mm, i: int, at: int, *, new_below: bool) -> None:
        """Cut VMA i at page ``at``; the part below it, else that above, is new, its chain a clone (__split_vma)."""
        vma = mm.vmas[i]
        self.split_huge_at(mm, at)
        parts = [vma.resized(vma.start, at), vma.resized(at, vma.end)]
        new = 0 if new_below else 1
        parts[new] = parts[new]._replace(chain=self.cloned_chain(vma.chain))
        self.replace_vmas(mm, i, i + 1, parts)
        self.link(vma)

    # --- anon_vmas -------------------------------------------------------------------------------------

    def new_anon_vma(self, root: int = 0, parent: int = 0) -> int:
        """A new anon_vma without links; a root (no arguments) is its own parent and counts itself as a child."""
        number = self.next_anon
        self.next_anon += 1
        if root:
            self.anon_vmas[number] = AnonVma(root, parent, 0, 0, 0)
            self._add_child(parent, 1)
        else:
            self.anon_vmas[number] = AnonVma(number, number, 0, 0, 0)
            self._add_child(number, 1)
        return number

    def _add_child(self, number: int, n: int) -> None:
        root, parent, children, active, links = self.anon_vmas[number]
        self.anon_vmas[number] = AnonVma(root, parent, children + n, active, links)
        self.journal.children[number] -= n

    def cloned_chain(self, chain: tuple[int, ...]) -> tuple[int, ...]:
        """A copy of an anon_vma_chain: each link goes to the head of the new list as the old one is walked."""
        walk: tuple[int, ...] = self.rules.chain_walk(chain)
        return walk[::-1]

    def link(self, vma: Vma) -> None:
        """Count the links of a VMA that now exists, and its use of its active anon_vma."""
        anons, journal = self.anon_vmas, self.journal
        for number in vma.chain:
            root, parent, children, active, links = anons[number]
            anons[number] = AnonVma(root, parent, children, active + (number == vma.anon), links + 1)
            journal.links[number] -= 1
            if not links:
                journal.children[parent] += 1
        if vma.anon:
            journal.active[vma.anon] -= 1

    def unlink(self, vma: Vma) -> None:
        """Drop the links of a VMA that goes or becomes unfaulted; an anon_vma without links goes (unlink_anon_vmas)."""
        anons, journal = self.anon_vmas, self.journal
        emptied: list[int] = []
        for number in vma.chain:
            root, parent, children, active, links = anons[number]
            anons[number] = AnonVma(root, parent, children, active - (number == vma.anon), links - 1)
            journal.links[number] += 1
            if links == 1:
                emptied.append(number)
        if vma.anon:
            journal.active[vma.anon] += 1
        for number in emptied:
            parent = anons[number].parent
            journal.children[parent] -= 1
            if parent in anons:
                self._add_child(parent, -1)
        for number in emptied:
            if anons[number].num_children <= 0:
                del anons[number]

    # --- frames ----------------------------------------------------------------------------------------

    def allocate(self, count: int, order: int = 0) -> int:
        """Fresh frame numbers, aligned for folios of this order; the first is returned."""
        size = 1 << order
        first = -(-self.next_frame // size) * size
        self.next_frame = first + count
        return first

    def put_folios(self, first: int, count: int, frame: Frame) -> None:
        """New frames with this record."""
        self.frames.splice(first, first + count, [(first, first + count, frame)])
        self.journal.frames.append((first, first + count))
        if frame.maps:
            self.journal.maps.append((first, first + count, -frame.maps))

    def edit_frames(
        self, start: int, end: int, change: Callable[[Frame], Frame | None], only_at: tuple[str, int] | None = None
    ) -> None:
        """Replace the records of [start, end); None frees the frames.

        ``only_at`` names the process and first page of the only entries that map them, where the caller knows it.
        """
        journal = self.journal
        new: list[Run[Frame]] = []
        for s, e, frame in self.frames.clip(start, end):
            changed = change(frame)
            maps = frame.maps
            if changed is not None:
                new.append((s, e, changed))
                maps -= changed.maps
                if changed.home != frame.home or changed.delta != frame.delta:
                    if only_at is None:
                        journal.pointed.append((s, e))
                    else:
                        journal.ptes.append((only_at[0], only_at[1], only_at[1] + end - start))
            if maps:
                journal.maps.append((s, e, maps))
        self.frames.splice(start, end, new)
        journal.frames.append((start, end))

    def is_file(self, number: int) -> bool:
        """Whether a frame is one of the page cache."""
        frame = self.frames.at(number)
        return frame is not None and frame.kind == FILE

    def get_frames(self, start: int, end: int) -> None:
        """One more mapping for each frame."""
        self.edit_frames(start, end, _one_more)

    def put_frames(self, start: int, end: int) -> None:
        """One mapping less; frames that nothing holds any more are freed."""
        self.edit_frames(start, end, _one_less)

    # --- page tables -----------------------------------------------------------------------------------

    def set_ptes(self, mm: Mm, start: int, end: int, new: Iterable[Run[Pte]] = ()) -> None:
        """Put entries in the place of [start, end); the counts of frames and slots are the caller's business."""
        journal = self.journal
        for s, e, pte in mm.ptes.clip(start, end):
            _count_entry(journal, s, e, pte, -1)
        fresh = list(new)
        mm.ptes.splice(start, end, fresh)
        for s, e, pte in fresh:
            _count_entry(journal, s, e, pte, 1)
            if not pte.huge:
                self.need_tables(mm, s, e)
        journal.ptes.append((mm.name, start, end))

    def need_tables(self, mm: Mm, start: int, end: int) -> None:
        """Page tables exist for pages [start, end)."""
        first, last = start // HUGE_PAGES, (end - 1) // HUGE_PAGES + 1
        run = mm.tables.run_at(first)
        if run is None or run[1] < last:
            mm.tables.splice(first, last, [(first, last, True)])

    def drop_tables(self, mm: Mm, first: int, last: int) -> None:
        """The page tables of blocks [first, last) are freed."""
        mm.tables.splice(first, last)

    def zap(self, mm: Mm, start: int, end: int, *, keep_guards: bool = False) -> None:
        """Drop every entry of [start, end) and what it held (unmap_page_range); advice leaves guard markers alone."""
        self.split_huge_at(mm, start)
        self.split_huge_at(mm, end)
        runs = mm.ptes.clip(start, end)
        if not runs:
            return
        self.set_ptes(mm, start, end, [run for run in runs if run[2].kind == GUARD] if keep_guards else ())
        for s, e, pte in runs:
            self.drop_entry(s, e, pte)

    def drop_entry(self, start: int, end: int, pte: Pte) -> None:
        """The run no longer maps what it mapped."""
        if pte.kind == PRESENT or pte.kind == MIGRATION:
            self.put_frames(start + pte.delta, end + pte.delta)
        elif pte.kind == SWAP:
            self.put_slots(start + pte.delta, end + pte.delta)

    def edit_slots(self, start: int, end: int, change: Callable[[Slot], Slot | None]) -> None:
        """Replace the records of swap slots; None frees them."""
        new: list[Run[Slot]] = []
        for s, e, slot in self.slots.clip(start, end):
            changed = change(slot)
            users = slot.users
            if changed is not None:
                new.append((s, e, changed))
                users -= changed.users
            if users:
                self.journal.users.append((s, e, users))
        self.slots.splice(start, end, new)

    def put_slots(self, start: int, end: int) -> None:
        """One swap entry less; slots without entries are freed, and with them their place in the swap cache."""
        cached = [(s + slot.cached, e + slot.cached) for s, e, slot in self.slots.clip(start, end)
                  if slot.users == 1 and slot.cached is not None]  # fmt: skip
        self.edit_slots(start, end, _one_user_less)
        for s, e in cached:
            self.edit_frames(s, e, _uncache)

    def split_huge_at(self, mm: Mm, page: int) -> None:
        """A PMD mapping across ``page`` is split; the folio stays as it is."""
        run = mm.ptes.run_at(page)
        if run is not None and run[2].huge and page % HUGE_PAGES:
            self.split_huge_block(mm, page - page % HUGE_PAGES)

    def split_huge_block(self, mm: Mm, block: int) -> None:
        """The PMD mapping of the 512 pages from ``block`` becomes single entries, or nothing if it is one of a file.

        Kernel: __split_huge_pmd.
        """
        for s, e, pte in mm.ptes.clip(block, block + HUGE_PAGES):
            if pte.huge and pte.kind != ZERO and self.is_file(s + pte.delta):
                self.set_ptes(mm, s, e)
                self.put_frames(s + pte.delta, e + pte.delta)
            elif pte.huge:
                self.set_ptes(mm, s, e, [(s, e, pte._replace(huge=False))])


def _count_entry(journal: Journal, start: int, end: int, pte: Pte, n: int) -> None:
    if pte.kind == PRESENT or pte.kind == MIGRATION:
        journal.maps.append((start + pte.delta, end + pte.delta, n))
    elif pte.kind == SWAP:
        journal.users.append((start + pte.delta, end + pte.delta, n))


def _one_more(frame: Frame) -> Frame:
    return frame._replace(maps=frame.maps + 1)


def _one_less(frame: Frame) -> Frame | None:
    if frame.maps == 1 and not frame.pins and frame.swap is None and frame.kind != FILE:
        return None
    return frame._replace(maps=frame.maps - 1)


def _one_user_less(slot: Slot) -> Slot | None:
    return slot._replace(users=slot.users - 1) if slot.users > 1 else None


def _uncache(frame: Frame) -> Frame | None:
    if frame.maps == 0 and not frame.pins:
        return None
    return frame._replace(swap=None)
