"""``mremapdsl shrink``: what it prints is a scenario file that fails in the same way, and says how."""

from __future__ import annotations

from pathlib import Path

import pytest

from mremapdsl import api
from tests.cli.conftest import Cli

APART = "mmap C 2; mmap A 4; touch A\nmmap B 4; touch B\nread C\nmremap A after B\nexpect merged\n"


def shrunk(cli: Cli, text: str, *arguments: str) -> str:
    Path("it.mrs").write_text(text)
    result = cli("shrink", "it.mrs", *arguments)
    assert (result.status, result.err) == (1, "")
    [record] = api.run(result.out)
    assert record.outcome == "failed"
    assert all(len(line) <= 80 for line in result.out.splitlines())
    return result.out


def test_an_expectation_names_lines_of_the_file_that_is_printed(cli: Cli) -> None:
    out = shrunk(cli, APART)
    lines = out.splitlines()
    assert lines[0].startswith("# expect merged: the target ")
    assert "read" not in out
    prose = " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
    for name in "AB":
        number = lines.index(f"touch {name}") + 1
        assert f"line {number} `touch {name}`" in prose


def test_a_quantified_expectation(cli: Cli) -> None:
    out = shrunk(cli, "mmap A 2; mmap B 1; touch A\nmaybe munmap A[1]\nexpect always A[1] is anon\n")
    assert out.startswith("# expect ")
    assert "not anon" in out.splitlines()[0]


def test_a_wrong_errno(cli: Cli) -> None:
    out = shrunk(cli, "mmap A 4; touch A\nfork\nmunmap A fails EINVAL\n")
    assert out.startswith("# the call should fail with EINVAL but succeeded")
    assert out.endswith("mmap A 1\nmunmap A fails EINVAL\n")


def test_a_broken_invariant(cli: Cli) -> None:
    out = shrunk(cli, "mmap A 1; mmap C 3; touch A; pin A\nmremap A after A RELOCATE\n", "--rules", "relocate-v1")
    assert out.startswith("# invariant rmap-complete: ")


@pytest.mark.parametrize("text", ["mmap A 1; expect vmas 1\n", "mmap A 1 file F\n"])
def test_nothing_fails(cli: Cli, text: str) -> None:
    Path("it.mrs").write_text(text)
    result = cli("shrink", "it.mrs")
    assert (result.status, result.out, result.err) == (0, "", "mremapdsl: it.mrs: nothing fails\n")


def test_what_differs_between_rule_sets(cli: Cli) -> None:
    Path("it.mrs").write_text("rules linux-6.18\nmmap A 4; mmap B 4; touch A; touch B\nmremap A C RELOCATE\n")
    result = cli("shrink", "it.mrs", "--against", "relocate-v1")
    assert result.status == 3
    assert all(len(line) <= 80 for line in result.out.splitlines())
    assert {record.outcome for record in api.run(result.out)} == {"passed"}


def test_a_file_is_not_written_over(cli: Cli) -> None:
    Path("it.mrs").write_text("mmap A 1; expect vmas 2\n")
    assert cli("shrink", "it.mrs", "-o", "out.mrs").status == 1
    before = Path("out.mrs").read_text()
    result = cli("shrink", "it.mrs", "-o", "out.mrs")
    assert (result.status, result.err) == (2, "mremapdsl: out.mrs exists; --force writes over it\n")
    assert Path("out.mrs").read_text() == before
    assert cli("shrink", "it.mrs", "-o", "out.mrs", "--force").status == 1
