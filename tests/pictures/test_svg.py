"""Pictures: what they show, that they are sound SVG, and that no text leaves its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mremapdsl import api
from mremapdsl.pictures import pictures
from mremapdsl.pictures.axis import Border, axis, kept
from mremapdsl.pictures.canvas import ADVANCE, SIZES, columns, fitting, wrapped
from mremapdsl.pictures.theme import DARK, LIGHT
from mremapdsl.record import ScenarioRecord

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = sorted(ROOT.glob("examples/**/*.mrs"))
SVG = "{http://www.w3.org/2000/svg}"
WIDE, NARROW = 880.0, 350.0


class Text(NamedTuple):
    """A text element's extent."""

    x1: float
    y1: float
    x2: float
    y2: float
    text: str


def records(source: str | Path) -> list[ScenarioRecord]:
    return api.run(source, states=True)


def drawn(source: str | Path, width: float = WIDE) -> list[str]:
    return [picture.svg for record in records(source) for picture in pictures(record, width=width)]


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def texts(root: ET.Element) -> Iterator[Text]:
    for element in root.iter(f"{SVG}text"):
        classes = element.get("class", "").split()
        size = SIZES["head" if "h" in classes else "small" if "s" in classes else "plain"]
        text = "".join(element.itertext())
        room = columns(text) * size * ADVANCE
        x, y = float(element.get("x", "0")), float(element.get("y", "0"))
        x1 = x - room / 2 if "mi" in classes else x - room if "e" in classes else x
        yield Text(x1, y - 0.78 * size, x1 + room, y + 0.22 * size, text)


def boxes(root: ET.Element) -> list[tuple[float, float, float, float]]:
    found: list[tuple[float, float, float, float]] = []
    for element in root.iter(f"{SVG}rect"):
        if {"v", "vu", "bv", "bu", "pg", "pk", "pn", "bx"} & set(element.get("class", "").split()):
            x, y, w, h = (float(element.get(name, "0")) for name in ("x", "y", "width", "height"))
            found.append((x, y, x + w, y + h))
    return found


def frames(root: ET.Element) -> list[tuple[float, float, float, float]]:
    """What is drawn around pages that changed."""
    found = [e for e in root.iter(f"{SVG}rect") if e.get("class") == "pc"]
    sides = [[float(e.get(name, "0")) for name in ("x", "y", "width", "height")] for e in found]
    return [(x, y, x + w, y + h) for x, y, w, h in sides]


def check(svg: str) -> None:
    """The rules for every picture."""
    root = parsed(svg)
    for left, top, right, bottom in frames(root):
        for text in texts(root):
            if text.y1 < bottom and text.y2 > top:
                assert not any(text.x1 < x < text.x2 for x in (left, right)), f"{text} is crossed"
    _, _, width, height = map(float, root.get("viewBox", "").split())
    written = sorted(texts(root), key=lambda t: t.y1)
    for text in written:
        assert text.x1 >= 0, text
        assert text.x2 <= width + 0.5, (text, width)
        assert 0 <= text.y1 < text.y2 <= height, (text, height)
    for i, one in enumerate(written):
        for other in written[i + 1 :]:
            if other.y1 >= one.y2 - 0.5:
                break
            assert one.x2 <= other.x1 + 0.5 or other.x2 <= one.x1 + 0.5, (one, other)
    for x1, y1, x2, y2 in boxes(root):
        for text in written:
            middle = (text.y1 + text.y2) / 2
            if y1 < middle < y2 and text.x1 < x2 - 1 and text.x2 > x1 + 1:
                assert x1 - 1.5 <= text.x1, (text, (x1, x2))
                assert text.x2 <= x2 + 1.5, (text, (x1, x2))


# --- soundness -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_no_text_overlaps_another_or_leaves_its_box(path: Path, width: float) -> None:
    for record in records(path)[:6]:
        for picture in pictures(record, width=width):
            check(picture.svg)


