"""Two states compared: a page-by-page oracle, and moves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mremapdsl.backend import PageRun
from mremapdsl.trace.changes import page_changes, process_pages
from mremapdsl.trace.identity import Change
from mremapdsl.trace.words import page_change_words

Page = tuple[str, int | None, bool, int | None]


def runs_of(pages: dict[int, Page]) -> list[PageRun]:
    """Maximal runs, as a machine shows them."""
    runs: list[PageRun] = []
    for page, (kind, frame, exclusive, index) in sorted(pages.items()):
        run = PageRun(page, 1, kind, frame, exclusive, index)
        last = runs[-1] if runs else None
        if last is not None and last.page + last.count == page and pages_of([last._replace(count=last.count + 1)]).get(
            page
        ) == (kind, frame, exclusive, index):
            runs[-1] = last._replace(count=last.count + 1)
        else:
            runs.append(run)
    return runs


def pages_of(runs: list[PageRun]) -> dict[int, Page]:
    return {
        run.page + i: (
            run.kind,
            None if run.frame is None else run.frame + i,
            run.exclusive,
            None if run.index is None else run.index + i,
        )
        for run in runs
        for i in range(run.count)
    }


present = st.tuples(st.just("P"), st.integers(0, 30), st.booleans(), st.integers(0, 30))
swapped = st.just(("S", None, False, None))
merged = st.tuples(st.just("K"), st.integers(0, 2), st.booleans(), st.none())
memory = st.dictionaries(st.integers(0, 30), present | swapped | merged, max_size=20)


@given(memory, memory)
def test_changes_are_the_difference_page_by_page(before: dict[int, Page], after: dict[int, Page]) -> None:
    changes = list(page_changes(runs_of(before), runs_of(after)))
    expected = {page for page in before.keys() | after.keys() if before.get(page) != after.get(page)}
    covered = [page for change in changes for page in range(change.page, change.page + change.count)]
    assert covered == sorted(expected)
    for change in changes:
        for run, one, pages in (
            (change.before, change.one_before, before),
            (change.after, change.one_after, after),
        ):
            runs = [] if run is None else [run._replace(count=change.count)]
            if run is not None and one:
                runs = [run._replace(page=change.page + i, count=1) for i in range(change.count)]
            shown = pages_of(runs)
            for page in range(change.page, change.page + change.count):
                assert shown.get(page) == pages.get(page)


def test_pages_merged_into_one_frame_are_one_change() -> None:
    before = [PageRun(10, 4, "P", 0, True, 10)]
    after = [PageRun(page, 1, "K", 7, False, None) for page in range(10, 14)]
    (change,) = page_changes(before, after)
    assert page_change_words(change) == "anonymous -> KSM, frames 0-3 -> 7, now shared"
    (back,) = page_changes(after, before)
    assert page_change_words(back) == "KSM -> anonymous, frames 7 -> 0-3, index none -> 10-13, now exclusive"
    (gone,) = page_changes(after, [])
    assert page_change_words(gone) == "gone: KSM, frame 7, shared"


def test_what_only_moved_is_no_change() -> None:
    before = [PageRun(10, 4, "P", 0, True, 10), PageRun(30, 2, "P", 8, True, 30)]
    after = [PageRun(20, 4, "P", 0, True, 10), PageRun(30, 2, "P", 8, True, 30)]
    changes, moved = process_pages(before, after, Change("parent", (20, 24), 10, 4))
    assert changes == ()
    assert moved == (before[0],)


def test_a_move_over_memory_drops_what_was_there() -> None:
    before = [PageRun(10, 2, "P", 0, True, 10), PageRun(20, 2, "P", 8, True, 20)]
    after = [PageRun(20, 2, "P", 0, True, 20)]
    (change,), moved = process_pages(before, after, Change("parent", (20, 22), 10, 2))
    assert moved == (before[0],)
    assert change.before is not None
    assert change.after is not None
    assert (change.before.index, change.after.index) == (10, 20)
