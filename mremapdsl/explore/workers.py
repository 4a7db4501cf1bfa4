"""Sharing the work of a level among processes, with results in the level's order whatever their number."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from multiprocessing.pool import Pool

from mremapdsl.explore.search import Problem, Successor, Workers, expand

CHUNK = 32
"""States that a process takes at once."""


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
        self.pool: Pool = multiprocessing.get_context("fork").Pool(jobs, _start, (problem,))

    def expand(self, problem: Problem, frontier: list[tuple[int, bytes]]) -> Iterator[list[Successor]]:
        chunks = ([data for _, data in frontier[i : i + CHUNK]] for i in range(0, len(frontier), CHUNK))
        for results in self.pool.imap(_expand, chunks):
            yield from results

    def close(self) -> None:
        self.pool.terminate()
        self.pool.join()


def workers(problem: Problem, jobs: int) -> Workers:
    """As many processes as asked for; one does the work itself."""
    return PoolWorkers(problem, jobs) if jobs > 1 else Workers()
