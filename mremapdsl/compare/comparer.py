"""Programs on the model and on the running kernel, step by step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mremapdsl.backend import Observation, Outcome, Verdict
from mremapdsl.compare.states import Comparison, Differs
from mremapdsl.live.backend import LiveBackend
from mremapdsl.live.session import Session
from mremapdsl.model.backend import ModelBackend
from mremapdsl.model.rules import Rules
from mremapdsl.ops import Operation


class Difference(NamedTuple):
    """The first difference between model and kernel in a program."""

    step: int
    """Position of the operation after which they differ."""
    op: Operation
    what: str
    """``result``, ``VMA``, ``prot``, ``frame``, ``num_children``…"""
    process: str
    """Where it is; empty if it is in no process."""
    page: int | None
    model: str
    kernel: str
    """What each of them says, in words."""
    verdict: Verdict | None
    """The model's reason."""
    states: tuple[Observation, Observation]
    """The model's and the kernel's; valid until the next program."""


class Comparer:
    """Compares a model under some rules with a session's kernel.

    Where swapped pages are is the machine's choice, not the rules'.
    """

    def __init__(self, rules: Rules, session: Session) -> None:
        self.rules = rules.but(swap_device="memory") if session.machine.swap.in_memory else rules
        self.session = session

    def compare(self, operations: Iterable[Operation], *, named: bool = True) -> Difference | None:
        """The first difference of a program; None if there is none.

        ``named`` is as for ``Session.backend``.  Raises Unsupported for what this machine cannot do or the model does
        not know.
        """
        kernel = self.session.backend(named=named)
        found: Difference | None = None
        try:
            found = self._first_difference(kernel, operations)
        finally:
            if found is None:  # else its processes stay to be looked at, until the next program has some
                kernel.close()
        return found

    def _first_difference(self, kernel: LiveBackend, operations: Iterable[Operation]) -> Difference | None:
        model = ModelBackend(self.rules)
        machine = self.session.machine
        flags = machine.flags or machine.deep is not None
        comparison = Comparison(flags=flags, lasting_frames=True, lasting_names=True)
        alive = {"parent"}
        for step, op in enumerate(operations):
            if op.process not in alive:
                return None
            ours, theirs = model.step(op), kernel.step(op)
            states = model.observe(), kernel.observe()
            differs = _results(ours, theirs) or comparison.first_difference(*states)
            if differs is not None:
                return Difference(step, op, *differs, ours.verdict, states)
            alive = set(states[0].processes())
        return None


def _results(model: Outcome, kernel: Outcome) -> Differs | None:
    """How the answers differ."""
    if model.result != kernel.result:
        return Differs("result", "", None, model.result, kernel.result)
    if model.address != kernel.address and kernel.address is not None:
        return Differs("address", "", None, f"page {model.address}", f"page {kernel.address}")
    return None
