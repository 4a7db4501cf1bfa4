"""What stands inside a statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from mremapdsl.lang import syntax

INNER: Mapping[type[Any], Callable[[Any], syntax.Body]] = MappingProxyType(
    {
        syntax.Loop: lambda node: node.body,
        syntax.Branch: lambda node: (*node.then, *(node.otherwise or ())),
        syntax.InProcess: lambda node: node.body,
        syntax.AnyOrder: lambda node: node.body,
        syntax.Scenario: lambda node: node.body,
        syntax.Bad: lambda node: node.body,
        syntax.Prefixed: lambda node: (node.statement,),
        syntax.Maybe: lambda node: (node.statement,),
        syntax.During: lambda node: (node.call, *node.body),
        syntax.Choose: lambda node: tuple(statement for body in node.alternatives for statement in body),
    }
)


def inner(node: syntax.Statement) -> syntax.Body:
    """The statements directly inside a statement, in the order of the text."""
    return INNER[type(node)](node) if type(node) in INNER else ()


def stands_in(node: syntax.Statement) -> bool:
    """Whether a block was made up around statements whose own beginning could not be read."""
    if isinstance(node, syntax.InProcess):
        return not node.process.text
    if isinstance(node, syntax.Branch):
        return not node.operator.text
    return isinstance(node, syntax.Scenario) and not node.title.text
