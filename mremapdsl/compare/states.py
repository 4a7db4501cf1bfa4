"""Two states in one form: what the model shows and what a kernel shows of the same processes.

Frames and anon_vmas have other numbers on both sides.  They are paired as they appear, and stay paired from step to
step as long as the model keeps them: a page that the model reuses and the kernel copies is a difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

from mremapdsl.backend import AnonVmaView, Observation, PageRun, VmaView
from mremapdsl.live.detail import Detail
from mremapdsl.live.observe import UNKNOWN
from mremapdsl.model.fork import is_pinned
from mremapdsl.model.machine import Machine, Mm
from mremapdsl.model.observe import ENTRY_KINDS, ModelObservation, frame_kind
from mremapdsl.model.records import GUARD, PRESENT, SWAP

Value: TypeAlias = int | str | bool | None


class Differs(NamedTuple):
    """One thing that differs."""

    what: str
    """``prot``, ``frame``, ``num_children``…"""
    process: str
    page: int | None
    """The page that it is about, or the first one of its VMA."""
    model: str
    kernel: str


class Pairs:
    """Which name of the model is which of the kernel."""

    def __init__(self) -> None:
        self._before: dict[Value, Value] = {}
        self._now: dict[Value, Value] = {}
        self._taken: dict[Value, Value] = {}

    def fits(self, model: Value, kernel: Value) -> bool:
        """Whether these two may be one thing, given all pairs so far; from now on they are."""
        if self._before.get(model, kernel) != kernel:
            return False
        return self._now.setdefault(model, kernel) == kernel and self._taken.setdefault(kernel, model) == model

    def partner(self, model: Value) -> Value:
        """What the model's name is called by the kernel so far; None if it has not come up."""
        return self._now.get(model, self._before.get(model))

    def next_state(self, *, lasting: bool) -> None:
        """Another state: ``lasting`` names are still good there."""
        self._before, self._now, self._taken = self._now if lasting else {}, {}, {}


@runtime_checkable
class Internals(Protocol):
    """What an observation of a kernel shows besides if it can see inside."""

    def chains(self, process: str) -> Sequence[tuple[str, ...]]:
        """The anon_vmas of each VMA's chain, list head first."""
        ...

    def details(self, process: str) -> Mapping[int, Detail]:
        """Each page that has an entry."""
        ...


