"""The JSON trace: the text is the data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.trace.jsonl import scenario_data, scenario_line

GOLDEN = sorted(Path(__file__).parent.joinpath("golden").glob("*.mrs"))


@pytest.mark.parametrize("states", [True, False])
@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_line_is_the_data(path: Path, states: bool) -> None:
    for record in api.run(path, states=states):
        line = scenario_line(record)
        assert "\n" not in line
        assert json.loads(line) == scenario_data(record)
        assert list(json.loads(line)) == list(scenario_data(record))


def test_titles_and_texts_may_hold_anything() -> None:
    [record] = api.run("mmap A 1; expect vmas 1")
    record = record._replace(file='["%"]', scenario=record.scenario._replace(title='%s ["%"] \\ null} ü'))
    assert json.loads(scenario_line(record)) == scenario_data(record)
