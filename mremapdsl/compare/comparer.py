"""Programs on the model and on the running kernel, step by step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mremapdsl.backend import Observation, Outcome, Verdict
from mremapdsl.compare.states import Comparison
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
    """Compares a model under some rules with a session's kernel."""

    def __init__(self, rules: Rules, session: Session) -> None:
        self.rules = rules
        self.session = session

    def compare(self, operations: Iterable[Operation], *, named: bool = True) -> Difference | None:
        """The first difference of a program; None if there is none.

        ``named`` is as for ``Session.backend``.  Raises Unsupported for what this machine cannot do or the model does
        not know.
        """
        model = ModelBackend(self.rules)
        kernel = self.session.backend(named=named)
        machine = self.session.machine
        flags = machine.flags or machine.deep is not None
        comparison = Comparison(flags=flags, lasting_frames=True, lasting_names=True)
        alive = {"parent"}
        try:
            for step, op in enumerate(operations):
                if op.process not in alive:
                    return None
                ours, theirs = model.step(op), kernel.step(op)
                found = _results(ours, theirs)
                if found is None:
                    states = model.observe(), kernel.observe()
                    alive = set(states[0].processes())
                    differs = comparison.first_difference(*states)
                    if differs is None:
                        continue
                    return Difference(step, op, *differs, ours.verdict, states)
                return Difference(step, op, *found, ours.verdict, (model.observe(), kernel.observe()))
            return None
        finally:
            kernel.close()


def _results(model: Outcome, kernel: Outcome) -> tuple[str, str, None, str, str] | None:
    """How the answers differ."""
    if model.result != kernel.result:
        return "result", "", None, model.result, kernel.result
    if model.address != kernel.address and kernel.address is not None:
        return "address", "", None, f"page {model.address}", f"page {kernel.address}"
    return None