class Comparison:
    """The states after each step of a program, one pair after the other.

    ``flags`` says that the kernel's side shows VmFlags; the others, that its numbers of frames and its names of
    anon_vmas stay the same from state to state.
    """

    def __init__(self, *, flags: bool, lasting_frames: bool, lasting_names: bool) -> None:
        self.flags = flags
        self._lasting = (lasting_frames, lasting_names, lasting_names)
        self.frames = Pairs()
        self.anon_vmas = Pairs()
        self.files = Pairs()

    def first_difference(self, model: ModelObservation, kernel: Observation) -> Differs | None:
        """The first thing that differs and both can see."""
        for pairs, lasting in zip((self.frames, self.anon_vmas, self.files), self._lasting, strict=True):
            pairs.next_state(lasting=lasting)
        return next(self._differences(model, kernel), None)

    def _differences(self, model: ModelObservation, kernel: Observation) -> Iterator[Differs]:
        ours, theirs = list(model.processes()), list(kernel.processes())
        if sorted(ours) != sorted(theirs):
            yield Differs("processes", "", None, ", ".join(ours), ", ".join(theirs))
            return
        for process in ours:
            yield from self._vmas(process, model.vmas(process), kernel.vmas(process))
        for process in ours:
            yield from self._pages(process, model.pages(process), kernel.pages(process))
        if isinstance(kernel, Internals):
            for name, mm in model.machine.mms.items():
                yield from self._chains(name, mm, kernel.chains(name))
                yield from self._details(name, details(model.machine, mm), kernel.details(name))
            if len(model.anon_vmas()) != len(kernel.anon_vmas()):
                numbers = (str(len(side.anon_vmas())) for side in (model, kernel))
                yield Differs("number of anon_vmas", "", None, *numbers)
        yield from self._anon_vmas(model.anon_vmas(), kernel.anon_vmas())

    # --- VMAs --------------------------------------------------------------------------------------------

    def _vmas(self, process: str, model: Sequence[VmaView], kernel: Sequence[VmaView]) -> Iterator[Differs]:
        for i, ours in enumerate(model):
            if i == len(kernel):
                yield Differs("VMA", process, ours.start, f"[{ours.start},{ours.end})", "no VMA")
                return
            theirs = kernel[i]
            if ours[:2] != theirs[:2]:
                names = (f"[{vma.start},{vma.end})" for vma in (ours, theirs))
                yield Differs("VMA", process, min(ours.start, theirs.start), *names)
            elif ours != theirs:
                yield from self._vma(process, ours, theirs)
        if len(kernel) > len(model):
            extra = kernel[len(model)]
            yield Differs("VMA", process, extra.start, "no VMA", f"[{extra.start},{extra.end})")

    def _vma(self, process: str, ours: VmaView, theirs: VmaView) -> Iterator[Differs]:
        def differs(what: str, model: object, kernel: object) -> Differs:
            return Differs(what, process, ours.start, str(model), str(kernel))

        if ours.prot != theirs.prot:
            yield differs("prot", ours.prot, theirs.prot)
        if theirs.pgoff is not None and ours.pgoff != theirs.pgoff:
            yield differs("pgoff", ours.pgoff, theirs.pgoff)
        if self.flags and ours.flags != theirs.flags:
            yield differs("flags", " ".join(ours.flags) or "none", " ".join(theirs.flags) or "none")
        if not self.files.fits(ours.file, theirs.file):
            yield differs("file", ours.file or "none", theirs.file or "none")
        if theirs.anon_vma is not None:
            if (ours.anon_vma == "") != (theirs.anon_vma == "") or not self.anon_vmas.fits(
                ours.anon_vma, theirs.anon_vma
            ):
                yield differs("anon_vma", ours.anon_vma or "none", theirs.anon_vma or "none")
            if ours.chain != theirs.chain:
                yield differs("length of the anon_vma_chain", ours.chain, theirs.chain)

    # --- pages -------------------------------------------------------------------------------------------

    def _pages(self, process: str, model: Sequence[PageRun], kernel: Sequence[PageRun]) -> Iterator[Differs]:
        ours, theirs = each_page(model), each_page(kernel)
        while True:
            a, b = next(ours, None), next(theirs, None)
            if a is None and b is None:
                return
            if a is None or b is None or a[0] != b[0]:
                first = min(page[0] for page in (a, b) if page is not None)
                kinds = (page[1] if page is not None and page[0] == first else "." for page in (a, b))
                yield Differs("page", process, first, *map(kind_words, kinds))
                return
            if a != b:
                yield from self._page(process, a, b)

    def _page(self, process: str, ours: Page, theirs: Page) -> Iterator[Differs]:
        page, kind, frame, exclusive, index = ours
        _, their_kind, their_frame, their_exclusive, their_index = theirs
        if kind != their_kind and their_kind != UNKNOWN:
            yield Differs("page", process, page, kind_words(kind), kind_words(their_kind))
            return
        if frame is not None and their_frame is not None and not self.frames.fits(frame, their_frame):
            was = self.frames.partner(frame)
            yield Differs("frame", process, page, f"{frame} (the kernel's {was})", f"{their_frame}")
        if exclusive != their_exclusive:
            words = {True: "mapped once", False: "mapped more than once"}
            yield Differs("exclusive", process, page, words[exclusive], words[their_exclusive])
        if index is not None and their_index is not None and index != their_index:
            yield Differs("index", process, page, str(index), str(their_index))

    # --- what only BPF shows ------------------------------------------------------------------------------------

    def _chains(self, process: str, mm: Mm, kernel: Sequence[tuple[str, ...]]) -> Iterator[Differs]:
        for vma, theirs in zip(mm.vmas, kernel, strict=True):
            ours = [f"av{number}" for number in vma.chain]
            if not all(self.anon_vmas.fits(a, b) for a, b in zip(ours, theirs, strict=True)):
                known = (f"{name} (the kernel's {self.anon_vmas.partner(name)})" for name in ours)
                yield Differs("anon_vma_chain", process, vma.start, " -> ".join(known), " -> ".join(theirs))

    def _details(
        self, process: str, model: Iterable[tuple[int, Detail]], kernel: Mapping[int, Detail]
    ) -> Iterator[Differs]:
        for page, ours in model:
            theirs = kernel[page]
            if ours != theirs:
                yield from self._detail(process, page, ours, theirs)

    def _detail(self, process: str, page: int, ours: Detail, theirs: Detail) -> Iterator[Differs]:
        for field, a, b in zip(Detail._fields, ours, theirs, strict=True):
            if field == "anon_vma" and a and b:
                if not self.anon_vmas.fits(a, b):
                    known = f"{a} (the kernel's {self.anon_vmas.partner(a)})"
                    yield Differs("folio's anon_vma", process, page, known, str(b))
            elif a != b and a is not None and b is not None:
                yield Differs(WORDS.get(field, field), process, page, str(a), str(b))

    def _anon_vmas(self, model: Mapping[str, AnonVmaView], kernel: Mapping[str, AnonVmaView]) -> Iterator[Differs]:
        """The anon_vmas that the kernel's side shows."""
        for name, ours in model.items():
            theirs = kernel.get(str(self.anon_vmas.partner(name)))
            if theirs is None:
                continue
            for field, a, b in (("root", ours.root, theirs.root), ("parent", ours.parent, theirs.parent)):
                if not self.anon_vmas.fits(a, b):
                    known = f"{a} (the kernel's {self.anon_vmas.partner(a)})"
                    yield Differs(f"{field} of anon_vma {name}", "", None, known, b)
            for field, m, n in zip(COUNTS, ours[2:], theirs[2:], strict=True):
                if m != n:
                    yield Differs(f"{field} of anon_vma {name}", "", None, str(m), str(n))


