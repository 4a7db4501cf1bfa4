"""The README's commands print what it says.

``BLESS=1 pytest tests/cli/test_readme.py`` puts in what they print now.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent.parent / "README.md"
BLOCK = re.compile(r"^```console\n\$ (.*)$", re.MULTILINE)
SECONDS = re.compile(r"\b\d+\.\d+ s(, [\d,]+ runs a second)?$", re.MULTILINE)


def commands() -> list[str]:
    """The command of each console block; it holds one."""
    return BLOCK.findall(README.read_text(encoding="utf-8"))


def output(command: str, tmp_path: Path) -> str:
    script = tmp_path / "mremapdsl"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mremapdsl "$@"\n')
    script.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run(
        ["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, cwd=README.parent, check=False
    )
    return ran.stdout.decode("utf-8")


def test_there_are_commands() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(commands()) == text.count("```console") >= 5


@pytest.mark.parametrize("command", commands())
def test_a_command_prints_what_the_readme_says(command: str, tmp_path: Path) -> None:
    have = output(command, tmp_path)
    if os.environ.get("BLESS"):
        text = README.read_text(encoding="utf-8")
        start = text.index(f"```console\n$ {command}\n")
        end = text.index("\n```\n", start) + 1
        README.write_text(text[:start] + f"```console\n$ {command}\n{have}" + text[end:], encoding="utf-8")
    text = README.read_text(encoding="utf-8")
    expected = f"```console\n$ {command}\n{SECONDS.sub('0.00 s', have)}```\n"
    assert expected in SECONDS.sub("0.00 s", text), "BLESS=1 puts in what it prints now"
