"""Many programs: made, run and compared in several processes, with the same findings whatever their number."""

from __future__ import annotations

import multiprocessing
import re
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import count as counting
from itertools import islice
from random import Random
from types import FrameType
from typing import Any, NamedTuple, TypeVar

from mremapdsl.backend import Unsupported
from mremapdsl.generate.differ import CRASH, Difference, Pair, first_difference
from mremapdsl.generate.families import Family
from mremapdsl.generate.program import Program
from mremapdsl.model.rules import Rules
from mremapdsl.ops import Operation

CHUNK = 20
"""Programs that a process makes at once."""
PATIENCE, IMPATIENCE = 20.0, 2.0
"""Seconds after which an operation counts as one that does not end: in a hunt, and when that is known already."""
NUMBER = re.compile(r"\d+")
"""Left out of reasons, so that they can be counted."""
T = TypeVar("T")


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
    skipped: Counter[str]
    """Programs that came to an end because a machine cannot do something, by what it is."""
    found: tuple[Found, ...]


class Late(BaseException):
    """A program takes too long."""


def hunt(task: Task, number: int) -> Batch:
    """Program ``number`` of a task, up to the first difference."""
    family = task.families[number % len(task.families)]
    pair = Pair(task.left, task.right, task.fields)
    program = Program(family, Random(f"{family.name}/{task.seed}/{number}"), pair.left.machine)
    done: list[Operation] = []
    skipped: Counter[str] = Counter()
    found: Difference | None = None
    try:
        for op in program.operations():
            if op.process not in pair.left.machine.mms:
                continue
            done.append(op)
            found = patiently(PATIENCE, pair.step, op)
            if found or pair.broken:
                break
    except Unsupported as unsupported:
        skipped[NUMBER.sub("N", str(unsupported))] += 1
    except Late:
        found = endless(done)
    result = (Found(number, family.name, tuple(done), found),) if found else ()
    return Batch(1, len(done), skipped, result)


def endless(done: Sequence[Operation]) -> Difference:
    """An operation that does not end."""
    return Difference(len(done) - 1, done[-1], CRASH, "endless", "", "", ("", ""))


def differ(task: Task, operations: Sequence[Operation]) -> Difference | None:
    """The first difference of a program, for shrinking."""
    try:
        return patiently(IMPATIENCE, first_difference, operations, task.left, task.right, task.fields)
    except Late:
        return endless(operations)


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
    parts = [_Own.hunt(_Own.task, number) for number in range(*numbers)]
    skipped = sum((part.skipped for part in parts), Counter[str]())
    found = tuple(found for part in parts for found in part.found)
    return Batch(len(parts), sum(part.steps for part in parts), skipped, found)


def patiently(seconds: float, call: Callable[..., T], *arguments: Any) -> T:
    """Call something with a limit of time (only in a main thread; elsewhere without). Raises Late."""
    try:
        before = signal.signal(signal.SIGALRM, _late)
    except ValueError:
        return call(*arguments)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return call(*arguments)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
