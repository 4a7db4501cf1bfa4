"""Statements written from operations compile back to the same operations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mremapdsl import api, ops
from mremapdsl.lang import keywords
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
    Place,
    Range,
    Rmap,
    RuleChoice,
    SameVma,
    Show,
    Statement,
    Step,
    Unmapped,
    Violation,
    VmaCount,
    VmaValue,
)
from mremapdsl.statements import Unsayable, body_lines, essence, operation_text, reads_back, scenario_text, steps

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").rglob("*.mrs"))

# --- random programs of every operation --------------------------------------------------------------------------

PAGES = st.integers(0, 40) | st.integers(0, ops.TASK_PAGES // 2)
COUNTS = st.integers(0, 20) | st.sampled_from([512, 1000, ops.TASK_PAGES // 4])
PROTS = st.sampled_from(["rw", "r", "rx", "rwx", "x", "w", ""])
FILES = st.none() | st.sampled_from(["F", "log file", "ä", "a-b"])
ERRNOS = st.none() | st.sampled_from(keywords()["errno"])


def operation(process: str) -> st.SearchStrategy[Any]:
    """Any operation of a process but those that make or end one."""
    p = st.just(process)
    where = (p, PAGES, COUNTS)

    def mmap(values: tuple[Any, ...]) -> ops.Mmap:
        *first, file, page = values
        return ops.Mmap(*first, file, page if file else 0)

    mremap = st.builds(ops.Mremap, *where, COUNTS, st.none(), st.integers(0, 31)) | st.builds(
        ops.Mremap, *where, COUNTS, PAGES, st.integers(0, 31).filter(lambda flags: bool(flags & 3))
    )
    ranged = [
        ops.Munmap,
        ops.Mlock,
        ops.Munlock,
        ops.Mseal,
        ops.Read,
        ops.Pin,
        ops.Unpin,
        ops.Swapin,
        ops.Split,
        ops.Collapse,
    ]
    b = st.booleans()
    modes = st.sampled_from(keywords()["thp_mode"])
    return st.one_of(
        st.tuples(*where, PROTS, b, b, b, FILES, COUNTS).map(mmap),
        mremap,
        *(st.builds(kind, *where) for kind in ranged),
        st.builds(ops.Swapout, *where, st.booleans()),
        st.builds(ops.Mprotect, *where, PROTS),
        st.builds(ops.Madvise, *where, st.sampled_from([a for a in keywords()["advice"] if a[:5] != "MADV_"])),
        st.builds(ops.Touch, *where, st.integers(0, 255)),
        st.builds(ops.KsmScan, p),
        st.builds(ops.KsmMerge, p, b),
        st.builds(ops.Migrate, *where, st.sampled_from(["begin", "end", "fail"])),
        st.builds(ops.Set, p, st.just("thp"), modes, st.just(0)),
        st.builds(ops.Set, p, st.just("mthp"), modes, st.sampled_from(ops.FOLIO_SIZES)),
        st.builds(ops.Set, p, st.just("max_map_count"), COUNTS, st.just(0)),
        st.builds(ops.Set, p, st.sampled_from(["swap", "ksm_zero_pages"]), b, st.just(0)),
    )


@st.composite
def programs(draw: st.DrawFn) -> list[tuple[ops.Operation, str | None]]:
    """Operations with their errno, of processes that live."""
    living, names = ["parent"], iter(["child", "child2", "x", "Reader", *"abcdefgh"])
    found: list[tuple[ops.Operation, str | None]] = []
    for _ in range(draw(st.integers(0, 12))):
        process = draw(st.sampled_from(living))
        kind = draw(st.integers(0, 9))
        if kind == 0 and len(living) < 4:
            living.append(next(names))
            found.append((ops.Fork(process, living[-1]), None))
        elif kind == 1 and len(living) > 1:
            living.remove(process)
            found.append((ops.Exit(process), None))
        else:
            found.append((draw(operation(process)), draw(ERRNOS)))
    return found


@settings(deadline=None, max_examples=100)
@given(programs(), st.booleans())
def test_operations_compile_back(program: list[tuple[ops.Operation, str | None]], named: bool) -> None:
    body = steps([op for op, _ in program], [fails or "ok" for _, fails in program])
    text = scenario_text(body) if named else "\n".join(body_lines(body, style="numbers"))
    (scenario,) = api.compile(text).scenarios
    assert [(s.op, s.fails) for s in scenario.body if isinstance(s, Step)] == program


@settings(deadline=None, max_examples=60)
@given(operation("parent"), ERRNOS)
def test_one_operation_compiles_back(op: ops.Operation, fails: str | None) -> None:
    (scenario,) = api.compile(operation_text(op, fails)).scenarios
    (step,) = scenario.body
    assert isinstance(step, Step)
    assert (step.op, step.fails) == (op, fails)


# --- expectations ------------------------------------------------------------------------------------------------

RANGES = st.builds(Range, st.sampled_from(["parent", "child"]), PAGES, st.integers(1, 9), st.just(""))
ONE = st.builds(Range, st.sampled_from(["parent", "child"]), PAGES, st.just(1), st.just(""))
NAMED = st.builds(Range, st.sampled_from(["parent", "child"]), st.integers(8, 15), st.just(1), st.just(""))


def values(process: str) -> st.SearchStrategy[Any]:
    vma = st.sampled_from(["pgoff", "page", "chain", "anon_vma", "anon_vma.root", "anon_vma.num_children"])
    leaf = st.one_of(
        st.builds(Const, st.integers(-9, 99)),
        st.builds(VmaValue, RANGES, vma),
        st.builds(PageValue, ONE, st.sampled_from(["index", "frame", "mapcount", "value"])),
        st.builds(PageValue, NAMED, st.just("anon_vma")),
        st.builds(Count, st.just(process), st.sampled_from(["vmas", "anon_vmas", "folios_relocated"])),
    )
    return st.recursive(
        leaf,
        lambda inner: st.builds(Arithmetic, st.sampled_from("+-*"), inner, inner).filter(
            lambda a: not (isinstance(a.left, Const) and isinstance(a.right, Const))
        ),
        max_leaves=4,
    )


def predicates(process: str) -> st.SearchStrategy[Any]:
    words = st.sampled_from(keywords()["page_state"])
    plain = st.one_of(
        st.builds(Merged, st.sampled_from([None, "left", "right", "both"])),
        st.builds(SameVma, st.lists(RANGES, min_size=1, max_size=3).map(tuple)),
        st.builds(IsVma, RANGES),
        st.builds(VmaCount, st.just(process), st.integers(0, 9)),
        st.builds(Unmapped, RANGES),
        st.builds(Layout, st.sampled_from(["parent", "child"]), PAGES, st.text("aAb.", min_size=1)),
        st.sampled_from([*map(LastMove, ("moved", "relocated", "fallback")), LastMove("fallback", "fork-child")]),
        st.builds(Compare, values(process) | st.just(Const(None)), st.sampled_from(["==", "!=", "<", ">="]),
                  values(process)),
        st.builds(PageIs, RANGES, words),
        st.builds(Rmap, ONE, st.lists(ONE, max_size=3).map(tuple)),
        st.builds(Violation, st.sampled_from([None, "rmap-complete", "mapcount"])),
    )  # fmt: skip
    return plain | st.builds(Not, plain)


@st.composite
def expectations(draw: st.DrawFn) -> Statement:
    process = draw(st.sampled_from(["parent", "child"]))
    if draw(st.integers(0, 9)) == 0:
        return Show(0, process)
    on = draw(st.sampled_from([(), ("linux-6.18",), ("relocate-v1", "series")]))
    return Expect(draw(predicates(process)), process, 0, "", on, "", ())


@settings(deadline=None, max_examples=100)
@given(st.lists(expectations(), max_size=6))
def test_expectations_compile_back(found: list[Statement]) -> None:
    body: list[Statement] = [*steps([ops.Mmap("parent", 8, 8), ops.Fork("parent", "child")]), *found]
    text = scenario_text(body)
    assert reads_back(text, body), text


# --- whole files -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_can_be_written_back(path: Path) -> None:
    for scenario in api.compile(path).scenarios:
        text = scenario_text(scenario.body, scenario.rules, title=scenario.title, names=scenario.places)
        (again,) = api.compile(text).scenarios
        assert again.title == scenario.title
        assert again.rules == scenario.rules
        assert [essence(s) for s in again.body] == [essence(s) for s in scenario.body]


def test_names_are_kept_where_they_are_exact() -> None:
    text = "mmap A 4\nmmap B 4 after A\ntouch B[2..4]\nmremap A C\nexpect C[0].anon_vma == none\n"
    (scenario,) = api.compile(text).scenarios
    assert scenario_text(scenario.body, names=scenario.places) == text


def test_a_scenario_with_rules_and_a_strange_title() -> None:
    body = steps([ops.Mmap("parent", 5, 2, "", noreserve=True)], ["EPERM"])
    rules = [RuleChoice("linux-6.18"), RuleChoice("relocate-v1", (("pinned", "abort"), ("ksm", "skip")))]
    text = scenario_text(body, rules, title='a "\\" b\nc', names=[Place("Home", 5, 2, 0)])
    assert 'scenario "a \\"\\\\\\" b c" on linux-6.18, relocate-v1 with pinned=abort, ksm=skip' in text
    assert "mmap Home 2 none noreserve at @5 fails EPERM" in text
    assert api.compile(text).scenarios[0].rules == tuple(rules)


@pytest.mark.parametrize(
    "op",
    [
        ops.Mremap("parent", 0, 1, 1, 5, 0),
        ops.Mremap("parent", 0, 1, 1, 5, 32),
        ops.Mmap("parent", 0, 1, "wr"),
        ops.Mmap("parent", 0, 1, file='"'),
        ops.Mmap("parent", 0, 1, file_page=3),
        ops.Munmap("parent", ops.TASK_PAGES, 1),
        ops.Touch("parent", 0, 1, 256),
        ops.Fork("parent", "a b"),
        ops.Exit("a-b"),
        ops.Set("parent", "colour", "red"),
        ops.Set("parent", "max_map_count", 1 << 60),
        ops.Set("parent", "mthp", "always", 5),
    ],
)
def test_what_has_no_words(op: ops.Operation) -> None:
    with pytest.raises(Unsayable):
        operation_text(op)


def test_no_words_for_a_result_that_is_no_errno() -> None:
    with pytest.raises(Unsayable):
        operation_text(ops.Munmap("parent", 0, 1), "oops")
