"""Sharing the work of a level among processes, with results in the level's order whatever their number."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from itertools import islice
from multiprocessing.pool import Pool
from threading import Semaphore

from mremapdsl.explore.queue import Queue
from mremapdsl.explore.search import Problem, Successor, Workers, expand

CHUNK = 32
"""States that a process takes at once."""
AHEAD = 4
"""Chunks a process that are under way or wait to be taken: more would fill the memory with results."""


class _Own:
    """What a worker process keeps."""

    problem: Problem
    known: set[bytes]


def _start(problem: Problem) -> None:
    """In each worker: the problem is inherited by fork, so its rules need not be pickled."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Own.problem, _Own.known = problem, set()


def _expand(states: list[bytes]) -> list[list[Successor]]:
    return [list(expand(_Own.problem, data, _Own.known)) for data in states]


class PoolWorkers(Workers):
    """Several processes. A state that one of them has sent before comes without its data, as it needs it no more."""

    def __init__(self, problem: Problem, jobs: int) -> None:
        super().__init__()
        self.closed = False
        self.ahead = Semaphore(AHEAD * jobs)
        self.pool: Pool = multiprocessing.get_context("fork").Pool(jobs, _start, (problem,))

    def expand(self, problem: Problem, frontier: Queue) -> Iterator[list[Successor]]:
        for results in self.pool.imap(_expand, self.chunks(frontier)):
            self.ahead.release()
            yield from results

    def chunks(self, frontier: Queue) -> Iterator[list[bytes]]:
        """Chunks of a level, as the results of earlier ones are taken (the pool asks in a thread of its own)."""
        keys = iter(frontier)
        while chunk := list(islice(keys, CHUNK)):
            self.ahead.acquire()
            if self.closed:
                return
            yield chunk

    def close(self) -> None:
        self.closed = True
        self.ahead.release()
        self.pool.terminate()
        self.pool.join()


def workers(problem: Problem, jobs: int) -> Workers:
    """As many processes as asked for; one does the work itself."""
    return PoolWorkers(problem, jobs) if jobs > 1 else Workers()
