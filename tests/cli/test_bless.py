"""``--bless``: what is rewritten, what is refused, and that nothing else is touched."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mremapdsl import bless as blessing
from mremapdsl.atomic import Changed
from mremapdsl.program import RuleChoice
from tests.cli.conftest import BAD, FAILS, PASSES, Cli

AUTO = 'scenario "s" on relocate-auto, linux-6.18 {\n  mmap A 2 at @16; touch A; mremap A to @32\n'
"""The page offset follows the move under the first rules only."""
USUAL = (RuleChoice("relocate-v1"),)


def blessed(cli: Cli, text: str, *options: str) -> str:
    """What a file becomes."""
    Path("x.mrs").write_bytes(text.encode())
    cli("--bless", *options, "x.mrs")
    return Path("x.mrs").read_bytes().decode()


# --- what is rewritten ----------------------------------------------------------------------------------------


def test_layouts_and_values(cli: Cli) -> None:
    text = 'mmap A 4 at @16; touch A # here\nmmap B 2 at @24\nexpect layout @16 "AAAA.b"; expect A.pgoff == 3\n'
    text += "expect 7 == count vmas # so many\nfork\nchild: expect B.anon_vma == 0x1f\nexpect vmas 2\n"
    new = text.replace('"AAAA.b"', '"AAAA.."').replace("pgoff == 3", "pgoff == 16").replace("7 ==", "2 ==")
    Path("x.mrs").write_text(text)
    result = cli("--bless", "x.mrs")
    assert Path("x.mrs").read_text() == new.replace("0x1f", "none")
    assert result.status == 0
    assert result.out.startswith("--- a/x.mrs\n+++ b/x.mrs\n@@ -1,7 +1,7 @@\n mmap A 4 at @16; touch A # here\n")
    assert "\n-child: expect B.anon_vma == 0x1f\n+child: expect B.anon_vma == none\n" in result.out
    assert "\nok      x.mrs [relocate-v1]\n1 passed;" in result.out


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("xxxxYYYY", "xxxxyyyy"),
        ("xxxxxxxx", "xxxxbbbb"),
        ("bbbbaaaa", "bbbbaaaa"),
        ("........", "aaaabbbb"),
        ("...xxx..", "xxxxbbbb"),
        ("aaaabb", "aaaabb"),
    ],
)
def test_letters_of_the_author_stay_with_their_vmas(cli: Cli, before: str, after: str) -> None:
    """Two VMAs of four pages, not faulted: what the picture calls them is kept."""
    text = 'mmap A 4 at @16\nmmap B 4 r at @20\nexpect layout @16 "{}"\n'
    assert blessed(cli, text.format(before)) == text.format(after)


def test_a_failure_names_it(cli: Cli) -> None:
    Path("x.mrs").write_text('mmap A 2; expect layout A "A"; expect A.chain == 4; expect vmas 2')
    out = cli("x.mrs").out
    assert '    if that is right: --bless makes it "a"\n' in out
    assert "    if that is right: --bless makes it 0\n" in out
    assert out.count("--bless") == 2
    assert "--bless" not in cli("-c", "mmap A 2; expect A.chain == 4").out


def test_bytes_stay_what_they_are(cli: Cli) -> None:
    Path("x.mrs").write_bytes(b"\xef\xbb\xbfmmap A 2\r\n# \xc3\xbc\r\nexpect A.chain == 4\r\nexpect vmas 1")
    Path("x.mrs").chmod(0o750)
    assert cli("--bless", "x.mrs").status == 0
    assert Path("x.mrs").read_bytes() == b"\xef\xbb\xbfmmap A 2\r\n# \xc3\xbc\r\nexpect A.chain == 0\r\nexpect vmas 1"
    assert stat.S_IMODE(Path("x.mrs").stat().st_mode) == 0o750
    assert os.listdir() == ["x.mrs"]


def test_a_link_stays_a_link(cli: Cli) -> None:
    Path("real").write_text("mmap A 2\nexpect A.chain == 4\n")
    Path("x.mrs").symlink_to("real")
    assert cli("--bless", "x.mrs").status == 0
    assert Path("x.mrs").is_symlink()
    assert "chain == 0" in Path("real").read_text()


def test_a_directory_and_what_does_not_compile(cli: Cli) -> None:
    Path("d").mkdir()
    Path("d/bad.mrs").write_text(BAD)
    Path("d/x.mrs").write_text("mmap A 2\nexpect A.chain == 4\n")
    result = cli("--bless", "d", "d/x.mrs", "missing.mrs")
    assert result.status == 2
    assert result.out.count("--- a/") == 1
    assert result.err.count("missing.mrs") == result.err.count("error:") == 1
    assert Path("d/bad.mrs").read_text() == BAD


def test_the_same_value_under_several_rules_and_in_a_loop(cli: Cli) -> None:
    text = 'scenario "s" on linux-6.18, linux-7.3 {{ mmap A 2; for i in 0..2 {{ expect A.chain == {} }} }}\n'
    assert blessed(cli, text.format(9)) == text.format(0)


# --- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            AUTO + "  expect @32+1.pgoff == 9 }",
            "it would have to be 32 under relocate-auto but 16 under linux-6.18",
        ),
        (
            AUTO + "  expect @32+1.pgoff == 32 }",
            "it would have to be 32 under relocate-auto but 16 under linux-6.18",
        ),
        (
            "mmap A 3\nfor i in 0..2 { touch A[0..i+1]; expect A[1].mapcount == 7 }",
            "it would have to be 0 under relocate-v1, i = 0 but 1 under relocate-v1, i = 1",
        ),
        ("mmap A 3\nlet n = 5\nexpect A.chain == n", "the value is computed, not written as a number"),
        ("mmap A 3\nexpect A.chain == 2 + 3", "the value is computed, not written as a number"),
        ("mmap A 3\ntouch A\nexpect A.anon_vma == none", "what is there has no name in the language"),
        ("mmap A 3\nmaybe touch A\nexpect A.chain == 1", "the scenario branches"),
    ],
)
def test_why_not(cli: Cli, text: str, why: str) -> None:
    Path("x.mrs").write_text(text)
    result = cli("--bless", "x.mrs")
    assert Path("x.mrs").read_text() == text
    assert result.status in (1, 2)
    assert f": left alone: {why}" in result.err


@pytest.mark.parametrize(
    "claim",
    [
        "merged", "not merged", "vmas 5", "vma A", "unmapped A", "fallback", "relocated", "A is zero", "A merged",
        "not A.chain == 0", "A.chain != 0", "A.chain > 4", "A.chain == A.pgoff", "rmap A[0] == A[1]", "violation",
    ],
)  # fmt: skip
def test_claims_stay(cli: Cli, claim: str) -> None:
    text = f"mmap A 2; mmap B 2; touch B; mremap A after B\nexpect {claim}\n"
    assert blessed(cli, text) == text


def test_an_errno_stays(cli: Cli) -> None:
    text = "mmap A 2; touch A fails SEGV; expect vmas 1\n"
    assert blessed(cli, text) == text


@pytest.mark.parametrize(
    "arguments", [["-c", PASSES], ["-"], ["x.mrs", "--trace", "text"], ["x.mrs", "--report", "ktap"]], ids=str
)
def test_bad_use(cli: Cli, arguments: list[str]) -> None:
    Path("x.mrs").write_text(FAILS)
    result = cli("--bless", *arguments)
    assert (result.status, result.out) == (2, "")
    assert "error: --bless" in result.err


def test_a_file_that_somebody_else_writes_to_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.mrs"
    path.write_text("mmap A 2\nexpect A.chain == 4\n")
    found = blessing.bless(str(path), "x.mrs", USUAL, USUAL)
    path.write_text("theirs")
    with pytest.raises(Changed):
        found.changes[0].write()
    assert path.read_text() == "theirs"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everything")
def test_a_read_only_file(cli: Cli) -> None:
    Path("x.mrs").write_text("mmap A 2\nexpect A.chain == 4\n")
    Path("x.mrs").chmod(0o400)
    result = cli("--bless", "x.mrs")
    assert result.status == 1
    assert "it is read-only; it was left alone" in result.err


# --- recorded traces ------------------------------------------------------------------------------------------

TRACED = f'## About it.\nscenario "one" {{\n{PASSES}}}\nscenario "two" on linux-6.18, linux-7.3 {{\n{PASSES}}}\n'


def test_an_empty_trace_is_filled_and_compared_from_then_on(cli: Cli) -> None:
    Path("d").mkdir()
    Path("d/x.mrs").write_text(TRACED)
    Path("d/x.trace").touch()
    result = cli("d/x.mrs")
    assert result.status == 1
    assert "FAILED  d/x.trace\n--- a/d/x.trace\n+++ b/d/x.trace\n@@ -0,0 " in result.out
    assert "if that is right: --bless records x.trace anew" in result.out
    assert cli("--bless", "d/x.mrs").status == 0
    text = Path("d/x.trace").read_text(encoding="utf-8")
    assert text.startswith('scenario "one"\n    x.mrs:2, rules relocate-v1\n')
    assert text.endswith("\npassed\n")
    assert text.count("\nscenario ") == 2
    result = cli("d/x.mrs")
    assert result.status == 0
    assert result.out.splitlines()[-2] == "ok      d/x.trace"
    assert "3 passed; " in result.out


def test_a_trace_that_differs_is_a_failure(cli: Cli) -> None:
    Path("x.mrs").write_text(TRACED)
    Path("x.trace").touch()
    cli("--bless", "x.mrs")
    Path("x.trace").write_bytes(Path("x.trace").read_bytes().replace(b"rules linux-7.3", b"rules linux-9"))
    result = cli("x.mrs")
    assert result.status == 1
    assert "-    x.mrs:6, rules linux-9\n+    x.mrs:6, rules linux-7.3\n" in result.out
    assert result.out.splitlines()[-1].startswith("3 passed, 1 failed; ")
    result = cli("--trace", "json", "x.mrs")
    assert result.status == 1
    assert result.out.count("\n") == 3
    assert "rules linux-9" in result.err
    assert "not ok 3 x.trace\n" in cli("--report", "ktap", "x.mrs").out
    assert cli("--rules", "linux-6.18", "x.mrs").status == 0


def test_line_ends_of_a_trace_stay(cli: Cli) -> None:
    Path("x.mrs").write_text(PASSES)
    Path("x.trace").write_bytes(b"\xef\xbb\xbfold\r\n")
    assert cli("--bless", "x.mrs").status == 0
    content = Path("x.trace").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfscenario ")
    assert content.count(b"\n") == content.count(b"\r\n") > 5
    assert cli("x.mrs").status == 0


def test_the_trace_follows_a_blessed_value(cli: Cli) -> None:
    Path("x.mrs").write_text("mmap A 2\nexpect A.chain == 4\n")
    Path("x.trace").touch()
    assert cli("--bless", "x.mrs").status == 0
    assert "✓ expect A.chain == 0" in Path("x.trace").read_text(encoding="utf-8")


def test_no_trace_of_a_failure_is_recorded(cli: Cli) -> None:
    Path("x.mrs").write_text(FAILS)
    Path("x.trace").write_text("old\n")
    result = cli("--bless", "x.mrs")
    assert result.status == 1
    assert "x.trace: not recorded anew: a scenario does not pass" in result.err
    assert "x.trace" not in result.out
    assert Path("x.trace").read_text() == "old\n"


def test_without_a_trace_none_is_made(cli: Cli) -> None:
    Path("x.mrs").write_text(PASSES)
    assert cli("--bless", "x.mrs").status == 0
    assert os.listdir() == ["x.mrs"]
