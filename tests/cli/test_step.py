"""``mremapdsl step``: forwards, backwards, why, trying statements, ways of branching scenarios, saving."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.cli import main
from mremapdsl.cli.step import Prompt as Prompted
from mremapdsl.stepper import Session

Prompt = Callable[..., str]

SCENARIO = "rules linux-6.18\nmmap A 4 rw\ntouch A\nmmap B 4 rw after A\ntouch B\nexpect vmas 1\n"


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Prompt:
    """Runs the prompt over typed lines, with a scenario file or none, and returns what it printed."""

    def run(*typed: str, text: str = "", options: tuple[str, ...] = ()) -> str:
        files: list[str] = []
        if text:
            (tmp_path / "s.mrs").write_text(text, encoding="utf-8")
            files.append(str(tmp_path / "s.mrs"))
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in typed)))
        assert main(["step", *options, *files]) == 0
        return capsys.readouterr().out

    return run


def test_enter_goes_on_and_back_undoes(step: Prompt) -> None:
    out = step("next 2", "", "back 2", "list", "show", text=SCENARIO)
    assert "joined-left" in out, "the third statement ran"
    assert ">   2  touch A" in out, "and was taken back with the second"
    assert out.rstrip().endswith("vma A  # rw-p pgoff 1000") or 'layout @1000 "aaaa"' in out


def test_run_stops_at_a_failure(step: Prompt) -> None:
    out = step("run", "list", text="mmap A 4 rw\nexpect vmas 2\nmunmap A\n")
    assert "parent has 1 VMA(s), expected 2" in out
    assert ">   3  munmap A" in out


def test_statements_are_tried_where_one_stands(step: Prompt) -> None:
    out = step("next", "mprotect A[1] r", "expect vmas 3", "list", text=SCENARIO)
    assert "✗" not in out
    assert "  2  mprotect A[1] r" in out
    assert ">   4  touch A" in out


def test_a_statement_that_does_not_compile_changes_nothing(step: Prompt) -> None:
    out = step("mprotekt A r", "list", text=SCENARIO)
    assert "did you mean `mprotect`?" in out
    assert ">   1  mmap A 4 rw" in out


def test_what_is_wrong_with_a_statement_is_told_within_the_width(step: Prompt) -> None:
    out = step("frobnicate", "touch Z", "mremap")
    assert "`frobnicate` is not a statement; statements begin with any" in out
    assert max(map(len, out.splitlines())) <= 80


def test_why_two_files_are_apart(step: Prompt) -> None:
    out = " ".join(step("mmap A 4 file F", "mmap B 4 file F after A", "why A B").split())
    assert "file: fits (F on both sides)" in out
    assert "map the part of the file that continues" in out


def test_why_two_vmas_are_apart(step: Prompt) -> None:
    out = step("mmap A 4 rw", "touch A", "mprotect A[2..4] r", "why A not merged @1002", "why @1002 A[0]", "why A Z")
    assert "VM_WRITE only there" in out or "VM_WRITE only here" in out
    assert "A[0] is no place" not in out
    assert "mprotect A[2..4] r" in out, "the statement that set the flags apart"
    assert "Z is no place" in out


def test_ways_of_a_branch(step: Prompt) -> None:
    out = step("next", "next", "ways 2", "next", "list", text="mmap A 4 rw\nchoose { touch A } or { munmap A }\n")
    assert "1: touch A" in out
    assert "2: munmap A" in out
    assert "  2  munmap A" in out
    assert "(end)" in out


UNDONE = """\
rules relocate-v1
mmap A 4M; touch A[507..512]
set thp always; touch A[512]
mremap A[507..513] B RELOCATE during relocation { pin A[509] }
expect sometimes violation rmap-complete
"""


def test_a_moment_inside_a_relocation_is_a_way(step: Prompt, tmp_path: Path) -> None:
    """A pin before its page is rewritten does no harm; one behind that, before the undo, does."""
    file = tmp_path / "saved.mrs"
    out = step("next 9", "ways 1", "next", "back 2", "next", "ways 7", "next", "ways", f"save {file}", text=UNDONE)
    assert "1: moment 1 of 12, linked: pin A[509]" in out
    assert "4: moment 4 of 12, rewritten up to page 2557: pin A[509]" in out
    assert "12: moment 12 of 12, put back up to page 2559: pin A[509]" in out
    assert "13: nothing happens inside" in out
    first, here, second = " ".join(out.split()).partition("when stopped: `pin A[509]` ok")
    assert here
    assert "cannot be found" not in first
    assert "cannot be found" in second
    (record,) = api.run(file)
    assert record.outcome == "passed"


def test_a_moment_that_a_lock_forbids(step: Prompt) -> None:
    text = "rules relocate-v1\nmmap A 1; touch A\nmremap A B RELOCATE during relocation { fork }\nexpect relocated\n"
    out = step("next 3", "ways 1", "list", text=text)
    assert "`fork` cannot happen inside the relocation: it waits: parent holds its mmap lock" in out
    assert ">   3  mremap A B RELOCATE during relocation { fork }" in out


def test_any_order_is_gone_through_thread_by_thread(step: Prompt) -> None:
    text = "mmap A 1; touch A; fork\nany order { read A; child { touch A; exit } }\nexpect vmas 1\n"
    out = step("next 3", "ways", "ways 2", "next", "list", text=text)
    assert "1: read A" in out
    assert "2: child: touch A; exit child" in out or "2: child: touch A; child: exit" in out
    assert "any order { read A; " in out


def test_what_was_typed_is_saved_and_runs(step: Prompt, tmp_path: Path) -> None:
    file = tmp_path / "typed.mrs"
    out = step(
        "mmap A 4 rw", "touch A", "fork", "child: touch A", "expect child: copied A", f"save {file}", f"save {file}"
    )
    assert "exists; choose another name" in out
    (result,) = api.run(file.read_text(encoding="utf-8"))
    assert result.outcome == "passed"
    assert len(result.steps) == 4


def test_options(step: Prompt) -> None:
    text = 'scenario "one" { mmap A 1; expect vmas 1; }\nscenario "two" { mmap B 2; expect vmas 1; }\n'
    assert "mmap B 2" in step("list", text=text, options=("--scenario", "two", "--rules", "linux-6.12"))


def test_going_back_restores_every_part_of_the_machine() -> None:
    scenario, rules = api.compile(SCENARIO).scenarios[0], api.parse_rules("linux-6.18")[0]
    session = Session(scenario, rules, api.backend(rules), lambda text: api.compile(text).scenarios[0])
    keys: list[object] = []
    while session.ahead:
        keys.append(session.now.backend.key())
        session.forward()
    while session.back():
        assert session.now.backend.key() == keys.pop()
    assert not keys


def test_help_tells_all_commands_a_line_each(step: Prompt) -> None:
    out = step("help", "help back", "help nothing")
    commands = [name[3:] for name in dir(Prompted) if name.startswith("do_")]
    assert all(re.search(rf"^  {command}\b.*: ", out, flags=re.MULTILINE) for command in commands)
    assert out.count("take the last statement") == 2
    assert "nothing is no command" in out
    assert all(len(line) <= 80 for line in out.splitlines())


def test_what_is_no_number_does_nothing(step: Prompt) -> None:
    out = step("next", "back x", "next -3", "drop", "list", text=SCENARIO)
    assert "back takes a number, not x" in out
    assert "next takes a number, not -3" in out
    assert out.endswith("4 statements dropped\n    1  mmap A 4 rw\n>      (end)\n")


def test_completion_offers_what_can_stand_there(tmp_path: Path) -> None:
    scenario, rules = api.compile(SCENARIO).scenarios[0], api.parse_rules("linux-6.18")[0]
    prompt = Prompted(Session(scenario, rules, api.backend(rules), lambda text: api.compile(text).scenarios[0]))
    assert prompt.completenames("ne") == ["next"]
    assert prompt.completenames("mr") == ["mremap"]
    assert "RELOCATE" in prompt.completedefault("RELO")
    (tmp_path / "first-one.mrs").touch()
    assert prompt.complete_save("on", f"save {tmp_path}/first-on") == ["one.mrs"]


def test_one_rule_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["step", "--rules", "linux-6.18, linux-7.3"]) == 2
    assert "--rules takes one rule set here" in capsys.readouterr().err
