"""The JSON trace: the text is the data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mremapdsl import api
from mremapdsl.trace.jsonl import scenario_data, scenario_line

EXAMPLES = Path(__file__).parents[2] / "examples"
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


def fields(data: dict[str, Any], **types: Any) -> None:
    """Exactly these fields, in this order, of these types."""
    assert list(data) == list(types)
    for name, kind in types.items():
        assert isinstance(data[name], kind), (name, data[name])
        assert isinstance(data[name], bool) == (kind is bool), (name, data[name])


@pytest.mark.parametrize("topic", ["errors", "fork", "moving", "pages", "review", "start"])
def test_the_schema_of_the_language(topic: str) -> None:
    for path in sorted(EXAMPLES.joinpath(topic).glob("*.mrs")):
        for record in api.run(path):
            data = json.loads(scenario_line(record))
            fields(data, schema=str, file=str, scenario=str, rules=str, outcome=str, steps=list, expectations=list)
            assert data["schema"] == "mremapdsl-trace/1"
            assert data["outcome"] in ("passed", "failed", "error", "skipped")
            for step in data["steps"]:
                fields(step, line=int, text=str, process=str, result=str, verdict=dict, state=dict)
                fields(step["verdict"], outcome=str, reason=str, notes=list)
                state_fits(step["state"])
            for expectation in data["expectations"]:
                fields(expectation, line=int, text=str, held=bool, detail=str)


def state_fits(state: dict[str, Any]) -> None:
    fields(state, processes=dict, anon_vmas=dict)
    for anon_vma in state["anon_vmas"].values():
        fields(anon_vma, root=str, parent=str, num_children=int, num_active_vmas=int)
        assert {anon_vma["root"], anon_vma["parent"]} <= state["anon_vmas"].keys()
    for process in state["processes"].values():
        fields(process, vmas=list, pages=list)
        for vma in process["vmas"]:
            fields(vma, start=int, end=int, prot=str, pgoff=int, anon_vma=str | None, chain=int)
            assert vma["anon_vma"] is None or vma["anon_vma"] in state["anon_vmas"]
        for page, count, kind, frame, exclusive, index in process["pages"]:
            for at in (page, page + count - 1):
                assert any(vma["start"] <= at < vma["end"] for vma in process["vmas"])
            has_frame, has_index = kind in "PHKF", kind in "PHF"
            assert kind in "PZKHSMF"
            assert (isinstance(frame, int), isinstance(index, int)) == (has_frame, has_index)
            assert isinstance(exclusive, bool)
            assert has_frame or not exclusive
