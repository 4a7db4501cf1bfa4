"""What statements compile to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mremapdsl import ops
from mremapdsl.ops import DONTUNMAP, FIXED, MAYMOVE, MUST_RELOCATE, RELOCATE
from mremapdsl.program import Expect, Program, RuleChoice, Scenario, Show, Step

Compile = Callable[[str | bytes], Scenario]


def operations(scenario: Scenario) -> list[ops.Operation]:
    return [statement.op for statement in scenario.body if isinstance(statement, Step)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mmap Z 16", ops.Mmap("parent", 2000, 16)),
        ("mmap A 16", ops.Mmap("parent", 1000, 16)),
        ("mmap Z 64K rwx", ops.Mmap("parent", 2000, 16, "rwx")),
        ("mmap Z 0 none", ops.Mmap("parent", 2000, 0, "")),
        ("mmap Z 4 x at @7", ops.Mmap("parent", 7, 4, "x")),
        ("mmap Z 4 at @7*2+1", ops.Mmap("parent", 15, 4)),
        ("mmap Z 4 at A", ops.Mmap("parent", 1000, 4)),
        ("mmap Z 4 at A + 3", ops.Mmap("parent", 1003, 4)),
        ("mmap Z 4 after A", ops.Mmap("parent", 1016, 4)),
        ("mmap Z 4 before A", ops.Mmap("parent", 996, 4)),
        ("mmap Z 4 after A + 2", ops.Mmap("parent", 1018, 4)),
        ("mmap Z 4 at before A - 2 + 1", ops.Mmap("parent", 995, 4)),
        ("mmap Z 4 after A[2..5]", ops.Mmap("parent", 1005, 4)),
        ("mmap Z 4 shared populate noreserve", ops.Mmap("parent", 2000, 4, "rw", True, True, True)),
        ("mmap Z 4 at @9 shared r", ops.Mmap("parent", 9, 4, "r", True)),
        ("mmap Z 4 file F", ops.Mmap("parent", 2000, 4, file="F")),
        ('mmap Z 4 r shared file "lib.so" + 2*3', ops.Mmap("parent", 2000, 4, "r", True, file="lib.so", file_page=6)),
        ("munmap A", ops.Munmap("parent", 1000, 16)),
        ("mlock A[3]", ops.Mlock("parent", 1003, 1)),
        ("munlock A[3..5]", ops.Munlock("parent", 1003, 2)),
        ("mseal @16+5", ops.Mseal("parent", 16, 5)),
        ("mseal @(2+8)+4*2", ops.Mseal("parent", 10, 8)),
        ("mprotect A rx", ops.Mprotect("parent", 1000, 16, "rx")),
        ("mprotect A none", ops.Mprotect("parent", 1000, 16, "")),
        ("madvise A MADV_GUARD_INSTALL", ops.Madvise("parent", 1000, 16, "GUARD_INSTALL")),
        ("madvise A COLD", ops.Madvise("parent", 1000, 16, "COLD")),
        ("touch A", ops.Touch("parent", 1000, 16)),
        ("touch A 0xfF", ops.Touch("parent", 1000, 16, 255)),
        ("touch A[4] (1 + 2) * 3", ops.Touch("parent", 1004, 1, 9)),
        ("read A[17 % 16]", ops.Read("parent", 1001, 1)),
        ("fork", ops.Fork("parent", "child")),
        ("fork worker", ops.Fork("parent", "worker")),
        ("ksm scan", ops.KsmScan("parent")),
        ("ksm merge on", ops.KsmMerge("parent", True)),
        ("pin A", ops.Pin("parent", 1000, 16)),
        ("unpin A", ops.Unpin("parent", 1000, 16)),
        ("migrate A begin", ops.Migrate("parent", 1000, 16, "begin")),
        ("migrate A fail", ops.Migrate("parent", 1000, 16, "fail")),
        ("swapout A", ops.Swapout("parent", 1000, 16)),
        ("swapout A[3] cached", ops.Swapout("parent", 1003, 1, cached=True)),
        ("swapin A", ops.Swapin("parent", 1000, 16)),
        ("split A", ops.Split("parent", 1000, 16)),
        ("collapse A", ops.Collapse("parent", 1000, 16)),
        ("set thp madvise", ops.Set("parent", "thp", "madvise")),
        ("set mthp 64K always", ops.Set("parent", "mthp", "always", 16)),
        ("set swap on", ops.Set("parent", "swap", True)),
        ("set ksm_zero_pages off", ops.Set("parent", "ksm_zero_pages", False)),
        ("set max_map_count 65530", ops.Set("parent", "max_map_count", 65530)),
    ],
)
def test_operations(text: str, expected: ops.Operation, scenario: Compile) -> None:
    assert operations(scenario(f"mmap A 16; {text}; expect vmas 1"))[1] == expected


@pytest.mark.parametrize(
    ("text", "to", "flags"),
    [
        ("mremap A", None, 0),
        ("mremap A MAYMOVE", None, MAYMOVE),
        ("mremap A RELOCATE", None, RELOCATE),
        ("mremap A B", 2000, MAYMOVE | FIXED),
        ("mremap A X", 3000, MAYMOVE | FIXED),
        ("mremap A w", 3000, MAYMOVE | FIXED),
        ("mremap A X FIXED", 3000, FIXED),
        ("mremap A X MAYMOVE", 3000, MAYMOVE),
        ("mremap A X RELOCATE", 3000, MAYMOVE | FIXED | RELOCATE),
        ("mremap A to @64 MREMAP_MUST_RELOCATE_ANON", 64, MAYMOVE | FIXED | MUST_RELOCATE),
        ("mremap A to B+3 MREMAP_MAYMOVE MREMAP_FIXED MREMAP_DONTUNMAP", 2003, MAYMOVE | FIXED | DONTUNMAP),
        ("mremap A after B RELOCATE_ANON MUST_RELOCATE", 2008, MAYMOVE | FIXED | RELOCATE | MUST_RELOCATE),
        ("mremap A before B", 1984, MAYMOVE | FIXED),
        ("mremap A before B - 2", 1982, MAYMOVE | FIXED),
        ("mremap A to before B", 1984, MAYMOVE | FIXED),
    ],
)
def test_mremap(text: str, to: int | None, flags: int, scenario: Compile) -> None:
    made = operations(scenario(f"mmap A 16; mmap B 8; {text}; expect unmapped B; touch A"))[2]
    assert made == ops.Mremap("parent", 1000, 16, 16, to, flags)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mremap A size 4", ops.Mremap("parent", 1000, 16, 4, None, 0)),
        ("mremap A size 4 MAYMOVE", ops.Mremap("parent", 1000, 16, 4, None, 1)),
        ("mremap A MAYMOVE size 128K", ops.Mremap("parent", 1000, 16, 32, None, 1)),
        ("mremap A[2..4] before A size 3", ops.Mremap("parent", 1002, 2, 3, 997, 3)),
        ("mremap A[2..4] X size 5 DONTUNMAP FIXED", ops.Mremap("parent", 1002, 2, 5, 2000, 6)),
    ],
)
def test_mremap_to_another_size(text: str, expected: ops.Mremap, scenario: Compile) -> None:
    made = scenario(f"mmap A 16; {text}; expect unmapped A")
    assert operations(made)[1] == expected
    if made.places[1:]:
        assert made.places[1].pages == expected.new_pages


def test_a_name_keeps_its_first_range(scenario: Compile) -> None:
    made = scenario(
        "mmap A 16 at @4; mmap A 8 at @40; mmap A 4; touch A; mremap A B; mremap B A; mmap B 2; expect vmas 1"
    )
    assert [(op.at, op.pages) for op in operations(made) if isinstance(op, ops.Mmap | ops.Touch)] == [
        (4, 16), (40, 8), (4, 4), (4, 16), (1000, 2),
    ]  # fmt: skip
    assert [(place.name, place.start, place.pages, place.line) for place in made.places] == [
        ("A", 4, 16, 1),
        ("B", 1000, 16, 1),
    ]


def test_processes(scenario: Compile) -> None:
    made = scenario(
        """\
