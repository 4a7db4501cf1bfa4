"""A scenario on the running kernel, and its calls about ranges of pages."""

from __future__ import annotations

from typing import NamedTuple

from mremapdsl.backend import Outcome, Unsupported
from mremapdsl.live import kernel, procfs
from mremapdsl.live.machine import Machine
from mremapdsl.live.observe import View
from mremapdsl.live.process import ARENA_PAGES, CHOSEN_BELOW, Process
from mremapdsl.ops import ARENA, PAGE, TASK_PAGES

MASK = (1 << 64) - 1
OWN = ((0x10000 - ARENA) // PAGE, procfs.LOWEST), (ARENA_PAGES, procfs.OWN_END), (CHOSEN_BELOW, TASK_PAGES)
"""Arena pages [start, end) where the helper's own memory lies."""
FAR = 1 << 51
"""Addresses wrap before this page."""


class Scene(NamedTuple):
    """What the operations of one scenario work on."""

    machine: Machine
    view: View
    named: bool
    """The scenario names rules that this kernel follows: what it does not know is an answer then."""
    deadline: float
    """When time is up (time.monotonic)."""


def call(scene: Scene, process: Process, name: str, at: int, pages: int, *more: int) -> Outcome:
    """A system call about a range of pages."""
    return answered(raw(scene, process, name, at, pages, *more))


def raw(scene: Scene, process: Process, name: str, at: int, pages: int, *more: int) -> int:
    """The same: what it returned, or minus the error number."""
    check_range(at, pages, beyond=name in ("mmap", "munmap", "mremap"))
    return process.call(scene.machine.calls[name], address(at), pages * PAGE & MASK, *more)


def address(at: int) -> int:
    return (ARENA + at * PAGE) & MASK


def page(place: int) -> int:
    return (place - ARENA) // PAGE


def answered(returned: int, *, with_address: bool = False) -> Outcome:
    """The outcome of a system call."""
    if returned < 0:
        return Outcome(kernel.errno_name(-returned), None)
    return Outcome("ok", None, page(returned) if with_address else None)


def check_range(at: int, pages: int, *, beyond: bool = False) -> None:
    """Raises Unsupported where the helper has memory of its own.

    ``beyond`` says that the call refuses a range that reaches beyond TASK_SIZE before it looks at any memory.
    """
    end = at + pages
    refused = beyond and TASK_PAGES < end < FAR
    if not refused and (end >= FAR or any(at < stop and end > start for start, stop in OWN)):
        raise Unsupported(f"pages {at} to {end - 1} reach out of the arena of live runs (0 to {ARENA_PAGES - 1})")
