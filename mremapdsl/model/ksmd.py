"""What ksmd remembers: its scan list, an rmap_item a page, and the KSM pages by content."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class RmapItem(NamedTuple):
    """struct ksm_rmap_item."""

    age: int = 0
    """Passes that have seen this page unmerged."""
    skips: int = 0
    """Passes that may still pass it over."""
    checksum: int = -1
    """Content at the last look; -1 before the first."""
    frame: int = -1
    """The KSM page (stable node) that it is on the list of; -1 for none."""
    anon_vma: int = 0
    """The anon_vma whose tree a walk of the KSM page searches for this item."""
    linear: int = 0
    """Linear index when it was merged (used by 7.3's lookup)."""


class Ksm:
    """What ksmd knows."""

    __slots__ = ("items", "mms", "orphans", "stable")

    def __init__(self) -> None:
        self.mms: list[str] = []
        """Processes in the scan list, in order of entry."""
        self.items: dict[str, dict[int, RmapItem]] = {}
        self.orphans: list[tuple[int, RmapItem]] = []
        """(page, item) of KSM pages of processes that have exited, until ksmd comes by."""
        self.stable: dict[int, list[int]] = {}
        """KSM frames per content, oldest first."""

    def copy(self) -> Ksm:
        new = Ksm()
        new.mms = self.mms[:]
        new.items = {name: dict(items) for name, items in self.items.items()}
        new.orphans = self.orphans[:]
        new.stable = {data: frames[:] for data, frames in self.stable.items()}
        return new

    def pages(self) -> Iterator[tuple[int, RmapItem]]:
        """Every (page, item)."""
        for items in self.items.values():
            yield from items.items()
        yield from self.orphans
