"""A live session: one helper from which the processes of all its scenarios come, on one CPU, and what it changed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Self

from mremapdsl.backend import Unsupported
from mremapdsl.live.backend import LiveBackend
from mremapdsl.live.kernel import calls
from mremapdsl.live.machine import Machine
from mremapdsl.live.probe import arena_is_free, matching_rules, release
from mremapdsl.live.process import ARENA_PAGES, Zygote
from mremapdsl.live.runtime import Note, Runtime
from mremapdsl.ops import PAGE

TIMEOUT = 10.0
"""Seconds that a scenario may take."""


def silent(_text: str) -> None:
    """Says nothing."""


class Session:
    """Makes fresh machines on the running kernel. A context manager: leaving it puts everything back.

    ``timeout`` is in seconds for a scenario; ``flags`` has observations show VmFlags, which takes longer; ``deep`` has
    them show what only BPF can see, where there is BPF; ``say`` is told what the user should know (one line a call).

    Errors: Unsupported where there is no running kernel to be had.
    """

    def __init__(
        self, *, timeout: float = TIMEOUT, flags: bool = True, deep: bool = False, say: Callable[[str], None] = silent
    ) -> None:
        check_platform()
        self._say = say
        self._affinity = os.sched_getaffinity(0)
        self.cpu = max(self._affinity)
        self._runtime = Runtime(say)
        try:
            os.sched_setaffinity(0, {self.cpu})
            self._zygote, self._group = self._start()
            self.machine = Machine(self._runtime, self._zygote, timeout, flags=flags, deep=deep)
        except BaseException:
            self._runtime.undo(say)
            self._runtime.close()
            os.sched_setaffinity(0, self._affinity)
            raise

    def _start(self) -> tuple[Zygote, Note]:
        zygote = Zygote(self.cpu)
        group: Note = {"group": zygote.group}
        self._runtime.note(group)
        if not arena_is_free(zygote.process, calls(), ARENA_PAGES):
            raise Unsupported("something lies in the arena already")
        return zygote, group

    def backend(self, *, named: bool) -> LiveBackend:
        """A fresh process; the one before must be closed.

        ``named`` says that its scenario names rules which this kernel follows: flags that the kernel does not know then
        get their answer, instead of Unsupported.
        """
        if self.machine.broken:
            self._restart()
        return LiveBackend(self.machine, named=named)

    def _restart(self) -> None:
        """All processes of the session anew."""
        self._zygote.kill()
        self._runtime.forget(self._group)
        self._zygote, self._group = self._start()
        self.machine.restarted(self._zygote)

    def rules(self, names: list[str]) -> str | None:
        """The rule set among these that follows the running kernel."""
        return matching_rules(names, release(), relocates=self.machine.known.relocates())

    @property
    def lacks(self) -> list[str]:
        """What cannot be had or seen on this machine, with the reasons."""
        return self.machine.lacks

    def close(self) -> None:
        """End all processes and put all settings back."""
        try:
            self._zygote.kill()
            self.machine.close()
        finally:
            self._runtime.undo(self._say)
            self._runtime.close()
            os.sched_setaffinity(0, self._affinity)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def check_platform() -> None:
    """Raises Unsupported where the running kernel is none that this tool knows."""
    if not sys.platform.startswith("linux"):
        raise Unsupported(f"live runs need Linux; this is {sys.platform}")
    if not os.path.exists("/proc/self/maps"):
        raise Unsupported("live runs need /proc")
    if os.sysconf("SC_PAGE_SIZE") != PAGE:
        raise Unsupported(f"live runs need pages of {PAGE} bytes; here they have {os.sysconf('SC_PAGE_SIZE')}")
    calls()
