"""Decisions: the places where kernels, or the designs of a review, differ, and what can be decided there.

A decision has a name and named choices; a rule set is one choice for each decision.  The algorithms of the
model ask ``rules.<decision>`` and never learn which kernel they follow.  Choices that no kernel makes (``wrong``)
exist so that tests can show that each invariant and each scenario notices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class Choice(NamedTuple):
    name: str
    value: Any
    """A pure function of a small question, or a constant."""
    doc: str
    wrong: bool
    """No kernel and no reviewer decides so."""


class Decision(NamedTuple):
    name: str
    doc: str
    function: str
    """The kernel function that decides."""
    choices: dict[str, Choice]


DECISIONS: dict[str, Decision] = {}
"""Filled when the ``decisions`` package is imported, read-only afterwards."""


def decision(name: str, function: str, doc: str) -> None:
    """Declare a decision; its choices follow."""
    DECISIONS[name] = Decision(name, doc, function, {})


def choice(decision_name: str, name: str, *, wrong: bool = False) -> Callable[[T], T]:
    """Register the decorated function as a choice; its docstring says what is decided and where that was so."""

    def register(value: T) -> T:
        DECISIONS[decision_name].choices[name] = Choice(name, value, (value.__doc__ or "").strip(), wrong)
        return value

    return register


def constant(decision_name: str, name: str, value: Any, doc: str, *, wrong: bool = False) -> None:
    """Register a constant as a choice."""
    DECISIONS[decision_name].choices[name] = Choice(name, value, doc, wrong)
