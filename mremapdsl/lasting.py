"""Looking at a machine by processes some of which have exited: there, nothing is mapped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mremapdsl.backend import AnonVmaView, Observation, PageRun, PageView, Unseen, VmaView

NOTHING = PageView(".", None, None, None, None, None, None, None, None)


class Lasting:
    """An Observation that answers for every process there ever was."""

    def __init__(self, now: Observation) -> None:
        self.now = now
        self.living = frozenset(now.processes())

    def processes(self) -> Sequence[str]:
        return self.now.processes()

    def vmas(self, process: str) -> Sequence[VmaView]:
        return self.now.vmas(process) if process in self.living else ()

    def pages(self, process: str) -> Sequence[PageRun]:
        return self.now.pages(process) if process in self.living else ()

    def page(self, process: str, page: int) -> PageView:
        return self.now.page(process, page) if process in self.living else NOTHING

    def alike(self, process: str, page: int) -> int:
        return self.now.alike(process, page)

    def anon_vmas(self) -> Mapping[str, AnonVmaView]:
        return self.now.anon_vmas()

    def rmap(self, process: str, page: int) -> frozenset[tuple[str, int]]:
        if process not in self.living:
            raise Unseen(f"process {process} has exited")
        return self.now.rmap(process, page)

    def count(self, process: str, what: str) -> int:
        return self.now.count(process, what) if process in self.living or what != "vmas" else 0

    def would_show(self, invariant: str | None) -> None:
        self.now.would_show(invariant)
