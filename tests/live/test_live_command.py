"""``mremapdsl live`` and its relatives, as processes: what they print and return, and that nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from mremapdsl.live.runtime import is_helper
from mremapdsl.live.settings import THP, read
from tests.cli.conftest import Cli, Result, program

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ("merging/both-sides.mrs", "merging/adoption.mrs", "fork/copy-on-write.mrs", "errors")
BUSY = "mmap A 2000\n" + "touch A 7\nmadvise A DONTNEED\n" * 4000 + "expect A is none\n"
"""Takes seconds."""
NOBODY = 65534


def words(text: str) -> str:
    """Without line breaks of paragraphs."""
    return " ".join(text.split())


# --- output and status -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_does_what_the_model_does(cli: Cli, own_rules: str, kernel: str, name: str) -> None:
    path = str(ROOT / "examples" / name)
    live, model = cli("live", "-q", path), cli("-q", "--rules", own_rules, path)
    assert live.status in (0, 4), live.out
    assert live.status == 4 or model.status == live.status
    assert kernel in words(cli("live", path).out)


def test_a_failure_is_shown_as_the_model_shows_it(cli: Cli, own_rules: str, kernel: str) -> None:
    text = "mmap A 4\nmmap B 4 after A\nexpect vmas 2\nmunmap A fails EINVAL\n"
    live, model = cli("live", "-c", text), cli("--rules", own_rules, "-c", text)
    assert (live.status, model.status) == (1, 1)
    assert f"FAILED  -c [{kernel}]" in live.out
    assert words(live.out).endswith(f"rules {kernel}; {live.out.split()[-2]} s")
    of_model = model.out.replace(own_rules, kernel).splitlines()
    for line in live.out.splitlines():
        assert line in of_model or kernel in line or "anon_vma ?" in line or "succeeded" in line, line


@pytest.mark.usefixtures("own_rules")
def test_a_flag_that_the_kernel_does_not_know(cli: Cli) -> None:
    text = "mmap A 1; mremap A B RELOCATE; expect not merged"
    result = cli("live", "-c", text)
    assert result.status == 4
    assert "skipped" in result.out
    assert "RELOCATE" in result.out


def test_rules_that_this_kernel_does_not_follow(cli: Cli, own_rules: str) -> None:
    other = "linux-6.12" if own_rules != "linux-6.12" else "linux-7.3"
    result = cli("live", "-c", f"rules {other}\nmmap A 1; expect vmas 1")
    assert result.status == 4
    assert f"is for {other}" in words(result.out) or other in result.out


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("command", ["live", "compare", "record -o out.jsonl"])
def test_bad_use(cli: Cli, command: str) -> None:
    for more, said in (
        ("", "nothing to"),
        ("--timeout 0 nowhere.mrs", "--timeout"),
        ("nowhere.mrs", "nowhere.mrs"),
        ("--rules linux-9 nowhere.mrs", "linux-9"),
    ):
        result = cli(*command.split(), *more.split())
        assert (result.status, "Traceback" in result.err) == (2, False), (more, result)
        assert said in result.err


@pytest.mark.usefixtures("kernel")
def test_a_timeout(cli: Cli) -> None:
    result = cli("live", "--timeout", "0.2", "-c", BUSY, "-c", "mmap A 1; expect vmas 1")
    assert result.status == 2
    assert "the scenario takes longer than 0.2 s" in words(result.out)
    assert "1 passed" in result.out
    assert not helpers(os.getpid())


def test_the_help_tells_the_exit_statuses(cli: Cli) -> None:
    for command in ("live", "compare", "record", "replay", "fuzz", "shrink"):
        out = cli(command, "--help").out
        assert "exit status: 0 " in out
        assert all(len(line) <= 80 for line in out.splitlines())


# --- endings -------------------------------------------------------------------------------------------------------


def helpers(pid: int) -> list[int]:
    """Helper processes that a process has, or left behind."""
    found: list[int] = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
            if is_helper(int(name)) and command[-4] == str(pid).encode():
                found.append(int(name))
        except (OSError, IndexError):
            continue
    return found


def until(condition: Callable[[], object]) -> bool:
    """Whether it comes true within some seconds."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return False