COUNTS = AnonVmaView._fields[2:]
WORDS = {"exclusive": "PageAnonExclusive", "value": "first byte"}
Page: TypeAlias = tuple[int, str, int | None, bool, int | None]


def each_page(runs: Sequence[PageRun]) -> Iterator[Page]:
    for page, count, kind, frame, exclusive, index in runs:
        if count == 1:
            yield page, kind, frame, exclusive, index
            continue
        for i in range(count):
            yield (
                page + i, kind, None if frame is None else frame + i, exclusive, None if index is None else index + i
            )  # fmt: skip


def details(machine: Machine, mm: Mm) -> Iterator[tuple[int, Detail]]:
    """Each mapped page of a process in the model. A folio whose anon_vma is freed points to whatever is there now."""
    for start, end, pte in mm.ptes:
        if pte.kind != PRESENT:
            kind = "G" if pte.kind == GUARD else ENTRY_KINDS[pte.kind]
            exclusive = pte.exclusive if pte.kind == SWAP else False if kind == "Z" else None
            detail = Detail(kind, None, None, exclusive, None, None, 0 if kind == "Z" else None)
            for page in range(start, end):
                yield page, detail
            continue
        for first, last, frame in machine.frames.clip(start + pte.delta, end + pte.delta):
            home = "" if not frame.home else f"av{frame.home}" if frame.home in machine.anon_vmas else None
            for number, stop in folios(first, last, frame.order):
                pinned = is_pinned(machine, number)
                detail = Detail(frame_kind(frame), home, frame.maps, frame.exclusive, frame.order, pinned, frame.data)
                for page in range(number - pte.delta, stop - pte.delta):
                    yield page, detail


def folios(first: int, last: int, order: int) -> Iterator[tuple[int, int]]:
    """Frames [first, last) of one record, one large folio at a time (a kernel counts pins by the folio)."""
    if not order:
        yield first, last
        return
    size = 1 << order
    while first < last:
        stop = min(last, first - first % size + size)
        yield first, stop
        first = stop


KINDS = {
    "P": "an anonymous page", "H": "part of a large folio", "K": "a KSM page", "Z": "the zero page",
    "S": "a swap entry or marker", "M": "a migration entry", ".": "nothing", "F": "a file page",
    UNKNOWN: "an anonymous page",
}  # fmt: skip


def kind_words(kind: str) -> str:
    return KINDS[kind]
