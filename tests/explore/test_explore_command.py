"""``mremapdsl explore`` as its users call it: findings that run again, shards, limits, errors, exit statuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.cli import main
from mremapdsl.explore import run
from mremapdsl.explore.queue import Queue
from mremapdsl.explore.search import Problem, Successor, Workers

Explore = Callable[..., tuple[int, str, str]]
FOLIO = "set mthp 4 always\nmmap A 4 at @0\ntouch A[0]\nexpect A is huge\n"


@pytest.fixture
def explore(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Explore:
    """Runs the command in an empty directory: status, output, errors."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            status = main(["explore", *arguments])
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else 1
        out, err = capsys.readouterr()
        return status, out, err

    return call


def timeless(out: str) -> str:
    return re.sub(r"[\d.]+ s, [\d,?]+ runs a second", "", out)


# --- findings run again ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        "--rules relocate-rfc1 --pages 2 --all-minimal",
        "--rules relocate-v1 --pages 2 --all-minimal",
        "--rules relocate-v1 --pages 2 --ops mmap,touch,inside --all-minimal",
        "--rules relocate-v1 --against relocate-auto --pages 3 --all-minimal",
        "--rules relocate-v1 --against relocate-rfc1 --pages 2 --all-minimal",
        "--rules linux-6.18 --against linux-7.3 --ops +dontunmap,dontunmap-must --pages 3 --depth 4",
    ],
)
def test_what_is_printed_runs_as_it_was_found(explore: Explore, arguments: str) -> None:
    """Everything printed is one scenario file, and all of it holds."""
    _, out, _ = explore(*arguments.split())
    records = api.run(out)
    assert records
    assert [record.outcome for record in records] == ["passed"] * len(records)
    shown = [e.expect for record in records for e in record.expectations]
    assert len(shown) >= len(records), "each expects what it shows"


def test_rules_and_title_are_part_of_it(explore: Explore) -> None:
    status, out, _ = explore("--rules", "relocate-rfc1 with nonpresent=fail", "--pages", "2")
    assert status == 1
    assert 'scenario "explored: rmap-complete' in out
    assert "on relocate-rfc1 with nonpresent=fail {" in out
    assert "expect violation rmap-complete" in out


def test_the_fork_parent_of_rfc1_and_the_pinned_page_of_v1_from_nothing(explore: Explore) -> None:
    _, out, _ = explore("--rules", "relocate-rfc1")
    assert "fork child\n    mremap A after A RELOCATE\n" in out
    _, out, _ = explore("--rules", "relocate-v1")
    assert "pin A\n    mremap A after A RELOCATE\n" in out


def test_names_are_not_given_twice(explore: Explore) -> None:
    """A child that comes after another has gone is not called like it."""
    _, out, _ = explore("--rules", "linux-6.18", "--pages", "1", "--ops", "mmap,touch,fork,exit", "--depth", "9",
                        "--find", "@0[0] is shared", "--procs", "3")  # fmt: skip
    assert [record.outcome for record in api.run(out)] == ["passed"]


# --- what it says ------------------------------------------------------------------------------------------------


def test_the_bound_and_what_was_cut_off_are_always_there(explore: Explore) -> None:
    status, out, _ = explore("--rules", "linux-6.18", "--pages", "2", "--depth", "3")
    assert status == 0
    words = " ".join(out.replace("#", "").split())
    assert "bound: 2 pages, 2 processes, 3 operations in a row, of these: mmap, touch, fork, munmap" in words
    assert re.search(r"[\d,]+ runs \(.*\) [\d,]+ distinct states, [\d,]+ of them not looked behind", words)
    assert re.search(r" [\d.]+ s, [\d,]+ runs a second", words)
    assert "nothing found up to 3 operations; cut off: longer runs, more pages and processes" in words
    assert "proved" not in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_the_whole_space(explore: Explore) -> None:
    status, out, _ = explore("--rules", "linux-6.18", "--pages", "2", "--ops", "mmap,munmap")
    assert status == 0
    assert "no new state within this bound" in " ".join(out.replace("#", "").split())


