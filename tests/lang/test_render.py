"""How a finding is shown."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from mremapdsl.lang import Compiled, Diagnostic, render

FINDING = Diagnostic("MRS101", "error", "a/x.mrs", 3, 7, 4, "the cause", "the remedy")


def test_layout() -> None:
    assert render(FINDING, "mmap  What is") == (
        "a/x.mrs:3:7: error: the cause [MRS101]\n"
        "  mmap  What is\n"
        "        ^^^^\n"
        "  remedy: the remedy"
    )  # fmt: skip


def test_color_changes_no_text() -> None:
    colored = render(FINDING, "mmap  What is", color=True)
    assert "\x1b[1;31merror:" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render(FINDING, "mmap  What is")
    assert "\x1b[1;33mwarning:" in render(FINDING._replace(severity="warning"), "", color=True)


@pytest.mark.parametrize(
    ("line", "column", "length", "shown", "caret"),
    [
        ("\tmmap\tA x", 7, 1, "    mmap    A x", "            ^"),
        ("\ttouch", 1, 1, "    touch", "^^^^"),
        ("ab\x1bcd", 4, 2, "ab\\x1bcd", "      ^^"),
        ("ab\x1bcd", 3, 1, "ab\\x1bcd", "  ^^^^"),
        ("日本 x", 4, 1, "日本 x", "     ^"),
        ("e\u0301 x", 4, 1, "e\u0301 x", "  ^"),
        ("a\u202eb", 3, 1, "a\\u202eb", "       ^"),
        ("mmap", 5, 1, "mmap", "    ^"),
        ("", 1, 1, "", "^"),
    ],
)
def test_columns(line: str, column: int, length: int, shown: str, caret: str) -> None:
    lines = render(FINDING._replace(column=column, length=length), line).split("\n")
    assert lines[1].removeprefix("  ") == shown
    assert lines[2].removeprefix("  ") == caret


@pytest.mark.parametrize("column", [1, 50, 99, 101, 500_000, 1 << 20])
@pytest.mark.parametrize("length", [1, 70, 500_000])
def test_long_lines_are_cut_around_the_caret(column: int, length: int) -> None:
    line = "".join(f"{i:07d}," for i in range(1 << 17))
    length = min(length, len(line) - column + 1)
    _, shown, caret, _ = render(FINDING._replace(column=column, length=length), line).split("\n")
    assert len(shown) <= 80
    assert len(caret) <= 80
    at = caret.index("^")
    assert shown[at] == line[column - 1]


def test_a_long_remedy_goes_on_in_the_next_line() -> None:
    remedy = " ".join(f"word{i}" for i in range(40))
    head, *lines = render(FINDING._replace(remedy=f"{remedy} {'x' * 90} end"), "mmap").split("\n")[2:]
    assert not head.strip(" ^")
    assert [line for line in lines if len(line) > 80] == [f"      {'x' * 90}"]
    assert len(lines) == 6
    assert " ".join(line.strip() for line in lines) == f"remedy: {remedy} {'x' * 90} end"


def test_nothing_unseen_gets_through(compiled: Callable[[str], Compiled]) -> None:
    finding = FINDING._replace(file="a\nb\x1b.mrs", message="c\x07\ud800", remedy="d\x9b")
    shown = render(finding, "x\x00\ud800")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", shown)
    assert shown.count("\n") == 3
    (item, *_) = compiled("mmap " + "x" * 100_000 + " )").diagnostics
    assert len(render(item, "mmap")) < 500
