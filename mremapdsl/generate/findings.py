"""What a campaign has found: one of each kind, as small as it gets, as the text of a scenario file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from mremapdsl.generate.campaign import Found
from mremapdsl.generate.differ import CRASH, Difference
from mremapdsl.generate.telling import Side, telling
from mremapdsl.ops import Operation
from mremapdsl.program import Place, RuleChoice, Statement, Step
from mremapdsl.shrink import shrink
from mremapdsl.statements import scenario_text, steps
from mremapdsl.trace.style import paragraph

Differ: TypeAlias = Callable[[Sequence[Operation]], Difference | None]
"""The first difference of a program."""
WIDTH = 80
"""Of a comment."""
CANDIDATES = 3
"""Programs of a kind that are shrunk; the smallest of them is shown."""


class Collection:
    """Findings by kind: of each the shortest programs, and how many there were."""

    def __init__(self) -> None:
        self.kinds: dict[tuple[str, ...], list[Found]] = {}
        self.counts: dict[tuple[str, ...], int] = {}

    def add(self, found: Found) -> None:
        kind = found.difference.signature
        self.counts[kind] = self.counts.get(kind, 0) + 1
        best = [*self.kinds.get(kind, []), found]
        self.kinds[kind] = sorted(best, key=lambda f: (len(f.operations), f.number))[:CANDIDATES]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


class Small(NamedTuple):
    """A difference at its smallest."""

    number: int
    """The program in which it was found."""
    operations: tuple[Operation, ...]
    difference: Difference
    times: int
    """Programs that showed this kind."""


def smallest(collection: Collection, differ: Differ, most: int) -> Iterator[Small]:
    """One of each kind, shrunk, of at most so many kinds: those of which there are shorter programs."""
    order = sorted(collection.kinds, key=lambda kind: len(collection.kinds[kind][0].operations))
    known: set[tuple[Operation, ...]] = set()
    for kind in order[:most]:
        made = [small for found in collection.kinds[kind] if (small := shrunk(found, differ))]
        if made:
            best = min(made, key=lambda small: (len(small.operations), size(small.operations)))
            if best.operations not in known:
                known.add(best.operations)
                yield best._replace(times=collection.counts[kind])


def shrunk(found: Found, differ: Differ) -> Small | None:
    """A finding at its smallest; None if it does not happen again."""
    wanted = found.difference.signature
    last: list[Difference] = []

    def same(body: Sequence[Statement]) -> bool:
        seen = differ(operations(body))
        if seen is None or seen.step != len(body) - 1 or seen.signature != wanted:
            return False
        last.append(seen)
        return True

    body = steps(found.operations[: found.difference.step + 1])
    if not same(body):
        return None
    made = operations(shrink(body, same))
    again = differ(made)
    return Small(found.number, made, again or last[-1], 1)


def operations(body: Sequence[Statement]) -> tuple[Operation, ...]:
    return tuple(statement.op for statement in body if isinstance(statement, Step))


def size(found: Sequence[Operation]) -> int:
    """How much there is to read."""
    return sum(len(repr(op)) for op in found)


# --- text ----------------------------------------------------------------------------------------------------


class Named(NamedTuple):
    """A side with its name and the rules that a scenario of it names (None: whatever it is run under)."""

    name: str
    rules: RuleChoice | None
    side: Side


def text(small: Small, sides: tuple[Named, Named], head: Sequence[str] = (), names: Sequence[Place] = ()) -> str:
    """A difference as a scenario file: what each side does, and expectations that only that side fulfils.

    ``names`` are names for places.
    """
    last = statement_words(small.operations, names)
    lines = commented([*head, *summary(small.difference, last, sides)])
    if small.difference.field == CRASH:
        rules = [sides[0].rules] if sides[0].rules else []
        return lines + scenario_text(steps(small.operations), rules)
    bodies = telling(small.operations, [named.side for named in sides], small.difference.field)
    blocks = [
        commented(outcome(named, body))
        + scenario_text(body, [named.rules] if named.rules else [], title=named.name, names=names)
        for body, named in zip(bodies, sides, strict=True)
    ]
    return lines + "\n" + "\n".join(blocks)


def outcome(named: Named, body: Sequence[Statement]) -> list[str]:
    """What the last operation did on a side."""
    last = named.side.run([statement for statement in body if isinstance(statement, Step)]).steps[-1]
    if last.verdict is None:
        return [f"{named.name}: {last.result}"]
    verdict = last.verdict
    did = last.result if last.result != "ok" else verdict.outcome
    broken = [f"  breaks {breach.invariant}: {breach.sentence}" for breach in last.breaches[:2]]
    return [f"{named.name}: {did}, {verdict.sentence} [{verdict.reason}] ({verdict.function})", *broken]


def summary(difference: Difference, last: str, sides: Sequence[Named]) -> list[str]:
    """What differs after the last statement, in a few lines."""
    names = [named.name for named in sides]
    if difference.field == CRASH:
        where = f" in {difference.left}" if difference.left else ""
        what = difference.right and f": {difference.right}"
        return [f"the model fails with {difference.aspect}{where}{what} at `{last}`"]
    where = f"{difference.field} ({difference.aspect})" if difference.aspect else difference.field
    words = (difference.left, difference.right)
    said = [f"  {name}: {word}" for name, word in zip(names, words, strict=True) if word]
    return [f"{names[0]} and {names[1]} differ in {where} after `{last}`", *said]


def statement_words(operations: Sequence[Operation], names: Sequence[Place]) -> str:
    """The last operation as its scenario writes it."""
    lines = scenario_text(steps(operations), names=names).splitlines()
    return lines[-1] if lines else ""


def commented(lines: Sequence[str]) -> str:
    """Lines as comments; long ones go on, indented."""
    return "".join(f"{part}\n" for line in lines for part in comment(line))


def comment(line: str) -> Iterator[str]:
    indent = " " * (len(line) - len(line.lstrip()))
    return paragraph(line.lstrip(), f"# {indent}", f"# {indent}    ", WIDTH)
