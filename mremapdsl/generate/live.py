"""Random programs on the running kernel, against the model of its rules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from mremapdsl import api
from mremapdsl.backend import Unsupported
from mremapdsl.compare import Comparer
from mremapdsl.generate.campaign import IMPATIENCE, NUMBER, PATIENCE, Batch, Found, Late, endless, patiently
from mremapdsl.generate.differ import CRASH, Difference, Quick, crash
from mremapdsl.generate.families import Family
from mremapdsl.generate.findings import Named
from mremapdsl.generate.program import Program
from mremapdsl.generate.sides import scenario
from mremapdsl.generate.telling import Side
from mremapdsl.live.session import Session
from mremapdsl.model.rules import Rules
from mremapdsl.onkernel import kernel_name, run_on_kernel
from mremapdsl.ops import Operation
from mremapdsl.program import RuleChoice, Statement
from mremapdsl.record import ScenarioRecord


class LiveTask(NamedTuple):
    """What is hunted for on a kernel."""

    families: tuple[Family, ...]
    seed: int
    rules: Rules
    session: Session


def hunt_live(task: LiveTask, number: int) -> Batch:
    """Program ``number`` of a task, up to the first difference between model and kernel."""
    family = task.families[number % len(task.families)]
    made: list[Operation] = []
    skipped: Counter[str] = Counter()
    found: Difference | None = None
    try:
        patiently(PATIENCE, make, family, f"{family.name}/{task.seed}/{number}", task.rules, made)
        found = differ_live(task, made)
    except Late:
        found = endless(made)
    except Unsupported as unsupported:
        skipped[NUMBER.sub("N", str(unsupported))] += 1
    except Exception as error:
        found = crashed(made, error)
    result = (Found(number, family.name, tuple(made), found),) if found else ()
    return Batch(1, len(made), skipped, result)


def make(family: Family, seed: str, rules: Rules, made: list[Operation]) -> None:
    """Make a program with the model alone; ``made`` grows with it."""
    backend = Quick(rules)
    try:
        for op in Program(family, Random(seed), backend.machine, kernel=True).operations():
            if op.process in backend.machine.mms:
                made.append(op)
                if backend.step(op).breaches:
                    return
    except Unsupported:
        made.pop()


def crashed(operations: Sequence[Operation], error: Exception) -> Difference:
    return Difference(len(operations) - 1, operations[-1], CRASH, type(error).__name__, *crash(error), ("", ""))


def differ_live(task: LiveTask, operations: Sequence[Operation]) -> Difference | None:
    """The first difference of a program. Raises Unsupported."""
    found = Comparer(task.rules, task.session).compare(operations)
    if found is None:
        return None
    reason = found.verdict.reason if found.verdict else ""
    if found.what == "result":
        return Difference(found.step, found.op, "result", "", found.model, found.kernel, (reason, ""))
    where = ": ".join(filter(None, (found.process, "" if found.page is None else f"page {found.page}")))
    model, kernel = (f"{where} {found.what} {said}".strip() for said in (found.model, found.kernel))
    return Difference(found.step, found.op, "state", NAMED.sub("", found.what), model, kernel, (reason, ""))


NAMED = re.compile(r" of anon_vma \S+")


def shrinking(task: LiveTask, operations: Sequence[Operation]) -> Difference | None:
    """The first difference of a candidate, also where the model fails or a machine cannot do it."""
    backend = Quick(task.rules)
    for i, op in enumerate(operations):
        try:
            patiently(IMPATIENCE, backend.step, op)
        except Unsupported:
            return None
        except Late:
            return endless(operations[: i + 1])
        except Exception as error:
            return crashed(operations[: i + 1], error)
    try:
        return differ_live(task, operations)
    except Unsupported:
        return None


def reproducible(task: LiveTask, found: Found, times: int = 2) -> bool:
    """Whether a difference shows again each time."""
    for _ in range(times):
        again = shrinking(task, found.operations)
        if again is None or again.signature != found.difference.signature:
            return False
    return True


def kernel_side(session: Session, own: RuleChoice) -> Named:
    """The running kernel as a side of a comparison."""

    def results(operations: Sequence[Operation]) -> list[str]:
        backend = session.backend(named=True)
        try:
            return [backend.step(op).result for op in operations]
        finally:
            backend.close()

    def run(body: Sequence[Statement]) -> ScenarioRecord:
        return run_on_kernel("", scenario(body), session, (own,), api.aliases(), states=True)

    def counted(_operations: Sequence[Operation]) -> dict[str, int]:
        return {}

    return Named(kernel_name(), own, Side(results, run, counted))
