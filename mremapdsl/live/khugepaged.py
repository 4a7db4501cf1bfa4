"""Keeping khugepaged asleep: it would collapse what a scenario leaves as small pages (``mm/khugepaged.c``).

It sleeps as long as its settings say only while some process may have huge pages; otherwise the first that may wakes
it. So this process becomes one, for as long as it lives.
"""

from __future__ import annotations

import mmap
import time
from contextlib import suppress

from mremapdsl.live import threads

PATIENCE = 2.0
"""Seconds for khugepaged to finish what it does."""
_STAND_IN = mmap.mmap(-1, 1 << 22, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
"""Never touched; large enough for a huge page wherever it lies."""


def keep_asleep() -> None:
    """Return when khugepaged sleeps, and will not wake because of the scenarios; give up after some time."""
    with suppress(OSError, AttributeError):
        _STAND_IN.madvise(mmap.MADV_HUGEPAGE)
    until = time.monotonic() + PATIENCE
    for pid in threads.named("khugepaged"):
        while not threads.sleeps(pid) and time.monotonic() < until:
            time.sleep(0.0005)
