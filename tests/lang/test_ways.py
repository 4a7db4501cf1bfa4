"""Scenarios that branch: `any order`, `maybe`, `choose`, what happens during a relocation, and quantifiers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mremapdsl import ops
from mremapdsl.program import AnyOrder, Choose, Expect, Scenario, Show, Statement, Step

Compile = Callable[[str], Scenario]


def texts(body: tuple[Statement, ...]) -> list[object]:
    """The statements as their text, branches as (word, ...)."""
    found: list[object] = []
    for statement in body:
        match statement:
            case Step(op=op, text=text, during=during):
                found.append((f"{op.process}: {text}", *texts(during)) if during else f"{op.process}: {text}")
            case Expect(quantifier=quantifier, text=text):
                found.append(f"{quantifier} {text}".strip())
            case Choose(alternatives=ways):
                found.append(("choose", *map(texts, ways)))
            case AnyOrder(threads=threads):
                found.append(("any order", *map(texts, threads)))
            case Show():
                found.append("show")
    return found


def test_any_order(scenario: Compile) -> None:
    made = scenario(
        """\
mmap A 16; fork; fork helper
any order {
  touch A; parent: read A
  child: read A[0]; helper { touch A[1]; read A[2] }
  child: maybe touch A[3]
  for i in 0..2 { child: touch A[i] }
  expect A[0] is anon
  child: choose { touch A[4] } or { read A[5]; parent: read A[6] }
}
expect vmas 1
"""
    )
    assert texts(made.body)[3:] == [
        (
            "any order",
            ["parent: touch A", "parent: read A", "A[0] is anon"],
            [
                "child: read A[0]",
                ("choose", ["child: touch A[3]"], []),
                "child: touch A[i]",
                "child: touch A[i]",
                ("choose", ["child: touch A[4]"], ["child: read A[5]", "parent: read A[6]"]),
            ],
            ["helper: touch A[1]", "helper: read A[2]"],
        ),
        "vmas 1",
    ]
    assert made.body[3].line == 2
    assert made.branches


@pytest.mark.parametrize(
    "text",
    [
        "choose { touch A } or { read A; read A } or { }",
        "choose\n{\n touch A }\n\n# c\nor { read A; read A }\nor\n{ }",
        "choose{touch A}or{read A;read A}or{}",
        "parent: choose { touch A } or { read A; read A } or {}",
    ],
)
def test_choose(text: str, scenario: Compile) -> None:
    made = scenario(f"mmap A 16\n{text}\nexpect vmas 1")
    assert texts(made.body) == [
        "parent: mmap A 16",
        ("choose", ["parent: touch A"], ["parent: read A", "parent: read A"], []),
        "vmas 1",
    ]


def test_maybe(scenario: Compile) -> None:
    made = scenario("mmap A 16; fork; maybe touch A fails SEGV; maybe child: read A; child: maybe read A[0]")
    assert texts(made.body)[2:] == [
        ("choose", ["parent: touch A"], []),
        ("choose", ["child: read A"], []),
        ("choose", ["child: read A[0]"], []),
    ]
    choice = made.body[2]
    assert isinstance(choice, Choose)
    (step,) = choice.alternatives[0]
    assert isinstance(step, Step)
    assert step.fails == "SEGV"


@pytest.mark.parametrize(
    "text",
    [
        "child: mremap A B RELOCATE during relocation { touch A[0]; expect A[0] is anon; child { read A } }",
        "child: mremap A B RELOCATE # c\n\n# c\nduring  relocation\n{ touch A[0]\nexpect A[0] is anon\nchild: read A }",
    ],
)
def test_during(text: str, scenario: Compile) -> None:
    made = scenario(f"mmap A 16; fork\n{text}\nexpect relocated")
    assert texts(made.body)[2:] == [
        ("child: mremap A B RELOCATE", "child: touch A[0]", "A[0] is anon", "child: read A"),
        "relocated",
    ]
    step = made.body[2]
    assert isinstance(step, Step)
    assert step.op == ops.Mremap("child", 1000, 16, 16, 2000, 11)


def test_a_result_stands_before_what_happens_inside(scenario: Compile) -> None:
    made = scenario("mmap A 16; mremap A B MUST_RELOCATE fails EFAULT during relocation { touch A }")
    step = made.body[1]
    assert isinstance(step, Step)
    assert (step.fails, len(step.during)) == ("EFAULT", 1)


def test_quantifiers(scenario: Compile) -> None:
    made = scenario(
        "mmap A 16; expect always merged on linux-6.18; expect sometimes not A[0] is anon\n"
        "expect never A.page == 3; expect merged"
    )
    assert texts(made.body)[1:] == ["always merged", "sometimes not A[0] is anon", "never A.page == 3", "merged"]


def test_documentation_goes_inside(scenario: Compile) -> None:
    made = scenario(
        "mmap A 16\n## one\nchoose { touch A } or {\n ## two\n read A }\n## three\nmaybe touch A\n## four\n"
        "mremap A B during relocation { ## five\n touch A }\n## six\nany order { touch B }\nexpect vmas 1"
    )
    docs: list[str] = []

    def collect(body: tuple[Statement, ...]) -> None:
        for statement in body:
            if isinstance(statement, Step):
                docs.append(statement.doc)
                collect(statement.during)
            for inner in getattr(statement, "alternatives", ()) + getattr(statement, "threads", ()):
                collect(inner)

    collect(made.body)
    assert docs == ["", "one", "two", "three", "four", "five", "six"]


def test_processes_of_all_ways_go_on(scenario: Compile) -> None:
    scenario(
        "mmap A 1; fork c; choose { fork d; c: exit } or { c: exit; fork d; d: touch A }; d: read A\n"
        "any order { fork e; d: exit }; e: read A; maybe e: touch A; e: exit"
    )
