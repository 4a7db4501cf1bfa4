"""Size costs nothing: what is alike is kept, compared and shown as one."""

from __future__ import annotations

import json

import pytest

from mremapdsl.model.runs import RunMap
from tests.cli.conftest import Cli

FAR = "mmap A 1T; touch A; fork; exit child; mremap A B RELOCATE; mremap B A RELOCATE; expect A is exclusive; "
FAR += "expect A[0].index == A.page; expect vmas 1"


def test_a_tebibyte(cli: Cli) -> None:
    result = cli("--trace", "json", "-c", FAR)
    assert result.status == 0
    assert len(result.out) < 10_000
    steps = json.loads(result.out)["steps"]
    assert [len(step["state"]["processes"]["parent"]["pages"]) for step in steps] == [0, 1, 1, 1, 1, 1]


def test_a_tebibyte_as_text(cli: Cli) -> None:
    result = cli("--trace", "text", "-c", FAR)
    assert result.status == 0
    assert max(map(len, result.out.splitlines())) <= 80


def test_a_tebibyte_of_shared_memory_is_looked_at_as_one(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    clip = RunMap.clip

    def counted(runs: RunMap[object], start: int, end: int) -> object:
        nonlocal looks
        looks += 1
        return clip(runs, start, end)

    monkeypatch.setattr(RunMap, "clip", counted)
    text = "mmap A 1T shared; touch A; read A; fork; child: touch A; mremap A B; expect B is shared"
    assert cli("-q", "-c", text).status == 0
    assert looks < 1000


def test_a_thousand_vmas(cli: Cli) -> None:
    text = "for i in 0..1000 { mmap A 4 at @(i * 8) }\nfor i in 0..500 { touch @(i * 8)+4; mprotect @(i * 8)+2 r }\n"
    assert cli("-q", "-c", text + "expect vmas 1500").status == 0


def test_deep_nesting_is_no_accident(cli: Cli) -> None:
    assert cli("-c", "expect " + "(" * 5000 + "1" + ")" * 5000 + " == 1").status == 2
    assert cli("-c", "for i in 0..1 { " * 2000 + "}" * 2000).status == 2
    assert cli("-c", "mmap A 1" + " + 1" * 50_000).status in (0, 2)
