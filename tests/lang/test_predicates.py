"""What expectations compile to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mremapdsl.program import (
    Arithmetic,
    Compare,
    Const,
    Count,
    Expect,
    IsVma,
    LastMove,
    Layout,
    Merged,
    Not,
    PageIs,
    PageValue,
    Predicate,
    Range,
    Rmap,
    SameVma,
    Scenario,
    Unmapped,
    Value,
    Violation,
    VmaCount,
    VmaValue,
)

A = Range("parent", 1000, 16, "A")
B = Range("parent", 2000, 8, "B")
A0 = Range("parent", 1000, 1, "A[0]")
CHILD_A0 = Range("child", 1000, 1, "child:A[0]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("merged", Merged(None)),
        ("not merged", Not(Merged(None))),
        ("merged left", Merged("left")),
        ("not merged both", Not(Merged("both"))),
        ("merged A", SameVma((A,))),
        ("merged A B child:A[0]", SameVma((A, B, CHILD_A0))),
        ("merged @16+5 A", SameVma((Range("parent", 16, 5, "@16+5"), A))),
        ("vma A[2..5]", IsVma(Range("parent", 1002, 3, "A[2..5]"))),
        ("vmas 2 + 1", VmaCount("parent", 3)),
        ("unmapped child:@16+5", Unmapped(Range("child", 16, 5, "child:@16+5"))),
        ('layout A "AA..b"', Layout("parent", 1000, "AA..b")),
        ('layout child:A + 2 "Q"', Layout("child", 1002, "Q")),
        ('layout @16+5 "Q"', Layout("parent", 21, "Q")),
        ('layout before A "bbb"', Layout("parent", 997, "bbb")),
        ('layout after A - 1 "A.."', Layout("parent", 1015, "A..")),
        ("relocated", LastMove("relocated")),
        ("moved", LastMove("moved")),
        ("fallback", LastMove("fallback")),
        ("fallback because fork-child", LastMove("fallback", "fork-child")),
        ("A[0] is exclusive", PageIs(A0, "exclusive")),
        ("child:A[0] is none", PageIs(CHILD_A0, "none")),
        ("A is pmd", PageIs(A, "pmd")),
        ("not A is swap", Not(PageIs(A, "swap"))),
        ("rmap A[0] == child:A[0]", Rmap(A0, (CHILD_A0,))),
        ("rmap A[0] == A[0], child:A[0]", Rmap(A0, (A0, CHILD_A0))),
        ("rmap A[0] == none", Rmap(A0, ())),
        ("violation", Violation(None)),
        ("violation rmap-complete", Violation("rmap-complete")),
    ],
)
def test_predicates(text: str, expected: Predicate, scenario: Callable[[str], Scenario]) -> None:
    assert compiled_predicate(text, scenario) == expected


PGOFF, PAGE = VmaValue(A, "pgoff"), VmaValue(B, "page")


@pytest.mark.parametrize(
    ("text", "left", "op", "right"),
    [
        ("A.pgoff == 10", PGOFF, "==", Const(10)),
        ("10 >= A.pgoff", Const(10), ">=", PGOFF),
        ("A.anon_vma != none", VmaValue(A, "anon_vma"), "!=", Const(None)),
        ("A.anon_vma.root == A.anon_vma.parent", VmaValue(A, "anon_vma.root"), "==", VmaValue(A, "anon_vma.parent")),
        ("A.anon_vma.num_children < 2", VmaValue(A, "anon_vma.num_children"), "<", Const(2)),
        ("A.chain <= 1", VmaValue(A, "chain"), "<=", Const(1)),
        ("A[0].anon_vma.root == none", VmaValue(A0, "anon_vma.root"), "==", Const(None)),
        ("A[0].anon_vma == A.anon_vma", PageValue(A0, "anon_vma"), "==", VmaValue(A, "anon_vma")),
        ("A[0].index > 8K*4/4K", PageValue(A0, "index"), ">", Const(8)),
        ("A[0].frame == child:A[0].frame", PageValue(A0, "frame"), "==", PageValue(CHILD_A0, "frame")),
        ("child:A[0].anon_vma == none", PageValue(CHILD_A0, "anon_vma"), "==", Const(None)),
        ("A.value == 7", PageValue(A, "value"), "==", Const(7)),
        ("A.pgoff == B.page + 16", PGOFF, "==", Arithmetic("+", PAGE, Const(16))),
        ("A.pgoff - B.page*2 == 3*(1 + 1)", Arithmetic("-", PGOFF, Arithmetic("*", PAGE, Const(2))), "==", Const(6)),
        ("(A.pgoff - 1) / 2 == A[0].mapcount % 2", Arithmetic("/", Arithmetic("-", PGOFF, Const(1)), Const(2)), "==",
         Arithmetic("%", PageValue(A0, "mapcount"), Const(2))),
        ("@16+1.pgoff == n", VmaValue(Range("parent", 16, 1, "@16+1"), "pgoff"), "==", Const(3)),
        ("@n+n.frame == n", PageValue(Range("parent", 3, 3, "@n+n"), "frame"), "==", Const(3)),
        ("count vmas == 2", Count("parent", "vmas"), "==", Const(2)),
        ("count folios_relocated + 1 > 16", Arithmetic("+", Count("parent", "folios_relocated"), Const(1)), ">",
         Const(16)),
    ],
)  # fmt: skip
def test_comparisons(text: str, left: Value, op: str, right: Value, scenario: Callable[[str], Scenario]) -> None:
    assert compiled_predicate(text, scenario) == Compare(left, op, right)


def compiled_predicate(text: str, scenario: Callable[[str], Scenario]) -> Predicate:
    made = scenario(f"let n = 3; mmap A 16; mmap B 8; mmap C n at @n; fork\nexpect {text}\nread B")
    (found,) = (statement for statement in made.body if isinstance(statement, Expect))
    assert found.text == text
    return found.predicate


def test_the_process_before_expect_is_the_default(scenario: Callable[[str], Scenario]) -> None:
    made = scenario('mmap A 16; fork\nchild: expect not layout A "A"\nchild { expect rmap A[0] == parent:A[0], A[0] }')
    first, second = (statement.predicate for statement in made.body if isinstance(statement, Expect))
    assert first == Not(Layout("child", 1000, "A"))
    assert second == Rmap(
        Range("child", 1000, 1, "A[0]"), (Range("parent", 1000, 1, "parent:A[0]"), Range("child", 1000, 1, "A[0]"))
    )
