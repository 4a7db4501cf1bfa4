"""Running a search: levels until something ends it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from mremapdsl.explore.search import Found, Problem, Progress, Search, TooMany
from mremapdsl.explore.workers import workers
from mremapdsl.model.machine import Machine

Meter = Callable[[Progress, float], None]
TELL_EVERY = 0.2
"""Seconds between two calls of a meter."""


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

    progress: Progress
    found: tuple[Found, ...]
    """The first hit of each kind, in the order of the search."""
    ended: str
    """Why it ended: ``found``, ``exhausted`` (no state is left within the bound), ``depth``, ``states``, ``time``,
    ``room`` (for the queue), ``interrupted``."""
    seconds: float


class OutOfTime(Exception):
    """The seconds are over."""


class Clock:
    """Tells how far a search is, and ends it in time."""

    def __init__(self, search: Search, seconds: float | None, meter: Meter | None) -> None:
        self.search = search
        self.began = time.perf_counter()
        self.most = seconds
        self.meter = meter
        self.told = 0.0

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began

    def tick(self) -> None:
        """Raises OutOfTime."""
        now = self.seconds
        if self.most is not None and now > self.most:
            raise OutOfTime
        if self.meter is not None and now - self.told > TELL_EVERY:
            self.told = now
            self.meter(self.search.progress(), now)


def search(problem: Problem, start: Machine, limits: Limits, jobs: int, meter: Meter | None = None) -> Result:
    """Search level by level. An interrupt (Ctrl-C) ends it with what is known so far."""
    crew = workers(problem, jobs)
    state = Search(problem, start, crew)
    clock = Clock(state, limits.seconds, meter)
    ended, sharded = "depth", limits.shard == (1, 1)
    try:
        while state.depth < limits.depth:
            more = state.level(limits.max_states, limits.first and not limits.on, clock.tick)
            if state.found and not limits.on:
                ended = "found"
                break
            if not more:
                ended = "exhausted"
                break
            if not sharded and len(state.frontier) >= 4 * limits.shard[1]:
                state.keep_shard(*limits.shard)
                sharded = True
    except TooMany:
        ended = "states"
    except OutOfTime:
        ended = "time"
    except OSError:
        ended = "room"
    except KeyboardInterrupt:
        ended = "interrupted"
    finally:
        crew.close()
        state.close()
    return Result(state.progress(), tuple(state.found.values()), ended, clock.seconds)
