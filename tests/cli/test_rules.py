"""Which rules a scenario runs under."""

from __future__ import annotations

import json

import pytest

from mremapdsl import api
from mremapdsl.model.series import RULE_SETS
from tests.cli.conftest import PASSES, Cli

ONE_VMA = "mmap A 2 at @1000; mmap B 2 r after A; mremap @1000+4 to @3000 "


def rules_of(out: str) -> list[str]:
    return [json.loads(line)["rules"] for line in out.splitlines()]


def test_the_default(cli: Cli) -> None:
    assert rules_of(cli("-c", PASSES, "--trace", "json").out) == ["relocate-v1"]


def test_rules_are_for_scenarios_that_name_none(cli: Cli) -> None:
    own = "rules linux-6.12\n" + PASSES
    assert rules_of(cli("-c", PASSES, "-c", own, "--rules", "linux-6.18", "--trace", "json").out) == [
        "linux-6.18",
        "linux-6.12",
    ]


def test_several(cli: Cli) -> None:
    assert rules_of(cli("-c", PASSES, "--rules", "linux-6.18, linux-7.3", "--trace", "json").out) == [
        "linux-6.18",
        "linux-7.3",
    ]


@pytest.mark.parametrize(
    "words",
    [
        ["linux-6.18 with move_range=one_vma"],
        ["linux-6.18", "with", "move_range=one_vma"],
        ["linux-6.18", "with", "move_range=one_vma,", "fork_child=more_than_one_link"],
        ["linux-6.18", "with", "move_range=one_vma", "fork_child=more_than_one_link"],
    ],
    ids=len,
)
def test_overrides(cli: Cli, words: list[str]) -> None:
    assert cli("--rules", *words, "-c", ONE_VMA + "fails EFAULT").status == 0
    assert cli("--rules", "linux-6.18", "-c", ONE_VMA + "; expect vmas 2").status == 0


@pytest.mark.parametrize(
    "rules",
    ["linux-6.81", "", "linux-6.18 with", "linux-6.18 with no=yes", "linux-6.18 with move_range=some",
     "linux-6.18; mmap A 4", "linux-6.18 {", "linux-6.18\n", "linux-6.18 with fork_child=never"],
)  # fmt: skip
def test_rules_that_do_not_exist(cli: Cli, rules: str) -> None:
    result = cli("--rules", rules, "-c", PASSES)
    assert result.status == 2
    assert result.out == ""
    assert result.err.startswith("--rules:1:")


@pytest.mark.parametrize("rules", ["", " "])
def test_rules_that_are_empty(cli: Cli, rules: str) -> None:
    result = cli("--rules", rules, "-c", "mmap A 1; expect vmas 1")
    assert result.status == 2
    assert "no rule set is named [MRS110]" in result.err


def test_every_rule_set_runs_and_is_listed(cli: Cli) -> None:
    listed = cli("--list-rules")
    for name in api.rule_names():
        assert cli("-q", "--rules", name, "-c", PASSES).status == 0, name
        assert f"\n  {name}" in listed.out
    assert set(RULE_SETS) <= set(api.rule_names())


def test_every_choice_that_is_listed_can_be_chosen(cli: Cli) -> None:
    listed = cli("--list-rules").out
    for decision, choices in api.overrides().items():
        assert f"\n  {decision}  (" in listed
        for choice in choices:
            assert f"\n      {choice}: " in listed
            assert api.rules(f"relocate-v1 with {decision}={choice}").choices[decision] == choice


def test_lines_of_the_list_fit(cli: Cli) -> None:
    assert max(map(len, cli("--list-rules").out.splitlines())) <= 80


def test_every_reason_is_listed(cli: Cli) -> None:
    lines = cli("--list-reasons").out.splitlines()
    for name in api.vocabulary().reasons:
        assert any(line.startswith(f"{name}  (") for line in lines), name
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if "{" in line]