@pytest.mark.parametrize(
    ("option", "words"), [(("--max-states", "30"), "--max-states"), (("--time", "0.0001"), "--time")]
)
def test_stopped_short_is_neither_found_nor_clean(explore: Explore, option: tuple[str, str], words: str) -> None:
    status, out, _ = explore("--rules", "linux-6.18", *option)
    assert status == 4
    assert "cut off: stopped among runs of" in " ".join(out.replace("#", "").split())
    assert words in out


def test_an_interrupt_prints_what_is_known(explore: Explore, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupting(Workers):
        def expand(self, problem: Problem, frontier: Queue) -> Iterator[list[Successor]]:
            if len(frontier) > 1:
                raise KeyboardInterrupt
            yield from super().expand(problem, frontier)

    def interrupting(problem: Problem, jobs: int) -> Workers:
        return Interrupting()

    monkeypatch.setattr(run, "workers", interrupting)
    status, out, _ = explore("--rules", "relocate-rfc1", "--pages", "2")
    assert status == 130
    assert "interrupted among runs of" in " ".join(out.replace("#", "").split())
    assert "not looked behind" in " ".join(out.replace("#", "").split())


# --- predicates --------------------------------------------------------------------------------------------------


def test_a_predicate_is_found_or_not(explore: Explore) -> None:
    status, out, _ = explore("--pages", "2", "--find", "fallback because fork-child")
    assert status == 0
    (record,) = api.run(out)
    assert record.outcome == "passed"
    assert record.steps[-1].process == "child"
    status, out, _ = explore("--rules", "linux-6.18", "--pages", "2", "--depth", "3", "--find", "vmas 3")
    assert status == 1
    assert "nothing found" in out


def test_places_in_a_predicate_hold_the_arena_fast(explore: Explore) -> None:
    """Only there is page 1 a certain page."""
    status, out, _ = explore("--rules", "linux-6.18", "--pages", "3", "--find", "@1+1.pgoff == 2")
    assert status == 0
    assert "pages 0 to 2 of the arena" in out
    (record,) = api.run(out)
    assert record.outcome == "passed"


def test_a_search_behind_a_file_knows_its_places(explore: Explore) -> None:
    Path("folio.mrs").write_text(FOLIO)
    status, out, _ = explore("folio.mrs", "--rules", "relocate-v1", "--pages", "6", "--ops", "munmap,relocate",
                             "--find", "not A[1] is huge")  # fmt: skip
    assert status == 0
    assert "behind folio.mrs" in out
    (record,) = api.run(out)
    assert record.outcome == "passed"
    assert len(record.steps) == 4


def test_findings_behind_a_file_keep_its_names(explore: Explore) -> None:
    Path("start.mrs").write_text("mmap heap 2; touch heap; fork worker\nmmap stack 1 after heap\n")
    for options in (("--rules", "relocate-rfc1"), ("--rules", "relocate-v1", "--against", "relocate-auto")):
        _, out, _ = explore("start.mrs", "--depth", "2", *options)
        assert "mmap heap 2\n    touch heap\n    fork worker\n    mmap stack 1 after heap\n" in out
        assert "mremap heap[0]" in out
        assert {record.outcome for record in api.run(out)} == {"passed"}


def test_the_predicate_is_about_the_process_that_made_the_last_call(explore: Explore) -> None:
    """Also where that is not the first one, whose memory is sealed here."""
    Path("start.mrs").write_text("mmap heap 1 at @0; fork worker; mseal heap\n")
    _, out, _ = explore("start.mrs", "--pages", "1", "--ops", "munmap", "--find", "unmapped heap")
    assert "explored: unmapped heap" in out
    assert "    worker: munmap heap\n    worker: expect unmapped heap\n" in out
    assert [record.outcome for record in api.run(out)] == ["passed"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--find", "vmaz 3"], "did you mean `vmas`?|did you mean `vma`?"),
        (["--find", "vmas 3; munmap @0+1"], "one predicate"),
        (["--find", "always vmas 3"], "one predicate"),
        (["--find", "count committed == 0"], "adds up over a run"),
        (["start.mrs", "--find", "A[0].frame == 3"], "compare them with each other"),
        (["--ops", "mmap,fok"], "did you mean `fork`?"),
        (["--ops", "qqq"], "--help lists"),
        (["--rules", "relocate-v9"], "did you mean `relocate-v1`?"),
        (["--rules", "linux-6.18, linux-7.3"], "one rule set"),
        (["--against", "linux-6.1"], "no rule set is named"),
        (["--against", "relocate-auto", "--ops", "+inside"], "does not go with --against"),
        (["--against", "relocate-auto", "--find", "vmas 2"], "does not go with --find"),
        (["--shard", "3/2"], "--shard takes I/N"),
        (["--shard", "x"], "--shard takes I/N"),
        (["--pages", "0"], "--pages must be at least 1"),
        (["missing.mrs"], "No such file"),
        (["bad.mrs"], "bad.mrs:1:"),
        (["fails.mrs"], "no place to begin"),
        (["far.mrs"], "--pages"),
        (["branches.mrs"], "several"),
        (["--merge", "missing.json"], "No such file"),
        (["--merge", "bad.mrs"], "not a result of"),
        (["--merge", "partial.json"], "not a whole one"),
        (["--json", "bad.mrs"], "exists already"),
        (["--json", "nowhere/found.json"], "there is no directory nowhere"),
        (["-o", "bad.mrs"], "bad.mrs is no directory"),
    ],
)
def test_bad_input(explore: Explore, arguments: list[str], words: str) -> None:
    Path("bad.mrs").write_text("mmap A\n")
    Path("start.mrs").write_text("mmap A 1 at @0\n")
    Path("fails.mrs").write_text("mmap A 1; munmap A; touch A\n")
    Path("far.mrs").write_text("mmap A 1; mmap B 1\n")
    Path("branches.mrs").write_text("mmap A 1; maybe touch A\n")
    Path("partial.json").write_text(json.dumps({"schema": "mremapdsl-explore/2", "rules": "linux-6.18"}))
    status, out, err = explore("--pages", "2", *arguments)
    assert (status, out) == (2, "")
    assert any(word in err for word in words.split("|")), err


