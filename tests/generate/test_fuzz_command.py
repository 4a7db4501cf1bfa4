"""``mremapdsl fuzz``: what it prints, saves and returns."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from mremapdsl import api
from mremapdsl.cli import main

AGAINST = ("fuzz", "--against", "relocate-v1,relocate-v1 with pinned=abort", "--family", "relocate", "--count", "300")


class Result(NamedTuple):
    status: int
    out: str
    err: str


Command = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*arguments: str) -> Result:
        try:
            status = main(arguments)
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else 1
        return Result(status, *capsys.readouterr())

    return run


def test_what_is_printed_is_a_scenario_file_that_holds(run: Command) -> None:
    result = run(*AGAINST)
    assert result.status == 3
    assert "relocate-v1 and relocate-v1 with pinned=abort differ in" in result.out
    assert "expect fallback because pinned-folio" in result.out
    records = api.run(result.out)
    assert {record.rules for record in records} == {"relocate-v1", "relocate-v1 with pinned=abort"}
    assert all(record.outcome == "passed" for record in records), result.out


def test_the_same_seed_finds_the_same_whatever_the_jobs(run: Command) -> None:
    def findings(*more: str) -> str:
        out: str = run(*AGAINST, *more).out
        return "\n".join(line for line in out.splitlines() if " s: " not in line)

    assert findings() == findings("--jobs", "2")
    assert findings() != findings("--seed", "9")


def test_findings_are_saved_and_nothing_is_overwritten(run: Command, tmp_path: Path) -> None:
    run(*AGAINST, "-o", str(tmp_path))
    first = sorted(tmp_path.iterdir())
    assert first
    assert all(path.name.startswith("fuzz-relocate-0-") and path.suffix == ".mrs" for path in first)
    contents = [path.read_text() for path in first]
    run(*AGAINST, "-o", str(tmp_path))
    assert [path.read_text() for path in first] == contents
    assert len(list(tmp_path.iterdir())) == 2 * len(first)
    for path in first:
        assert all(record.outcome == "passed" for record in api.run(path))


def test_equal_rules_do_not_differ(run: Command) -> None:
    result = run("fuzz", "--against", "linux-6.12,linux-6.12", "--family", "merge", "--count", "40")
    assert (result.status, result.err) == (0, "")
    assert "40 programs" in result.out
    assert "none differs" in result.out


def test_only_some_fields(run: Command) -> None:
    rules = "relocate-v1,relocate-v1 with undo_charge=neutral"
    wide = run("fuzz", "--against", rules, "--family", "relocate", "--count", "300")
    narrow = run("fuzz", "--against", rules, "--family", "relocate", "--count", "300", "--differ", "result,vmas,pages")
    assert "differ in counts (committed)" in wide.out.replace("\n#    ", "")
    assert all(len(line) <= 80 for line in wide.out.splitlines() if line.startswith("#"))
    assert (wide.status, narrow.status) == (3, 0)


def test_the_kinds_that_are_left_out_are_counted(run: Command) -> None:
    result = run("fuzz", "--against", "linux-6.12,linux-7.3", "--count", "200", "--most", "1")
    assert result.out.count("found by") == 1
    assert "more kinds of differences; --most shows more" in result.out


def test_a_limit_of_time(run: Command) -> None:
    result = run("fuzz", "--against", "linux-6.12,linux-6.12", "--family", "merge", "--time", "0.2")
    assert result.status == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--against", "linux-6.12"), "two rule sets"),
        (("--against", "linux-6.12,linux-9"), "no rule set is named"),
        (("--against", "linux-6.12,linux-6.18", "--count", "0"), "--count"),
        (("--against", "linux-6.12,linux-6.18", "--time", "-1"), "--time"),
        (("--against", "linux-6.12,linux-6.18", "--family", "x"), "--family"),
        (("--against", "linux-6.12,linux-6.18", "--differ", "colour"), "colour"),
        (("--against", "linux-6.12,linux-6.18", "-o", "/nowhere/at/all"), "no such directory"),
    ],
)
def test_bad_use(run: Command, arguments: tuple[str, ...], said: str) -> None:
    result = run("fuzz", *arguments)
    assert result.status == 2
    assert said in result.err
    assert result.out == ""


def test_the_help_tells_the_exit_status(run: Command) -> None:
    assert "exit status: 0 nothing differs, 2 bad use, 3 differences were found" in run("fuzz", "--help").out


def test_a_crash_of_the_model_is_found_and_shrunk(run: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from mremapdsl.model import meaning
    from mremapdsl.ops import Mprotect

    def fails(*_: object) -> None:
        raise AssertionError("on purpose")

    monkeypatch.setitem(meaning.MEANING, Mprotect, fails)
    result = run("fuzz", "--against", "linux-6.12,linux-6.12", "--family", "merge", "--count", "40")
    assert result.status == 3
    assert "the model fails with AssertionError in test_fuzz_command.py:fails: on purpose" in result.out
    assert "mprotect" in result.out.splitlines()[-1]


@pytest.mark.skipif(os.geteuid() != 0, reason="a live run that may swap and let ksmd scan needs root")
def test_a_few_programs_on_the_running_kernel(run: Command) -> None:
    result = run("fuzz", "--family", "merge", "--count", "60", "--seed", "4")
    if result.status == 4:
        pytest.skip(result.err)
    assert "60 programs" in result.out, result.err
    assert result.status in (0, 3)
