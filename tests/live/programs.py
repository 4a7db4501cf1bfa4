"""Random programs as scenario files: ``python -m tests.live.programs DIR [RULES]`` writes a file for each family."""

from __future__ import annotations

import sys
from pathlib import Path

from mremapdsl import api
from mremapdsl.generate.families import ALL, families
from mremapdsl.generate.live import make
from mremapdsl.ops import Operation
from mremapdsl.program import RuleChoice
from mremapdsl.statements import scenario_text, steps

RULES, EACH = "linux-6.18", 14


def main(directory: Path, name: str = RULES) -> None:
    rules = api.rules(name)
    seed = name.removeprefix("linux-").replace(".", "")
    for family in families(ALL, kernel=True):
        texts: list[str] = []
        for number in range(EACH):
            made: list[Operation] = []
            make(family, f"{family.name}/{seed}/{number}", rules, made)
            backend = api.backend(name)
            body = steps(made, [backend.step(op).result for op in made])
            texts.append(scenario_text(body, [RuleChoice(name)], title=f"{number}"))
        (directory / f"{family.name}.mrs").write_text("\n".join(texts), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
