"""``--report``: which document goes where, and what cannot be."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest

from mremapdsl.atomic import Changed, replace, replace_unchanged
from tests.cli.conftest import FAILS, PASSES, Cli, program


def test_several_at_once(cli: Cli) -> None:
    result = cli("--report", "ktap", "--report", "junit:r.xml", "--report", "sarif:r.json", "-c", FAILS)
    assert result.status == 1
    assert result.out.startswith("KTAP version 1\n")
    assert parse("r.xml").getroot().tag == "testsuites"
    assert json.loads(Path("r.json").read_text(encoding="utf-8"))["version"] == "2.1.0"


def test_with_a_file_the_text_stays(cli: Cli) -> None:
    plain = cli("-c", FAILS).out
    result = cli("--report", "github:r.txt", "-c", FAILS)
    assert result.out.splitlines()[:-1] == plain.splitlines()[:-1]
    assert Path("r.txt").read_text(encoding="utf-8").startswith("::error title=")
    traced = cli("--trace", "json", "--report", "ktap:r.ktap", "-c", PASSES).out
    assert json.loads(traced)["outcome"] == "passed"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--report", "ktap", "--report", "junit"], "ktap and junit both go to standard output"),
        (["--report", "ktap", "--trace", "text"], "--trace both go to standard output"),
        (["--report", "xml"], "'xml' is no report; there are: ktap, junit, github, sarif"),
        (["--report", "ktap:"], "a file name is missing"),
        (["--report", "ktap:a", "--report", "junit:./a"], "named twice"),
        (["--report", "ktap:x.mrs"], "over a scenario"),
        (["--report", "ktap:x.trace"], "over a scenario"),
        (["--report", "ktap:no/such"], "there is no directory no"),
        (["--report", "ktap:."], "is a directory"),
        (["--jobs", "-1"], "invalid jobs value"),
        (["--jobs", "two"], "invalid jobs value"),
    ],
    ids=str,
)
def test_what_cannot_be(cli: Cli, arguments: list[str], why: str) -> None:
    result = cli(*arguments, "-c", PASSES)
    assert (result.status, result.out) == (2, "")
    assert why in result.err
    assert not os.listdir()


def test_a_report_that_cannot_be_written(cli: Cli) -> None:
    result = cli("--report", "ktap:/dev/full", "-c", PASSES)
    assert result.status == 2
    assert "No space left on device" in result.err


def test_a_special_file_is_written_to() -> None:
    result = program("--report", "ktap:/dev/stderr", "-c", PASSES)
    assert result.err.startswith("KTAP version 1\n")
    assert result.out.startswith("ok      -c")


def test_it_is_utf_8_whatever_the_terminal_uses(tmp_path: Path) -> None:
    (tmp_path / "x.mrs").write_text('scenario "größer" {\n' + PASSES + "}\n", encoding="utf-8")
    result = program("--report", "ktap", "x.mrs", cwd=tmp_path, LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert "  ok 1 größer\n" in result.out


# --- files are replaced in one go -----------------------------------------------------------------------------


def test_a_file_keeps_its_mode_and_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to("real")
    replace(str(link), b"new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["link", "real"]


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "x"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace(str(path), b"new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everything")
def test_a_read_only_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    path.chmod(0o400)
    with pytest.raises(PermissionError):
        replace(str(path), b"new")


def test_a_changed_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("theirs")
    with pytest.raises(Changed, match="has changed meanwhile"):
        replace_unchanged(str(path), b"old", b"new")
    assert path.read_text() == "theirs"
