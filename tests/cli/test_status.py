"""Exit statuses: 0 held, 1 failed, 2 unusable, 4 all skipped."""

from __future__ import annotations

import itertools
import re
import sys
from argparse import ArgumentParser, Namespace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from mremapdsl import api
from mremapdsl.backend import Unsupported
from mremapdsl.cli import COMMANDS, MODULES, status
from tests.cli.conftest import BAD, FAILS, PASSES, Cli, program


def test_all_held(cli: Cli) -> None:
    assert cli("-c", PASSES).status == 0


def test_an_expectation_failed(cli: Cli) -> None:
    assert cli("-c", PASSES, "-c", FAILS).status == 1


def test_an_errno_failed(cli: Cli) -> None:
    assert cli("-c", "mmap A 4; munmap A; touch A[0]; expect vmas 0").status == 1
    assert cli("-c", "mmap A 4; touch A[0] fails SEGV").status == 1


def test_an_invariant_failed(cli: Cli) -> None:
    broken = "rules relocate-rfc1\nmmap A 4; touch A; fork; mremap A B RELOCATE; "
    result = cli("-c", broken + "expect vmas 1")
    assert result.status == 1
    assert "it broke the invariant rmap-complete" in result.out
    assert cli("-c", broken + "expect violation rmap-complete").status == 0


def test_a_syntax_error(cli: Cli) -> None:
    result = cli("-c", BAD)
    assert result.status == 2
    assert result.out == ""
    assert "-c:1:" in result.err


def test_what_can_be_run_is_run_and_unusable_input_decides(cli: Cli) -> None:
    Path("bad.mrs").write_text(BAD)
    Path("fails.mrs").write_text(FAILS)
    result = cli("bad.mrs", "missing.mrs", "fails.mrs", "-c", PASSES)
    assert result.status == 2
    assert "FAILED  fails.mrs" in result.out
    assert "ok      -c" in result.out
    assert "bad.mrs:1:" in result.err
    assert "missing.mrs: No such file" in result.err


def test_a_warning_changes_nothing(cli: Cli) -> None:
    result = cli("-c", "mmap A 4")
    assert result.status == 0
    assert "warning" in result.err


def test_a_statement_that_is_not_modelled_is_an_error(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(choice: object) -> None:
        raise Unsupported("not modelled yet: this", skip=False)

    monkeypatch.setattr(api, "backend", unable)
    result = cli("-c", PASSES)
    assert result.status == 2
    assert "ERROR" in result.out
    assert "not modelled yet: this" in result.out


def test_all_skipped(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(choice: object) -> None:
        raise Unsupported("this machine has no swap")

    monkeypatch.setattr(api, "backend", unable)
    result = cli("-c", PASSES)
    assert result.status == 4
    assert "skipped -c" in result.out
    assert "this machine has no swap" in result.out


@pytest.mark.parametrize("outcomes", list(itertools.combinations(["passed", "failed", "skipped", "error"], 2)), ids=str)
def test_the_worst_outcome_decides(outcomes: tuple[str, str]) -> None:
    weight = {"error": 2, "failed": 1, "passed": 0, "skipped": 0}
    assert status.of_outcomes(outcomes, unusable=False) == max(weight[outcome] for outcome in outcomes)
    assert status.of_outcomes(outcomes, unusable=True) == 2


@pytest.mark.parametrize("arguments", [(), ("--wrong",), ("--trace", "xml", "-c", PASSES), ("-c",)], ids=str)
def test_a_wrong_command_line(cli: Cli, arguments: tuple[str, ...]) -> None:
    result = cli(*arguments)
    assert result.status == 2
    assert "mremapdsl: error: " in result.err


def test_a_subcommand_is_a_line_and_a_module(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("mremapdsl.cli.sums")

    def configure(parser: ArgumentParser) -> None:
        parser.add_argument("numbers", nargs="+", type=int)

    def run(args: Namespace) -> int:
        print(sum(args.numbers))
        return 3

    module.__dict__.update(configure=configure, main=run)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(COMMANDS, "sums", "add numbers")
    result = cli("sums", "3", "4")
    assert (result.status, result.out) == (3, "7\n")
    assert re.search(r"^  sums +add numbers$", cli("--help").out, re.MULTILINE)
    assert "add numbers" in cli("sums", "--help").out
    assert cli("sums", "x").status == 2


def test_modules_of_commands_exist() -> None:
    for name in COMMANDS:
        module = import_module(f"mremapdsl.cli.{MODULES.get(name, name)}")
        assert callable(module.configure)
        assert callable(module.main)


def test_help_and_version(cli: Cli) -> None:
    assert "exit status" in cli("--help").out
    version = cli("--version")
    assert version.status == 0
    assert version.out.startswith("mremapdsl 0.")
    assert "relocate-v1" in version.out


def test_an_internal_error_shows_no_traceback(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(choice: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(api, "backend", broken)
    monkeypatch.delenv("MREMAPDSL_DEBUG", raising=False)
    result = cli("-c", PASSES)
    assert result.status == 2
    assert result.err.startswith("mremapdsl: internal error: RuntimeError: two lines (please report it")
    assert result.err.count("\n") == 1


def test_an_interrupt(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(choice: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "backend", interrupted)
    result = cli("-c", PASSES)
    assert (result.status, result.err) == (130, "mremapdsl: interrupted\n")


def test_python_m(tmp_path: Path) -> None:
    assert program("-q", "-c", FAILS, cwd=tmp_path).status == 1