NAMES = st.sampled_from(["A", "Another_place_with_a_name_longer_than_any_box", "b", "Zz9", "place", "Q" * 40])
SIZES_ = st.sampled_from(["1", "2", "5", "16", "511", "2M", "1G", "512G"])


@st.composite
def scenarios(draw: st.DrawFn) -> str:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    lines = [f"mmap {name} {draw(SIZES_)}" for name in names]
    calls = st.sampled_from([
        "touch {0}[0]", "mremap {0} after {1}", "mremap {0} before {1} RELOCATE", "fork", "munmap {0}[0]",
        "mprotect {0}[0] r", "mremap {0} after {1} DONTUNMAP MAYMOVE", "read {0}[0]", "swapout {0}[0]", "exit child",
        "madvise {0} MERGEABLE", "ksm scan", "child: touch {0}[0] 3", "munmap {0}",
    ])  # fmt: skip
    place = st.sampled_from(names)
    lines += [draw(calls).format(draw(place), draw(place)) for _ in range(draw(st.integers(1, 9)))]
    return "\n".join(lines) + "\nexpect vmas 1\n"


@settings(max_examples=60, deadline=None)
@given(scenarios(), st.sampled_from([WIDE, NARROW, 300.0, 2000.0]))
def test_any_scenario_can_be_drawn(text: str, width: float) -> None:
    try:
        found = records(text)
    except api.CompileError:
        return
    for record in found:
        for picture in pictures(record, width=width):
            check(picture.svg)


def test_a_refused_move_shows_what_should_have_gone_where() -> None:
    svg = drawn("mmap A 8; touch A; mmap B 4; fork; mremap A[2..6] to B + 8 MUST_RELOCATE fails EFAULT")[-1]
    root = parsed(svg)
    said = [text.text for text in texts(root)]
    assert {"EFAULT", "[1002,1006)"} <= set(said)
    assert {"1002", "1006", "2008", "2012"} <= set(said)  # on the ruler
    assert len([e for e in root.iter(f"{SVG}rect") if e.get("class") == "rf"]) == 2
    assert "Failed with EFAULT: pages [1002,1006) to [2008,2012)." in svg


@pytest.mark.parametrize(
    ("call", "failure", "end"),
    [("read A", "SEGV", 1004), ("mremap A[0..2] size 4", "ENOMEM", 1004), ("mlock A[0..3]", "ENOMEM", 1003)],
)
def test_a_failed_call_shows_what_it_was_about(call: str, failure: str, end: int) -> None:
    svg = drawn(f"mmap A 4; munmap A[2]; {call} fails {failure}")[-1]
    assert f"Failed with {failure}: pages [1000,{end})." in svg
    assert len([e for e in parsed(svg).iter(f"{SVG}rect") if e.get("class") == "rf"]) == 1


def test_among_many_vmas_the_neighbours_of_what_went_have_room() -> None:
    text = "mmap A 160 at @0; touch A; for i in 0..80 { mprotect A[2*i] r }; munmap A[100]; expect unmapped A[100]"
    said = [text.text for text in texts(parsed(drawn(text)[-1]))]
    assert any(" [99,100) " in line for line in said), said
    assert any(" [101,102) " in line for line in said), said


def test_the_ruler_names_both_ends_of_what_a_fold_parts() -> None:
    said = [text.text for text in texts(parsed(drawn("mmap A 16; mmap B 16; expect vmas 2")[-1]))]
    assert {"1000", "1016", "2000", "2016"} <= set(said)


MANY = """
mmap A 200; touch A
for i in 0..100 { mprotect A[2*i] r }
munmap A[50..60]
mprotect A[60..120] none
fork
child: munmap A
expect vmas 1
"""


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_two_hundred_vmas_stay_sane(width: float) -> None:
    found = drawn(MANY, width)
    for svg in found:
        check(svg)
    assert max(map(len, found)) < 60_000
    assert all(float(parsed(svg).get("height", "0")) < 1000 for svg in found)
    assert "VMAs" in found[-1]


