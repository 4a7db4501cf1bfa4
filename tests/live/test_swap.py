"""Where pages are swapped to, as far as the names of the swap areas say it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mremapdsl.live import swap
from mremapdsl.live.runtime import Runtime
from mremapdsl.live.swap import Swap


@pytest.fixture
def in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[list[str], bool], bool]:
    def ask(areas: list[str], zram: bool) -> bool:
        monkeypatch.setattr(swap, "areas", lambda: areas)
        monkeypatch.setattr(swap, "ADD", os.fspath(tmp_path) if zram else os.fspath(tmp_path / "none"))
        return Swap(Runtime.__new__(Runtime)).in_memory

    return ask


@pytest.mark.parametrize(
    ("areas", "there"),
    [
        (["/dev/zram0"], True),
        (["/dev/zram0", "/dev/pmem1"], True),
        (["/dev/sda2"], False),
        (["/dev/zram0", "/swapfile"], False),
    ],
)
@pytest.mark.parametrize("zram", [True, False])
def test_swap_areas_of_others_decide(
    in_memory: Callable[[list[str], bool], bool], areas: list[str], there: bool, zram: bool
) -> None:
    assert in_memory(areas, zram) is there


def test_without_any_it_is_what_we_would_add(in_memory: Callable[[list[str], bool], bool]) -> None:
    assert in_memory([], True)
    assert not in_memory([], False)
