"""``mremapdsl matrix``: scenarios down, rules across."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mremapdsl import api
from mremapdsl.matrix import blocks, columns
from mremapdsl.program import RuleChoice
from tests.cli.conftest import BAD, PASSES, Cli

PINNED = 'scenario "pinned" { mmap A 4; touch A; pin A[2]; mremap A B RELOCATE; expect violation rmap-complete }\n'
FORKED = 'scenario "forked" { mmap A 4; touch A; fork; mremap A B MUST_RELOCATE fails EFAULT }\n'
PLAIN = 'scenario "plain" { mmap A 4; touch A; mremap A B; expect vma B }\n'


def cells(cli: Cli, *arguments: str) -> list[list[tuple[str, str]]]:
    """Outcome and reason, row by row."""
    return [[(c["outcome"], c["reason"]) for c in row["cells"]] for row in table(cli, *arguments)["rows"]]


def table(cli: Cli, *arguments: str) -> dict[str, Any]:
    result = cli("matrix", *arguments, "--format", "json")
    assert result.status == 0, result.err
    found: dict[str, Any] = json.loads(result.out)
    return found


# --- cells -----------------------------------------------------------------------------------------------------


def test_rules_across(cli: Cli) -> None:
    assert cells(cli, "-c", PLAIN, "--rules", "linux-6.18,relocate-v1,relocate-auto") == [
        [("moved", "plain-move"), ("moved", "plain-move"), ("relocated", "")]
    ]


def test_a_broken_invariant_is_what_counts(cli: Cli) -> None:
    assert cells(cli, "-c", PINNED, "--vary", "pinned") == [
        [("violation", "rmap-complete"), ("fallback", "pinned-folio"), ("relocated", "")]
    ]


def test_a_refused_call_shows_its_errno_and_reason(cli: Cli) -> None:
    assert cells(cli, "-c", FORKED, "--rules", "relocate-v1,linux-6.18") == [
        [("EFAULT", "forked-parent"), ("EINVAL", "unknown-flags")]
    ]


def test_the_last_mremap_counts(cli: Cli) -> None:
    text = "mmap A 4; touch A; fork; mremap A B RELOCATE; mmap C 4; mremap C D RELOCATE; expect vma D"
    assert cells(cli, "-c", text) == [[("moved", "nothing-to-relocate")]]


def test_a_step_that_ends_the_scenario_counts(cli: Cli) -> None:
    text = "mmap A 4; mremap A B; touch A; expect vmas 1"
    assert cells(cli, "-c", text) == [[("SEGV", "not-mapped")]]


def test_without_an_mremap(cli: Cli) -> None:
    assert cells(cli, "-c", PASSES, "-c", "mmap A 4; expect vmas 2") == [[("passed", "")], [("failed", "")]]


def test_an_expectation_about_something_else_is_marked(cli: Cli) -> None:
    text = "mmap A 4; touch A; mremap A B RELOCATE\nexpect relocated\nexpect B.pgoff == B.page"
    (row,) = table(cli, "-c", text, "--rules", "relocate-v1,relocate-v1 with trigger=auto")["rows"]
    assert [c["failed"] for c in row["cells"]] == [None, None]
    text = text.replace("RELOCATE", "")
    (row,) = table(cli, "-c", text, "--rules", "relocate-v1,relocate-auto")["rows"]
    assert [c["failed"] for c in row["cells"]] == [{"line": 3, "text": "expect B.pgoff == B.page"}, None]
    assert "moved ✗" in cli("matrix", "-c", text).out


def test_the_rules_that_a_scenario_names_do_not_count(cli: Cli) -> None:
    text = 'scenario "s" on linux-6.12 { mmap A 4; touch A; mremap A B RELOCATE; expect vma B }'
    assert cells(cli, "-c", text, "--rules", "relocate-v1") == [[("relocated", "")]]


def test_expectations_on_other_rules_are_left_out(cli: Cli) -> None:
    text = "mmap A 4; mremap A B; expect vmas 7 on linux-6.18; expect vmas 1"
    (row,) = table(cli, "-c", text, "--rules", "relocate-v1,linux-6.18")["rows"]
    assert [c["failed"] is None for c in row["cells"]] == [True, False]


# --- columns ---------------------------------------------------------------------------------------------------


def test_all_alternatives_of_a_decision(cli: Cli) -> None:
    rules = table(cli, "-c", PLAIN, "--vary", "ksm")["rules"]
    assert rules == [f"relocate-v1 with ksm={value}" for value in api.overrides()["ksm"]]


def test_some_alternatives_and_every_combination(cli: Cli) -> None:
    given = ["--vary", "pinned=move,skip", "--vary", "failure"]
    assert table(cli, "-c", PLAIN, "--rules", "relocate-v1,relocate-rfc1", *given)["rules"] == [
        f"{name} with pinned={pinned}, failure={failure}"
        for name in ("relocate-v1", "relocate-rfc1")
        for pinned in ("move", "skip")
        for failure in ("undo", "detect_early")
    ]


def test_what_is_varied_replaces_what_is_overridden() -> None:
    rules = [RuleChoice("a", (("x", "1"), ("y", "1"))), RuleChoice("a", (("x", "2"), ("y", "1")))]
    assert columns(rules, {"x": ("1", "2")}) == tuple(rules)


def test_overrides_in_rules(cli: Cli) -> None:
    rules = table(cli, "-c", PLAIN, "--rules", "relocate-v1 with pinned=move, ksm=skip, linux-6.18")["rules"]
    assert rules == ["relocate-v1 with pinned=move, ksm=skip", "linux-6.18"]


# --- rows ------------------------------------------------------------------------------------------------------


def test_only_what_differs(cli: Cli) -> None:
    given = ["-c", PLAIN + PINNED, "--vary", "pinned=abort,move", "--diff"]
    assert [row["scenario"] for row in table(cli, *given)["rows"]] == ["pinned"]


def test_nothing_differs(cli: Cli) -> None:
    result = cli("matrix", "-c", PLAIN, "--vary", "ksm", "--diff")
    assert (result.status, result.out) == (0, "1 scenario(s), and the rules make no difference to any\n")
    assert table(cli, "-c", PLAIN, "--vary", "ksm", "--diff")["rows"] == []


def test_files_and_directories(cli: Cli) -> None:
    Path("d").mkdir()
    Path("d/a.mrs").write_text(PLAIN)
    Path("d/b.mrs").write_text(PINNED + FORKED)
    found = [(row["file"], row["scenario"], row["line"]) for row in table(cli, "d")["rows"]]
    assert found == [("d/a.mrs", "plain", 1), ("d/b.mrs", "pinned", 1), ("d/b.mrs", "forked", 2)]


def test_a_violation_in_any_run_is_the_outcome(cli: Cli) -> None:
    text = (
        "mmap A 4M; touch A[507..512]; set thp always; touch A[512]\n"
        "mremap A[507..513] B RELOCATE during relocation { pin A[509] }; expect always fallback"
    )
    cells = table(cli, "-c", text, "--vary", "pinned")["rows"][0]["cells"]
    assert [cell["outcome"] for cell in cells] == ["violation", "violation", "fallback"]
    assert [cell["line"] for cell in cells] == [2, 2, 2]


# --- how it looks ----------------------------------------------------------------------------------------------


def test_text(cli: Cli) -> None:
    result = cli("matrix", "-c", PLAIN + PINNED, "--vary", "pinned=skip,move")
    assert result.out == (
        "rules relocate-v1\n"
        "\n"
        "          pinned=skip    pinned=move\n"
        "-c\n"
        "  plain   moved          moved\n"
        "          plain-move     plain-move\n"
        "  pinned  violation      relocated\n"
        "          rmap-complete\n"
    )


def test_what_all_columns_share_is_said_once(cli: Cli) -> None:
    rules = "relocate-v1 with pinned=move, ksm=skip, linux-6.18 with pinned=move"
    lines = cli("matrix", "-c", PLAIN, "--rules", rules).out.splitlines()
    assert lines[0] == "all rules with pinned=move"
    assert lines[2].split() == ["relocate-v1", "linux-6.18"]
    assert lines[3].split() == ["ksm=skip"]


def test_where_it_is_narrow_reasons_are_numbered(cli: Cli) -> None:
    rules = "relocate-rfc1,relocate-v1,relocate-auto,linux-6.18,linux-7.3"
    out = cli("matrix", "-c", FORKED + PLAIN, "--rules", rules).out
    assert "EFAULT 2" in out or "EFAULT 1" in out
    assert "\n   1  " in out
    assert max(map(len, out.splitlines())) <= 80


def test_where_numbers_do_not_help_it_is_cut_into_blocks(cli: Cli) -> None:
    out = cli("matrix", "-c", PLAIN, "--vary", "pinned", "--vary", "nonpresent").out
    assert out.count("plain") > 1
    assert max(map(len, out.splitlines())) <= 80
    assert [*blocks([10, 10, 10], 24)] == [(0, 2), (2, 3)]
    assert [*blocks([100, 10], 24)] == [(0, 1), (1, 2)]


def test_markdown(cli: Cli) -> None:
    Path("a.mrs").write_text(PINNED.replace('"pinned"', '"a | b"'))
    result = cli("matrix", "a.mrs", "--vary", "pinned=skip,move", "--format", "markdown")
    assert result.out == (
        "Rules relocate-v1:\n"
        "\n"
        "| scenario | pinned=skip | pinned=move |\n"
        "|---|---|---|\n"
        "| a \\| b | **violation**: rmap-complete | relocated |\n"
    )
    Path("b.mrs").write_text("mmap A 4; expect vmas 1")
    out = cli("matrix", "a.mrs", "b.mrs", "--format", "markdown").out
    assert "| a: a \\| b |" in out
    assert "| b | passed |" in out


def test_json_is_one_line(cli: Cli) -> None:
    result = cli("matrix", "-c", PLAIN, "--format", "json")
    assert result.out.count("\n") == 1
    assert json.loads(result.out)["schema"] == "mremapdsl-matrix/1"


# --- what is wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "start", "says"),
    [
        (["--rules", "linux-6.81"], "--rules:1:1:", "MRS210"),
        (["--rules", "linux-6.18 with no=yes"], "--rules:1:17:", "MRS211"),
        (["--vary", "pinnd"], "--vary:1:1:", "did you mean `pinned`?"),
        (["--vary", "pinned=skip,abrt"], "--vary:1:13:", "did you mean `abort`?"),
        (["--vary", "pinned="], "--vary:1:8:", "MRS212"),
        (["--vary", "pinned", "--vary", "pinned=skip"], "--vary:1:1:", "MRS123"),
    ],
)
def test_rules_and_decisions_that_do_not_exist(cli: Cli, arguments: list[str], start: str, says: str) -> None:
    result = cli("matrix", "-c", PLAIN, *arguments)
    assert result.status == 2
    assert result.out == ""
    assert result.err.startswith(start)
    assert says in result.err


def test_unusable_inputs(cli: Cli) -> None:
    result = cli("matrix", "missing.mrs", "-c", BAD, "-c", PLAIN)
    assert result.status == 2
    assert "missing.mrs: No such file" in result.err
    assert "-c:1:" in result.err
    assert "plain-move" in result.out


def test_nothing_to_compare(cli: Cli) -> None:
    result = cli("matrix")
    assert result.status == 2
    assert "nothing to compare" in result.err


def test_failures_do_not_change_the_exit_status(cli: Cli) -> None:
    assert cli("matrix", "-c", "mmap A 4; expect vmas 2").status == 0
    assert "exit status: 0 the table was printed" in cli("matrix", "--help").out
