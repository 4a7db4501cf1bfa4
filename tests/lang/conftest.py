"""A small vocabulary, and the compiler with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mremapdsl.lang import Compiled, Vocabulary, compile_text
from mremapdsl.program import Program, Scenario

VOCABULARY = Vocabulary(
    rule_sets=("linux-6.12", "linux-6.18", "linux-7.3", "relocate-v1", "series", "relocate-v1-7.3", "relocate-auto"),
    overrides={"pinned": ("skip", "abort", "move"), "failure": ("undo", "detect_early"), "trigger": ("flag", "auto")},
    reasons=frozenset({"fork-child", "not-asked", "pinned-folio"}),
    invariants=frozenset({"rmap-complete", "folio-whole"}),
    counts=("vmas", "anon_vmas", "folios_relocated", "folios_undone", "folios_split"),
    aliases={"series": "relocate-v1"},
    default="relocate-v1",
)


@pytest.fixture
def compiled() -> Callable[[str | bytes], Compiled]:
    """Compile a text and return all there is."""
    return lambda text: compile_text(text, "dir/case.mrs", VOCABULARY)


@pytest.fixture
def program(compiled: Callable[[str | bytes], Compiled]) -> Callable[[str | bytes], Program]:
    """Compile a text that has no error."""

    def make(text: str | bytes) -> Program:
        made = compiled(text)
        assert made.program is not None, made.diagnostics
        return made.program

    return make


@pytest.fixture
def scenario(program: Callable[[str | bytes], Program]) -> Callable[[str | bytes], Scenario]:
    """Compile a text that has no error and is one scenario."""

    def make(text: str | bytes) -> Scenario:
        (made,) = program(text).scenarios
        return made

    return make
