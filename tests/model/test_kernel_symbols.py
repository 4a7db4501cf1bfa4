"""Every kernel function that is cited exists, in the file that is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mremapdsl.model import rules as _fill  # noqa: F401  (fills DECISIONS)
from mremapdsl.model.decision import DECISIONS
from mremapdsl.model.reasons import REASONS

ROOT = Path(__file__).parent.parent.parent
DATA = ROOT / "tests" / "data" / "kernel-symbols.txt"
LINES = DATA.read_text(encoding="utf-8").splitlines()
NAMES = [line for line in LINES if not line.startswith("#")]
KNOWN = frozenset(NAMES)
CITATION = re.compile(r"\b(?:[a-z0-9_]+/)+[a-z0-9_]+\.[ch]:[A-Za-z_]\w*")


def test_the_list_is_sorted_and_says_how_it_was_made() -> None:
    assert LINES[0].startswith("#")
    assert sorted(set(NAMES)) == NAMES
    assert all(CITATION.fullmatch(name) for name in NAMES)


@pytest.mark.parametrize("reason", REASONS)
def test_the_function_of_a_reason_exists(reason: str) -> None:
    assert REASONS[reason].function in KNOWN


@pytest.mark.parametrize("decision", DECISIONS)
def test_the_function_of_a_decision_exists(decision: str) -> None:
    assert DECISIONS[decision].function in KNOWN


def texts() -> Iterator[Path]:
    for folder in ("mremapdsl", "examples", "docs", "tests/scenarios"):
        yield from (path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".mrs", ".md"))
    yield ROOT / "README.md"


def test_every_citation_in_sources_scenarios_and_documents_is_known() -> None:
    found = {(path, cited) for path in texts() for cited in CITATION.findall(path.read_text(encoding="utf-8"))}
    assert len(found) > 100
    assert not sorted(f"{path.relative_to(ROOT)} cites {cited}" for path, cited in found if cited not in KNOWN)
