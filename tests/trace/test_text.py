"""The text trace as it is: each scenario file in ``golden`` with the trace beside it.

``BLESS=1 pytest tests/trace`` writes the traces anew; read the difference before you commit it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.trace.style import Style
from mremapdsl.trace.text import scenario_text

GOLDEN = sorted(Path(__file__).parent.joinpath("golden").glob("*.mrs"))


def trace(path: Path, style: Style) -> str:
    records = api.run(path, file=path.name)
    return "\n".join(scenario_text(record, style) for record in records)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_trace_is_the_one_beside_the_scenario(path: Path) -> None:
    expected = path.with_suffix(".trace")
    have = trace(path, Style(unicode=True))
    if os.environ.get("BLESS"):
        expected.write_text(have, encoding="utf-8")
    assert have == expected.read_text(encoding="utf-8"), "BLESS=1 writes it anew"


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_lines_fit(path: Path, width: int) -> None:
    longest = max((line for line in trace(path, Style(width)).split("\n") if "@<" not in line), key=len)
    assert len(longest) <= width, longest


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_nothing_is_conveyed_by_colour_alone(path: Path) -> None:
    import re

    colored = trace(path, Style(color=True))
    assert "\x1b[" in colored
    assert re.sub(r"\x1b\[[0-9;]*m|\x1b]8;;.*?\x1b\\", "", colored) == trace(path, Style())


def test_citations_are_links_where_there_is_colour() -> None:
    [record] = api.run("## See @<a/b%c@example.com>.\nmmap A 1; expect vmas 1")
    link = "\x1b]8;;https://lore.kernel.org/all/a%2Fb%25c@example.com/\x1b\\@<a/b%c@example.com>\x1b]8;;\x1b\\"
    assert f"## See {link}." in scenario_text(record, Style(color=True))
    assert "## See @<a/b%c@example.com>." in scenario_text(record)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_without_unicode_a_trace_of_ascii_is_ascii(path: Path) -> None:
    assert trace(path, Style()).isascii()


def test_many_changes_are_cut_short_unless_all_are_wanted() -> None:
    text = "for i in 0..20 { mmap A 4 at @(i * 8) }\nfor i in 0..20 { touch @(i * 8)+1 }\nfork\nexpect vmas 20"
    [record] = api.run(text)
    short, full = scenario_text(record), scenario_text(record, Style(full=True))
    assert "... and 12 more VMAs" in short
    assert "more VMAs" not in full
    assert full.count("new: [") > short.count("new: [")


def test_long_rules_go_on_in_the_next_line() -> None:
    rules = "relocate-v1 with failure=detect_early, pinned=abort, nonpresent=fail, large_folio=fail"
    [record] = api.run(f"rules {rules}\nmmap A 1; expect vmas 1")
    lines = scenario_text(record).splitlines()
    assert max(map(len, lines)) <= 80
    assert rules in " ".join(line.strip() for line in lines)
