"""Where places without an address go: far enough apart, and easy to read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mremapdsl.lang.context import Slots
from mremapdsl.lang.places import spread
from mremapdsl.ops import TASK_PAGES
from mremapdsl.program import Scenario


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("mmap A 16; mmap B 16; mmap C 16 after B", [1000, 2000, 2016]),
        ("mmap A 300; mmap B 300; mremap A C; mremap C D", [2000, 4000, 6000, 8000]),
        ("mmap A 2M; mmap B 16", [1024, 2048]),
        ("mmap A 2M; mmap B 2M", [2048, 4096]),
        ("set mthp 64K always; mmap A 16; mremap A B", [1024, 2048]),
        ("mmap A 1G; mmap B 1G", [1 << 20, 1 << 21]),
        ("mmap A 1T; mmap B 1T; mremap A C", [1 << 30, 2 << 30, 3 << 30]),
        ("mmap A 16; mmap B 16; touch @16+5", [1000, 2000]),
        ("mmap A 16; mmap B 16; touch @4990+5 fails SEGV", [1000, 2000]),
        ('mmap A 16; expect layout @990 "..........aaaa"; expect unmapped @5000+1', [1000]),
        ("mmap A 16; mmap B 16; mremap A to @4990", [6000, 7000]),
        ("mmap C 5 at @4990; mmap A 16; mmap B 16", [4990, 6000, 7000]),
        ("mmap A 16; mmap B 16; mremap A to B + 990", [2048, 4096]),
        ("mmap A 16; mmap B 2000 before A", [2048, 48]),
        ("mmap A 16; mmap B 16 at @25769803700", [1000, 25769803700]),
        ("for i in 0..600 { mmap A i + 1; mmap B 1 }", [1024, 2048]),
        ("mmap A 16 at @8", [8]),
    ],
)
def test_slots(text: str, starts: list[int], scenario: Callable[[str], Scenario]) -> None:
    assert [place.start for place in scenario(text).places] == starts


@given(
    sizes=st.dictionaries(st.integers(0, 50), st.integers(0, 1 << 30), min_size=1, max_size=8),
    taken=st.integers(1, 8),
    named=st.none() | st.tuples(st.integers(0, TASK_PAGES - 1), st.integers(1, 1 << 20)),
)
def test_nothing_is_within_reach(sizes: dict[int, int], taken: int, named: tuple[int, int] | None) -> None:
    slots = Slots()
    slots.sizes, slots.taken = sizes, taken
    if named:
        slots.page(named[0], named[0] + named[1])
    found = spread(slots)
    if found is None:
        return
    first, pitch = found
    reach = sum(sizes.values())
    assert pitch > reach
    assert first > reach
    assert first + taken * pitch <= TASK_PAGES
    ends = (first - reach, first + (taken - 1) * pitch + reach)
    assert named is None or named[0] + named[1] < ends[0] + 1 or ends[1] < named[0] + 1
    if max(sizes.values()) >= 512:
        assert first % 512 == pitch % 512 == 0
    else:
        assert first % 1000 == pitch % 1000 == 0
