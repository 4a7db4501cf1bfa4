"""The pytest plugin, as users meet it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mremapdsl import api
from mremapdsl.backend import Unsupported
from tests.cli.conftest import BAD, FAILS, PASSES

pytest_plugins = ["pytester"]

api.run(FAILS)  # so that the runs below find all modules imported
TWO = f'scenario "holds" on relocate-v1, linux-6.18 {{\n{PASSES}}}\nscenario "a :: b [c]" {{\n{FAILS}}}\n'


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A directory with two scenario files, where plugins are only loaded by name."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(test_own="def test_own():\n    pass\n")
    pytester.path.joinpath("x.mrs").write_text(TWO)
    pytester.mkdir("d").joinpath("y.mrs").write_text(PASSES)
    return pytester


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """In this process, with no other plugin."""
    return pytester.runpytest_inprocess("-p", "mremapdsl.tools.pytest_plugin", *arguments)


def test_an_item_for_each_scenario_and_rule_set(suite: pytest.Pytester) -> None:
    result = run(suite, "-v")
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(
        [
            "d/y.mrs::y[[]relocate-v1] PASSED*",
            "x.mrs::holds[[]relocate-v1] PASSED*",
            "x.mrs::holds[[]linux-6.18] PASSED*",
            "x.mrs::a : b (c)[[]relocate-v1] FAILED*",
        ],
        consecutive=False,
    )


def test_a_failure_is_told_as_the_tool_does(suite: pytest.Pytester) -> None:
    result = run(suite, "x.mrs")
    result.stdout.fnmatch_lines(["x.mrs:7: expect vmas 2", "    parent has 1 VMA(s), expected 2", "    there now:"])
    assert "Traceback" not in result.stdout.str()
    assert "pytest_plugin.py" not in result.stdout.str()


def test_selection(suite: pytest.Pytester) -> None:
    run(suite, "-k", "holds").assert_outcomes(passed=2, deselected=3)
    run(suite, "-x", "x.mrs", "d/y.mrs").assert_outcomes(passed=2, failed=1)
    run(suite, "x.mrs::holds[linux-6.18]").assert_outcomes(passed=1)
    run(suite, "x.mrs::a : b (c)[relocate-v1]").assert_outcomes(failed=1)
    run(suite, "--lf").assert_outcomes(failed=1)
    run(suite, "--ignore-glob=*.mrs").assert_outcomes(passed=1)


def test_rules(suite: pytest.Pytester) -> None:
    result = run(suite, "--collect-only", "-q", "--mrs-rules", "relocate-v1 with ksm=skip, linux-7.3", "d")
    assert result.outlines[:2] == ["d/y.mrs::y[relocate-v1 with ksm=skip]", "d/y.mrs::y[linux-7.3]"]
    result = run(suite, "--mrs-rules", "linux-7.33", "d")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--mrs-rules:1:1: error: *linux-7.33*"])


def test_a_file_that_does_not_compile_is_a_collection_error(suite: pytest.Pytester) -> None:
    suite.path.joinpath("bad.mrs").write_text(BAD)
    result = run(suite)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["bad.mrs:1:7: error: *[[]MRS101]", "  mmap A", "        ^", "  remedy: *"])
    assert "Traceback" not in result.stdout.str()


def test_warnings_and_equal_titles(suite: pytest.Pytester) -> None:
    suite.path.joinpath("z.mrs").write_text(f'scenario "s" {{ {PASSES} }}\n' * 2)
    result = run(suite, "-v", "-W", "default", "z.mrs")
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(["z.mrs::s#2[[]relocate-v1] PASSED*", "*ScenarioWarning: z.mrs:*[[]MRS405]"])


def test_a_skip_has_its_reason(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(choice: object) -> None:
        raise Unsupported("this machine has no swap")

    monkeypatch.setattr(api, "backend", unable)
    result = run(suite, "-rs", "d")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*this machine has no swap"])


def test_a_recorded_trace(suite: pytest.Pytester) -> None:
    trace = suite.path / "d" / "y.trace"
    trace.write_text("old\n")
    result = run(suite, "d")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["--- a/d/y.trace", "-old", '+scenario "y"', "if that is right: --bless records *"])
    run(suite, "d", "--mrs-rules", "linux-6.18").assert_outcomes(passed=1)


def test_several_processes(suite: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    arguments = ["-p", "mremapdsl.tools.pytest_plugin", "-p", "xdist.plugin", "-n2", "."]
    result = suite.runpytest_subprocess(*arguments)
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["x.mrs:7: expect vmas 2"])


def test_suites_without_scenarios_are_left_alone() -> None:
    code = "import sys, mremapdsl.tools.pytest_plugin; print([m for m in sys.modules if m.startswith('mremapdsl.')])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "['mremapdsl.tools', 'mremapdsl.tools.pytest_plugin']\n"
