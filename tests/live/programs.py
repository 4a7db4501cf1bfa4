"""Random programs as scenario files: ``python -m tests.live.programs DIR`` writes a file for each family."""

from __future__ import annotations

import sys
from pathlib import Path

from mremapdsl import api
from mremapdsl.generate.families import ALL, families
from mremapdsl.generate.live import make
from mremapdsl.ops import Operation
from mremapdsl.program import RuleChoice
from mremapdsl.statements import scenario_text, steps

RULES, SEED, EACH = "linux-6.18", 618, 14


def main(directory: Path) -> None:
    rules = api.rules(RULES)
    for family in families(ALL, kernel=True):
        texts: list[str] = []
        for number in range(EACH):
            made: list[Operation] = []
            make(family, f"{family.name}/{SEED}/{number}", rules, made)
            backend = api.backend(RULES)
            body = steps(made, [backend.step(op).result for op in made])
            texts.append(scenario_text(body, [RuleChoice(RULES)], title=f"{number}"))
        (directory / f"{family.name}.mrs").write_text("\n".join(texts), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
