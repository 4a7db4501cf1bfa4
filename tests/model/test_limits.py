"""max_map_count: how many free entries mremap wants on kernels that no row of the seen table covers."""

from __future__ import annotations

import pytest

from mremapdsl import api, ops

CALLS = {
    "nothing": ops.Mremap("parent", 0, 4, 4, None, ops.MAYMOVE),
    "shrink": ops.Mremap("parent", 0, 4, 2),
    "grow": ops.Mremap("parent", 0, 4, 8),
    "move": ops.Mremap("parent", 0, 4, 4, 100, ops.MAYMOVE | ops.FIXED),
    "dontunmap": ops.Mremap("parent", 0, 4, 4, 100, ops.MAYMOVE | ops.FIXED | ops.DONTUNMAP),
    "elsewhere": ops.Mremap("parent", 10, 4, 8, None, ops.MAYMOVE),
}
FREE = {
    "linux-6.12": {"nothing": -9, "shrink": -9, "grow": -9, "move": 6, "dontunmap": 6, "elsewhere": 4},
    "linux-6.17": {"nothing": -9, "shrink": -9, "grow": -9, "move": 6, "dontunmap": 6, "elsewhere": 4},
    "linux-7.3": {"nothing": 4, "shrink": 4, "grow": 4, "move": 4, "dontunmap": 5, "elsewhere": 4},
}
"""Free entries (limit less VMAs) that a call needs; -9: it never asks."""


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("rules", FREE)
def test_free_entries_that_a_call_needs(rules: str, call: str) -> None:
    results: dict[int, str] = {}
    for free in range(-1, 9):
        backend = api.backend(rules)
        for at, prot in ((0, "rw"), (10, "rw"), (14, "r")):
            backend.step(ops.Mmap("parent", at, 4, prot))
        backend.step(ops.Set("parent", "max_map_count", 3 + free))
        results[free] = backend.step(CALLS[call]).result
    assert results == {free: "ok" if free >= FREE[rules][call] else "ENOMEM" for free in results}
