"""Files, directories, standard input, texts, and whatever is none of these."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import FAILS, PASSES, Cli, program


def test_a_directory_is_searched_in_order(cli: Cli) -> None:
    for name in ("b.mrs", "a/z.mrs", "a/b/c.mrs", "a.mrs", "a/notes.txt"):
        Path("in", name).parent.mkdir(parents=True, exist_ok=True)
        Path("in", name).write_text(PASSES)
    result = cli("in")
    assert result.status == 0
    ran = [line.split()[1] for line in result.out.splitlines()[:-1]]
    assert ran == ["in/a/b/c.mrs", "in/a/z.mrs", "in/a.mrs", "in/b.mrs"]


def test_a_directory_without_scenarios(cli: Cli) -> None:
    Path("empty").mkdir()
    result = cli("empty")
    assert result.status == 2
    assert result.err == "mremapdsl: empty: no .mrs file is in this directory or below it\n"


def test_a_missing_file(cli: Cli) -> None:
    result = cli("no such.mrs")
    assert (result.status, result.err) == (2, "mremapdsl: no such.mrs: No such file or directory\n")


def test_an_empty_name(cli: Cli) -> None:
    assert cli("").status == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file(cli: Cli) -> None:
    Path("x.mrs").write_text(PASSES)
    Path("x.mrs").chmod(0)
    assert cli("x.mrs").status == 2


def test_a_link_to_nothing_in_a_directory(cli: Cli) -> None:
    Path("d").mkdir()
    Path("d/x.mrs").symlink_to("nowhere")
    assert cli("d").status == 2


def test_a_nul_byte_in_a_name(cli: Cli) -> None:
    assert cli("a\0b").status == 2


def test_a_file_of_bytes(cli: Cli) -> None:
    Path("x.mrs").write_bytes(bytes(range(256)))
    result = cli("x.mrs")
    assert result.status == 2
    assert "x.mrs:" in result.err


def test_crlf_and_byte_order_mark(cli: Cli) -> None:
    Path("x.mrs").write_bytes(b"\xef\xbb\xbf" + PASSES.replace("\n", "\r\n").encode())
    assert cli("x.mrs").status == 0


def test_standard_input() -> None:
    result = program("-", stdin=FAILS)
    assert result.status == 1
    assert "<stdin>:2: expect vmas 2" in result.out
    assert program("-", "-", stdin=PASSES).status == 2


def test_closed_standard_streams() -> None:
    command = [sys.executable, "-m", "mremapdsl"]
    closed = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command, "-c", FAILS], check=False)
    assert closed.returncode == 1
    closed = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", *command, "-"], check=False, capture_output=True)
    assert closed.returncode == 2
    assert b"Traceback" not in closed.stderr


def test_a_full_device() -> None:
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "mremapdsl", "-c", PASSES], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert ran.returncode == 2
    assert ran.stderr == b"mremapdsl: output: No space left on device\n"


def test_a_reader_that_leaves() -> None:
    many = "for i in 0..200 { mmap A 4 at @(i * 8) }\nexpect vmas 200\n"
    with subprocess.Popen(
        [sys.executable, "-m", "mremapdsl", "--trace", "json", *["-c", many] * 20],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.read(10)
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 141


def test_texts_have_names_and_options_may_stand_anywhere(cli: Cli) -> None:
    Path("x.mrs").write_text(PASSES)
    result = cli("x.mrs", "-c", FAILS, "-v", "-c", FAILS)
    assert result.status == 1
    assert "-c:2: expect vmas 2" in result.out
    assert "-c#2:2: expect vmas 2" in result.out
    assert "x.mrs:2: " in result.out


def test_a_misspelt_command_is_no_file(cli: Cli) -> None:
    assert "did you mean the command `step`?" in cli("stpe", "x.mrs").err
    assert "did you mean" not in cli("none.mrs").err


def test_behind_two_dashes_everything_is_a_file(cli: Cli) -> None:
    Path("-c").write_text(PASSES)
    assert cli("--", "-c").out.startswith("ok      ./-c [")
