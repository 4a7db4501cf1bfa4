"""Recording: programs on the running kernel, with everything that was seen."""

from __future__ import annotations

from collections.abc import Iterable

from mremapdsl.live.session import Session
from mremapdsl.ops import Operation
from mremapdsl.recording.operations import Json, to_record
from mremapdsl.recording.states import seen_record


def record(name: str, operations: Iterable[Operation], session: Session, *, named: bool) -> Json:
    """One program as a record. ``named`` is as for ``Session.backend``.

    Raises Unsupported for what this machine cannot do.
    """
    backend = session.backend(named=named)
    asked: list[Json] = []
    seen: list[Json] = []
    alive = {"parent"}
    try:
        for op in operations:
            if op.process not in alive:
                break
            outcome = backend.step(op)
            state = backend.observe()
            alive = set(state.processes())
            asked.append(to_record(op))
            seen.append(seen_record(outcome.result, state))
    finally:
        backend.close()
    return {"id": name, "ops": asked, "seen": seen}
