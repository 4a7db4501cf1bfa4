"""The program as its users call it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from mremapdsl.cli import main


class Result(NamedTuple):
    status: int
    out: str
    err: str


Cli = Callable[..., Result]
PASSES = "mmap A 4\nexpect vmas 1\n"
FAILS = "mmap A 4\nexpect vmas 2\n"
BAD = "mmap A\n"


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs the program within this process, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)

    def run(*arguments: str) -> Result:
        try:
            status = main(arguments)
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else 1
        return Result(status, *capsys.readouterr())

    return run


def program(*arguments: str, stdin: str | bytes = b"", cwd: Path | None = None, **environment: str) -> Result:
    """Runs the program as a process of its own."""
    ran = subprocess.run(
        [sys.executable, "-m", "mremapdsl", *arguments],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, **environment},
        check=False,
    )
    return Result(ran.returncode, ran.stdout.decode("utf-8"), ran.stderr.decode("utf-8"))
