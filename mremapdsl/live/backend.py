"""The running kernel as a backend: every operation is carried out by a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mremapdsl.backend import Backend, Breach, During, Observation, Outcome, Unsupported
from mremapdsl.live.calls import CALLS
from mremapdsl.live.deep import DeepObservation
from mremapdsl.live.forced import FORCED
from mremapdsl.live.machine import Machine
from mremapdsl.live.observe import LiveObservation, View
from mremapdsl.live.probe import release
from mremapdsl.live.process import Process, Silent
from mremapdsl.live.scene import Scene
from mremapdsl.live.shortage import LACK, MAKES_HUGE_PAGES, failures
from mremapdsl.ops import Operation

STEPS: Mapping[type, Callable[[Scene, Process, Any], Outcome]] = MappingProxyType({**CALLS, **FORCED})


class LiveBackend:
    """A fresh process on the running kernel.

    A kernel cannot be copied, so a copy carries out again what the original did.  Only one backend of a session has
    processes at a time: the others get theirs, in the same way, when they are used again.
    """

    def __init__(self, machine: Machine, *, named: bool, history: Sequence[Operation] = ()) -> None:
        self.machine = machine
        self.named = named
        self.history = list(history)
        self.view = View(machine.frames, flags=machine.flags)
        self.deadline = 0.0
        self._broken: set[tuple[str, str, int]] = set()
        self._failures = 0

    @property
    def rules(self) -> str:
        return f"Linux {release()}"

    # --- processes ---------------------------------------------------------------------------------------

    def _wake(self) -> None:
        """Have processes, in the state that the history leaves. Raises Unsupported."""
        if self.machine.awake is self:
            return
        if self.machine.awake is not None:
            self.machine.awake.park()
        self.machine.awake = self
        self.deadline = time.monotonic() + self.machine.timeout
        self._broken = set()
        self.view = View(self.machine.frames, flags=self.machine.flags)
        self.view.plain = self.machine.settings.plain
        self.view.processes["parent"] = self.machine.first_process()
        self._failures = failures()
        for op in self.history:
            self._carry_out(op)

    def park(self) -> None:
        """Do without processes until they are needed again."""
        if self.machine.awake is not self:
            return
        self.machine.awake = None
        processes = dict(self.view.processes)
        self.view.processes.clear()
        try:
            for name, process in processes.items():
                if self.machine.broken:
                    process.forget()
                elif name != "parent":
                    process.end()
            if "parent" in processes and not self.machine.broken:
                self.machine.retire(processes["parent"], self.history)
        except Silent:
            self.machine.broken = True
        finally:
            self.machine.leave()

    def close(self) -> None:
        """End the scenario's processes and take back what it set."""
        self.park()

    # --- steps -------------------------------------------------------------------------------------------

    def step(self, op: Operation, during: During | None = None) -> Outcome:
        """Carry out one operation.

        Raises Unsupported for what this machine cannot do, Silent (an Unsupported too) when a process dies or hangs.
        """
        if during is not None:
            raise Unsupported(INSIDE)
        self._wake()
        self.history.append(op)
        outcome = self._carry_out(op)
        return outcome._replace(breaches=self._new_breaches())

    def _carry_out(self, op: Operation) -> Outcome:
        process = self.view.processes[op.process]
        scene = Scene(self.machine, self.view, self.named, self.deadline)
        try:
            outcome = STEPS[type(op)](scene, process, op)
        except Silent as silent:
            self.machine.broken = True
            raise Silent(f"{silent} (in `{type(op).__name__.lower()}`)") from None
        if isinstance(op, MAKES_HUGE_PAGES) and failures() > self._failures:
            raise Unsupported(LACK)
        if time.monotonic() > self.deadline:
            raise Silent(f"the scenario takes longer than {self.machine.timeout:g} s")
        return outcome

    def interfere(self, op: Operation) -> Outcome:
        raise Unsupported(INSIDE)

    # --- looking -----------------------------------------------------------------------------------------

    def observe(self) -> Observation:
        self._wake()
        deep = self.machine.deep
        return LiveObservation(self.view) if deep is None else DeepObservation(self.view, deep)

    def _new_breaches(self) -> tuple[Breach, ...]:
        """Mappings that have got lost; only BPF shows that."""
        if self.machine.deep is None:
            return ()
        broken = {(b.invariant, b.process, b.page): b for b in DeepObservation(self.view, self.machine.deep).breaches()}
        new = tuple(b for place, b in broken.items() if place not in self._broken)
        self._broken = set(broken)
        return new

    def copy(self) -> Backend:
        return LiveBackend(self.machine, named=self.named, history=self.history)

    def key(self) -> Hashable:
        return object()  # there is more to a kernel's state than can be seen


INSIDE = "nothing can be made to happen inside a system call of a running kernel"
