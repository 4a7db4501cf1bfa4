"""Looking at the running kernel through BPF: everything that the model shows, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from mremapdsl.backend import AnonVmaView, Breach, PageRun, PageView, Unseen, VmaView
from mremapdsl.live import procfs
from mremapdsl.live.bpf import Answer, Deep, PageRecord, VmaRecord
from mremapdsl.live.detail import Detail
from mremapdsl.live.kernel import FLAG_BITS
from mremapdsl.live.observe import NO_PAGE, View, extend
from mremapdsl.live.procfs import FIRST_PAGE, ZERO_PAGE
from mremapdsl.ops import PAGE

VM_MAYSHARE = 0x80
PG_ANON_EXCLUSIVE = 1 << 11
PTE_PRESENT, SWAP_EXCLUSIVE = 0x101, 1 << 3
"""Present, or present but without access; the exclusive mark of a swap entry."""
SWAP_TYPE_SHIFT = 59
FILE_PAGES = FIRST_PAGE // 2
"""Files are shorter; page numbers of the arena are higher."""
PIN = 1024
"""What a pin adds to the reference count of a small folio (GUP_PIN_COUNTING_BIAS)."""


class Seen(NamedTuple):
    """The memory of one process."""

    vmas: list[VmaView]
    chains: list[tuple[str, ...]]
    """The anon_vmas that each VMA is linked to, list head first."""
    pages: dict[int, PageRecord]


class DeepObservation:
    """An Observation of the running kernel with its internals."""

    def __init__(self, view: View, deep: Deep) -> None:
        self.view = view
        names = list(view.processes)
        answer = deep.look([view.processes[name].pid for name in names])
        self._anon_vmas = self._named(answer)
        self._seen = {name: Seen([], [], {}) for name in names}
        links = iter(answer.links)
        for record in answer.vmas:
            seen = self._seen[names[record.process]]
            chain = [next(links).anon_vma for _ in range(record.links)]
            seen.vmas.append(self._vma(record))
            seen.chains.append(tuple(view.anon_vmas[anon] for anon in chain))
        for page in answer.pages:
            self._seen[names[page.process]].pages[page.address // PAGE - FIRST_PAGE] = page

    def _named(self, answer: Answer) -> dict[str, AnonVmaView]:
        """The anon_vmas by name. One keeps its name as long as every look shows it."""
        names = self.view.anon_vmas
        present = {link.anon_vma for link in answer.links}
        for address in [address for address in names if address not in present]:
            del names[address]
        for link in answer.links:
            for address in (link.anon_vma, link.root, link.parent):
                if address not in names:
                    self.view.last_anon_vma += 1
                    names[address] = f"av{self.view.last_anon_vma}"
        return {
            names[link.anon_vma]: AnonVmaView(
                names[link.root], names[link.parent], link.num_children, link.num_active_vmas
            )
            for link in answer.links
        }

    # --- VMAs --------------------------------------------------------------------------------------------

    def _vma(self, record: VmaRecord) -> VmaView:
        flags = record.flags
        prot = "".join(letter if flags & bit else "-" for letter, bit in zip("rwx", (1, 2, 4), strict=True))
        return VmaView(
            record.start // PAGE - FIRST_PAGE,
            record.end // PAGE - FIRST_PAGE,
            prot + ("s" if flags & VM_MAYSHARE else "p"),
            record.pgoff if record.inode else record.pgoff - FIRST_PAGE,
            self.view.anon_vmas[record.anon_vma] if record.anon_vma else "",
            record.links,
            tuple(name for name, bits in FLAG_BITS.items() if flags & bits),
            self.view.objects.get(record.inode) if record.inode else None,
        )

    def processes(self) -> Sequence[str]:
        return list(self._seen)

    def _process(self, name: str) -> Seen:
        try:
            return self._seen[name]
        except KeyError:
            raise Unseen(f"process {name} does not exist (any more)") from None

    def vmas(self, process: str) -> Sequence[VmaView]:
        return self._process(process).vmas

    def chains(self, process: str) -> Sequence[tuple[str, ...]]:
        """The anon_vmas of each VMA's chain, list head first."""
        return self._process(process).chains

    def details(self, process: str) -> Mapping[int, Detail]:
        """Each page that has an entry."""
        return {page: self._detail(record) for page, record in self._process(process).pages.items()}

    def _detail(self, record: PageRecord) -> Detail:
        kind = self.kind(record)
        if kind in "GSM":
            exclusive = bool(record.entry & SWAP_EXCLUSIVE) if kind == "S" else None
            return Detail(kind, None, None, exclusive, None, None, None)
        if kind == "Z":
            return Detail(kind, None, None, False, None, None, 0)
        flags = record.folio_flags if record.huge else record.page_flags
        return Detail(
            kind,
            self.view.anon_vmas.get(record.mapping & ~3, UNREACHED) if kind in "PH" else "",
            record.mapcount,
            kind in "PH" and bool(flags & PG_ANON_EXCLUSIVE),
            record.order,
            record.pincount > 0 if record.order else record.refcount >= PIN,
            record.value,
        )

    def anon_vmas(self) -> Mapping[str, AnonVmaView]:
        return self._anon_vmas

    def _vma_at(self, process: str, page: int) -> tuple[VmaView, tuple[str, ...]]:
        seen = self._process(process)
        return next((v, c) for v, c in zip(seen.vmas, seen.chains, strict=True) if v.start <= page < v.end)

    # --- pages -------------------------------------------------------------------------------------------

    def pages(self, process: str) -> Sequence[PageRun]:
        found: list[PageRun] = []
        for page, record in self._process(process).pages.items():
            extend(found, self._run(process, page, record))
        return found

    def _run(self, process: str, page: int, record: PageRecord) -> PageRun:
        kind = self.kind(record)
        if kind in "ZSGM":
            return PageRun(page, 1, "S" if kind == "G" else kind, None, False, None)
        once = record.mapcount == 1
        if record.huge and record.order:  # which page decides for those of a PMD mapping is the kernel's affair
            once = bool(procfs.entry(self.view.processes[process], page) & procfs.ONCE)
        index = None if kind == "K" else index_of(record)
        return PageRun(page, 1, kind, self._number(record), once, index)

    def _number(self, record: PageRecord) -> int:
        """Our number of a page's frame."""
        if record.order:
            size = 1 << record.order
            self.view.numbers.folio(record.frame - record.frame % size, size)
        return self.view.numbers.of(record.frame)

    def kind(self, record: PageRecord) -> str:
        """What is mapped, as in PageView."""
        if not record.entry & PTE_PRESENT:
            kind = record.entry >> SWAP_TYPE_SHIFT
            return "G" if kind == procfs.MARKER else "M" if kind in procfs.MIGRATION else "S"
        if record.mapping & 1:
            return "K" if record.mapping & 2 else "H" if record.order else "P"
        return "Z" if self._is_zero(record.frame) else "F"

    def _is_zero(self, frame: int) -> bool:
        frames = self.view.frames
        return frames is not None and bool(frames.flags(frame, 1)[0] & ZERO_PAGE)

    def page(self, process: str, page: int) -> PageView:
        record = self._process(process).pages.get(page)
        if record is None:
            return NO_PAGE
        kind, anon_vma, mapcount, exclusive, order, pinned, value = self._detail(record)
        maps = kind in "PHKF"
        frame = self._number(record) if maps else None
        index = index_of(record) if maps and kind != "K" else None
        return PageView(kind, frame, index, anon_vma, mapcount, exclusive, pinned, value, order, bool(record.huge))

    def alike(self, process: str, page: int) -> int:
        return page + 1

    # --- reverse maps ----------------------------------------------------------------------------------------

    @cached_property
    def _mappings(self) -> dict[int, list[tuple[str, int]]]:
        """Frame -> (process, page) of its page table entries."""
        found: dict[int, list[tuple[str, int]]] = {}
        for name, seen in self._seen.items():
            for page, record in seen.pages.items():
                if record.entry & PTE_PRESENT:
                    found.setdefault(record.frame, []).append((name, page))
        return found

    def rmap(self, process: str, page: int) -> frozenset[tuple[str, int]]:
        record = self._process(process).pages.get(page)
        kind = self.kind(record) if record is not None else "."
        if record is None or kind not in "PHKF":
            raise Unseen(f"page {page} of {process} maps no folio")
        if kind == "K":
            raise Unseen("the reverse map of KSM pages cannot be seen")
        return frozenset(place for place in self._mappings[record.frame] if kind == "F" or self.is_found(*place))

    def is_found(self, process: str, page: int) -> bool:
        """Whether a walk of the folio mapped there finds this mapping: through this VMA, at this address.

        Kernel: rmap_walk_anon, vma_address.
        """
        vma, chain = self._vma_at(process, page)
        record = self._process(process).pages[page]
        if self.view.anon_vmas.get(record.mapping & ~3) not in chain or vma.pgoff is None:
            return False
        # since 7.3 private pages of files have an offset of their own, which is not read
        foreign = vma.file is not None and record.index >= FILE_PAGES
        return foreign or index_of(record) - vma.pgoff == page - vma.start

    def breaches(self) -> Iterator[Breach]:
        """The mappings that a walk of their folio does not find."""
        for name, seen in self._seen.items():
            for page, record in seen.pages.items():
                if self.kind(record) in "PH" and not self.is_found(name, page):
                    yield Breach(COMPLETE, name, page, self._missed(name, page, record))

    def _missed(self, process: str, page: int, record: PageRecord) -> str:
        vma, chain = self._vma_at(process, page)
        home = self.view.anon_vmas.get(record.mapping & ~3, UNREACHED)
        return (
            f"a walk of the folio at page {page} of {process} does not find this mapping: the folio has "
            f"index {index_of(record)} and anon_vma {home}, the VMA [{vma.start},{vma.end}) "
            f"has pgoff {vma.pgoff} and is linked to {', '.join(chain) or 'none'}"
        )

    def count(self, process: str, what: str) -> int:
        if what == "vmas":
            return len(self._process(process).vmas)
        if what == "anon_vmas":
            return len(self._anon_vmas)
        raise Unseen(f"what is counted as {what} cannot be seen")

    def would_show(self, invariant: str | None) -> None:
        if invariant != COMPLETE:
            raise Unseen(f"of the invariants, only {COMPLETE} can be seen")
        if any(self.kind(record) == "K" for seen in self._seen.values() for record in seen.pages.values()):
            raise Unseen("the reverse map of KSM pages cannot be seen")


COMPLETE = "rmap-complete"
"""The invariant that BPF shows."""
UNREACHED = "an anon_vma that no VMA is linked to"


def index_of(record: PageRecord) -> int:
    """The page's index: in file pages if it is one of a file (also of a private copy), else relative to the arena."""
    return record.index if record.index < FILE_PAGES else record.index - FIRST_PAGE
