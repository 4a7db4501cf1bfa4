"""The Python interface."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

import mremapdsl
from mremapdsl import api
from tests.cli.conftest import BAD, FAILS, PASSES


def test_names_are_exported_lazily() -> None:
    assert mremapdsl.run is api.run
    assert set(mremapdsl.__all__) <= set(dir(mremapdsl))
    with pytest.raises(AttributeError):
        mremapdsl.nothing  # noqa: B018


def test_the_example_in_the_documentation() -> None:
    assert doctest.testmod(api).failed == 0


def test_run(tmp_path: Path) -> None:
    [record] = mremapdsl.run(PASSES)
    assert (record.outcome, record.rules, record.file) == ("passed", "relocate-v1", "<text>")
    assert record.steps[0].state is not None
    [record] = mremapdsl.run(FAILS, "linux-6.18", file="x", states=False)
    assert (record.outcome, record.rules, record.file) == ("failed", "linux-6.18", "x")
    assert record.steps[0].state is None
    path = tmp_path / "x.mrs"
    path.write_text(PASSES)
    assert [r.file for r in (*mremapdsl.run(path), *mremapdsl.run(str(path)))] == [str(path)] * 2


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(mremapdsl.CompileError) as raised:
        mremapdsl.compile(BAD, file="bad.mrs")
    assert str(raised.value).startswith("bad.mrs:1:")
    assert raised.value.diagnostics
    with pytest.raises(FileNotFoundError):
        mremapdsl.compile(tmp_path / "x.mrs")
    with pytest.raises(mremapdsl.CompileError):
        mremapdsl.run(PASSES, "linux-5.0")


def test_rules() -> None:
    assert "series" in mremapdsl.rule_names()
    assert mremapdsl.rules("series").name == "relocate-v1"
    with pytest.raises(ValueError, match="names 2 rule sets, not one"):
        mremapdsl.rules("linux-6.18, relocate-v1")
    assert mremapdsl.rules("linux-6.18 with move_range=one_vma").choices["move_range"] == "one_vma"


def test_every_count_can_be_asked_for() -> None:
    text = "mmap A 1\n" + "".join(f"expect count {what} >= 0\n" for what in api.COUNTS)
    [record] = mremapdsl.run(text)
    assert [e.held for e in record.expectations] == [True] * len(api.COUNTS)
