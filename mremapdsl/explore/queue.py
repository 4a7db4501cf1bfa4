"""States to look behind, in order: in memory while they are few, in a temporary file when they are many."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from tempfile import SpooledTemporaryFile

IN_MEMORY = 1 << 24
"""Bytes of keys from which on they go to a file."""
LENGTH = 4
"""Bytes that say how long a key is."""


class Queue:
    """Marshalled keys of states that are numbered ``first``, ``first + step``, … in the order in which they come."""

    def __init__(self, first: int, step: int = 1) -> None:
        self.first = first
        self.step = step
        self.count = 0
        self.file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  (closed by close)

    def append(self, key: bytes) -> None:
        """Errors: OSError where there is no room for the file."""
        self.file.write(len(key).to_bytes(LENGTH, "little") + key)
        self.count += 1

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[bytes]:
        """The keys; one iteration at a time, and nothing appended meanwhile."""
        self.file.seek(0)
        for _ in range(self.count):
            yield self.file.read(int.from_bytes(self.file.read(LENGTH), "little"))

    @property
    def states(self) -> range:
        """The numbers of the states."""
        return range(self.first, self.first + self.count * self.step, self.step)

    def every(self, n: int, begin: int) -> Queue:
        """Every n-th state from the one at ``begin`` (from 0) on; this queue is closed."""
        kept = Queue(self.first + begin * self.step, n * self.step)
        for key in islice(self, begin, None, n):
            kept.append(key)
        self.close()
        return kept

    def close(self) -> None:
        """Remove the file."""
        self.file.close()