def test_a_tebibyte_is_folded() -> None:
    svg = drawn("mmap A 1T; touch A[0]; mmap B 4 after A; touch B; expect vmas 1")[-1]
    check(svg)
    assert 'class="fo g"' in svg


def test_a_few_pages_are_drawn_to_scale() -> None:
    root = parsed(drawn("mmap A 4; mmap B 8 after A r; expect vmas 2")[-1])
    wide = [x2 - x1 for x1, _, x2, _ in boxes(root)]
    assert max(wide) / min(wide) == pytest.approx(2, rel=0.03)


# --- what is shown ---------------------------------------------------------------------------------------------------


def words(svg: str) -> str:
    return " ".join(text.text for text in texts(parsed(svg)))


def test_a_move_shows_before_and_after_and_where_the_memory_was_born() -> None:
    moved, later = drawn("mmap A 16; touch A; mmap B 16; touch B; mremap A after B; mprotect B r; expect vmas 2")[-2:]
    assert "before" in words(moved)
    assert "moved away" in words(moved)
    assert 'class="mv"' in moved
    assert "pgoff 1000 (-1016)" in words(moved)
    assert "home of A" in words(later)
    assert "home of A" not in words(moved), "the arrow of the move shows it already"


def test_what_changed_is_marked_and_named() -> None:
    svg = drawn("mmap A 4; touch A; mmap B 4 after A; expect vmas 1")[-1]
    assert "grown" in words(svg)
    assert 'class="v c"' in svg


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_every_text_can_be_read_on_every_ground(scheme: dict[str, str]) -> None:
    for ground in ("ground", "box", "faint", "page", "ksm", "badbox"):
        for role in ("text", "quiet", "accent", "bad"):
            dark, light = sorted((luminance(scheme[role]), luminance(scheme[ground])))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (role, ground)


def test_states_differ_by_more_than_colour() -> None:
    svg = drawn("mmap A 4; mmap B 4; touch B; expect vmas 2")[-1]
    assert "a rw-p" in words(svg)
    assert "unfaulted" in words(svg)
    assert "B rw-p" in words(svg)
    assert 'class="vu"' in svg
    two = drawn("mmap A 4; mmap B 4; touch A; touch B; expect vmas 2")[-1]
    assert 'fill="url(#m-h1)"' in two, "the second anon_vma has a pattern besides its colour"


def test_a_fork_shows_the_tree_and_what_is_shared() -> None:
    svg = drawn("mmap A 4; touch A; fork; expect vmas 1")[-1]
    assert "new in this step" in words(svg)
    assert "children 1→2" in words(svg)
    assert "child of av1, children 0, active VMAs 1, root av1" in words(svg)
    assert 'class="rb"' in svg
    assert "mapped more than once" in words(svg)


def test_kinds_of_pages_are_told_apart_and_explained() -> None:
    text = "mmap A 8; touch A[0..4]; read A[4..6]; swapout A[1]; migrate A[2] begin; expect vmas 1"
    svg = drawn(text)[-1]
    for kind in ("P anonymous", "Z zero page", "S swap entry or marker", "M migration entry"):
        assert kind in words(svg)
    merged = drawn(
        "mmap A 1; mmap B 1; touch A; touch B; madvise A MERGEABLE; madvise B MERGEABLE; ksm scan; expect vmas 2"
    )
    assert 'class="lk"' in merged[-1], "a bow links the two pages that map one frame"


def test_a_run_that_changed_in_part_is_labelled_part_by_part() -> None:
    *_, last = drawn("mmap A 8; touch A[0..3]; touch A[3..8]; expect A is exclusive")
    cells = [text.text for text in texts(parsed(last)) if text.text.startswith("P f")]
    assert cells == ["P f0-2 i1000-1002", "P f3-7 i1003-1007"]