# --- shards, jobs, files -----------------------------------------------------------------------------------------

FULL = ("--rules", "relocate-v1", "--pages", "2", "--all-minimal")


def test_results_do_not_depend_on_jobs(explore: Explore) -> None:
    """With depth to spare for several chunks."""
    assert timeless(explore(*FULL, "--jobs", "2")[1]) == timeless(explore(*FULL)[1])


@pytest.mark.parametrize("more", [(), ("--all-minimal",)])
def test_shards_joined_give_the_findings_of_the_whole(explore: Explore, more: tuple[str, ...]) -> None:
    options = ("--rules", "relocate-v1 with nonpresent=fail", "--pages", "2", *more)
    _, whole, _ = explore(*options)
    for i in (3, 1, 2):
        explore(*options, "--shard", f"{i}/3", "--json", f"{i}.json")
    status, joined, _ = explore("--merge", "2.json", "1.json", "3.json")
    assert status == 1
    assert "shard 1/3, 2/3, 3/3 joined" in joined
    findings = whole[whole.index("\n# rmap-complete") :]
    assert joined[joined.index("\n# rmap-complete") :] == findings
    status, partly, _ = explore("--merge", "2.json", "1.json")
    assert "cut off: what is left to shard 3/3" in partly
    assert "nothing shorter in this part" in partly
    assert "in this part" not in joined


def test_a_missing_shard_decides_nothing(explore: Explore) -> None:
    explore("--rules", "linux-6.18", "--pages", "2", "--depth", "4", "--shard", "1/2", "--json", "1.json")
    assert explore("--merge", "1.json")[0] == 4
    assert explore("--merge", "1.json", "1.json")[::2] == (2, "mremapdsl: the same shard twice\n")
    explore("--rules", "linux-6.18", "--pages", "2", "--depth", "3", "--shard", "2/2", "--json", "2.json")
    assert "depth differs" in explore("--merge", "1.json", "2.json")[2]


def test_findings_as_files(explore: Explore) -> None:
    status, _, _ = explore(*FULL, "-o", "found")
    assert status == 1
    files = sorted(Path("found").iterdir())
    assert len(files) == 2
    assert [record.outcome for file in files for record in api.run(file)] == ["passed"] * 2
    status, _, err = explore(*FULL, "-o", "found")
    assert status == 2
    assert "File exists" in err
