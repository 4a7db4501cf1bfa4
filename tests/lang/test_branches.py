"""`if` and `else`: which statements they leave in a scenario."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mremapdsl.lang import Compiled
from mremapdsl.program import Expect, Scenario, Step


def texts(scenario: Scenario) -> list[str]:
    return [statement.text for statement in scenario.body if isinstance(statement, Step | Expect)]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("1 == 1", True),
        ("n == 3", True),
        ("n != 3", False),
        ("n + 1 < 2 * 3", True),
        ("n < 3", False),
        ("n <= 3", True),
        ("16 > 64K", False),
        ("16 >= 64K", True),
        ("(n) == (4 - 1)", True),
    ],
)
def test_comparisons(condition: str, holds: bool, scenario: Callable[[str], Scenario]) -> None:
    made = scenario(f"let n = 3; mmap A 1; if {condition} {{ touch A }} else {{ read A }}; expect vmas n / 3")
    assert texts(made)[1] == ("touch A" if holds else "read A")


def test_in_loops_and_chains(scenario: Callable[[str], Scenario]) -> None:
    made = scenario(
        """\
mmap A 16; fork
for i in 0..5 {
  if i == 0 { touch A[i] }
  else if i == 1
  {
    child: read A
  }
  else if i % 2 == 0 { let j = i; child { if j > 2 { munmap A[j] } } }
  else {
    expect vma A
  }
}
parent: if 1 == 2 { touch A }
if 1 == 2 { touch A } else { if 2 == 2 { expect merged } }
"""
    )
    assert texts(made)[2:] == ["touch A[i]", "read A", "vma A", "munmap A[j]", "merged"]


def test_what_is_left_out_counts_as_used(compiled: Callable[[str], Compiled]) -> None:
    found = compiled("let n = 1; mmap A 4; if 1 == 2 { touch A[n] }; mmap B 4; expect unmapped B")
    assert found.diagnostics == ()


def test_loops_are_not_taken_for_larger_than_they_are(compiled: Callable[[str], Compiled]) -> None:
    rare = "if i == j { touch A } else { }"
    found = compiled(f"mmap A 1; for i in 0..600 {{ for j in 0..600 {{ {rare} }} }}; expect vmas 1")
    assert found.diagnostics == ()
    assert found.program is not None
    assert len(found.program.scenarios[0].body) == 602
    found = compiled(f"mmap A 1; for i in 0..2000 {{ for j in 0..2000 {{ {rare} }} }}; expect vmas 1")
    assert [item.code for item in found.diagnostics] == ["MRS312"]


def test_documentation_inside(scenario: Callable[[str], Scenario]) -> None:
    made = scenario("mmap A 1\nif 1 == 1 {\n  ## why\n  touch A\n} else {\n  ## why not\n  read A\n}\nexpect vmas 1\n")
    assert [step.doc for step in made.body if isinstance(step, Step)] == ["", "why"]