@contextmanager
def started(text: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A live run with two helpers, as a process group of its own."""
    running = subprocess.Popen(
        [sys.executable, "-m", "mremapdsl", "live", *arguments, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert running.stdin is not None
        running.stdin.write(text)
        running.stdin.close()
        running.stdin = None
        assert until(lambda: len(helpers(running.pid)) > 1 or running.poll() is not None)
        yield running
    finally:
        running.kill()
        running.communicate()


@pytest.mark.usefixtures("kernel")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_the_run_in_order(number: signal.Signals) -> None:
    with started(BUSY) as running:
        os.killpg(running.pid, number)
        _, err = running.communicate(timeout=20)
        assert running.returncode == 128 + number
        assert "Traceback" not in err
        assert until(lambda: not helpers(running.pid))


def test_a_hunt_that_is_interrupted_shows_what_it_has_found(own_rules: str, tmp_path: Path) -> None:
    if own_rules != "linux-6.18":
        pytest.skip(f"the rules are wrong for linux-6.18; this kernel follows {own_rules}")
    command = ["fuzz", "--family", "errors", "--rules", "linux-6.12", "--count", "1000000", "--most", "1"]
    with subprocess.Popen(
        [sys.executable, "-m", "mremapdsl", *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        assert until(lambda: helpers(running.pid))
        time.sleep(1.5)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
        saved = list(tmp_path.glob("fuzz-errors-*.mrs"))
        assert (running.returncode, "Traceback" in err) == (3 if saved else 130, False), (out, err)
        assert "interrupted; what was found until then:" in err
        assert " programs, " in out
        assert until(lambda: not helpers(running.pid))


@pytest.mark.usefixtures("kernel")
def test_a_helper_that_dies_is_an_error_of_its_scenario_alone() -> None:
    text = f'scenario "busy" {{\n{BUSY}}}\nscenario "next" {{ mmap A 1; expect vmas 1 }}\n'
    with started(text) as running:
        os.kill(max(helpers(running.pid)), signal.SIGKILL)
        out, err = running.communicate(timeout=20)
        assert (running.returncode, "Traceback" in err) == (2, False)
        assert "died" in out
        assert "1 passed" in out
        assert until(lambda: not helpers(running.pid))


def test_after_sigkill_no_process_is_left_and_the_next_run_puts_settings_back(root: str) -> None:
    path = f"{THP}/enabled"
    before = read(path)
    if not before:
        pytest.skip(f"{root} has no transparent huge pages")
    other = "never" if before != "never" else "always"
    with started(f"set thp {other}\n{BUSY}") as running:
        assert until(lambda: read(path) == other)
        running.kill()
        running.communicate()
        assert until(lambda: not helpers(running.pid))
    assert program("live", "-q", "-c", "mmap A 1; expect vmas 1").status == 0
    assert read(path) == before


# --- other users ---------------------------------------------------------------------------------------------------


def as_nobody(directory: Path, *arguments: str, python: str = "") -> Result:
    """The program, run by a user without any rights in a directory of its own."""
    python = python or (directory / "python").readlink().as_posix()
    environment = {**os.environ, "MREMAPDSL_RUNTIME_DIR": str(directory / "run"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("XDG_RUNTIME_DIR", None)
    ran = subprocess.run(
        [python, "-m", "mremapdsl", *arguments],
        capture_output=True,
        text=True,
        cwd=directory,
        env={**environment, "PYTHONPATH": str(ROOT)},
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        check=False,
    )
    return Result(ran.returncode, ran.stdout, ran.stderr)


@pytest.fixture
def nobody(root: str) -> Iterator[Path]:
    """A directory of the user's own; the test is skipped where that user cannot even read this program."""
    with tempfile.TemporaryDirectory(prefix="nobody-") as name:
        os.chown(name, NOBODY, NOBODY)
        directory = Path(name)
        for python in (sys.executable, "/usr/bin/python3"):
            with suppress(OSError):
                if as_nobody(directory, "-c", "mmap A 1; expect vmas 1", python=python).status == 0:
                    (directory / "python").symlink_to(python)
                    yield directory
                    return
        pytest.skip("another user cannot run this program")


def test_without_root_everything_runs_or_says_why_not(nobody: Path) -> None:
    live = as_nobody(nobody, "live", "-v", "-c", "mmap A 2; touch A; fork; expect vmas 1; expect A.mapcount == 2")
    assert (live.status, "Traceback" in live.err) == (0, False), live
    assert "page frames cannot be told apart without root" in words(live.err)
    assert "not observable here" in live.out
    skipped = as_nobody(nobody, "live", "-c", "mmap A 2; touch A; madvise A MERGEABLE; ksm scan; expect A is anon")
    assert (skipped.status, "only root can let ksmd scan" in words(skipped.out)) == (4, True), skipped
    compare = as_nobody(nobody, "compare", "--deep", "-c", "mmap A 2; touch A; fork; mremap A B")
    assert compare.status == 0, compare
    assert "no deep view" in compare.err
    record = as_nobody(nobody, "record", "-c", "mmap A 2; touch A", "-o", "out.jsonl.gz")
    assert record.status == 0, record
    assert as_nobody(nobody, "replay", "out.jsonl.gz").status == 0
    fuzz = as_nobody(nobody, "fuzz", "--family", "fork", "--count", "12")
    assert fuzz.status == 0, fuzz
    assert "12 programs" in fuzz.out