def test_frames_that_are_there_several_times_have_one_band_a_run() -> None:
    same = "mmap A 2; touch A 7; mmap B 2; touch B 7; madvise A MERGEABLE; madvise B MERGEABLE; ksm scan"
    *_, last = drawn(f"{same}; fork; expect A is ksm")
    assert last.count('class="rb"') == 4


def test_a_page_that_can_no_longer_be_found_is_framed() -> None:
    text = (
        "rules relocate-v1-7.3\nmmap A 4; touch A; pin A[2]; mremap A B MUST_RELOCATE; expect violation rmap-complete"
    )
    for width in (WIDE, NARROW):
        svg = drawn(text, width)[-1]
        check(svg)
        assert "page 2002 breaks rmap-complete" in words(svg)
        assert 'class="br"' in svg


def test_the_verdict_stands_below() -> None:
    svg = drawn("mmap A 4; touch A; fork; mremap A B RELOCATE; expect fallback")[-1]
    assert "fallback [forked-parent]" in words(svg)
    assert "mm/vma.c:vma_maybe_has_shared_anon_folios" in words(svg)


# --- form ------------------------------------------------------------------------------------------------------------


def test_equal_records_give_equal_text() -> None:
    assert drawn(MANY) == drawn(MANY)


def test_a_picture_stands_alone_and_says_in_words_what_it_shows() -> None:
    svg = drawn("mmap A 4; touch A; expect vmas 1")[-1]
    root = parsed(svg)
    assert root.get("role") == "img"
    labels = [root.get("aria-labelledby"), root.get("aria-describedby")]
    assert [element.get("id") for element in (root[0], root[1])] == labels
    assert root.findtext(f"{SVG}title") == "Step 2: touch A = ok"
    described = root.findtext(f"{SVG}desc") or ""
    assert "VMA A [1000,1004) rw-p, pgoff 1000, anon_vma av1 (changed: [1000,1004), anon_vma none -> av1)." in described
    assert "Pages [1000,1004): anonymous, frames 0-3, index 1000-1003, exclusive." in described
    assert "prefers-color-scheme:dark" in svg
    assert not re.search(r"(?:href|src)=|url\((?!#)", svg), "nothing from elsewhere"


def test_strange_titles_are_escaped() -> None:
    title = r"<script>alert('1')</script> & \"quoted\" ☃"
    svg = drawn(f'scenario "{title}" {{ mmap A 4; expect vmas 1 }}')[0]
    parsed(svg)
    assert "<script" not in svg


def test_embedded_pictures_leave_the_style_to_the_page() -> None:
    [record] = records("mmap A 4; touch A; fork; expect vmas 1")
    for picture in pictures(record, embedded=True, prefix="x"):
        assert "<style" not in picture.svg
        assert "<defs" not in picture.svg
        assert picture.svg.startswith("<svg ")
        assert f'id="x{picture.number}-t"' in picture.svg


# --- axis ------------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 1 << 40), st.integers(0, 7)), min_size=2, max_size=120), st.floats(200, 2000))
def test_the_axis_is_monotone_and_within_its_room(borders: Sequence[tuple[int, int]], room: float) -> None:
    made = axis([Border(*border) for border in borders], [(0, 1 << 39)], 10.0, room)
    pages = sorted(page for page, _ in borders)
    points = [made.x(page) for page in pages]
    assert all(a <= b for a, b in pairwise(points))
    if made.segments:
        assert points[0] == 10.0
        assert made.segments[-1].right <= 10.0 + room + 0.01


def test_important_borders_are_kept_first() -> None:
    borders = [Border(page, 6) for page in range(100)] + [Border(50, 0), Border(60, 0)]
    assert kept(borders, 10) == [0, 50, 60, 99]


@given(st.text(max_size=200), st.floats(20, 500))
def test_cut_and_wrapped_texts_fit(text: str, room: float) -> None:
    assert columns(fitting(text, room)) * SIZES["plain"] * ADVANCE <= room
    limit = max(8, int(room / (SIZES["plain"] * ADVANCE)))
    assert all(columns(line) <= limit for line in wrapped(text, room))
