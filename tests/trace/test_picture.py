"""Pictures: honest, aligned, and never wider than they may be."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mremapdsl.backend import VmaView
from mremapdsl.trace.identity import Known
from mremapdsl.trace.picture import Row, picture


def known(start: int, end: int, letter: str, number: int, faulted: bool = False) -> Known:
    return Known(VmaView(start, end, "rw-p", start, "av1" if faulted else "", int(faulted)), number, letter)


def draw(*rows: Row, drawn: set[int] | None = None, width: int = 80, names: dict[int, str] | None = None) -> list[str]:
    numbers = {k.number for row in rows for k in row.vmas} if drawn is None else drawn
    return list(picture(rows, numbers, names or {}, 8, width))


def test_one_character_a_page() -> None:
    before = Row("before", [known(16, 24, "a", 1, True), known(40, 44, "b", 2)])
    after = Row("after", [known(16, 28, "a", 1, True)])
    assert draw(before, after, names={16: "A", 40: "B"}) == [
        "        A                  B",
        "        16      24  28     40  44",
        "before  AAAAAAAA.......~...bbbb",
        "after   AAAAAAAAAAAA...~.......",
    ]


def test_a_long_stretch_is_folded() -> None:
    assert draw(Row("now", [known(1 << 20, 1 << 28, "a", 1)])) == [
        "        1048576                 268435456",
        "now     aaaaaaaaaaaa~aaaaaaaaaaa",
    ]


def test_vmas_that_are_not_drawn_are_left_out_and_not_shown_as_unmapped() -> None:
    row = Row("now", [known(0, 4, "a", 1), known(4, 90, "b", 2), known(90, 94, "c", 3)])
    assert draw(row, drawn={1, 3}) == ["        0   4      90  94", "now     aaaa   ~   cccc"]


vmas = st.lists(st.integers(0, 1 << 34), min_size=2, max_size=60, unique=True).map(sorted)


@given(vmas, st.integers(60, 120))
def test_pictures_fit(borders: list[int], width: int) -> None:
    row = Row("now", [known(s, e, "a", i) for i, (s, e) in enumerate(pairwise(borders))])
    assert all(len(line) <= width for line in draw(row, width=width))
