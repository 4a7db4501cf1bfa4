"""Recorded traces beside examples: each is what a run prints, and belongs to a scenario file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mremapdsl import api, recorded

EXAMPLES = Path(__file__).parents[2] / "examples"
TRACES = sorted(EXAMPLES.rglob("*.trace"))


def test_there_are_some() -> None:
    assert len(TRACES) >= 2


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.relative_to(EXAMPLES).as_posix())
def test_a_recorded_trace_is_what_a_run_prints(path: Path) -> None:
    source = path.with_suffix(".mrs")
    told = recorded.mismatch(api.compile(source), str(path), map(recorded.part, api.run(source)))
    assert not told, "\n".join(told)
