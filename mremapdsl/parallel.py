"""Work shared among forked processes, with results in the order of the items whatever their number."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context
from typing import Any, TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")


class WorkerDied(Exception):
    """A process ended without a result, as when the kernel runs out of memory."""


class _Own:
    """What a worker inherits, so that nothing but results needs pickling."""

    work: Callable[[Any], Any]
    items: Sequence[Any]


def _start(work: Callable[[Any], Any], items: Sequence[Any]) -> None:
    _Own.work, _Own.items = work, items


def _one(number: int) -> Any:
    return _Own.work(_Own.items[number])


def ordered(work: Callable[[Item], Done], items: Sequence[Item], jobs: int) -> Generator[Done, None, None]:
    """``map(work, items)`` by ``jobs`` processes, which are gone when the iterator ends or is closed.

    Ctrl-C reaches this process alone. Raises WorkerDied, and what ``work`` raises.
    """
    interrupt = {signal.SIGINT}
    jobs = min(jobs, len(items)) or 1
    chunk = max(1, min(16, len(items) // (jobs * 8)))
    pool = ProcessPoolExecutor(jobs, get_context("fork"), _start, (work, items))
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, interrupt)  # the workers inherit that
        try:
            results = pool.map(_one, range(len(items)), chunksize=chunk)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, interrupt)
        yield from results
    except BrokenProcessPool:
        raise WorkerDied from None
    finally:
        for child in active_children():
            child.terminate()
        pool.shutdown(cancel_futures=True)
