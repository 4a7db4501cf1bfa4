"""Huge pages that the kernel had no memory for: it makes do with small ones then, which no rule foretells."""

from __future__ import annotations

from mremapdsl import ops

VMSTAT = "/proc/vmstat"
COUNTERS = frozenset(
    {"thp_fault_fallback", "thp_fault_fallback_charge", "thp_file_fallback", "thp_collapse_alloc_failed"}
)
"""Of what failed since the machine started, whoever asked for it."""
MAKES_HUGE_PAGES = (ops.Touch, ops.Read, ops.Madvise, ops.Collapse)
LACK = "the kernel found no free memory for a huge page"


def failures() -> int:
    """How many times there was no memory for a huge page since the machine started."""
    try:
        with open(VMSTAT, encoding="ascii") as file:
            counters = (line.split() for line in file if line.startswith("thp_"))
            return sum(int(value) for name, value in counters if name in COUNTERS)
    except OSError:
        return 0
