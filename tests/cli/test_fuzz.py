"""The fuzzer's first cases, and that it would notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from mremapdsl import runner
from tests.cli import fuzz


def test_the_first_cases_end_in_an_orderly_way() -> None:
    assert [*fuzz.failures(iter(range(90)))] == []


@pytest.mark.parametrize("error", [KeyError("x"), RecursionError(), MemoryError()])
def test_it_would_notice(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(runner.Run, "begin", fails)
    assert "internal error" in fuzz.run(["-"], b"mmap A 4; expect vmas 1").wrong


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    names = fuzz.files(tmp_path)
    assert {fuzz.run([name]).status for name in names} <= {0, 2, 4}
    assert all(not fuzz.run([name, "--trace", "json"]).wrong for name in names)