mmap A 16; fork; fork; child: fork
child2 {
  touch A
  child3: touch A
  for i in 0..1 { read A }
  exit
}
child: { touch A }
""".replace("child: {", "child {")
        + "fork helper; fork; helper: exit; exit child4; child: expect vmas 1; expect vma child3:A\n"
    )
    assert [(op.process, op.child) for op in operations(made) if isinstance(op, ops.Fork)] == [
        ("parent", "child"), ("parent", "child2"), ("child", "child3"), ("parent", "helper"), ("parent", "child4"),
    ]  # fmt: skip
    assert [op.process for op in operations(made) if isinstance(op, ops.Touch | ops.Read)] == [
        "child2", "child3", "child2", "child",
    ]  # fmt: skip
    assert [op.process for op in operations(made) if isinstance(op, ops.Exit)] == ["child2", "helper", "child4"]
    first, second = (statement for statement in made.body if isinstance(statement, Expect))
    assert first.process == "child"
    assert second.process == "parent"


def test_forks_that_fail_make_no_process(scenario: Compile) -> None:
    made = scenario("fork fails EAGAIN; fork fails ENOMEM; fork c fails EAGAIN; fork c; exit c fails EPERM; c: exit")
    assert [op.child for op in operations(made) if isinstance(op, ops.Fork)] == ["child", "child", "c", "c"]


def test_forks_in_loops_take_the_next_free_name(scenario: Compile) -> None:
    made = scenario("fork child2; for i in 0..3 { fork }; expect vmas 0")
    assert [op.child for op in operations(made) if isinstance(op, ops.Fork)] == ["child2", "child", "child3", "child4"]


def test_loops_and_constants(scenario: Compile) -> None:
    made = scenario(
        """\
