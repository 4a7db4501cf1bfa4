"""The explored examples are what their commands print, and every quick command is run again here."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from mremapdsl import api
from mremapdsl.cli import main
from mremapdsl.program import Scenario
from mremapdsl.statements import essence

EXPLORED = Path(__file__).parents[2] / "examples" / "explored"
FILES = [path for path in sorted(EXPLORED.glob("*.mrs")) if not path.name.startswith("folio-")]
NOTHING = EXPLORED / "nothing-found.mrs"
"""Its scenarios are not what was found."""
SLOW = "# slow"
"""Behind a command that is not run again."""


def commands(path: Path) -> list[str]:
    """The searches that a file names, without the program's name."""
    prose = "\n".join(re.findall(r"^## ?(.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE))
    return re.findall(r"^    mremapdsl explore (.*)$", prose.replace("\\\n", " "), flags=re.MULTILINE)


def alike(scenario: Scenario) -> tuple[object, ...]:
    """What a scenario does under which rules, without its title."""
    return scenario.rules, tuple(map(essence, scenario.body))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_its_commands_find_what_it_shows(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(EXPLORED.parents[1])
    found: set[tuple[object, ...]] = set()
    named = commands(path)
    assert named
    for command in named:
        if not command.endswith(SLOW):
            assert main(["explore", *shlex.split(command)]) in (0, 1), command
            out = capsys.readouterr().out
            if "\nscenario " in out:
                found |= {alike(scenario) for scenario in api.compile(out).scenarios}
    shown = {alike(scenario) for scenario in api.compile(path).scenarios}
    assert found == (set() if path == NOTHING else shown)


def test_the_index_knows_every_file() -> None:
    listed = re.findall(r"\]\(([\w.-]+\.mrs)\)", (EXPLORED / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(path.name for path in EXPLORED.glob("*.mrs"))
