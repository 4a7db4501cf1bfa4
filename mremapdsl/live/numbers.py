"""Small numbers for what the kernel tells apart by addresses: page frames."""

from __future__ import annotations

from collections.abc import Iterator


class FrameNumbers:
    """Our numbers of page frames: those of pages seen first together, and those of a folio, are consecutive."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._folios: dict[int, int] = {}
        """First frame of each large folio seen -> its size."""
        self._next = 0

    def of(self, frame: int) -> int:
        """The number of one frame."""
        if frame not in self._numbers:
            self._numbers[frame] = self._next
            self._next += 1
        return self._numbers[frame]

    def rows(self, frame: int, count: int) -> Iterator[tuple[int, int, int]]:
        """(offset, count, number) of consecutive frames, as rows whose numbers are consecutive, too."""
        first, start = 0, self.of(frame)
        for i in range(1, count):
            if self.of(frame + i) != start + i - first:
                yield first, i - first, start
                first, start = i, self.of(frame + i)
        yield first, count - first, start

    def folio(self, head: int, size: int) -> None:
        """These frames are one folio."""
        if self._folios.get(head) == size:
            return
        self._folios[head] = size
        for i in range(size):
            self._numbers[head + i] = self._next + i
        self._next += size
