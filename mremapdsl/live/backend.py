"""The running kernel as a backend: every operation as the system calls of one process."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from mremapdsl import ops
from mremapdsl.backend import Backend, Breach, During, Observation, Outcome, Unsupported
from mremapdsl.live import helper, kernel, procfs
from mremapdsl.live.deep import DeepObservation
from mremapdsl.live.machine import Machine
from mremapdsl.live.observe import LiveObservation, View
from mremapdsl.live.probe import NOWHERE, release
from mremapdsl.live.process import ARENA_PAGES, CHOSEN_BELOW, Pin, Process, Silent
from mremapdsl.ops import ARENA, PAGE, TASK_PAGES, Operation

MASK = (1 << 64) - 1
OWN = ((0x10000 - ARENA) // PAGE, procfs.LOWEST), (ARENA_PAGES, procfs.OWN_END), (CHOSEN_BELOW, TASK_PAGES)
"""Arena pages [start, end) where the helper's own memory lies."""
FAR = 1 << 51
"""Addresses wrap before this page."""


class LiveBackend:
    """A fresh process on the running kernel.

    A kernel cannot be copied, so a copy carries out again what the original did.  Only one backend of a session has
    processes at a time: the others get theirs, in the same way, when they are used again.
    """

    def __init__(self, machine: Machine, *, named: bool, history: Sequence[Operation] = ()) -> None:
        self.machine = machine
        self.named = named
        """The scenario names rules that this kernel follows: what it does not know is an answer then."""
        self.history = list(history)
        self.view = View(machine.frames, flags=machine.flags)
        self.deadline = 0.0
        self._broken: set[tuple[str, str, int]] = set()

    @property
    def rules(self) -> str:
        return f"Linux {release()}"

    def _wake(self) -> None:
        """Have processes, in the state that the history leaves."""
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
        for op in self.history:
            self._carry_out(op)

    def park(self) -> None:
        """Do without processes until they are needed again."""
        if self.machine.awake is not self:
            return
        self.machine.awake = None
        processes = list(self.view.processes.values())
        self.view.processes.clear()
        try:
            for process in processes[1:]:
                process.end()
            if processes:
                self.machine.retire(processes[0], self.history)
        except Silent:
            self.machine.broken = True
        finally:
            self.machine.leave()

    def observe(self) -> Observation:
        self._wake()
        deep = self.machine.deep
        return LiveObservation(self.view) if deep is None else DeepObservation(self.view, deep)

    def interfere(self, op: Operation) -> Outcome:
        raise Unsupported("nothing can be made to happen inside a system call of a running kernel")

    def copy(self) -> Backend:
        return LiveBackend(self.machine, named=self.named, history=self.history)

    def key(self) -> Hashable:
        return object()  # there is more to a kernel's state than can be seen

    def _new_breaches(self) -> tuple[Breach, ...]:
        """Mappings that have got lost; only BPF shows that."""
        if self.machine.deep is None:
            return ()
        broken = {(b.invariant, b.process, b.page): b for b in DeepObservation(self.view, self.machine.deep).breaches()}
        new = tuple(b for place, b in broken.items() if place not in self._broken)
        self._broken = set(broken)
        return new

    def close(self) -> None:
        """End the scenario's processes and take back what it set."""
        self.park()

    def step(self, op: Operation, during: During | None = None) -> Outcome:
        """Carry out one operation.

        Raises Unsupported for what this machine cannot do, Silent (an Unsupported too) when a process dies or hangs.
        """
        if during is not None:
            raise Unsupported("nothing can be made to happen inside a system call of a running kernel")
        self._wake()
        self.history.append(op)
        outcome = self._carry_out(op)
        return outcome._replace(breaches=self._new_breaches())

    def _carry_out(self, op: Operation) -> Outcome:
        process = self.view.processes[op.process]
        try:
            outcome: Outcome = STEPS[type(op)](self, process, op)
        except Silent as silent:
            self.machine.broken = True
            raise Silent(f"{silent} (in `{type(op).__name__.lower()}`)") from None
        if time.monotonic() > self.deadline:
            raise Silent(f"the scenario takes longer than {self.machine.timeout:g} s")
        return outcome

    # --- system calls ------------------------------------------------------------------------------------

    def call(self, process: Process, name: str, at: int, pages: int, *more: int) -> Outcome:
        """A system call about a range of pages."""
        return answered(self.raw(process, name, at, pages, *more))

    def raw(self, process: Process, name: str, at: int, pages: int, *more: int) -> int:
        """The same: what it returned, or minus the error number."""
        check_range(at, pages, beyond=name in ("mmap", "munmap", "mremap"))
        return process.call(self.machine.calls[name], address(at), pages * PAGE & MASK, *more)

    def mmap(self, process: Process, op: ops.Mmap) -> Outcome:
        self.machine.check_new_range(op.at, op.pages)
        flags = kernel.MAP_FIXED | (kernel.MAP_SHARED if op.shared else kernel.MAP_PRIVATE)
        flags |= kernel.MAP_NORESERVE if op.noreserve else 0
        flags |= kernel.MAP_POPULATE if op.populate else 0
        file = NOWHERE
        if op.file is None:
            flags |= kernel.MAP_ANONYMOUS
        else:
            file = self.machine.file(process, op.file)
            self.view.objects[self.machine.inode(op.file)] = op.file
        if op.populate:
            self.machine.check_memory(op.pages)
        prot = sum(kernel.PROTECTION[letter] for letter in op.prot)
        returned = self.raw(process, "mmap", op.at, op.pages, prot, flags, file, op.file_page * PAGE)
        if returned == -errno.ENOMEM and not op.noreserve:
            self.machine.check_overcommit(op.pages)
        if returned >= 0 and op.shared and op.file is None:
            inode = next(area.inode for area in procfs.areas(process) if area.start <= op.at < area.end)
            self.view.objects[inode] = f"shmem{len(self.view.objects) + 1}"
        return answered(returned, with_address=True)

    def munmap(self, process: Process, op: ops.Munmap) -> Outcome:
        return self.call(process, "munmap", op.at, op.pages)

    def mprotect(self, process: Process, op: ops.Mprotect) -> Outcome:
        prot = sum(kernel.PROTECTION[letter] for letter in op.prot)
        return self.call(process, "mprotect", op.at, op.pages, prot)

    def mlock(self, process: Process, op: ops.Mlock) -> Outcome:
        self.machine.check_locked(op.pages)
        return self.call(process, "mlock", op.at, op.pages)

    def munlock(self, process: Process, op: ops.Munlock) -> Outcome:
        return self.call(process, "munlock", op.at, op.pages)

    def mseal(self, process: Process, op: ops.Mseal) -> Outcome:
        if not self.machine.known.mseal():
            raise Unsupported("this kernel has no mseal")
        return self.call(process, "mseal", op.at, op.pages, 0)

    def madvise(self, process: Process, op: ops.Madvise) -> Outcome:
        self._check_advice(op.advice)
        if op.advice == "PAGEOUT":
            self.machine.need_swap()
        if op.advice in ("MERGEABLE", "UNMERGEABLE"):
            self.machine.need_ksm()
        if op.advice in ("MERGEABLE", "HUGEPAGE", "COLLAPSE"):
            self.view.plain = False
        return self.call(process, "madvise", op.at, op.pages, kernel.ADVICE[op.advice])

    def _check_advice(self, advice: str) -> None:
        if self.machine.known.advice(advice):
            return
        if advice in kernel.OF_CONFIGURATION:
            raise Unsupported(f"this kernel was built without {kernel.OF_CONFIGURATION[advice]}")
        if not self.named:
            raise Unsupported(f"this kernel does not know MADV_{advice} (EINVAL)")

    def mremap(self, process: Process, op: ops.Mremap) -> Outcome:
        unknown = self.machine.known.unknown_mremap_flags(op.flags)
        if unknown and not self.named:
            names = " and ".join(f"MREMAP_{name}" for name, flag in ops.MREMAP_FLAGS.items() if flag & unknown)
            raise Unsupported(f"this kernel does not know {names} (EINVAL)")
        to = 0 if op.to is None else address(op.to)
        if op.to is not None and op.flags & (ops.FIXED | ops.DONTUNMAP):
            check_range(op.to, op.new_pages, beyond=True)
        check_range(op.at, op.new_pages, beyond=True)
        size = op.new_pages * PAGE & MASK
        returned = self.raw(process, "mremap", op.at, op.pages, size, op.flags, to)
        place = page(returned) if returned >= 0 else 0
        if place >= CHOSEN_BELOW:
            raise Unsupported("the kernel chose an address among the helper's own memory")
        process.far = process.far or place >= ARENA_PAGES
        return answered(returned, with_address=True)

    # --- accesses ----------------------------------------------------------------------------------------

    def touch(self, process: Process, op: ops.Touch) -> Outcome:
        self.machine.check_memory(op.pages)
        return self.access(process, helper.TOUCH, op.at, op.pages, op.byte)

    def read(self, process: Process, op: ops.Read) -> Outcome:
        self.machine.check_memory(op.pages)
        return self.access(process, helper.READ, op.at, op.pages)

    def access(self, process: Process, what: int, at: int, pages: int, *byte: int) -> Outcome:
        """Access pages in order up to the first that faults."""
        check_range(at, pages)
        done = process.ask(what, address(at), pages, *byte)
        if done == pages:
            return Outcome("ok", None)
        return Outcome(fault(process, at + done, "w" if what == helper.TOUCH else ""), None)

    # --- processes ---------------------------------------------------------------------------------------

    def fork(self, process: Process, op: ops.Fork) -> Outcome:
        try:
            self.view.processes[op.child] = process.fork(self.machine.timeout)
        except OSError as error:
            return answered(-(error.errno or errno.ENOMEM))
        return Outcome("ok", None)

    def exit(self, process: Process, op: ops.Exit) -> Outcome:
        del self.view.processes[op.process]
        process.end()
        return Outcome("ok", None)

    # --- KSM, pins, reclaim --------------------------------------------------------------------------------

    def ksm_scan(self, process: Process, op: ops.KsmScan) -> Outcome:
        self.machine.scan(self.deadline)
        return Outcome("ok", None)

    def ksm_merge(self, process: Process, op: ops.KsmMerge) -> Outcome:
        if not self.machine.known.merge_any():
            raise Unsupported("this kernel does not know PR_SET_MEMORY_MERGE")
        self.machine.need_ksm()
        self.view.plain = False
        returned = process.call(self.machine.calls["prctl"], kernel.PR_SET_MEMORY_MERGE, int(op.on))
        if returned == 0 and op.on:
            # the helper's own memory must not be shared with that of the scenario
            for start, size in procfs.own_areas(process):
                process.call(self.machine.calls["madvise"], start, size, kernel.ADVICE["UNMERGEABLE"])
        return answered(returned)

    def pin(self, process: Process, op: ops.Pin) -> Outcome:
        check_range(op.at, op.pages)
        if any(a.start < op.at + op.pages and a.end > op.at and a.prot[1] != "w" for a in procfs.areas(process)):
            raise Unsupported("io_uring pins only what it may write to")
        pinned: list[Pin] = []
        for at in range(op.at, op.at + op.pages, PINS_AT_ONCE):
            count = min(PINS_AT_ONCE, op.at + op.pages - at)
            ring = process.ask(helper.PIN, address(at), count)
            if ring in (-errno.ENOSYS, -errno.EPERM):
                raise Unsupported(f"pins need io_uring: {os.strerror(-ring)}")
            if ring < 0:
                return answered(ring)
            frames = tuple(procfs.entry(process, page) & procfs.FRAME for page in range(at, at + count))
            pinned.append(Pin(at, count, ring, frames))
        process.pins += pinned
        return Outcome("ok", None)

    def unpin(self, process: Process, op: ops.Unpin) -> Outcome:
        end = op.at + op.pages
        held = [pin for pin in process.pins if pin.at < end and pin.at + pin.pages > op.at]
        for pin in held:
            first, last = max(pin.at, op.at), min(pin.at + pin.pages, end)
            process.ask(helper.UNPIN, pin.ring, first - pin.at, last - first)
        if not held:
            self._unpin_frames(process, {procfs.entry(process, page) & procfs.FRAME for page in range(op.at, end)})
        return Outcome("ok", None)

    def _unpin_frames(self, process: Process, frames: set[int]) -> None:
        """Drop the pins of frames that are mapped elsewhere by now."""
        if self.view.frames is None:
            raise Unsupported("only root can see where pinned pages have gone")
        for pin in process.pins:
            for i, frame in enumerate(pin.frames):
                if frame in frames:
                    process.ask(helper.UNPIN, pin.ring, i, 1)

    def migrate(self, process: Process, op: ops.Migrate) -> Outcome:
        raise Unsupported("the kernel migrates in one go: its entries cannot be held from user space")

    def swapout(self, process: Process, op: ops.Swapout) -> Outcome:
        if not self.machine.need_swap():
            return Outcome("ENOMEM", None)
        check_range(op.at, op.pages)
        end = op.at + op.pages
        for area in procfs.areas(process):
            start, stop = max(area.start, op.at), min(area.end, end)
            if start < stop:
                self.raw(process, "madvise", start, stop - start, kernel.ADVICE["PAGEOUT"])
        left = self._left_in_memory(process, op.at, end)
        if left is not None:
            why = "MADV_PAGEOUT passes over pages that are mapped more than once, pinned or locked"
            raise Unsupported(f"page {left} cannot be swapped out: {why}")
        return Outcome("ok", None)

    def _left_in_memory(self, process: Process, start: int, end: int) -> int | None:
        """The first page of a range that still holds an anonymous folio."""
        for run in LiveObservation(self.view).pages(op_process(self, process)):
            if run.kind in "PHK?" and run.page < end and run.page + run.count > start:
                return max(run.page, start)
        return None

    def swapin(self, process: Process, op: ops.Swapin) -> Outcome:
        check_range(op.at, op.pages)
        for run in list(procfs.entries(process, op.at, op.at + op.pages)):
            if run.entry & procfs.SWAPPED and not procfs.is_guard(run.entry):
                outcome = self.access(process, helper.READ, run.page, run.count)
                if outcome.result != "ok":
                    return outcome
        return Outcome("ok", None)

    def split(self, process: Process, op: ops.Split) -> Outcome:
        check_range(op.at, op.pages)
        self.machine.split(process.pid, address(op.at), address(op.at + op.pages))
        return Outcome("ok", None)

    def collapse(self, process: Process, op: ops.Collapse) -> Outcome:
        return self.madvise(process, ops.Madvise(op.process, op.at, op.pages, "COLLAPSE"))

    def set(self, process: Process, op: ops.Set) -> Outcome:
        if op.key == "max_map_count":
            for each in self.view.processes.values():
                self.machine.limit_vmas(each, int(op.value))
        else:
            self.machine.set(op.key, op.value, op.pages)
            self.view.plain = self.view.plain and self.machine.settings.plain
        return Outcome("ok", None)


