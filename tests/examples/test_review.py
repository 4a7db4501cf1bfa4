"""The review, what was observed, the selftests: complete, documented, passing; every alternative makes a difference."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from mremapdsl import api
from mremapdsl.matrix import cell
from mremapdsl.ops import MUST_RELOCATE, RELOCATE, Mremap
from mremapdsl.program import Program, RuleChoice, Scenario, Step
from mremapdsl.record import ScenarioRecord
from mremapdsl.runner import run_scenario

EXAMPLES = Path(__file__).parents[2] / "examples"
REVIEW, OBSERVED, SELFTESTS = EXAMPLES / "review", EXAMPLES / "observed", EXAMPLES / "selftests"
POINTS, OBSERVATIONS = range(1, 29), range(1, 17)
ASKING = RELOCATE | MUST_RELOCATE
CITATION = re.compile(r"@<([^>]*)>")


@cache
def program(path: Path) -> Program:
    return api.compile(path)


def documentation(path: Path) -> str:
    """What a file says at its head."""
    found = program(path)
    return found.doc or found.scenarios[0].doc


def files(folder: Path, letter: str) -> dict[int, Path]:
    """The files of a folder by the number that their documentation begins with."""
    found: dict[int, Path] = {}
    for path in sorted(folder.glob("*.mrs")):
        begins = re.match(rf"{letter}(\d+)\. ", documentation(path))
        if begins:
            assert int(begins[1]) not in found, path
            found[int(begins[1])] = path
    return found


# --- complete ------------------------------------------------------------------------------------------------------


def test_every_point_of_the_review_has_a_file() -> None:
    found = files(REVIEW, "T")
    assert list(found) == list(POINTS)
    assert all(path.name.startswith(f"t{number:02}-") for number, path in found.items())


def test_every_observation_has_a_file() -> None:
    found = files(OBSERVED, "O")
    assert list(found) == list(OBSERVATIONS)
    assert all(path.name.startswith(f"o{number:02}-") for number, path in found.items())


@pytest.mark.parametrize("number", POINTS)
def test_a_point_says_what_was_asked_and_how_sure_the_answer_is(number: int) -> None:
    doc = " ".join(documentation(files(REVIEW, "T")[number]).split())
    assert " Answer: " in doc
    sure = re.search(r"Sure: (high|medium|low)\b[^.]*\. Basis: (.+)", doc)
    assert sure, doc
    assert re.search(r"observation|read from the code|inferred|reported|stated", sure[2])
    assert CITATION.search(doc)


@pytest.mark.parametrize("number", OBSERVATIONS)
def test_an_observation_says_where_it_was_made(number: int) -> None:
    doc = " ".join(documentation(files(OBSERVED, "O")[number]).split())
    assert "Basis: an observation, on Linux 7.3.4 with patches 01 to 03 of June 2025" in doc
    for scenario in program(files(OBSERVED, "O")[number]).scenarios:
        assert scenario.rules == (RuleChoice("relocate-v1-7.3"),)


def test_citations_are_whole_message_ids() -> None:
    for path in [*REVIEW.iterdir(), *OBSERVED.iterdir(), *SELFTESTS.iterdir()]:
        for found in CITATION.findall(path.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[\w.+/-]+@[\w.-]+", found), f"{path.name}: {found}"


def test_the_map_of_the_mail_knows_every_point() -> None:
    text = (REVIEW / "README.md").read_text(encoding="utf-8")
    named = {int(number) for number in re.findall(r"\bT(\d+)\b", text)}
    assert named == set(POINTS)
    for number, path in files(REVIEW, "T").items():
        title = documentation(path).split("\n", 1)[0].removeprefix(f"T{number}. ")
        assert f"| T{number} | [{path.name}]({path.name}): {title} |" in text


@pytest.mark.parametrize("path", [*REVIEW.glob("*.mrs"), *OBSERVED.glob("*.mrs"), *SELFTESTS.glob("*.mrs")], ids=str)
def test_all_of_them_pass(path: Path) -> None:
    for record in api.run(path, states=False):
        assert record.outcome == "passed", f"{record.scenario.title} [{record.rules}]"
        assert not any(expectation.held is None for expectation in record.expectations)


# --- every alternative makes a difference -------------------------------------------------------------------------


ALTERNATIVES = (
    "trigger", "failure", "large_folio", "ksm", "pinned", "nonpresent", "sharing", "relocation_lock",
    "relocation_memory",
)  # fmt: skip


class Difference(NamedTuple):
    """A scenario that comes to something else under one alternative of a decision than under another."""

    key: str
    value: str
    other: str
    file: str
    scenario: str


DIFFERENCES = [
    Difference("trigger", "flag", "auto", "designs.mrs", "T1 no flag"),
    Difference("trigger", "auto", "flag", "t01-semi-automatic.mrs", "no flag, forced on"),
    Difference("failure", "undo", "detect_early", "t14-undo-or-early.mrs", "rewritten and put back"),
    Difference("failure", "detect_early", "undo", "t14-undo-or-early.mrs", "looked at beforehand"),
    Difference("large_folio", "split", "fail", "t11-large-folio-across-the-border.mrs", "(a) half of it moves: split"),
    Difference("large_folio", "fail", "split", "designs.mrs", "T11 half of a 64K folio"),
    Difference("relocation_lock", "none", "new_anon_vma", "t24-which-locks.mrs", "without the lock"),
    Difference("relocation_lock", "new_anon_vma", "none", "t24-which-locks.mrs", "at no moment is a page lost"),
    Difference("relocation_memory", "enough", "no_anon_vma", "t14-undo-or-early.mrs", "no KSM page is met"),
    Difference(
        "relocation_memory", "no_anon_vma", "enough", "t25-error-after-linking.mrs", "the anon_vma cannot be allocated"
    ),
    Difference(
        "relocation_memory", "no_page_table", "enough", "t14-undo-or-early.mrs", "no page table at the destination"
    ),
    Difference("ksm", "unshare", "skip", "designs.mrs", "T13 a KSM page"),
    Difference("ksm", "skip", "unshare", "t13-ksm.mrs", "left as they are"),
    Difference("ksm", "update_items", "unshare", "t13-ksm.mrs", "left shared, with their rmap_items updated"),
    Difference("ksm", "update_items", "skip", "t13-ksm.mrs", "left shared, with their rmap_items updated"),
    Difference("ksm", "give_up", "unshare", "t13-ksm.mrs", "given up on"),
    Difference("pinned", "skip", "abort", "designs.mrs", "T17 a pinned page"),
    Difference("pinned", "abort", "move", "designs.mrs", "T17 a pinned page"),
    Difference("pinned", "move", "skip", "designs.mrs", "T17 a pinned page"),
    Difference("pinned", "move", "skip", "designs.mrs", "T17 a pinned huge page"),
    Difference("nonpresent", "skip", "fix", "designs.mrs", "T7 under migration"),
    Difference("nonpresent", "fix", "fail", "designs.mrs", "T7 in the swap cache"),
    Difference("nonpresent", "fail", "skip", "designs.mrs", "T7 under migration"),
    Difference("nonpresent", "fix", "skip", "designs.mrs", "T19 a huge page under migration"),
    Difference("sharing", "anon_vma", "chain_only", "designs.mrs", "T4 a parent and a child"),
    Difference("sharing", "chain_only", "children", "t04-fork-parent.mrs", "the first test alone"),
    Difference("sharing", "children", "chain_only", "designs.mrs", "T4 a parent and a child"),
    Difference("sharing", "ever_shared", "anon_vma", "designs.mrs", "T3 a child's own copies"),
    Difference("sharing", "ever_shared", "anon_vma", "designs.mrs", "T3 a parent, its child gone"),
]


def scenario(file: str, title: str) -> Scenario:
    (found,) = [s for s in program(REVIEW / file).scenarios if s.title == title]
    return found


def came_to(record: ScenarioRecord) -> tuple[object, ...]:
    """What the last mremap did, or which invariant broke; and which expectations held."""
    return cell(record).words, [step.result for step in record.steps], [e.held for e in record.expectations]


@pytest.mark.parametrize("d", DIFFERENCES, ids=lambda d: f"{d.key}={d.value}, not {d.other}: {d.scenario}")
def test_an_alternative_makes_a_difference(d: Difference) -> None:
    found = scenario(d.file, d.scenario)
    one, other = (
        run_scenario(d.file, found, RuleChoice("relocate-v1", ((d.key, value),)), api.backend, aliases=api.aliases())
        for value in (d.value, d.other)
    )
    assert came_to(one) != came_to(other)


def test_every_alternative_of_the_review_is_among_them() -> None:
    expected = {(key, value) for key in ALTERNATIVES for value in api.overrides()[key]}
    assert {(d.key, d.value) for d in DIFFERENCES} == expected


@pytest.mark.parametrize("path", sorted((EXAMPLES / "errors").glob("*.mrs")), ids=lambda path: path.name)
def test_forcing_relocation_on_changes_no_errno_of_a_call_without_the_flags(path: Path) -> None:
    for found in program(path).scenarios:
        if any(isinstance(s, Step) and isinstance(s.op, Mremap) and s.op.flags & ASKING for s in found.body):
            continue
        off, on = (
            run_scenario(
                "", found, RuleChoice("relocate-v1", (("trigger", value),)), api.backend, aliases=api.aliases()
            )
            for value in ("flag", "auto")
        )
        assert [step.result for step in off.steps] == [step.result for step in on.steps], found.title


# --- selftests ----------------------------------------------------------------------------------------------------

MERGE = re.findall(
    r"\w+",
    """
