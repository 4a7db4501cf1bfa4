"""``mremapdsl export``."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Cli

TEXT = 'scenario "one" { mmap A 4; expect vmas 1 }\nscenario "two" on relocate-v1 { mmap A 4; expect vmas 1 }\n'


def test_to_standard_output(cli: Cli) -> None:
    result = cli("export", "-c", TEXT)
    assert result.status == 0
    assert "static void test_one(void)" in result.out
    assert "left out: -c:2: `two`: it is for relocate-v1" in result.err
    assert cli("export", "-q", "-c", TEXT, "-o", "-").err == ""


def test_a_file_is_never_replaced_unasked(cli: Cli) -> None:
    Path("out.c").write_text("mine")
    result = cli("export", "-c", TEXT, "-o", "out.c")
    assert (result.status, Path("out.c").read_text()) == (2, "mine")
    assert "--force" in result.err
    result = cli("export", "-c", TEXT, "-o", "out.c", "--force")
    assert (result.status, result.out) == (0, "1 test written to out.c\n")
    assert "test_one" in Path("out.c").read_text()


def test_scenarios_by_title(cli: Cli) -> None:
    result = cli("export", "--rules", "relocate-v1", "--scenario", "two", "-c", TEXT)
    assert "test_two" in result.out
    assert "test_one" not in result.out
    result = cli("export", "--scenario", "tow", "-c", TEXT)
    assert result.status == 2
    assert "did you mean `two`?" in result.err


def test_nothing_to_export(cli: Cli) -> None:
    assert cli("export").status == 2
    assert cli("export", "absent.mrs").status == 2
    assert cli("export", "-c", "mmap A").status == 2
    assert cli("export", "--rules", "linux-1", "-c", TEXT).status == 2
    result = cli("export", "--scenario", "two", "-c", TEXT)
    assert result.status == 4
    assert "no scenario can be exported" in result.err


def test_the_harness_has_its_macros(cli: Cli) -> None:
    result = cli("export", "--harness", "-c", TEXT)
    assert "TEST_F(scenarios_c, one)" in result.out
    assert result.out.endswith("TEST_HARNESS_MAIN")
