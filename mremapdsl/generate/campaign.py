"""Many programs: made, run and compared in several processes, with the same findings whatever their number."""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterator
from itertools import count as counting
from itertools import islice
from random import Random
from types import FrameType
from typing import Any, NamedTuple

from mremapdsl.backend import Unsupported
from mremapdsl.generate.differ import CRASH, Difference, Pair
from mremapdsl.generate.families import Family
from mremapdsl.generate.program import Program
from mremapdsl.model.rules import Rules
from mremapdsl.ops import Operation

CHUNK = 20
"""Programs that a process makes at once."""
PATIENCE = 20.0
"""Seconds after which a program counts as one that does not end."""


class Task(NamedTuple):
    """What is hunted for."""

    families: tuple[Family, ...]
    seed: int
    left: Rules
    right: Rules
    fields: tuple[str, ...]


class Found(NamedTuple):
    """A program up to the operation in which two machines differ."""

    number: int
    family: str
    operations: tuple[Operation, ...]
    difference: Difference


class Batch(NamedTuple):
    """What some programs have brought."""

    programs: int
    steps: int
    outcomes: Counter[str]
    """What mremap did, how often."""
    found: tuple[Found, ...]


class Late(Exception):
    """A program takes too long."""


def hunt(task: Task, number: int) -> Batch:
    """Program ``number`` of a task, up to the first difference."""
    family = task.families[number % len(task.families)]
    pair = Pair(task.left, task.right, task.fields)
    program = Program(family, Random(f"{family.name}/{task.seed}/{number}"), pair.left.machine)
    done: list[Operation] = []
    outcomes: Counter[str] = Counter()
    found: Difference | None = None
    try:
        for op in program.operations():
            if op.process not in pair.left.machine.mms:
                continue
            done.append(op)
            found = pair.step(op)
            if found or pair.broken:
                break
    except Unsupported:
        pass
    except Late:
        found = Difference(len(done) - 1, done[-1], CRASH, "endless", f"more than {PATIENCE:.0f} s", "", ("", ""))
    result = (Found(number, family.name, tuple(done), found),) if found else ()
    return Batch(1, len(done), outcomes, result)


class Workers:
    """Runs hunts: here, or in ``jobs`` processes that are forked when work begins."""

    def __init__(self, task: Any, hunt: Callable[[Any, int], Batch], jobs: int) -> None:
        self.task, self.hunt, self.jobs = task, hunt, jobs

    def batches(self, count: int | None) -> Iterator[Batch]:
        """The results in the order of the programs' numbers; without a count, for ever."""
        _Own.task, _Own.hunt = self.task, self.hunt
        starts = iter(range(0, count, CHUNK) if count is not None else counting(0, CHUNK))
        chunks = ((start, start + CHUNK if count is None else min(count, start + CHUNK)) for start in starts)
        if self.jobs == 1:
            yield from map(_chunk, chunks)
            return
        with multiprocessing.get_context("fork").Pool(self.jobs, _start) as pool:
            waiting = deque(pool.apply_async(_chunk, (chunk,)) for chunk in islice(chunks, 3 * self.jobs))
            while waiting:
                yield waiting.popleft().get()
                waiting.extend(pool.apply_async(_chunk, (chunk,)) for chunk in islice(chunks, 1))


class _Own:
    """What a process keeps; set before it is forked."""

    task: Any
    hunt: Callable[[Any, int], Batch]


def _start() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _late(_signal: int, _frame: FrameType | None) -> None:
    raise Late


def _chunk(numbers: tuple[int, int]) -> Batch:
    """The programs [first, last) as one batch."""
    parts = [patiently(_Own.hunt, _Own.task, number) for number in range(*numbers)]
    outcomes: Counter[str] = Counter()
    for part in parts:
        outcomes.update(part.outcomes)
    found = tuple(found for part in parts for found in part.found)
    return Batch(len(parts), sum(part.steps for part in parts), outcomes, found)


def patiently(hunt: Callable[[Any, int], Batch], task: Any, number: int) -> Batch:
    """Run a hunt with a limit of time. Only in a main thread; elsewhere without a limit."""
    try:
        before = signal.signal(signal.SIGALRM, _late)
    except ValueError:
        return hunt(task, number)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        return hunt(task, number)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
