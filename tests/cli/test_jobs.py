"""Several processes, stopping early, the progress line, the summary."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mremapdsl import parallel
from mremapdsl.cli import progress
from tests.cli.conftest import BAD, FAILS, PASSES, Cli, program
from tests.cli.terminal import written

SECONDS = re.compile(r"\d+\.\d\d s")
LONG = f"""
mmap A 4; touch A; fork; fork other
any order {{
    child {{ {"mprotect A[0] r; mprotect A[0] rw; " * 8} }}
    other {{ {"mprotect A[0] r; mprotect A[0] rw; " * 8} }}
    parent {{ {"mprotect A[0] r; mprotect A[0] rw; " * 8} }}
}}
expect vmas 1
"""
"""Thousands of points: some seconds."""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Files of all kinds."""
    for number in range(8):
        scenarios = [f'scenario "{n}" on linux-6.18, relocate-v1 {{\n{PASSES}}}\n' for n in range(3)]
        (tmp_path / f"p{number:02}.mrs").write_text("".join(scenarios))
    (tmp_path / "p03.mrs").write_text(FAILS)
    (tmp_path / "p05.mrs").write_text(BAD)
    (tmp_path / "p07.mrs").write_text("mmap A 4\n")
    (tmp_path / "p09.mrs").symlink_to("nowhere")
    return tmp_path


@pytest.mark.parametrize("options", [[], ["--trace", "text"], ["--fail-fast"]], ids=str)
def test_the_number_of_processes_changes_nothing(files: Path, options: list[str]) -> None:
    seen = []
    for jobs in ("1", "3"):
        reports = ["--report", "ktap:r.ktap", "--report", "github:r.txt"]
        result = program(*options, *reports, "-j", jobs, ".", "missing.mrs", cwd=files)
        assert result.status == (1 if "--fail-fast" in options else 2)
        documents = [(files / name).read_text() for name in ("r.ktap", "r.txt")]
        seen.append([SECONDS.sub("", result.out), result.err, *documents])
    assert seen[0] == seen[1]


def test_stop_at_the_first_failure(cli: Cli) -> None:
    text = f'scenario "bad" on relocate-v1, linux-6.18 {{\n{FAILS}}}\n'
    result = cli("--fail-fast", "-c", PASSES, "-c", text, "-c", PASSES)
    assert result.status == 1
    assert [line.split()[0] for line in result.out.splitlines() if "-c" in line and "[" in line] == ["ok", "FAILED"]
    result = cli("--fail-fast", "missing.mrs", "-c", PASSES, "-c", FAILS)
    assert result.status == 1
    Path("bad.mrs").write_text(BAD)
    result = cli("--fail-fast", "bad.mrs", "missing.mrs")
    assert result.status == 2
    assert "No such file" not in result.err


def test_an_interrupt_ends_the_workers(tmp_path: Path) -> None:
    (tmp_path / "x.mrs").write_text("".join(f'scenario "{n}" {{\n{LONG}}}\n' for n in range(4)))
    command = [sys.executable, "-m", "mremapdsl", "-j2", "x.mrs"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, start_new_session=True
    ) as running:
        while not children(running.pid):
            assert running.poll() is None
            time.sleep(0.01)
        os.killpg(running.pid, signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert (running.returncode, out, err) == (130, b"", b"mremapdsl: interrupted\n")
    with pytest.raises(ProcessLookupError):
        os.killpg(running.pid, 0)


def children(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


def test_a_worker_that_dies() -> None:
    code = """
import os, signal
from mremapdsl.parallel import WorkerDied, ordered
try:
    print(list(ordered(lambda n: os.kill(os.getpid(), signal.SIGKILL), [1, 2], 2)))
except WorkerDied:
    print("died")
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "died\n"


def test_results_come_in_order_and_errors_come_through() -> None:
    assert list(parallel.ordered(lambda n: n * n, range(100), 3)) == [n * n for n in range(100)]

    def broken(n: int) -> int:
        raise ValueError(n)

    with pytest.raises(ValueError, match="7"):
        list(parallel.ordered(broken, [7], 2))


def test_the_slowest_are_named(cli: Cli) -> None:
    lines = cli("-v", "-c", PASSES, "-c", PASSES).out.splitlines()
    at = lines.index("slowest:")
    assert {line.split("  ")[-1] for line in lines[at + 1 :]} == {"-c [relocate-v1]", "-c#2 [relocate-v1]"}
    assert "slowest:" not in cli("-c", PASSES, "-c", PASSES).out
    assert "slowest:" not in cli("-v", "-c", PASSES).out


# --- the progress line ----------------------------------------------------------------------------------------


def on_terminal(*arguments: str, **environment: str) -> bytes:
    """What a terminal gets."""
    ours, theirs = pty.openpty()
    code = "from mremapdsl.cli import main, progress; progress.PATIENCE = progress.OFTEN = 0; raise SystemExit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "30", **environment},
    ):  # fmt: skip
        os.close(theirs)
        return written(ours)


def test_a_line_that_goes_before_anything_else_is_printed() -> None:
    title = "a title that is far too long for it"
    seen = on_terminal("--color", "never", "-c", f'scenario "{title}" {{\n{PASSES}}}', "-c", PASSES).decode()
    clear = progress.CLEAR
    assert seen.startswith(f'{clear}[0] -c: "a title that is far {clear}ok      -c: "{title}"')
    assert f"{clear}[1] -c#2 [relocate-v1]{clear}ok      -c#2" in seen
    assert clear not in seen.rpartition("ok  ")[2]


@pytest.mark.parametrize(
    ("arguments", "environment"), [(["-q"], {}), ([], {"TERM": "dumb"})], ids=["quiet", "dumb terminal"]
)
def test_no_line(arguments: list[str], environment: dict[str, str]) -> None:
    assert progress.CLEAR.encode() not in on_terminal(*arguments, "-c", PASSES, **environment)


def test_no_line_without_a_terminal(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    assert cli("-c", PASSES).err == ""
