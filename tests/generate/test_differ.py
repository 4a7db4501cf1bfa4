"""Two rule sets side by side: what is wrong on purpose is found, and shrunk to a few statements."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mremapdsl import api
from mremapdsl.generate.campaign import Task, Workers, hunt
from mremapdsl.generate.differ import FIELDS, first_difference
from mremapdsl.generate.families import families
from mremapdsl.model.rules import Rules
from mremapdsl.ops import FIXED, MAYMOVE, RELOCATE, Mmap, Mremap, Operation, Touch
from mremapdsl.program import Statement, Step
from mremapdsl.shrink import shrink
from mremapdsl.statements import steps

P = "parent"
MOST_STATEMENTS = 5


def operations(body: Sequence[Statement]) -> list[Operation]:
    return [statement.op for statement in body if isinstance(statement, Step)]


def smallest(left: Rules, right: Rules, family: str, count: int) -> list[Operation]:
    """The first short difference that a hunt finds, shrunk, or the shortest; empty if it finds none."""
    task = Task(families(family, kernel=False), 1, left, right, FIELDS)
    known: dict[tuple[str, ...], list[Operation]] = {}
    for batch in Workers(task, hunt, 1).batches(count):
        for found in batch.found:
            wanted = found.difference.signature
            if found.difference.field == "crash" or wanted in known:
                continue

            def same(body: Sequence[Statement], wanted: tuple[str, ...] = wanted) -> bool:
                seen = first_difference(operations(body), left, right)
                return seen is not None and seen.step == len(body) - 1 and seen.signature == wanted

            known[wanted] = operations(shrink(steps(found.operations), same))
        if any(len(found) <= MOST_STATEMENTS for found in known.values()):
            break
    return min(known.values(), key=len, default=[])


WRONG = [
    ("linux-6.18", "adopt_anon_vma", "faulted", "fork"),
    ("linux-6.18", "adopt_anon_vma", "never", "merge"),
    ("linux-6.18", "reuse_anon_vma", "never", "fork"),
    ("linux-6.18", "reuse_page", "always", "fork"),
    ("linux-6.18", "reuse_page", "never", "fork"),
    ("linux-6.18", "reused_page_home", "kept", "fork"),
    ("linux-6.18", "fork_shares_page", "keeps_exclusive", "fork"),
    ("linux-6.18", "account_kept", "never", "merge"),
    ("linux-6.18", "mremap_map_count", "none", "errors"),
    ("linux-6.18", "fork_child", "never", "fork"),
    ("linux-6.18", "anon_vmas_join", "always", "merge"),
    ("linux-6.18", "both_sides", "always", "merge"),
    ("linux-6.18", "flags_ignored", "account", "merge"),
    ("linux-6.18", "moved_pgoff", "new_place", "merge"),
    ("linux-6.18", "moved_pgoff", "carried", "merge"),
]
"""Choices that no kernel makes: base, decision, choice, the family that finds it soonest."""


@pytest.mark.parametrize(("base", "decision", "choice", "family"), WRONG)
def test_a_wrong_rule_is_found_and_shown_in_few_statements(base: str, decision: str, choice: str, family: str) -> None:
    right = api.rules(base)
    found = smallest(right, Rules("wrong", {**right.choices, decision: choice}), family, 8000)
    assert 0 < len(found) <= MOST_STATEMENTS, found


def test_every_wrong_choice_is_looked_for() -> None:
    from mremapdsl.model.decision import DECISIONS

    wrong = {(d.name, c.name) for d in DECISIONS.values() for c in d.choices.values() if c.wrong}
    assert wrong == {(decision, choice) for _, decision, choice, _ in WRONG}


SWAPPED = [
    ("linux-6.12", "linux-6.16", "merge"),
    ("linux-6.17", "linux-6.16", "merge"),
    ("linux-6.17", "linux-6.18", "merge"),
    ("linux-6.18", "linux-7.3", "fork"),
    ("relocate-v1", "relocate-rfc1", "relocate"),
    ("relocate-v1", "relocate-auto", "relocate"),
    ("relocate-v1", "relocate-v1 with pinned=abort", "relocate"),
    ("relocate-v1", "relocate-v1 with pinned=move", "relocate"),
    ("relocate-v1", "relocate-v1 with nonpresent=fix", "relocate"),
    ("relocate-v1", "relocate-v1 with nonpresent=fail", "relocate"),
    ("relocate-v1", "relocate-v1 with large_folio=fail", "relocate"),
    ("relocate-v1", "relocate-v1 with failure=detect_early", "relocate"),
    ("relocate-v1", "relocate-v1 with ksm=skip", "relocate"),
    ("relocate-v1", "relocate-v1 with ksm=give_up", "relocate"),
    ("relocate-v1", "relocate-v1 with sharing=ever_shared", "relocate"),
]


@pytest.mark.parametrize(("left", "right", "family"), SWAPPED)
def test_designs_are_told_apart_in_few_statements(left: str, right: str, family: str) -> None:
    found = smallest(api.rules(left), api.rules(right), family, 4000)
    assert 0 < len(found) <= MOST_STATEMENTS, found


def test_equal_rules_do_not_differ() -> None:
    task = Task(families("all", kernel=False), 3, api.rules("relocate-v1"), api.rules("relocate-v1"), FIELDS)
    found = [found for batch in Workers(task, hunt, 1).batches(300) for found in batch.found]
    assert not [f for f in found if f.difference.field != "crash"]


def test_findings_do_not_depend_on_the_number_of_processes() -> None:
    task = Task(families("all", kernel=False), 5, api.rules("linux-6.12"), api.rules("linux-6.18"), FIELDS)
    one, two = ([b.found for b in Workers(task, hunt, jobs).batches(130)] for jobs in (1, 2))
    assert one == two
    assert any(one)


def test_only_the_fields_asked_for_differ() -> None:
    rules = api.rules("linux-6.18"), api.rules("linux-7.3")
    program: list[Operation] = [Mmap(P, 10, 4), Mremap(P, 10, 4, 4, 6, MAYMOVE | FIXED | 4)]
    found = first_difference(program, *rules)
    assert found is not None
    assert (found.field, found.aspect, found.step) == ("vmas", "borders", 1)
    assert first_difference(program, *rules, ("result", "reason", "pages")) is None


def test_a_page_that_is_kept_is_told_from_a_copy() -> None:
    """Both machines show one page with the same content; only its frame is new on one."""
    right = api.rules("linux-6.18")
    wrong = Rules("wrong", {**right.choices, "reuse_page": "never"})
    from mremapdsl.ops import Exit, Fork

    program: list[Operation] = [Mmap(P, 10, 1), Touch(P, 10, 1), Fork(P, "child"), Exit("child"), Touch(P, 10, 1)]
    found = first_difference(program, right, wrong)
    assert found is not None
    assert (found.step, found.field, found.aspect) == (4, "pages", "frame")


def test_a_crash_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    from mremapdsl.generate import differ

    def fails(self: object, op: object) -> None:
        raise AssertionError("no")

    monkeypatch.setattr(differ.Quick, "step", fails)
    rules = api.rules("linux-6.18")
    found = first_difference([Mmap(P, 10, 1)], rules, rules)
    assert found is not None
    assert (found.field, found.aspect) == ("crash", "AssertionError")


def test_what_the_model_does_not_know_ends_a_program() -> None:
    from mremapdsl.ops import Migrate

    rules = api.rules("relocate-v1"), api.rules("linux-6.18")
    program: list[Operation] = [Mmap(P, 10, 1), Touch(P, 10, 1), Migrate(P, 10, 1, "begin"), Touch(P, 10, 1),
                                Mremap(P, 10, 1, 1, 20, MAYMOVE | FIXED | RELOCATE)]  # fmt: skip
    assert first_difference(program, *rules) is None
