"""Workflow commands, read back as the runner of GitHub Actions does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tests.cli.conftest import BAD, FAILS, PASSES, Cli

COMMAND = re.compile(r"::(?P<name>[a-z]+)(?: (?P<properties>[^\r\n]*?))?::(?P<message>[^\r\n]*)")


class Command(NamedTuple):
    name: str
    properties: dict[str, str]
    message: str


def read(line: str) -> Command:
    found = COMMAND.fullmatch(line)
    assert found, line
    properties = dict(part.split("=", 1) for part in (found["properties"] or "").split(","))
    assert not [value for value in properties.values() if ":" in value]
    return Command(found["name"], {k: unescape(v) for k, v in properties.items()}, unescape(found["message"]))


def unescape(text: str) -> str:
    for code, sign in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, sign)
    return text


def commands(text: str) -> list[Command]:
    return [read(line) for line in text.splitlines()]


def test_an_error_at_its_place(cli: Cli) -> None:
    Path("a,b").mkdir()
    Path("a,b/x.mrs").write_text('scenario "100%, or: all" {\n  mmap A 4; fork; child: expect vmas 2 # no\n}\n')
    result = cli("--report", "github", "a,b/x.mrs")
    assert result.status == 1
    (error,) = commands(result.out)
    assert error.name == "error"
    assert error.properties == {
        "file": "a,b/x.mrs", "line": "2", "col": "26", "endColumn": "39", "title": "100%, or: all [relocate-v1]",
    }  # fmt: skip
    assert error.message.startswith("a,b/x.mrs:2: child: expect vmas 2\n    child has 1 VMA(s), expected 2\n")


def test_compile_errors_and_warnings(cli: Cli) -> None:
    Path("bad.mrs").write_text(BAD)
    Path("idle.mrs").write_text("mmap A 4\n")
    found = commands(cli("--report", "github", "bad.mrs", "idle.mrs", "missing.mrs").out)
    assert [(c.name, c.properties["title"]) for c in found] == [
        ("error", "MRS101"),
        ("warning", "MRS404"),
        ("error", "cannot be used"),
    ]
    assert found[0].properties["col"] == "7"


def test_a_file_that_is_named_by_its_full_path(cli: Cli) -> None:
    Path("x.mrs").write_text(FAILS)
    (error,) = commands(cli("--report", "github", str(Path("x.mrs").resolve())).out)
    assert error.properties["file"] == "x.mrs"


def test_a_text_has_no_file(cli: Cli) -> None:
    (error,) = commands(cli("--report", "github", "-c", FAILS, "-c", PASSES).out)
    assert list(error.properties) == ["title"]
