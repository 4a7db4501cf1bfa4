"""From numbers of operations in canonical states back to operations on a machine of one's own."""

from __future__ import annotations

import marshal
from itertools import count
from typing import Any

from mremapdsl.explore.alphabet import Action, operations
from mremapdsl.explore.search import Problem
from mremapdsl.explore.taking import During, Taken, take
from mremapdsl.model.codec import Canonical, decode, encode
from mremapdsl.model.journal import Journal
from mremapdsl.model.machine import Machine


def retrace(problem: Problem, machine: Machine, path: tuple[int, ...]) -> list[Taken]:
    """The transitions of a path, carried out on the machine that the search began with.

    The operations are translated back from the keys' processes and places to the machine's own.
    """
    taken: list[Taken] = []
    names = set(machine.mms)
    for number in path:
        canonical = encode(machine, problem.symmetry)
        image = decode(marshal.loads(marshal.dumps(canonical.key)), problem.rules)
        action = next(op for i, op in enumerate(operations(image, problem.bounds)) if i == number)
        step = take_anew(machine, translate(action, canonical, new_name(names)))
        assert step is not None
        names |= machine.mms.keys()
        taken.append(step)
    return taken


def take_anew(machine: Machine, action: Action) -> Taken | None:
    """Carry out an action with nothing left over from the one before."""
    machine.events, machine.journal = [], Journal()
    return take(machine, action)


def translate(action: Action, canonical: Canonical, child: str) -> Action:
    """An action on a key as the same action on the machine that the key was made from."""
    if isinstance(action, During):
        call: Any = translate(action.call, canonical, child)
        event: Any = translate(action.event, canonical, child)
        return During(call, event, action.moment)
    changes: dict[str, Any] = {"process": canonical.names[int(action.process[1:])]}
    for field in ("at", "to"):
        place = getattr(action, field, None)
        if place is not None:
            changes[field] = place + canonical.shift
    if hasattr(action, "child"):
        changes["child"] = child
    return action._replace(**changes)


def displaced(action: Action, by: int) -> Action:
    """The same action ``by`` pages further up."""
    if isinstance(action, During):
        call: Any = displaced(action.call, by)
        event: Any = displaced(action.event, by)
        return During(call, event, action.moment)
    places = {field: place + by for field in ("at", "to") if (place := getattr(action, field, None)) is not None}
    changes: Any = places
    return action._replace(**changes)


def lowest(action: Action) -> int:
    """The lowest page that an action names; 0 if it names none."""
    if isinstance(action, During):
        return min(lowest(action.call), lowest(action.event))
    places = [place for field in ("at", "to") if (place := getattr(action, field, None)) is not None]
    return min(places, default=0)


def new_name(taken: set[str]) -> str:
    """A name for a child, as the language gives them."""
    return next(name for i in count(1) if (name := f"child{i if i > 1 else ''}") not in taken)
