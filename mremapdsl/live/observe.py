"""Looking at the running kernel through /proc, in the backend-neutral terms of ``backend.Observation``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from mremapdsl.backend import AnonVmaView, PageRun, PageView, Unseen, VmaView
from mremapdsl.live import procfs
from mremapdsl.live.kernel import SHOWN_FLAGS
from mremapdsl.live.numbers import FrameNumbers
from mremapdsl.live.process import Process
from mremapdsl.live.procfs import FRAME, OF_FILE, ONCE, PRESENT, SWAPPED, Area, Entries, Frames
from mremapdsl.ops import ARENA, PAGE

NO_PAGE = PageView(".", None, None, None, None, None, None, None, None)
UNKNOWN = "?"
"""Kind of a page of which only root could tell what it is."""


class View:
    """What a run can see of its processes; lives as long as its scenario."""

    def __init__(self, frames: Frames | None, *, flags: bool) -> None:
        self.frames = frames
        """None without root."""
        self.flags = flags
        """Read VmFlags as well."""
        self.processes: dict[str, Process] = {}
        self.objects: dict[int, str] = {}
        """Inodes -> files and shared mappings of the scenario."""
        self.plain = True
        """No large folio and no KSM page can have come about so far."""
        self.anon_vmas: dict[int, str] = {}
        """Addresses of anon_vmas -> our names (seen by BPF)."""
        self.last_anon_vma = 0
        self.numbers = FrameNumbers()


class LiveObservation:
    """An Observation of the running kernel; valid until the next step."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._vmas: dict[str, list[VmaView]] = {}
        self._anonymous: dict[str, list[procfs.Anonymous]] = {}

    def processes(self) -> Sequence[str]:
        return list(self.view.processes)

    def _process(self, name: str) -> Process:
        try:
            return self.view.processes[name]
        except KeyError:
            raise Unseen(f"process {name} does not exist (any more)") from None

    @cached_property
    def _areas(self) -> dict[str, list[Area]]:
        return {name: procfs.areas(process) for name, process in self.view.processes.items()}

    # --- VMAs --------------------------------------------------------------------------------------------

    def vmas(self, process: str) -> Sequence[VmaView]:
        if process not in self._vmas:
            self._process(process)
            areas = self._areas[process]
            starts = [area.start for area in areas] if self.view.flags else []
            flags = procfs.vm_flags(self._process(process), starts) if starts else {}
            self._vmas[process] = [self._vma(area, flags.get(area.start, ())) for area in areas]
        return self._vmas[process]

    def _vma(self, area: Area, flags: Sequence[str]) -> VmaView:
        file = self.view.objects.get(area.inode) if area.inode else None
        pgoff = area.offset if area.inode else None
        shown = tuple(flag for flag in SHOWN_FLAGS if flag in flags)
        return VmaView(area.start, area.end, area.prot, pgoff, None, None, shown, file)

    # --- pages -------------------------------------------------------------------------------------------

    def pages(self, process: str) -> Sequence[PageRun]:
        found: list[PageRun] = []
        target = self._process(process)
        for start, end in blocks(self._areas[process]):
            for run in procfs.entries(target, start, end):
                for page_run in self._runs(process, run):
                    extend(found, page_run)
        return found

    def _runs(self, process: str, run: Entries) -> Iterator[PageRun]:
        """Runs of one kind in a run of entries."""
        if not run.entry & PRESENT:
            kind = "M" if procfs.is_migration(run.entry) and not procfs.is_guard(run.entry) else "S"
            yield PageRun(run.page, run.count, kind, None, False, None)
            return
        once = bool(run.entry & ONCE)
        if self.view.frames is None:
            for page in range(run.page, run.page + run.count):
                yield PageRun(page, 1, self._kind_without_frames(process, page, run.entry), None, once, None)
            return
        frame = run.entry & FRAME
        flags = self.view.frames.flags(frame, run.count if run.step else 1)
        first = 0
        while first < run.count:
            kind = self._kind(process, run.page + first, flags[first if run.step else 0])
            last = first + 1
            while last < run.count and (not run.step or self._kind(process, run.page + last, flags[last]) == kind):
                last += 1
            if kind == "F":
                last = min(last, self._area(process, run.page + first).end - run.page)
            yield from self._kind_runs(process, run, kind, first, last, once)
            first = last

    def _kind_runs(self, process: str, run: Entries, kind: str, first: int, last: int, once: bool) -> Iterator[PageRun]:
        page, count = run.page + first, last - first
        if kind == "Z":
            yield PageRun(page, count, kind, None, False, None)
            return
        index = self._file_index(process, page) if kind == "F" else None
        frame, numbers = run.entry & FRAME, self.view.numbers
        if not run.step:
            for i in range(count):
                yield PageRun(page + i, 1, kind, numbers.of(frame), once, None if index is None else index + i)
            return
        if kind == "H":
            self._number_folios(frame + first, count)
        for offset, number, ours in numbers.rows(frame + first, count):
            yield PageRun(page + offset, number, kind, ours, once, None if index is None else index + offset)

    def _kind(self, process: str, page: int, flags: int) -> str:
        """What a present page is; UNKNOWN where KSM pages look like others."""
        assert self.view.frames is not None
        kind = self.view.frames.kind_of(flags)
        if kind != "P" or self.view.frames.marks_ksm or self.view.plain:
            return kind
        if process not in self._anonymous:
            self._anonymous[process] = procfs.anonymous(self._process(process))
        counts = next(counts for counts in self._anonymous[process] if counts.start <= page < counts.end)
        return UNKNOWN if counts.ksm not in (0, counts.pages) else "K" if counts.ksm else "P"

    def _number_folios(self, frame: int, count: int) -> None:
        """Number the large folios behind frames."""
        assert self.view.frames is not None
        end = frame + count
        while frame < end:
            head, size = self.view.frames.folio(frame)
            self.view.numbers.folio(head, size)
            frame = head + size

    def _area(self, process: str, page: int) -> procfs.Area:
        return next(a for a in self._areas[process] if a.start <= page < a.end)

    def _file_index(self, process: str, page: int) -> int | None:
        """Where in its file a page of a file mapping lies."""
        area = self._area(process, page)
        return area.offset + page - area.start if area.inode else None

    def _kind_without_frames(self, process: str, page: int, entry: int) -> str:
        """What a present page is, as far as anybody may know."""
        if not entry & ONCE:
            try:
                for _ in procfs.occupied(self._process(process), page, page + 1, procfs.IS_ZERO):
                    return "Z"
            except OSError:
                return UNKNOWN
        if entry & OF_FILE:
            area = self._area(process, page)
            return "F" if area.inode else UNKNOWN
        return "P" if self.view.plain else UNKNOWN

    def page(self, process: str, page: int) -> PageView:
        target = self._process(process)
        entry = procfs.entry(target, page)
        if entry & SWAPPED:
            kind = "G" if procfs.is_guard(entry) else "M" if procfs.is_migration(entry) else "S"
            return NO_PAGE._replace(kind=kind)
        if not entry & PRESENT or not any(a.start <= page < a.end for a in self._areas[process]):
            return NO_PAGE
        frames = self.view.frames
        if frames is None:
            kind = self._kind_without_frames(process, page, entry)
            if kind == UNKNOWN:
                raise Unseen(f"what page {page} is can be seen only by root: it may be a KSM page or a large folio")
            once = 1 if entry & ONCE else None
            return NO_PAGE._replace(kind=kind, mapcount=0 if kind == "Z" else once, value=value(target, page))
        frame = entry & FRAME
        kind = self._kind(process, page, frames.flags(frame, 1)[0])
        if kind == UNKNOWN:
            raise Unseen("kpageflags of this kernel marks all anonymous pages as KSM pages")
        if kind == "Z":
            return NO_PAGE._replace(kind=kind, exclusive=False, value=0, pmd=self._mapped_by_pmd(target, page))
        if kind == "H":
            self._number_folios(frame, 1)
        return NO_PAGE._replace(
            kind=kind,
            frame=self.view.numbers.of(frame),
            index=self._file_index(process, page) if kind == "F" else None,
            anon_vma="" if kind in "KF" else None,
            mapcount=frames.mapcount(frame),
            value=value(target, page),
            order=frames.folio(frame)[1].bit_length() - 1,
            pmd=kind in "HF" and self._mapped_by_pmd(target, page),
        )

    @staticmethod
    def _mapped_by_pmd(target: Process, page: int) -> bool | None:
        try:
            return any(procfs.occupied(target, page, page + 1, procfs.IS_HUGE))
        except OSError:
            return None

    def alike(self, process: str, page: int) -> int:
        return page + 1

    # --- what /proc does not show ----------------------------------------------------------------------------

    def anon_vmas(self) -> Mapping[str, AnonVmaView]:
        return {}

    def rmap(self, process: str, page: int) -> frozenset[tuple[str, int]]:
        raise Unseen("reverse-map walks cannot be seen (--deep shows them)")

    def count(self, process: str, what: str) -> int:
        if what == "vmas":
            return len(self._areas[process])
        raise Unseen(f"{COUNTS.get(what, 'what the call counted inside')} cannot be seen")

    def would_show(self, invariant: str | None) -> None:
        raise Unseen("whether the reverse map is complete cannot be seen (--deep shows it)")


COUNTS = {
    "anon_vmas": "the number of anon_vmas",
    "committed": "what these processes alone add to Committed_AS",
}


def blocks(areas: Sequence[Area]) -> Iterator[tuple[int, int]]:
    """VMAs that touch, as one range."""
    start = end = None
    for area in areas:
        if area.start != end:
            if start is not None and end is not None:
                yield start, end
            start = area.start
        end = area.end
    if start is not None and end is not None:
        yield start, end


def extend(runs: list[PageRun], run: PageRun) -> None:
    """Append a run, or lengthen the last one if this one continues it."""
    if runs:
        page, count, kind, frame, exclusive, index = runs[-1]
        if (
            page + count == run.page
            and (kind, exclusive) == (run.kind, run.exclusive)
            and (run.frame if frame is None else frame + count) == run.frame
            and (run.index if index is None else index + count) == run.index
        ):
            runs[-1] = PageRun(page, count + run.count, kind, frame, exclusive, index)
            return
    runs.append(run)


def value(process: Process, page: int) -> int | None:
    """The first byte of a present page. This takes a reference for a moment, on the processes' own CPU."""
    try:
        return os.pread(process.open("mem"), 1, ARENA + page * PAGE)[0]
    except (OSError, IndexError):
        return None
