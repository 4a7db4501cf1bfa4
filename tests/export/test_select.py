"""Which scenarios a program tests."""

from __future__ import annotations

import pytest

from tests.export.conftest import exported


def test_rules_of_released_kernels_are_asked_for_at_run_time() -> None:
    made = exported('scenario "a" on linux-6.18, linux-7.3 { mmap A 1; expect vmas 1 on linux-7.3 }')
    assert 'need_kernel("linux-6.18 linux-7.3");' in made.text
    assert 'if (is_kernel("linux-7.3"))' in made.text


def test_chosen_rules_are_not_asked_for() -> None:
    text = 'scenario "a" on linux-6.18, relocate-v1 { mmap A 1; expect vmas 1 on linux-6.18; expect vmas 1 on series }'
    made = exported(text, rules="relocate-v1")
    assert "is_kernel" not in made.text
    assert made.text.count('"expect vmas 1"') == 1


@pytest.mark.parametrize(
    ("text", "rules", "why"),
    [
        ('scenario "a" on relocate-v1 { mmap A 1 }', "", "it is for relocate-v1"),
        ('scenario "a" on linux-6.18 { mmap A 1 }', "linux-7.3", "it is for linux-6.18"),
        (
            'scenario "a" on linux-6.18 with fork_child=more_than_one_link { mmap A 1 }',
            "linux-6.18",
            "it is for linux-6.18 with",
        ),
        ("mmap A 1; choose { touch A } or { read A }; expect sometimes A is zero", "", "several runs"),
        ("mmap A 1; fork; mremap A B during relocation { child: read A }", "", "inside a system call"),
        ("mmap A 1; " + "maybe touch A; " * 5, "", "more than 24 runs"),
    ],
)
def test_what_is_left_out_says_why(text: str, rules: str, why: str) -> None:
    made = exported(text, rules=rules)
    assert made.text == ""
    assert [why in left.why for left in made.left] == [True]


def test_each_run_is_a_test() -> None:
    made = exported('scenario "a" { mmap A 1; maybe touch A; expect always vmas 1; expect never A is huge }')
    assert made.tests == 2
    assert "expect(!is_huge(A, PAGE));" in made.text
    assert "a (run 2)" in made.text