let n = 2 * 3
let base = 10
mmap A n at @base
for i in 0..n/2 {
  let twice = i * 2
  for j in i..2 { touch A[twice] j }
  expect A[i].value == i + base * 2
}
for i in 3..3 { touch A[99] }
"""
    )
    assert [
        (statement.op.at, statement.op.byte, statement.loop)
        for statement in made.body
        if isinstance(statement, Step) and isinstance(statement.op, ops.Touch)
    ] == [(10, 0, (("i", 0), ("j", 0))), (10, 1, (("i", 0), ("j", 1))), (12, 1, (("i", 1), ("j", 1)))]
    assert [statement.loop for statement in made.body if isinstance(statement, Expect)] == [
        (("i", 0),), (("i", 1),), (("i", 2),),
    ]  # fmt: skip


def test_steps_know_their_text(scenario: Compile) -> None:
    made = scenario(
        """\
mmap A 16   # a comment
fork; child: touch   A[3]  7 fails SEGV ; parent { mremap A B RELOCATE fails EFAULT }
show
  child: show
child: expect not merged  left on linux-6.18, series  # why
"""
    )
    assert [
        (statement.line, statement.text, statement.fails) for statement in made.body if isinstance(statement, Step)
    ] == [
        (1, "mmap A 16", None),
        (2, "fork", None),
        (2, "touch   A[3]  7", "SEGV"),
        (2, "mremap A B RELOCATE", "EFAULT"),
    ]
    assert [statement for statement in made.body if isinstance(statement, Show)] == [
        Show(3, "parent"),
        Show(4, "child"),
    ]
    expect = made.body[-1]
    assert isinstance(expect, Expect)
    assert (expect.line, expect.text, expect.on) == (5, "not merged  left", ("linux-6.18", "series"))


@pytest.mark.parametrize(
    "text",
    [
        "mmap A 16\ntouch A\nexpect vmas 1",
        "mmap A 16;touch A;expect vmas 1;",
        ";;mmap A 16;;\n\n;touch A # x\n# y\nexpect vmas 1\n\n",
        "mmap A 16\r\ntouch A\r\nexpect vmas 1\r\n",
        "\ufeffmmap A 16\n\ttouch\tA\n\n\nexpect vmas 1",
        "parent{mmap A 16;touch A}expect vmas 1",
        "parent\n\n# here\n{\n  mmap A 16\n  touch A }\nexpect vmas 1",
        "for i in 0..1\n{ mmap A 16; touch A } expect vmas 1",
    ],
)
def test_ends_of_statements(text: str, scenario: Compile) -> None:
    assert operations(scenario(text)) == [ops.Mmap("parent", 1000, 16), ops.Touch("parent", 1000, 16)]
    assert operations(scenario(text.encode())) == operations(scenario(text))


def test_a_constant_may_be_written_with_a_process(scenario: Compile) -> None:
    made = scenario("mmap A 8; fork; child: let n = 4; child: touch A[n]; child { let m = 5; touch A[m] }")
    assert operations(made)[2:] == [ops.Touch("child", 1004, 1), ops.Touch("child", 1005, 1)]


def test_names_may_be_keywords_elsewhere(scenario: Compile) -> None:
    for name in ("r", "w", "x", "rw", "on", "size", "after", "none", "FIXED", "begin", "is", "touch", "left", "let"):
        made = scenario(f"mmap {name} 16; touch {name}; expect vma {name}")
        assert made.places[0].name == name
    made = scenario("mmap r 16; mremap r w; mremap w r; mremap r x RELOCATE; expect merged r w")
    assert [place.name for place in made.places] == ["r", "w", "x"]


def test_scenarios_and_rules(program: Callable[[str], Program]) -> None:
    made = program(
        """\
