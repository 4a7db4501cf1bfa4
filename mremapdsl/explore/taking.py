"""Carrying out one action of a search, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from mremapdsl import ops
from mremapdsl.model.invariants import Broken, check_inside, check_step
from mremapdsl.model.locks import waits_for
from mremapdsl.model.machine import Machine, Mm
from mremapdsl.model.meaning import apply
from mremapdsl.model.merge import Attempt
from mremapdsl.model.reason import NotModelled, Refused, Why
from mremapdsl.ops import Operation


class During(NamedTuple):
    """A relocating move, and what somebody else does at one moment between its inner steps."""

    call: ops.Mremap
    event: Operation
    moment: int
    """Counted from 0."""

    @property
    def process(self) -> str:
        return self.call.process


class Taken(NamedTuple):
    """One transition: the action and what came of it."""

    action: Operation | During
    result: str
    address: int | None
    """The page that mmap or mremap returned."""
    why: Why | None
    events: tuple[Why | Attempt, ...]
    broken: tuple[Broken, ...]
    waits: Why | None = None
    """The lock that what should happen inside the call has to wait for: it did not happen."""

    @property
    def op(self) -> Operation:
        """The call itself."""
        return self.action.call if isinstance(self.action, During) else self.action


class _Inside:
    """What goes on at the moments of a relocating move."""

    def __init__(self, during: During | None) -> None:
        self.during = during
        self.moments = 0
        self.missed: list[Broken] = []
        """What walks of the reverse map would have missed."""
        self.waits: Why | None = None
        self.failed = False
        """The event cannot be, or did nothing."""

    def __call__(self, machine: Machine, mm: Mm, moment: str, start: int, end: int) -> None:
        if self.during is not None and self.moments == self.during.moment:
            self.happen(machine, self.during.event)
        self.moments += 1
        self.missed += check_inside(machine, mm, start, end)

    def happen(self, machine: Machine, event: Operation) -> None:
        assert self.during is not None
        self.waits = waits_for(machine, self.during.process, event)
        if self.waits is None:
            try:
                apply(machine, event)
            except (Refused, NotModelled):
                self.failed = True


def take(machine: Machine, action: Operation | During) -> Taken | None:
    """Carry out an action on the machine. None if the model does not know it, or if nothing happens during it."""
    op, during = (action.call, action) if isinstance(action, During) else (action, None)
    inside = _Inside(during)
    if machine.rules.relocate_flags or machine.rules.trigger(0):
        machine.inside = inside
        machine.one_by_one = during is not None
    result, why, address = "ok", None, None
    try:
        why, address = apply(machine, op)
    except Refused as refused:
        result, why = refused.errno, refused.reason
    except NotModelled:
        return None
    if during is not None and (inside.failed or inside.moments <= during.moment):
        return None
    broken = inside.missed + (check_step(machine) if not machine.journal.empty else [])
    return Taken(action, result, address, why, tuple(machine.events), tuple(broken), inside.waits)


def count_moments(machine: Machine, call: ops.Mremap) -> int:
    """The moments between the inner steps of a call, which is tried on a copy."""
    copy, inside = machine.copy(), _Inside(None)
    copy.inside, copy.one_by_one = inside, True
    with suppress(Refused, NotModelled):
        apply(copy, call)
    return inside.moments


def sort_of(taken: Taken) -> str:
    """What makes two transitions alike: the call and everything that was decided on the way."""
    decided = [event.reason for event in taken.events if isinstance(event, Why)]
    if taken.why is not None:
        decided.append(taken.why.reason)
    during = [type(taken.action.event).__name__.lower()] if isinstance(taken.action, During) else []
    return " ".join([type(taken.op).__name__.lower(), *during, *dict.fromkeys(decided)])


def reasons(taken: Taken) -> Iterator[str]:
    """Every reason that a transition gave."""
    if taken.why is not None:
        yield taken.why.reason
    if taken.waits is not None:
        yield taken.waits.reason
    for event in taken.events:
        if isinstance(event, Why):
            yield event.reason
        else:
            yield from (reason for reason in (event.left, event.right) if reason is not None)
            if event.left is None or event.right is None:
                yield (
                    "joined-both"
                    if event.left == event.right
                    else "joined-left"
                    if event.left is None
                    else "joined-right"
                )