PINS_AT_ONCE = 4096


def op_process(backend: LiveBackend, process: Process) -> str:
    """The scenario's name of a process."""
    return next(name for name, found in backend.view.processes.items() if found is process)


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


def fault(process: Process, at: int, access: str) -> str:
    """The signal for an access that failed: BUS where it was allowed and a file has nothing to map, SEGV elsewhere.

    The accesses are made by system calls, which fail with EFAULT for either; so this is derived.
    """
    area = next((a for a in procfs.areas(process) if a.start <= at < a.end), None)
    allowed = area is not None and area.inode and access in area.prot and area.prot[:3] != "---"
    entry = procfs.entry(process, at) if allowed else 0
    return "BUS" if allowed and not (entry & procfs.SWAPPED and procfs.is_guard(entry)) else "SEGV"


STEPS: dict[type, Callable[[LiveBackend, Process, Any], Outcome]] = {
    ops.Mmap: LiveBackend.mmap,
    ops.Munmap: LiveBackend.munmap,
    ops.Mprotect: LiveBackend.mprotect,
    ops.Mlock: LiveBackend.mlock,
    ops.Munlock: LiveBackend.munlock,
    ops.Mseal: LiveBackend.mseal,
    ops.Madvise: LiveBackend.madvise,
    ops.Touch: LiveBackend.touch,
    ops.Read: LiveBackend.read,
    ops.Mremap: LiveBackend.mremap,
    ops.Fork: LiveBackend.fork,
    ops.Exit: LiveBackend.exit,
    ops.KsmScan: LiveBackend.ksm_scan,
    ops.KsmMerge: LiveBackend.ksm_merge,
    ops.Pin: LiveBackend.pin,
    ops.Unpin: LiveBackend.unpin,
    ops.Migrate: LiveBackend.migrate,
    ops.Swapout: LiveBackend.swapout,
    ops.Swapin: LiveBackend.swapin,
    ops.Split: LiveBackend.split,
    ops.Collapse: LiveBackend.collapse,
    ops.Set: LiveBackend.set,
}
