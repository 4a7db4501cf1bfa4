"""Syntax records from the parser's reductions.

A builder gets the parts that a grammar rule keeps, and where the rule's text begins and ends.  Most rules
simply fill the record of the same name; the others stand in ``OTHERS``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from mremapdsl.lang import syntax
from mremapdsl.lang.record import new

Builder: TypeAlias = Callable[[Sequence[Any], int, int], Any]

HUGE = 1 << 64
"""Stands for every number that is too long to read: larger than any that is allowed."""


def number(parts: Sequence[Any], start: int, end: int) -> syntax.Number:
    text = parts[0].text
    value = HUGE if len(text) > 20 else int(text, 16 if text[:2] in ("0x", "0X") else 10)
    return new(syntax.Number, (value, start, end))


def size(parts: Sequence[Any], start: int, end: int) -> syntax.Size:
    return syntax.Size(parts[0].text, start, end)


def constant(parts: Sequence[Any], start: int, end: int) -> syntax.Constant:
    return syntax.Constant(parts[0].text, start, end)


def chain(parts: Sequence[Any], start: int, end: int) -> syntax.Chain:
    return syntax.Chain(tuple(parts), start, end)


def body(parts: Sequence[Any], _start: int, _end: int) -> syntax.Body:
    return tuple(parts)


OTHERS: dict[str, Builder] = {
    "number": number,
    "size": size,
    "constant": constant,
    "expr": chain,
    "term": chain,
    "value": chain,
    "value_term": chain,
    "start": body,
    "block": body,
}


def builder(rule: str) -> Builder:
    """The builder of a grammar rule or alias. Raises AttributeError if it has neither record nor function."""
    return OTHERS.get(rule) or fill(getattr(syntax, "".join(map(str.capitalize, rule.split("_")))))


def fill(record: Any) -> Builder:
    """Fill a record's fields in order; if the last of them is a tuple, it takes all parts that are left."""
    names: tuple[str, ...] = record._fields[:-2]
    if names and record.__annotations__[names[-1]].startswith("tuple["):
        fixed = len(names) - 1

        def gather(parts: Sequence[Any], start: int, end: int) -> Any:
            return new(record, (*parts[:fixed], tuple(parts[fixed:]), start, end))

        return gather

    def exact(parts: Sequence[Any], start: int, end: int) -> Any:
        return new(record, (*parts, start, end))

    return exact
