"""What the manual says in code is true: its walkthroughs apply, its examples in Python run, its commands exist."""

from __future__ import annotations

import argparse
import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from mremapdsl.cli import COMMANDS, MODULES
from mremapdsl.cli import run as plain_run

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.rst") if "_generated" not in path.parts)


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a language on a page."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)", text, re.MULTILINE)
    return [
        "".join(line[3:] or "\n" for line in block.splitlines(keepends=True)).rstrip("\n") + "\n" for block in found
    ]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed, and applies the differences")
@pytest.mark.parametrize("name", ["operation", "kernel", "policy"])
def test_a_walkthrough_applies_and_its_scenarios_hold(name: str, tmp_path: Path) -> None:
    page = DOCS / "extending" / f"{name}.rst"
    for part in ("mremapdsl", "grammar"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent), "PYTHONPATH": str(tmp_path)}
    for difference in blocks(page, "diff"):
        subprocess.run(["git", "apply", "-"], input=difference, text=True, check=True, cwd=tmp_path, env=environment)
    [scenarios] = blocks(page, "mrs")
    file = tmp_path / "scenarios.mrs"
    file.write_text(scenarios, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "mremapdsl", file], capture_output=True, text=True, check=False, cwd=tmp_path,
        env=environment,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    check = "import mremapdsl.live.calls, mremapdsl.recording.operations, mremapdsl; print(mremapdsl.__file__)"
    where = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
    )
    assert where.stdout.startswith(str(tmp_path))


def test_titles_in_markdown_are_titles_of_the_manual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS)
    inline = import_module("manual.rst").inline
    assert inline(r"an anon\_vma \*moves\*, `a_b` stays_ (1 | 2)") == r"an anon_vma \*moves\*, ``a_b`` stays\_ (1 \| 2)"


def test_the_python_of_the_manual_runs() -> None:
    failed, run = doctest.testfile(str(DOCS / "api.rst"), module_relative=False)
    assert run >= 10
    assert not failed


def commands() -> list[tuple[str, str]]:
    """(page, command line) of every ``mremapdsl`` in a block for the shell."""
    return [
        (str(page.relative_to(DOCS)), line.partition("  #")[0].strip())
        for page in PAGES
        for block in blocks(page, "sh")
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith("mremapdsl ")
    ]


@pytest.mark.parametrize(("page", "command"), commands())
def test_a_command_of_the_manual_is_one_that_there_is(page: str, command: str) -> None:
    words = shlex.split(command)[1:]
    parser = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False)
    if words[0] in COMMANDS:
        import_module(f"mremapdsl.cli.{MODULES.get(words[0], words[0])}").configure(parser)
        parser.parse_args(words[1:])
    else:
        plain_run.configure(parser)
        args = parser.parse_intermixed_args(words)
        assert not {word for word in args.inputs if "." not in word and "/" not in word and word != "-"}


def test_every_directory_of_examples_has_its_place() -> None:
    named = {
        name
        for page in PAGES
        for name in re.findall(r"^\.\. example-list:: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    missing = {path.name for path in (ROOT / "examples").iterdir() if path.is_dir()} ^ named
    assert not missing, "docs/examples/index.rst and docs/tour/ list the directories"
