"""Keeping khugepaged asleep: it would collapse what a scenario leaves as small pages (``mm/khugepaged.c``).

It sleeps as long as its settings say only while some process may have huge pages; otherwise the first that may wakes
it. So this process becomes one, for as long as it lives.
"""

from __future__ import annotations

import mmap
import os
import time
from contextlib import suppress

PATIENCE = 2.0
"""Seconds for khugepaged to finish what it does."""
_STAND_IN = mmap.mmap(-1, 1 << 22, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
"""Never touched; large enough for a huge page wherever it lies."""


def keep_asleep() -> None:
    """Return when khugepaged sleeps, and will not wake because of the scenarios; give up after some time."""
    with suppress(OSError, AttributeError):
        _STAND_IN.madvise(mmap.MADV_HUGEPAGE)
    until = time.monotonic() + PATIENCE
    for pid in _threads():
        while _state(pid) not in ("S", "") and time.monotonic() < until:
            time.sleep(0.0005)


def _threads() -> list[str]:
    """Process ids of khugepaged: one, or none where huge pages are off or kernel threads cannot be seen."""
    return [name for name in os.listdir("/proc") if name.isdigit() and _stat(name).startswith(f"{name} (khugepaged)")]


def _state(pid: str) -> str:
    return _stat(pid).rpartition(")")[2][1:2]


def _stat(pid: str) -> str:
    """``/proc/PID/stat``; empty for a process that is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