rules linux-6.18 with failure=undo, pinned=move
let n = 4
scenario "first" { mmap A n; expect vmas 1 }
scenario "second \\"quoted\\" \\\\ # ; {" on relocate-v1 with pinned=abort, failure=undo, linux-6.12, series
{
  mmap B n; expect vmas 1 }
scenario "third" {
  rules linux-7.3
  mmap A 1 at @5; expect vmas 1
} scenario "fourth" { expect vmas 0 }
"""
    )
    file_rules = (RuleChoice("linux-6.18", (("failure", "undo"), ("pinned", "move"))),)
    assert [(one.title, one.line, one.rules) for one in made.scenarios] == [
        ("first", 3, file_rules),
        (
            'second "quoted" \\ # ; {',
            4,
            (RuleChoice("relocate-v1", (("pinned", "abort"), ("failure", "undo"))), RuleChoice("linux-6.12"),
             RuleChoice("series")),
        ),
        ("third", 7, (RuleChoice("linux-7.3"),)),
        ("fourth", 10, file_rules),
    ]  # fmt: skip
    assert str(made.scenarios[1].rules[0]) == "relocate-v1 with pinned=abort, failure=undo"
    assert [one.places[0].pages for one in made.scenarios[:3]] == [4, 4, 1]


def test_a_file_without_scenario_is_one(program: Callable[[str], Program]) -> None:
    made = program("rules series\n\nmmap A 16\nexpect vmas 1")
    assert made.file == "dir/case.mrs"
    assert made.text == "rules series\n\nmmap A 16\nexpect vmas 1"
    (one,) = made.scenarios
    assert (one.title, one.line, one.rules) == ("case", 1, (RuleChoice("series"),))


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "## only words\n", ";"])
def test_empty_files(text: str, program: Callable[[str], Program]) -> None:
    (one,) = program(text).scenarios
    assert one.body == ()


def test_unrolling_is_counted_once(program: Callable[[str], Program]) -> None:
    (one,) = program("mmap A 16; for i in 0..300 { for j in 0..i { touch A[j % 16] } }; expect vmas 1").scenarios
    assert len(one.body) == 300 * 299 // 2 + 2


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ("pinned=abort", ["relocate-v1 with pinned=abort"]),
        ("linux-6.18, pinned=abort, pinned=move", ["linux-6.18", "linux-6.18 with pinned=abort",
                                                   "linux-6.18 with pinned=move"]),
        ("pinned=move, series, failure=undo", ["relocate-v1 with pinned=move", "series", "series with failure=undo"]),
        ("series with pinned=abort, failure=undo, linux-6.12, pinned=move",
         ["series with pinned=abort, failure=undo", "linux-6.12", "linux-6.12 with pinned=move"]),
    ],
)  # fmt: skip
def test_alternatives(on: str, expected: list[str], scenario: Compile) -> None:
    """A decision without `with` is a rule set of its own: that before it, or the default, with this one changed."""
    assert [str(rules) for rules in scenario(f'scenario "a" on {on} {{ expect vmas 0 }}').rules] == expected
