"""A run that two rule sets end differently, as a scenario for each."""

from __future__ import annotations

from mremapdsl import api
from mremapdsl.explore.witness import Witness
from mremapdsl.generate.differ import Difference, Pair
from mremapdsl.generate.findings import Small, text
from mremapdsl.generate.sides import of_rules
from mremapdsl.program import RuleChoice

LOOKED_AT = ("violation", "result", "vmas", "pages", "counts")
"""Names of reasons alone are no different end; what breaks an invariant on one side only must be told first."""


def difference_text(witness: Witness, one: RuleChoice, other: RuleChoice) -> str:
    """A file with a scenario under each of the rules; each expects what the other does not do."""
    operations = tuple(taken.op for taken in witness.taken)
    pair = Pair(api.rules(one), api.rules(other), LOOKED_AT)
    for op in operations[:-1]:
        pair.step(op)
    found = pair.step(operations[-1])
    difference = found or Difference(len(operations) - 1, operations[-1], "state", "", "", "", ("", ""))
    return text(Small(0, operations, difference, 1), (of_rules(one), of_rules(other)), names=witness.names)
