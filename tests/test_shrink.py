"""Shrinking: as small as it gets, and never another failure."""

from __future__ import annotations

from mremapdsl import api, ops
from mremapdsl.program import Expect, Layout, Statement, Step
from mremapdsl.shrink import Body, alive, shrink, without
from mremapdsl.squeeze import Cut, Extent, groups
from mremapdsl.statements import body_lines, scenario_text


def body(text: str) -> Body:
    (scenario,) = api.compile(text).scenarios
    return scenario.body


def kinds(statements: Body) -> list[str]:
    return [type(s.op).__name__ if isinstance(s, Step) else "expect" for s in statements]


def has(statements: Body, *wanted: str) -> bool:
    """Whether these kinds of statements occur in this order."""
    rest = iter(kinds(statements))
    return all(kind in rest for kind in wanted)


def test_statements_that_do_not_matter_go() -> None:
    found = shrink(body("mmap A 4; touch A; fork; mmap B 4; child: touch A; munmap B; mremap A C"),
                   lambda b: has(b, "Touch", "Mremap"))  # fmt: skip
    assert kinds(found) == ["Touch", "Mremap"]


def test_two_statements_that_only_go_together_go() -> None:
    def even(b: Body) -> bool:
        return kinds(b).count("Munmap") % 2 == 0 and has(b, "Mmap")

    assert kinds(shrink(body("mmap A 4; munmap A; munmap A; munmap A; munmap A"), even)) == ["Mmap"]


def test_a_fork_that_does_not_matter_goes() -> None:
    found = shrink(body("mmap A 4; fork; child: fork x; x: touch A 9"), lambda b: has(b, "Mmap", "Touch"))
    assert scenario_text(found) == "mmap A 1\ntouch A\n"


def test_children_lose_their_names() -> None:
    def same(b: Body) -> bool:
        touches = [s.op for s in b if isinstance(s, Step) and isinstance(s.op, ops.Touch)]
        return has(b, "Mmap", "Fork", "Touch") and touches[-1].process != "parent"

    found = shrink(body("mmap A 4; fork zoe; zoe: fork joe; joe: touch A"), same)
    assert scenario_text(found) == "mmap A 1\nfork child\nchild: touch A\n"


def test_options_flags_and_sizes_get_plain() -> None:
    text = "mmap A 40 rwx noreserve populate; mremap A[3..9] to @500 size 12 MAYMOVE FIXED DONTUNMAP RELOCATE"

    def same(b: Body) -> bool:
        return any(isinstance(s, Step) and isinstance(s.op, ops.Mremap) and bool(s.op.flags & ops.RELOCATE) for s in b)

    (step,) = shrink(body(text), same)
    assert isinstance(step, Step)
    assert isinstance(step.op, ops.Mremap)
    assert (step.op.pages, step.op.new_pages, step.op.flags & ~(ops.MAYMOVE | ops.FIXED)) == (1, 1, ops.RELOCATE)


def test_a_move_keeps_its_length_at_both_ends() -> None:
    text = "mmap A 9 at @100; touch A[4]; mremap A to @300; read @304+1"

    def same(b: Body) -> bool:
        """The page that is read is the one that was touched, six or more pages from the end."""
        if kinds(b) != ["Mmap", "Touch", "Mremap", "Read"]:
            return False
        mmap, touch, move, read = (s.op for s in b if isinstance(s, Step))
        assert isinstance(mmap, ops.Mmap)
        assert isinstance(touch, ops.Touch)
        assert isinstance(move, ops.Mremap)
        assert isinstance(read, ops.Read)
        return (
            (move.at, move.pages) == (mmap.at, mmap.pages) and move.to is not None
            and touch.at - move.at == read.at - move.to and move.at <= touch.at < move.at + move.pages
            and touch.at - move.at >= 2
        )  # fmt: skip

    found = shrink(body(text), same)
    mmap, touch = (s.op for s in found[:2] if isinstance(s, Step))
    assert isinstance(mmap, ops.Mmap)
    assert isinstance(touch, ops.Touch)
    assert (mmap.pages, touch.at - mmap.at) == (3, 2)


def test_expectations_move_with_the_pages() -> None:
    text = 'mmap A 8; munmap A[3..6]; expect layout A "aaa...bb"; expect unmapped A[3..6]'

    def same(b: Body) -> bool:
        (record,) = api.run("\n".join(body_lines(b, style="numbers")), rules="linux-6.18")
        vmas = isinstance(b[2], Expect) and isinstance(b[2].predicate, Layout) and len(set(b[2].predicate.pattern)) == 3
        return record.outcome == "passed" and vmas

    found = shrink(body(text), lambda b: kinds(b) == ["Mmap", "Munmap", "expect", "expect"] and same(b))
    assert scenario_text(found) == 'mmap A 3\nmunmap A[1]\nexpect layout A "a.b"\nexpect unmapped A[1]\n'


def test_documentation_and_show_go() -> None:
    found = shrink(body("## why\nmmap A 1\nshow\n## because\nexpect vmas 1"), lambda b: has(b, "expect"))
    assert all(isinstance(s, Expect) and not s.doc for s in found)


def test_names_of_the_scenario_are_kept() -> None:
    (scenario,) = api.compile("mmap Heap 8; mmap Stack 4; touch Stack").scenarios
    found = shrink(scenario.body, lambda b: has(b, "Mmap", "Touch"), names=scenario.places)
    assert scenario_text(found, names=scenario.places).startswith("mmap ")


def test_a_process_goes_with_its_fork() -> None:
    statements: tuple[Statement, ...] = body("mmap A 1; fork; child: touch A; child: fork x; x: read A; touch A")
    assert body_lines(without(statements, {1})) == ["mmap A 1", "touch A"]
    assert alive(statements)
    assert not alive(statements[2:])
    assert not alive(body("fork") * 2)


def test_a_cut_moves_what_lies_behind() -> None:
    gone = Cut([Extent(10, 12), Extent(20, 25)])
    assert [gone(page) for page in (0, 10, 11, 12, 19, 20, 24, 25, 30)] == [0, 10, 10, 10, 17, 18, 18, 18, 23]
    assert [gone.keeps(page) for page in (9, 10, 12, 20, 25)] == [True, False, True, False, True]


def test_pages_tied_by_a_move_are_one_group() -> None:
    tied = [group for group in groups(body("mmap A 4 at @10; touch A[1]; mremap A to @20")) if len(group) > 1]
    assert tied == [[(10, 11), (20, 21)], [(11, 12), (21, 22)], [(12, 14), (22, 24)]]
