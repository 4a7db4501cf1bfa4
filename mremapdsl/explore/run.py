"""Running a search: levels until something ends it, and a summary that names the bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from mremapdsl.explore.search import Found, Level, Problem, Search
from mremapdsl.explore.workers import workers
from mremapdsl.model.machine import Machine


class Limits(NamedTuple):
    """What ends a search besides its own end."""

    depth: int
    max_states: int
    seconds: float | None = None
    first: bool = True
    """Stop at the first hit; otherwise the level of the first hit is finished, to find all minimal ones."""
    on: bool = False
    """Go on after hits, up to the other limits."""
    shard: tuple[int, int] = (1, 1)
    """(i, n): of the states of the first large level, only every n-th from the i-th on."""


class Result(NamedTuple):
    """What a search did."""

    level: Level
    found: tuple[Found, ...]
    """The first hit of each kind, in the order of the search."""
    ended: str
    """Why it ended: ``found``, ``exhausted`` (no state is left within the bound), ``depth``, ``states``, ``time``,
    ``interrupted``."""
    seconds: float
    dropped: int
    """States left to other shards."""

    @property
    def rate(self) -> float:
        """Transitions a second."""
        return self.level.transitions / self.seconds if self.seconds else 0.0


def search(
    problem: Problem, start: Machine, limits: Limits, jobs: int, progress: Callable[[Level, float], None] | None = None
) -> Result:
    """Search level by level. An interrupt (Ctrl-C) ends it with what is known so far."""
    began = time.perf_counter()
    crew = workers(problem, jobs)
    state = Search(problem, start, crew)
    dropped, ended, sharded = 0, "exhausted", limits.shard == (1, 1)
    try:
        while True:
            if state.depth >= limits.depth:
                ended = "depth"
                break
            if limits.seconds is not None and time.perf_counter() - began > limits.seconds:
                ended = "time"
                break
            more = state.level(limits.max_states, limits.first and not limits.on)
            if progress is not None:
                progress(state.progress(), time.perf_counter() - began)
            if state.found and not limits.on:
                ended = "found"
                break
            if state.full:
                ended = "states"
                break
            if not more:
                break
            if not sharded and len(state.frontier) >= 4 * limits.shard[1]:
                dropped, sharded = state.keep_shard(*limits.shard), True
    except KeyboardInterrupt:
        ended = "interrupted"
    finally:
        crew.close()
    return Result(state.progress(), tuple(state.found.values()), ended, time.perf_counter() - began, dropped)
