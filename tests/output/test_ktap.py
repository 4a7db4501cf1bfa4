"""KTAP, held by a strict parser."""

from __future__ import annotations

from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.backend import Unsupported
from tests.cli.conftest import BAD, FAILS, PASSES, Cli
from tests.output.ktap import Malformed, parse

TWO = f'scenario "one" on relocate-v1, linux-6.18 {{\n{PASSES}}}\nscenario "two" {{\n{FAILS}}}\n'


def test_file_scenario_rules(cli: Cli) -> None:
    Path("x.mrs").write_text(TWO)
    Path("y.mrs").write_text(PASSES)
    result = cli("--report", "ktap", "x.mrs", "y.mrs")
    assert (result.status, result.err) == (1, "")
    (x, y), totals = parse(result.out)
    assert totals == ("Totals: pass:3 fail:1 xfail:0 xpass:0 skip:0 error:0",)
    assert (x.name, x.ok, y.name, y.ok) == ("x.mrs", False, "y.mrs", True)
    assert [(test.name, test.ok) for test in x["one"].tests] == [("relocate-v1", True), ("linux-6.18", True)]
    (failed,) = x["two"].tests
    assert not failed.ok
    assert failed.diagnostics[0] == " relocate-v1: x.mrs:7: expect vmas 2"
    assert " relocate-v1:     parent has 1 VMA(s), expected 2" in failed.diagnostics
    assert [test.name for test in y.tests] == ["y"]


def test_what_cannot_be_run_is_an_error(cli: Cli) -> None:
    Path("bad.mrs").write_text(BAD)
    (bad, missing), totals = parse(cli("--report", "ktap", "bad.mrs", "missing.mrs").out)
    assert (bad.directive, bad.why) == ("ERROR", "it does not compile")
    assert "bad.mrs:1:7: error:" in bad.diagnostics[0]
    assert (missing.directive, missing.why) == ("ERROR", "No such file or directory")
    assert totals == ("Totals: pass:0 fail:0 xfail:0 xpass:0 skip:0 error:2",)


def test_a_skip_has_its_reason_and_rises(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(choice: object) -> None:
        raise Unsupported("no swap # here\nat all")

    monkeypatch.setattr(api, "backend", unable)
    result = cli("--report", "ktap", "-c", PASSES)
    assert result.status == 4
    ((text,), _) = parse(result.out)
    for test in (text, *text.tests, *text.tests[0].tests):
        assert (test.ok, test.directive, test.why) == (True, "SKIP", "no swap here at all")


def test_names_are_unique_and_hold_no_hash(cli: Cli) -> None:
    Path("a#b.mrs").write_text(f'scenario "50% # of it" {{\n{PASSES}}}\nscenario "50%  of it" {{\n{PASSES}}}\n')
    ((file,), _) = parse(cli("-q", "--report", "ktap", "a#b.mrs").out)
    assert file.name == "a b.mrs"
    assert [test.name for test in file.tests] == ["50% of it", "50% of it (2)"]


def test_stopping_early_is_said(cli: Cli) -> None:
    Path("x.mrs").write_text(FAILS)
    Path("y.mrs").write_text(PASSES)
    tests, rest = parse(cli("--fail-fast", "--report", "ktap", "x.mrs", "y.mrs").out)
    assert len(tests) == 1
    assert rest[0] == "stopped at the first failure"


@pytest.mark.parametrize(
    "wrong",
    [
        "1..1\nok 1 a\n",
        "KTAP version 1\nok 1 a\n",
        "KTAP version 1\n1..2\nok 1 a\n",
        "KTAP version 1\n1..1\nok 1 a\nok 2 b\n",
        "KTAP version 1\n1..2\nok 1 a\nok 3 b\n",
        "KTAP version 1\n1..2\nok 1 a\nok 2 a\n",
        "KTAP version 1\n1..1\nok 1 a # MAYBE so\n",
        "KTAP version 1\n1..1\nok 1 a # ERROR so\n",
        "KTAP version 1\n1..1\nok 1\n",
        "KTAP version 1\n1..1\nsomething\nok 1 a\n",
        "KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  not ok 1 b\nok 1 a\n",
        "KTAP version 1\n1..1\n KTAP version 1\n 1..1\n ok 1 b\nok 1 a\n",
    ],
)
def test_the_parser_is_strict(wrong: str) -> None:
    with pytest.raises(Malformed):
        parse(wrong)


def test_the_parser_takes_the_kernel_s_example() -> None:
    text = "KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n    KTAP version 1\n    1..1\n    # t: hm\n    ok 1 t\n"
    text += "  ok 1 inner\n  ok 2 other # SKIP none\nok 1 main\n"
    ((main,), _) = parse(text)
    assert main["inner"]["t"].diagnostics == (" t: hm",)
