"""What an exported program says of the running kernel is what a live run says."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.export.program import export
from mremapdsl.export.select import Target
from mremapdsl.live.session import Session
from mremapdsl.onkernel import run_on_kernel
from mremapdsl.program import Expect, Not, Program, RuleChoice
from tests.export.conftest import Compile, exported, outcomes, run

EXAMPLES = Path(__file__).parents[2] / "examples"
CHOSEN = (
    "start/first-tour", "errors/no-access", "errors/mremap-errnos", "errors/map-count", "fork/copy-on-write",
    "moving/growing", "merging/moved-range", "pages/pins", "pages/guard-pages", "versions/private-files",
)  # fmt: skip


def negated(program: Program) -> Program:
    """Every expectation asked the other way round."""

    def other(expect: Expect) -> Expect:
        asked = expect.predicate
        return expect._replace(predicate=asked.predicate if isinstance(asked, Not) else Not(asked))

    scenarios = tuple(
        scenario._replace(body=tuple(other(s) if isinstance(s, Expect) else s for s in scenario.body))
        for scenario in program.scenarios
    )
    return program._replace(scenarios=scenarios)


@pytest.mark.parametrize("wrong", [False, True], ids=["as they are", "negated"])
def test_verdicts_are_those_of_live_runs(compiled: Compile, kernel: str, wrong: bool) -> None:
    programs = [api.compile(path) for name in CHOSEN if (path := EXAMPLES / f"{name}.mrs").exists()]
    programs = [negated(program) for program in programs] if wrong else programs
    chosen = [(program, scenario) for program in programs for scenario in program.scenarios]
    program = compiled(export(chosen, Target((), api.aliases()), api.rule_sets()).text)
    live: dict[str, str] = {}
    with Session() as session:
        own = (RuleChoice(session.rules(list(api.rule_sets())) or api.DEFAULT_RULES),)
        for each, scenario in chosen:
            record = run_on_kernel(each.file, scenario, session, own, api.aliases(), states=False)
            live[f"{Path(each.file).stem}: {scenario.title}"] = record.outcome
        ran = subprocess.run([program], capture_output=True, text=True, check=False, timeout=60)
    found = outcomes(ran.stdout)
    assert {name: live[name.replace("no. ", "#")] for name in found} == found, ran.stdout
    assert ran.returncode == (1 if "failed" in found.values() else 4 if set(found.values()) == {"skipped"} else 0)


def test_what_cannot_be_checked_is_said(compiled: Compile, alone: str) -> None:
    program = compiled(exported("mmap A 4; touch A; expect A.pgoff == A.page; expect A is anon").text)
    out = run(program, 0)
    assert (
        "# not checked: <text>:1: expect A.pgoff == A.page: the page offset of anonymous memory cannot be seen" in out
    )
    assert list(outcomes(out).values()) == ["passed"]


def test_a_failure_names_the_line_and_what_was_seen(compiled: Compile, alone: str) -> None:
    program = compiled(exported("mmap A 4; mmap B 4\nexpect vmas 1; munmap A fails EPERM").text)
    out = run(program, 1)
    assert "# <text>:2: expect vmas 1: does not hold: there are 2 VMAs" in out
    assert "# <text>:2: munmap A fails EPERM: should end with EPERM, ended with no error" in out


def test_settings_are_put_back_when_the_program_is_killed(compiled: Compile, alone: str) -> None:
    setting = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not setting.exists():
        pytest.skip("this kernel has no transparent huge pages")
    if not os.access(setting, os.W_OK):
        pytest.skip("only root can change settings")
    before = setting.read_text()
    other = "never" if "[always]" in before else "always"
    text = exported(f"set thp {other}; mmap A 1; touch A; expect vmas 1").text
    program = compiled(text.replace("OK(touch(", "OK(pause() + touch("))
    with subprocess.Popen([program], stdout=subprocess.DEVNULL) as running:
        wait_for(lambda: f"[{other}]" in setting.read_text())
        running.kill()
    wait_for(lambda: setting.read_text() == before)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