mprotect_unfaulted_left mprotect_unfaulted_right mprotect_unfaulted_both mprotect_faulted_left_unfaulted_right
mprotect_unfaulted_left_faulted_right forked_target_vma forked_source_vma handle_uprobe_upon_merged_vma ksm_merge
mremap_unfaulted_to_faulted mremap_unfaulted_behind_faulted mremap_unfaulted_between_faulted
mremap_unfaulted_between_faulted_unfaulted mremap_unfaulted_between_correctly_placed_faulted
mremap_correct_placed_faulted mremap_relocate_anon_faulted_after_unfaulted
mremap_relocate_anon_faulted_before_unfaulted mremap_relocate_anon_faulted_between_unfaulted
mremap_relocate_anon_faulted_after_faulted mremap_relocate_anon_faulted_before_faulted
mremap_relocate_anon_faulted_between_faulted_unfaulted mremap_relocate_anon_faulted_between_unfaulted_faulted
mremap_relocate_anon_faulted_between_faulted mremap_relocate_anon_faulted_between_correctly_placed_faulted
mremap_relocate_anon_mprotect_faulted_faulted mremap_relocate_anon_single_fork mremap_relocate_anon_fork_twice
mremap_relocate_anon_3_times_reuse_anon_vma
""",
)


def test_all_merge_tests_are_there_under_their_names() -> None:
    titles = [s.title for path in SELFTESTS.glob("merge*.mrs") for s in program(path).scenarios]
    assert sorted(titles) == sorted(MERGE)


def test_without_the_flag_the_relocating_ones_fail_at_their_last_expectation() -> None:
    """As they did on 6.18: so they do test the series."""
    text = (SELFTESTS / "merge-relocate.mrs").read_text(encoding="utf-8")
    records = api.run(
        re.sub(r" on relocate-[\w.-]+, relocate-[\w.-]+", "", text).replace(" MUST_RELOCATE", ""), "linux-6.18"
    )
    assert len(records) == 10
    for record in records:
        assert not any(step.failure for step in record.steps)
        assert record.expectations[-1].held is False, record.scenario.title


STATES = ("none", "unfaulted", "same", "other", "another")
FAULTED = tuple((left, right) for left in STATES for right in STATES)
UNFAULTED = tuple((left, right) for left, right in FAULTED if "same" not in (left, right))


def tables(text: str) -> list[dict[tuple[str, str], str]]:
    """The tables of a documentation whose heading is ``L \\ R``: (row, column) -> cell."""
    found: list[dict[tuple[str, str], str]] = []
    for table in re.findall(r"(\| L \\ R .*\n)\|[-|]+\n((?:\|.*\n)+)", text):
        heading, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in "".join(table).splitlines()]
        found.append({(row[0], right): cell for row in rows for right, cell in zip(heading[1:], row[1:], strict=True)})
    return found


def joined(record: ScenarioRecord, states: tuple[tuple[str, str], ...]) -> dict[tuple[str, str], str]:
    """What M, at pages 15 to 19, was part of after the last call that was about it, per state of its neighbours."""
    found: dict[tuple[str, str], str] = {}
    names = [left for left, right in states if right == "none"]
    for step in record.steps:
        if step.target is not None and step.target.start == 15 and step.state is not None:
            here = next(vma for vma in step.state.processes["parent"].vmas if vma.start <= 15 < vma.end)
            indices = dict(step.step.loop)
            sides = "L" * (here.start < 15), "M", "R" * (here.end > 20)
            found[names[indices["l"]], names[indices["r"]]] = "".join(sides)
    return found


def test_the_authors_matrix_is_whole_and_its_tables_are_what_happens() -> None:
    path = SELFTESTS / "author-matrix.mrs"
    faulted, unfaulted = tables(documentation(path) + "\n")
    assert (tuple(faulted), tuple(unfaulted)) == (FAULTED, UNFAULTED)
    apart = dict.fromkeys(FAULTED, "M")
    for record in api.run(path):
        title = record.scenario.title
        states = UNFAULTED if title.startswith("unfaulted") else FAULTED
        expected = unfaulted if states is UNFAULTED else apart if "no flag" in title else faulted
        assert joined(record, states) == expected, f"{title} [{record.rules}]"
