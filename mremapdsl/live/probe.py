"""What the running kernel is and knows."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Mapping

from mremapdsl.live import helper, procfs
from mremapdsl.live.kernel import (
    ADVICE,
    MAP_ANONYMOUS,
    MAP_FIXED_NOREPLACE,
    MAP_PRIVATE,
    PR_GET_MEMORY_MERGE,
    READ,
    WRITE,
)
from mremapdsl.live.process import Process
from mremapdsl.live.procfs import Frames
from mremapdsl.ops import ARENA, FIXED, MAYMOVE, MUST_RELOCATE, PAGE, RELOCATE

RELEASE = re.compile(r"(\d+)\.(\d+)(?:\.\d+)?(?:-rc\d+)?")
KERNEL = re.compile(r"linux-(\d+)\.(\d+)")
NOWHERE = (1 << 64) - 1
"""File descriptor -1."""


def release() -> str:
    """``6.18.44``"""
    found = RELEASE.match(os.uname().release)
    return found[0] if found else os.uname().release


def matching_rules(names: Iterable[str], release: str, *, relocates: bool) -> str | None:
    """The rule set that follows a kernel: the latest ``linux-X.Y`` that is not later than it.

    A kernel that knows MREMAP_RELOCATE is taken for the series on its base, where there is a rule set for that.
    """
    version = RELEASE.match(release)
    if version is None:
        return None
    own = (int(version[1]), int(version[2]))
    kernels = {(int(m[1]), int(m[2])): name for name in names if (m := KERNEL.fullmatch(name))}
    base = max((key for key in kernels if key <= own), default=None)
    if base is None:
        return None
    if relocates:
        series = "relocate-v1" if base < (7, 0) else f"relocate-v1-{base[0]}.{base[1]}"
        return series if series in names else None
    return kernels[base]


class Known:
    """What the kernel's calls know, asked of a process without touching a scenario's memory."""

    def __init__(self, process: Process, calls: Mapping[str, int]) -> None:
        self._process = process
        self._calls = calls
        self._asked: dict[str, bool] = {}

    def advice(self, name: str) -> bool:
        """Whether madvise knows this advice: it looks at it before it finds that there is nothing to do."""
        return self._ask(name, "madvise", ARENA, 0, ADVICE[name])

    def mseal(self) -> bool:
        return self._ask("mseal", "mseal", ARENA, 0, 0)

    def merge_any(self) -> bool:
        """Whether prctl knows PR_SET_MEMORY_MERGE."""
        return self._ask("merge_any", "prctl", PR_GET_MEMORY_MERGE)

    def _ask(self, key: str, call: str, *arguments: int) -> bool:
        if key not in self._asked:
            self._asked[key] = self._process.call(self._calls[call], *arguments) >= 0
        return self._asked[key]

    def mremap_flags(self, flags: int) -> bool:
        """Whether mremap knows these flags besides its usual ones: tried on a page of its own."""
        key = f"mremap {flags}"
        if key not in self._asked:
            calls, call = self._calls, self._process.call
            how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE
            page = call(calls["mmap"], ARENA, PAGE, 0, how, NOWHERE, 0)
            moved = call(calls["mremap"], page, PAGE, PAGE, MAYMOVE | FIXED | flags, page + 2 * PAGE)
            call(calls["munmap"], page, 3 * PAGE)
            self._asked[key] = moved != -errno.EINVAL
        return self._asked[key]

    def relocates(self) -> bool:
        return self.mremap_flags(RELOCATE)

    def unknown_mremap_flags(self, flags: int) -> int:
        """Those of an mremap call's flags that this kernel does not know."""
        return sum(flag for flag in (RELOCATE, MUST_RELOCATE) if flags & flag and not self.mremap_flags(flag))


def marks_ksm(process: Process, calls: Mapping[str, int], frames: Frames) -> bool:
    """Whether KPF_KSM is a mark of KSM pages: a fresh page does not have it."""
    how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE
    page = process.call(calls["mmap"], ARENA, PAGE, READ | WRITE, how, NOWHERE, 0)
    process.ask(helper.TOUCH, page, 1, 1)
    flags = frames.flags(procfs.entry(process, 0) & procfs.FRAME, 1)[0]
    process.call(calls["munmap"], page, PAGE)
    return not flags & procfs.KSM


def arena_is_free(process: Process, calls: Mapping[str, int], pages: int) -> bool:
    """Whether nothing lies in the arena."""
    how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | 0x4000
    place = process.call(calls["mmap"], ARENA, pages * PAGE, 0, how, NOWHERE, 0)
    if place < 0:
        return False
    process.call(calls["munmap"], place, pages * PAGE)
    return place == ARENA
