"""What is printed, and where."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import FAILS, PASSES, Cli, program
from tests.cli.terminal import written

SCENARIOS = f'scenario "one" {{\n{PASSES}}}\nscenario "two" on linux-6.18, linux-7.3 {{\n{FAILS}}}\n'


def test_a_line_for_each_scenario_and_rule_set_and_a_summary(cli: Cli) -> None:
    Path("x.mrs").write_text(SCENARIOS)
    lines = cli("x.mrs").out.splitlines()
    assert lines[0] == 'ok      x.mrs: "one" [relocate-v1]'
    assert lines[1] == 'FAILED  x.mrs: "two" [linux-6.18]'
    assert "x.mrs:7: expect vmas 2" in lines
    assert "    parent has 1 VMA(s), expected 2" in lines
    assert re.fullmatch(r"1 passed, 2 failed; rules relocate-v1, linux-6\.18, linux-7\.3; \d+\.\d\d s", lines[-1])


def test_quiet(cli: Cli) -> None:
    result = cli("-q", "-c", PASSES, "-c", "mmap A 4")
    assert (result.out, result.err) == ("", "")
    assert cli("-q", "-c", PASSES, "-c", FAILS).out.startswith("FAILED  -c#2")


def test_verbose_says_why_something_held(cli: Cli) -> None:
    result = cli("-v", "-c", "mmap A 4; expect not merged")
    assert "-c:1: ✓ expect not merged" in result.out or "-c:1: ok expect not merged" in result.out
    assert "left: no VMA touches it" in result.out


def test_a_failure_quotes_the_documentation(cli: Cli) -> None:
    text = "mmap A 4\n## Said\n## by its author.\nexpect vmas 3\n## Cannot be.\nmunmap A fails ENOMEM"
    lines = cli("-c", text).out.splitlines()
    assert lines[1:3] == ["-c:4: expect vmas 3", "    ## Said by its author."]
    assert lines[lines.index("-c:6: munmap A = ok") + 1] == "    ## Cannot be."


def test_show_prints_the_state(cli: Cli) -> None:
    text = "mmap A 4\ntouch A\nfork\nchild: touch A[0]\nchild: show\nexpect vmas 1"
    lines = cli("-c", text).out.splitlines()
    assert lines[:7] == [
        "ok      -c [relocate-v1]",
        "-c:5: child: show",
        '    child: layout @1000 "AAAA"',
        "    child: vma @1000+4  # A rw-p pgoff 1000 anon_vma av2",
        "    page 1000 = A[0]: anonymous, frame 4, index 1000, exclusive",
        "    pages [1001,1004) = A[1..4]: anonymous, frames 1-3, index 1001-1003, shared",
        "    anon_vma av1: its own root: children 2, active VMAs 1",
    ]
    assert cli("-q", "-c", text).out == ""


def test_json_is_alone_on_standard_output(cli: Cli) -> None:
    Path("x.mrs").write_text(SCENARIOS)
    result = cli("--trace", "json", "x.mrs", "-c", "mmap A", "-c", "mmap A 4")
    traces = [json.loads(line) for line in result.out.splitlines()]
    assert [(t["scenario"], t["rules"], t["outcome"]) for t in traces] == [
        ("-c#2", "relocate-v1", "passed"),
        ("one", "relocate-v1", "passed"),
        ("two", "linux-6.18", "failed"),
        ("two", "linux-7.3", "failed"),
    ]
    assert "-c:1:" in result.err
    assert "-c#2:1:" in result.err


def test_json_has_the_documented_shape(cli: Cli) -> None:
    text = "mmap A 4; touch A[0..2]; fork kid; kid: read A[3]; kid: expect vmas 1; exit kid; touch A[9..10] fails SEGV"
    text = text.replace("A[9..10]", "@900+1")
    trace = json.loads(cli("--trace", "json", "--rules", "linux-6.18", "-c", text).out)
    assert list(trace) == ["schema", "file", "scenario", "rules", "outcome", "steps", "expectations"]
    assert trace["schema"] == "mremapdsl-trace/1"
    steps = trace["steps"]
    assert [s["text"] for s in steps][:4] == ["mmap A 4", "touch A[0..2]", "fork kid", "read A[3]"]
    assert [s["result"] for s in steps] == ["ok"] * 5 + ["SEGV"]
    assert [s["process"] for s in steps] == ["parent", "parent", "parent", "kid", "kid", "parent"]
    kid = steps[3]["state"]["processes"]["kid"]
    start = kid["vmas"][0]["start"]
    assert kid["vmas"] == [
        {"start": start, "end": start + 4, "prot": "rw-p", "pgoff": start, "anon_vma": "av2", "chain": 2}
    ]
    assert kid["pages"] == [[start, 2, "P", 0, False, start], [start + 3, 1, "Z", None, False, None]]
    assert steps[3]["state"]["anon_vmas"]["av2"] == {
        "root": "av1", "parent": "av1", "num_children": 0, "num_active_vmas": 1,
    }  # fmt: skip
    assert set(steps[0]["verdict"]) == {"outcome", "reason", "notes"}
    assert trace["expectations"] == [{"line": 1, "text": "vmas 1", "held": True, "detail": "kid has 1 VMA(s)"}]


def test_json_is_utf_8_whatever_the_terminal_uses(tmp_path: Path) -> None:
    (tmp_path / "ü.mrs").write_text('scenario "größer" {\n' + PASSES + "}\n", encoding="utf-8")
    result = program("--trace", "json", "ü.mrs", cwd=tmp_path, LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert json.loads(result.out)["scenario"] == "größer"


def test_a_terminal_that_knows_ascii_only(tmp_path: Path) -> None:
    (tmp_path / "ü.mrs").write_text(FAILS, encoding="utf-8")
    for trace in ([], ["--trace", "text"]):
        result = program(*trace, "-v", "ü.mrs", cwd=tmp_path, PYTHONIOENCODING="ascii")
        assert result.status == 1
        assert result.out.isascii()


def test_the_text_trace_shows_file_documentation(cli: Cli) -> None:
    Path("x.mrs").write_text("## About all of them.\n\n" + SCENARIOS)
    assert "    ## About all of them.\n" in cli("--trace", "text", "x.mrs").out


@pytest.mark.parametrize(
    ("arguments", "environment", "colored"),
    [
        ([], {}, True),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"TERM": "dumb"}, False),
        (["--color", "never"], {}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
    ],
    ids=str,
)
def test_colour_on_a_terminal(arguments: list[str], environment: dict[str, str], colored: bool) -> None:
    ours, theirs = pty.openpty()
    env = {**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm", **environment}
    command = [sys.executable, "-m", "mremapdsl", *arguments, "-c", FAILS]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, stdin=subprocess.DEVNULL, env=env) as running:
        os.close(theirs)
        shown = written(ours)
    assert running.returncode == 1
    assert (b"\x1b[" in shown) == colored


def test_no_colour_without_a_terminal() -> None:
    assert "\x1b[" not in program("-c", FAILS).out
    assert "\x1b[" in program("--color", "always", "-c", FAILS).out


def test_of_very_many_vmas_only_some_are_shown(cli: Cli) -> None:
    result = cli("-c", "mmap A 200; for i in 0..100 { munmap A[2*i] }; expect vmas 1")
    assert "... and 60 more (`show` prints all)" in result.out
    assert len(result.out.splitlines()) < 55
