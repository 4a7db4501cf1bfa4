"""RunMap is a dict of single keys, kept as maximal runs."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from mremapdsl.model.runs import Run, RunMap

SIZE = 24
KEYS = st.integers(0, SIZE)
VALUES = st.one_of(st.none(), st.sampled_from("abc"))
CONTENTS = st.lists(VALUES, min_size=SIZE, max_size=SIZE)
RANGES = st.tuples(KEYS, KEYS).map(lambda ends: (min(ends), max(ends)))
ENOUGH = settings(max_examples=100, deadline=None, derandomize=True)


def as_runs(keys: dict[int, str], start: int = 0, end: int = SIZE) -> list[Run[str]]:
    """The maximal runs of the keys within [start, end)."""
    runs: list[Run[str]] = []
    for key in sorted(key for key in keys if start <= key < end):
        if runs and runs[-1][1] == key and runs[-1][2] == keys[key]:
            runs[-1] = (runs[-1][0], key + 1, keys[key])
        else:
            runs.append((key, key + 1, keys[key]))
    return runs


def as_dict(contents: list[str | None]) -> dict[int, str]:
    return {key: value for key, value in enumerate(contents) if value is not None}


def is_canonical(runs: RunMap[str]) -> bool:
    return all(s < e for s, e, _ in runs) and all(
        a[1] < b[0] or (a[1] == b[0] and a[2] != b[2]) for a, b in pairwise(runs)
    )


@ENOUGH
@given(CONTENTS, RANGES, CONTENTS)
def test_splice_replaces_a_range_and_leaves_maximal_runs(
    before: list[str | None], where: tuple[int, int], new: list[str | None]
) -> None:
    start, end = where
    keys, fresh = as_dict(before), {k: v for k, v in as_dict(new).items() if start <= k < end}
    runs = RunMap(as_runs(keys))
    runs.splice(start, end, as_runs(fresh))
    assert list(runs) == as_runs({**{k: v for k, v in keys.items() if not start <= k < end}, **fresh})
    assert is_canonical(runs)


@ENOUGH
@given(CONTENTS, RANGES)
def test_splice_joins_what_its_caller_cut_into_pieces(before: list[str | None], where: tuple[int, int]) -> None:
    start, end = where
    runs = RunMap(as_runs(as_dict(before)))
    runs.splice(start, end, [(key, key + 1, "a") for key in range(start, end)])
    assert is_canonical(runs)
    assert runs.clip(start, end) == ([(start, end, "a")] if start < end else [])


@ENOUGH
@given(CONTENTS, RANGES)
def test_clip_and_cover_show_a_range(contents: list[str | None], where: tuple[int, int]) -> None:
    start, end = where
    keys = as_dict(contents)
    runs = RunMap(as_runs(keys))
    assert runs.clip(start, end) == as_runs(keys, start, end)
    pieces = runs.cover(start, end)
    assert [piece for piece in pieces if piece[2] is not None] == runs.clip(start, end)
    assert [key for s, e, _ in pieces for key in range(s, e)] == list(range(start, end))
    assert all(key not in keys for s, e, value in pieces if value is None for key in range(s, e))


@ENOUGH
@given(CONTENTS, KEYS)
def test_a_key_is_found_with_its_run(contents: list[str | None], key: int) -> None:
    keys = as_dict(contents)
    runs = RunMap(as_runs(keys))
    assert runs.at(key) == keys.get(key)
    run = runs.run_at(key)
    assert (run is None) == (key not in keys)
    if run is not None:
        assert run in as_runs(keys)
        assert run[0] <= key < run[1]
    first = runs.first(key)
    assert all(e <= key for _, e, _ in list(runs)[:first])
    assert all(e > key for _, e, _ in list(runs)[first:])


@ENOUGH
@given(CONTENTS, RANGES)
def test_edit_changes_and_removes_values(contents: list[str | None], where: tuple[int, int]) -> None:
    start, end = where
    keys = as_dict(contents)
    change = {"a": "b", "b": None, "c": "c"}
    runs = RunMap(as_runs(keys))
    runs.edit(start, end, change.get)
    expected = {k: (change[v] if start <= k < end else v) for k, v in keys.items()}
    assert list(runs) == as_runs({k: v for k, v in expected.items() if v is not None})


def test_a_copy_goes_its_own_way() -> None:
    runs = RunMap([(0, 4, "a")])
    copy = runs.copy()
    copy.splice(1, 2)
    assert list(runs) == [(0, 4, "a")]
    assert list(copy) == [(0, 1, "a"), (2, 4, "a")]


def test_the_cost_follows_the_runs_and_not_the_keys() -> None:
    runs: RunMap[str] = RunMap()
    runs.splice(0, 1 << 40, [(0, 1 << 40, "a")])
    runs.splice(1 << 20, 1 << 30)
    runs.edit(0, 1 << 41, lambda value: value + "b")
    assert list(runs) == [(0, 1 << 20, "ab"), (1 << 30, 1 << 40, "ab")]
    assert len(runs) == 2
