"""Commands that hold model and running kernel together: a wrong rule shows, and shrinks."""

from __future__ import annotations

from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.program import Step
from tests.cli.conftest import Cli

STEPS = "mmap A 4; touch A; madvise A[1] GUARD_INSTALL; mmap B 4 after A; fork; mremap A[2..4] C; munmap A"
WRONG = "linux-6.18 with dontunmap_locked=split_first"
LOCKED = "mmap A 4; mlock A; mremap A[0] B DONTUNMAP; munlock A[1..3]"


@pytest.fixture(autouse=True)
def only_on_6_18(own_rules: str) -> None:
    if own_rules != "linux-6.18":
        pytest.skip(f"the wrong rules are wrong for linux-6.18; this kernel follows {own_rules}")


def test_they_agree(cli: Cli, kernel: str) -> None:
    result = cli("compare", "-c", STEPS, "-c", "rules linux-7.3\nmmap A 1")
    assert result.status == 0, result.out
    assert f"agree   -c [linux-6.18 and {kernel}]" in result.out
    assert "1 agree, 1 skipped" in result.out
    assert cli("compare", "-c", "rules linux-7.3\nmmap A 1").status == 4


def test_a_wrong_rule_shows_with_both_states_and_the_reason(cli: Cli, kernel: str) -> None:
    result = cli("compare", "--rules", WRONG, "-c", LOCKED)
    assert result.status == 3, result.out
    assert f"DIFFER  -c [{WRONG} and {kernel}]" in result.out
    for words in (
        "-c:1: mremap A[0] B DONTUNMAP",
        "the model's reason:",
        "the model now:",
        "the kernel now:",
        "vma @1000+",
    ):
        assert words in result.out
    assert "⟦" not in result.out


def test_fuzz_finds_a_wrong_rule_and_shrinks_it(cli: Cli) -> None:
    wrong = "linux-6.18 with guard_flag=none"
    result = cli("fuzz", "--rules", wrong, "--family", "merge", "--count", "60")
    assert result.status == 3, result.out
    [saved] = Path().glob("*.mrs")
    assert saved.name.startswith("fuzz-merge-0-")
    for scenario in api.compile(saved).scenarios:
        assert len([s for s in scenario.body if isinstance(s, Step)]) <= 5
    assert cli("compare", "--rules", wrong, str(saved)).status == 3
    assert cli("compare", str(saved)).status == 4
    assert cli("shrink", "--live", "--rules", wrong, str(saved)).status == 3
    other = saved.read_text().replace(f" on {wrong}", "")
    Path("right.mrs").write_text(other)
    assert cli("compare", "right.mrs").status == 0
    assert cli("shrink", "--live", "right.mrs").status == 0


def test_what_is_recorded_replays(cli: Cli) -> None:
    assert cli("record", "-c", STEPS, "-c", LOCKED, "-o", "it.jsonl.gz").status == 0
    assert cli("replay", "it.jsonl.gz").status == 0
    wrong = cli("replay", "--rules", WRONG, "it.jsonl.gz")
    assert wrong.status == 3
    assert "1/2 programs agree" in wrong.out
    before = Path("it.jsonl.gz").read_bytes()
    again = cli("record", "-c", STEPS, "-o", "it.jsonl.gz")
    assert (again.status, Path("it.jsonl.gz").read_bytes()) == (2, before)
    assert "--force" in again.err
