"""Scenarios that branch: their runs are counted, expectations judged over all of them, and a failure shown plainly."""

from __future__ import annotations

import re
from math import comb

import pytest

from mremapdsl import api
from mremapdsl.cli import main
from mremapdsl.record import ScenarioRecord

TWO = "mmap A 8; touch A; fork\n"


def one(text: str) -> ScenarioRecord:
    (record,) = api.run(text)
    return record


def runs(text: str) -> int:
    found = one(text).exhaustive
    assert found is not None
    return found.runs


def shown(text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Status, output, and the scenario printed in it."""
    status = main(["-c", text])
    out = capsys.readouterr().out
    plain = re.search(r"as a scenario:\n\n((?: {8}.*\n)+)", out)
    return status, out, "".join(line[8:] for line in plain[1].splitlines(keepends=True)) if plain else ""


# --- how many runs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("one_side", "other_side"), [(1, 1), (2, 2), (3, 2), (3, 4)])
def test_any_order_is_every_interleaving(one_side: int, other_side: int) -> None:
    parent = "; ".join(f"touch A[{i}] 7" for i in range(one_side))
    child = "; ".join(f"child: touch A[{i}] 9" for i in range(other_side))
    text = f"{TWO}any order {{ {parent}; {child} }}\nexpect vmas 1"
    assert runs(text) == comb(one_side + other_side, one_side)


def test_ways_multiply() -> None:
    text = "mmap A 8; touch A\nmaybe mprotect A[0] r\nchoose { read A[1] } or { munmap A[1] } or { }\n"
    assert runs(f"{text}expect sometimes vmas 2") == 2 * 3


def test_states_that_are_equal_are_explored_once() -> None:
    """Eight pages touched or not in any order: every order of four leads to the same machine."""
    writes = "; ".join(f"maybe touch A[{i}] 7" for i in range(4))
    found = one(f"mmap A 4; touch A\n{writes}\nexpect sometimes A[0] is anon").exhaustive
    assert found is not None
    assert found.runs == 2**4
    assert found.states <= 2 + 2**4


# --- over all of them --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expectation", "outcome"),
    [
        ("expect always vmas 1", "failed"),
        ("expect sometimes vmas 1", "passed"),
        ("expect sometimes vmas 3", "failed"),
        ("expect never vmas 3", "passed"),
        ("expect never vmas 2", "failed"),
        ("expect vmas 1", "failed"),
    ],
)
def test_quantifiers(expectation: str, outcome: str) -> None:
    assert one(f"mmap A 4\nmaybe mprotect A[0] r\n{expectation}").outcome == outcome


def test_what_should_not_hold_has_no_remedy() -> None:
    calls = "mmap A 4; maybe touch A; mremap A B; expect"
    assert "to make it hold" in one(f"{calls} sometimes merged").expectations[0].detail
    assert "to make it hold" not in one(f"{calls} never merged").expectations[0].detail
    assert "to make it hold" not in one(f"{calls} not merged").expectations[0].detail


def test_over_no_run_at_all() -> None:
    """Where no run comes by, an always has nothing to hold for, and a sometimes nowhere to be reached."""
    for quantifier in ("always", "sometimes"):
        record = one(
            f"mmap A 1\nchoose {{ munmap A; touch A; expect {quantifier} vmas 0 }} or {{ touch A[0] fails SEGV }}"
        )
        assert record.outcome == "failed"
        assert any(word in record.expectations[0].detail for word in ("no run comes here", "no run reaches it"))


# --- what is printed ---------------------------------------------------------------------------------------------


def test_what_fails_in_longer_runs_is_printed_too(capsys: pytest.CaptureFixture[str]) -> None:
    longer = "choose { touch A; expect vmas 5 } or { touch A; touch A; touch A; expect vmas 6 }"
    _, out, _ = shown(f"mmap A 4\n{longer}", capsys)
    assert "expect vmas 5" in out
    assert "expect vmas 6" in out


def test_a_run_that_fails_is_printed_as_a_scenario_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    text = TWO + "any order { mremap A B; munmap B; child: touch A[0] 9 }\nexpect always child: A[0].mapcount == 1"
    text = text.replace("child: A[0].mapcount", "child:A[0].mapcount") + "\nexpect never unmapped B"
    status, out, plain = shown(text, capsys)
    assert status == 1
    assert "3 run(s)" in out
    assert "expect never unmapped B" in out
    assert "any order" not in plain
    record = one(plain)
    assert record.outcome == "failed"
    assert record.expectations[-1].expect.text == "not unmapped B"


def test_it_is_the_shortest(capsys: pytest.CaptureFixture[str]) -> None:
    text = "mmap A 4; touch A\nchoose { read A; read A; munmap A } or { munmap A }\nexpect always A[0] is anon"
    _, _, plain = shown(text, capsys)
    assert plain.splitlines() == ["rules relocate-v1", "mmap A 4", "touch A", "munmap A", "expect A[0] is anon"]


def test_a_call_that_fails_in_some_runs(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, plain = shown("mmap A 1\nmaybe munmap A\ntouch A\nexpect sometimes vmas 1", capsys)
    assert status == 1
    assert plain.splitlines()[-2:] == ["munmap A", "touch A"]


def test_numbers_are_printed_of_what_holds(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = shown("mmap A 1\nmaybe touch A\nexpect sometimes A is anon", capsys)
    assert status == 0
    assert "2 run(s), 2 distinct state(s)" in out


def test_very_many_runs_are_not_counted_out(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = shown("mmap A 1\n" + "maybe touch A\n" * 40 + "expect vmas 1", capsys)
    assert status == 0
    assert "more than 10^12 run(s), 2 distinct state(s)" in out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mmap A 256M; touch A; maybe touch A", "can use 32,768 pages, not 65,536"),
        ("mmap A 4\n" + "maybe touch A[0]; maybe touch A[1]; maybe touch A[2]", "more than 3 distinct points"),
    ],
)
def test_what_is_too_much_is_said_with_a_remedy(text: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mremapdsl.exhaustive.MAX_NODES", 3)
    record = one(text)
    assert record.outcome == "error"
    assert words in record.reason
    assert "several scenarios" in record.reason or "as scenarios" in record.reason


# --- inside a relocation -----------------------------------------------------------------------------------------

APART = "rules relocate-v1\nmmap B 4; touch B; mmap A 4; touch A\n"


@pytest.mark.parametrize("inside", ["fork", "munmap B", "mmap C 1"])
def test_what_a_lock_forbids_is_refused_by_its_name(inside: str) -> None:
    record = one(f"{APART}mremap A after B RELOCATE during relocation {{ {inside} }}\nexpect relocated")
    assert record.outcome == "error"
    words = f"`{inside}` cannot happen inside the relocation: it waits: parent holds its mmap lock for writing"
    assert words in record.reason


def test_a_moment_at_which_a_lock_is_held_is_passed_over() -> None:
    """The new VMA joins B's tree, so a walk of B's folios has to wait until the end."""
    text = f"{APART}mremap A after B RELOCATE during relocation {{ migrate B[0] begin }}\nexpect relocated"
    assert (one(text).outcome, runs(text)) == ("passed", 1)


def test_a_walk_waits_for_the_lock_and_is_right_afterwards() -> None:
    record = one(
        f"{APART}mremap A after B RELOCATE during relocation {{ expect always rmap B[0] == B[0] }}\nexpect relocated"
    )
    assert record.outcome == "passed"


def test_a_migration_that_ends_inside() -> None:
    """Before the walk comes by, the page is relocated with the others; afterwards its entry has been passed over."""
    text = APART + "migrate A[1] begin\nmremap A after B RELOCATE during relocation { migrate A[1] end }\n"
    record = one(text + "expect sometimes violation rmap-complete\nexpect sometimes rmap @1005+1 == @1005+1")
    assert record.outcome == "passed"


def test_others_may_act_between_any_two_folios() -> None:
    """Two pages alike are pinned when one is rewritten: the walk stops at the other, and the undo at the first.

    Before both and behind both, such a pin does no harm.
    """
    moved = "rules relocate-v1 with pinned=abort\nmmap A 2; touch A\nmremap A after A RELOCATE"
    assert one(f"{moved} during relocation {{ pin A }}\nexpect sometimes violation").outcome == "passed"
    assert one(f"{moved} during relocation {{ pin A[0] }}\nexpect never violation").outcome == "passed"


def test_nothing_can_happen_inside_a_call_that_does_not_relocate() -> None:
    record = one("mmap A 4\nmremap A B RELOCATE during relocation { pin A }\nexpect moved")
    assert record.outcome == "passed"
    verdict = record.steps[-1].verdict
    assert verdict is not None
    assert "the call did not relocate" in verdict.notes[0].sentence
