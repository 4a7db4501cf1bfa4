"""The examples: each passes under every rule set it names, explains itself, and stands in the index.

``python tests/examples/test_examples.py`` writes the index of examples/README.md anew.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.program import Expect, Program, Step

EXAMPLES = Path(__file__).parents[2] / "examples"
README = EXAMPLES / "README.md"
TOPICS = ("start", "merging", "moving", "fork", "errors", "versions", "pages")
"""In the order of the index."""
OTHERS = {
    "review": "the review of MREMAP_RELOCATE_ANON, point by point",
    "selftests": "the kernel selftests of the series and their mainline relatives",
    "observed": "what was seen on a kernel with the series",
    "explored": "what searching all short sequences of calls found",
}
"""Folders with tests of their own."""
ALL = sorted(EXAMPLES.rglob("*.mrs"))
MAINLINE = [path for topic in TOPICS for path in sorted((EXAMPLES / topic).glob("*.mrs"), key=lambda path: path.stem)]
MOST_LINES = 100


def name(path: Path) -> str:
    return path.relative_to(EXAMPLES).as_posix()


@cache
def program(path: Path) -> Program:
    return api.compile(path)


# --- what they do ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ALL, ids=name)
def test_passes_under_every_rule_set_it_names(path: Path) -> None:
    failed = []
    for record in api.run(path, states=False):
        if record.outcome != "passed":
            failed += [f"{record.scenario.title} [{record.rules}]: {record.outcome} {record.reason}"]
            failed += [f"  line {s.step.line}: {s.failure}" for s in record.steps if s.failure]
            failed += [
                f"  line {e.expect.line}: {e.expect.text}: {e.detail}" for e in record.expectations if not e.held
            ]
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("path", ALL, ids=name)
def test_every_scenario_expects_something(path: Path) -> None:
    for scenario in program(path).scenarios:
        judged = [s for s in scenario.body if isinstance(s, Expect) or (isinstance(s, Step) and s.fails)]
        assert judged, scenario.title


# --- what they say --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MAINLINE, ids=name)
def test_every_scenario_has_prose_and_names_its_rules(path: Path) -> None:
    assert title(path)
    for scenario in program(path).scenarios:
        assert scenario.doc, scenario.title
        assert scenario.rules, scenario.title


@pytest.mark.parametrize("path", MAINLINE, ids=name)
def test_fits_a_screen_or_two(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_LINES
    assert not [line for line in lines if len(line) > 120 or line != line.rstrip() or "\t" in line]


@pytest.mark.parametrize("path", MAINLINE, ids=name)
def test_examples_that_it_mentions_exist(path: Path) -> None:
    for mentioned in re.findall(r"[a-z]+/[\w.-]+\.mrs", path.read_text(encoding="utf-8")):
        assert (EXAMPLES / mentioned).is_file(), mentioned


@pytest.mark.parametrize("path", MAINLINE, ids=name)
def test_titles_are_unique(path: Path) -> None:
    titles = [scenario.title for scenario in program(path).scenarios]
    assert len(set(titles)) == len(titles)


# --- the index ------------------------------------------------------------------------------------------------


def title(path: Path) -> str:
    """The first line of a file: its title."""
    first = path.read_text(encoding="utf-8").split("\n", 1)[0]
    return first.removeprefix("## ") if first.startswith("## ") else ""


def indexed(text: str) -> str:
    """The README with the list that ends each section replaced by what is there."""
    for topic in TOPICS:
        entries = [f"- [{path.stem}]({name(path)}): {title(path)}" for path in MAINLINE if path.parent.name == topic]
        text = relisted(text, f"{topic}/", entries)
    others = [f"- [{folder}/]({folder}/): {what}" for folder, what in OTHERS.items() if (EXAMPLES / folder).is_dir()]
    return relisted(text, "More", others)


def relisted(text: str, heading: str, entries: list[str]) -> str:
    """The text with another list in the section with this heading."""
    section = re.search(rf"^## {heading}\n\n(?:[^-#\n].*\n)+\n", text, flags=re.MULTILINE)
    assert section, f"README.md has no heading and introduction for {heading}"
    end = text.find("\n## ", section.end() - 1)
    return text[: section.end()] + "\n".join(entries) + "\n" + (text[end:] if end >= 0 else "")


def test_the_index_is_complete() -> None:
    text = README.read_text(encoding="utf-8")
    assert indexed(text) == text, "run python tests/examples/test_examples.py"


def test_the_index_knows_every_folder() -> None:
    assert {name(path).split("/")[0] for path in ALL} <= {*TOPICS, *OTHERS}


if __name__ == "__main__":
    README.write_text(indexed(README.read_text(encoding="utf-8")), encoding="utf-8")
