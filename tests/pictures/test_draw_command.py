"""``mremapdsl draw``: names of files, what is overwritten, statuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from mremapdsl.cli import main
from mremapdsl.cli.draw import slug

TEXT = "mmap A 4; touch A; expect vmas 1"
FAILING = "mmap A 4; touch A; expect vmas 2"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out"


def names(output: Path) -> list[str]:
    return sorted(path.name for path in output.iterdir())


def test_a_file_for_each_step_even_if_an_expectation_fails(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "-c", FAILING, "-o", str(output)]) == 1
    told = capsys.readouterr().out
    assert "-c:1: expect vmas 2" in told
    assert f"2 pictures in {output}" in told
    assert names(output) == ["01-c-01-mmap-a-4.svg", "01-c-02-touch-a.svg"]
    assert (output / "01-c-01-mmap-a-4.svg").read_text().splitlines()[1] == "<!-- made by mremapdsl draw -->"


def test_a_scenario_that_ends_in_an_error_is_drawn_as_far_as_it_went(
    output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "mmap A 4; touch A; migrate A[1] begin; touch A[1]; mremap A B; expect vmas 1"
    assert main(["draw", "-c", text, "-o", str(output)]) == 2
    told = capsys.readouterr().out
    assert told.startswith("ERROR   -c [relocate-v1]\n-c:1: not modelled yet: waiting: page 1001 is under migration")
    assert len(names(output)) == 3


def test_rules_are_in_the_name_where_there_are_several(output: Path) -> None:
    text = 'scenario "Two kernels" on linux-6.12, linux-6.18 { mmap A 4; expect vmas 1 }'
    assert main(["draw", "-c", text, "-o", str(output)]) == 0
    assert names(output) == ["01-two-kernels-linux-6.12-01-mmap-a-4.svg", "02-two-kernels-linux-6.18-01-mmap-a-4.svg"]


def test_rules_of_scenarios_that_name_none(output: Path) -> None:
    assert main(["draw", "-c", TEXT, "-o", str(output), "--rules", "relocate-v1 with large_folio=fail"]) == 0
    assert "rules relocate-v1 with large_folio=fail" in (output / "01-c-01-mmap-a-4.svg").read_text()


def test_one_step(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "-c", TEXT, "-o", str(output), "--step", "2"]) == 0
    assert names(output) == ["01-c-02-touch-a.svg"]
    assert main(["draw", "-c", TEXT, "-o", str(output), "--step", "3"]) == 2
    assert "no scenario has a step 3" in capsys.readouterr().err


def test_own_files_are_overwritten_and_foreign_ones_are_not(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["draw", "-c", TEXT, "-o", str(output)]
    assert main(arguments) == 0
    assert main(arguments) == 0
    foreign = output / "01-c-02-touch-a.svg"
    foreign.write_text("mine")
    (output / "01-c-01-mmap-a-4.svg").unlink()
    assert main(arguments) == 2
    assert "exists and is no picture of this command; nothing was written" in capsys.readouterr().err
    assert names(output) == [foreign.name]
    assert foreign.read_text() == "mine"
    assert main([*arguments, "--force"]) == 0
    assert foreign.read_text() != "mine"


def test_what_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for arguments, message in (
        (["-c", TEXT, "-o", str(file)], "is not a directory"),
        (["-o", str(tmp_path)], "nothing to draw"),
        (["nowhere.mrs", "-o", str(tmp_path)], "nowhere.mrs: No such file"),
        (["-c", "mmap", "-o", str(tmp_path)], "error"),
        (["-c", TEXT, "-o", str(tmp_path), "--rules", "linux-9"], "linux-9"),
        (["-c", TEXT, "-o", str(tmp_path), "--width", "7"], "--width takes 300 to 4000"),
    ):
        assert main(["draw", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_names_of_files_are_plain() -> None:
    assert slug('A/../B: <ü> "x"') == "a-b-x"
    assert slug("...") == "untitled"
    assert len(slug("x" * 300)) <= 48
