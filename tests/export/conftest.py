"""Exported programs, compiled and run."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.export.program import Exported, export
from mremapdsl.export.select import Target
from mremapdsl.live.runtime import Runtime
from tests.cli.conftest import cli
from tests.live.conftest import kernel

__all__ = ["cli", "kernel"]

FLAGS = ("-Wall", "-Wextra", "-Werror", "-std=gnu11", "-static")
RESULT = re.compile(r"(not ok|ok) \d+ (.*?)( # SKIP (.*))?")

Compile = Callable[..., Path]


def exported(*sources: str | Path, rules: str = "", harness: bool = False) -> Exported:
    """Texts and files as one C file."""
    programs = [api.compile(source if isinstance(source, Path) else f"{source}\n") for source in sources]
    own = api.parse_rules(rules) if rules else ()
    chosen = [(program, scenario) for program in programs for scenario in program.scenarios]
    return export(chosen, Target(own, api.aliases()), api.rule_sets(), harness=harness)


@cache
def compiler() -> str | None:
    """A gcc that makes static programs; None if there is none."""
    found = shutil.which("gcc")
    if found is None:
        return None
    command = [found, "-static", "-x", "c", "-o", "/dev/null", "-"]
    tried = subprocess.run(command, input=b"int main(void) { return 0; }", capture_output=True, check=False)
    return found if tried.returncode == 0 else None


@pytest.fixture
def compiled(tmp_path: Path) -> Compile:
    """Compiles a C text, without a warning; the program."""
    gcc = compiler()
    if gcc is None:
        pytest.skip("there is no gcc that makes static programs")

    def compile_text(text: str, *flags: str) -> Path:
        source, made = tmp_path / "scenarios.c", tmp_path / "scenarios"
        source.write_text(text, encoding="utf-8")
        ran = subprocess.run([gcc, *FLAGS, *flags, "-o", made, source], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return made

    return compile_text


@pytest.fixture
def alone(kernel: str) -> Iterator[str]:
    """The kernel's name; no live run changes settings meanwhile."""
    runtime = Runtime(lambda _text: None)
    try:
        yield kernel
    finally:
        runtime.close()


def run(program: Path, status: int) -> str:
    """What a program prints when it ends with this exit status."""
    ran = subprocess.run([program], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == status, ran.stdout
    return ran.stdout


def outcomes(out: str) -> dict[str, str]:
    """Title of a test in KTAP -> its outcome as live runs call it."""
    results = (RESULT.fullmatch(line) for line in out.splitlines())
    return {
        found[2]: "skipped" if found[3] else "failed" if found[1] == "not ok" else "passed"
        for found in results
        if found is not None
    }
