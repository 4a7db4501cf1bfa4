"""What the scenarios of a session share: the settings, what the kernel knows, files, and what this user may do."""

from __future__ import annotations

import os
import resource
from collections.abc import Sequence
from typing import Protocol

from mremapdsl import ops
from mremapdsl.backend import Unsupported
from mremapdsl.live import helper, kernel, procfs
from mremapdsl.live.bpf import Deep
from mremapdsl.live.probe import Known, marks_ksm
from mremapdsl.live.process import ARENA_PAGES, CHOSEN_BELOW, Process, Silent, Zygote
from mremapdsl.live.procfs import LOWEST, OWN_END, Frames
from mremapdsl.live.runtime import Runtime
from mremapdsl.live.settings import HUGE_PAGES, Settings
from mremapdsl.live.swap import Swap
from mremapdsl.ops import ARENA, PAGE, Operation

FILE_SIZE = 1 << 44
"""Of the files of scenarios, which have no end."""
LOCK_RIGHT = 14
"""CAP_IPC_LOCK."""


class Parkable(Protocol):
    """Something that can do without its processes."""

    def park(self) -> None: ...


class Machine:
    """The running machine as a session has it."""

    def __init__(self, runtime: Runtime, zygote: Zygote, timeout: float, *, flags: bool, deep: bool) -> None:
        self.calls = kernel.calls()
        self.timeout = timeout
        self.flags = flags
        """Observe VmFlags, too."""
        self.zygote = zygote
        self.known = Known(zygote.process, self.calls)
        self.settings = Settings(runtime)
        self.swap = Swap(runtime)
        self.frames = _frames()
        self.broken = False
        """A process did not answer: start anew."""
        self.awake: Parkable | None = None
        """The backend that has processes."""
        self._spare: Process | None = None
        """A process that can be used again."""
        self.lacks: list[str] = []
        """What cannot be had here, and why."""
        self._files: dict[str, int] = {}
        self._keeper: Process | None = None
        self._swap_off = False
        self._huge_pages = ""
        """Why huge pages are not as scenarios expect them, if they are not."""
        if self.frames is None:
            self.lacks.append("page frames cannot be told apart without root: no frames, KSM pages, mapping counts")
        else:
            self.frames.marks_ksm = marks_ksm(zygote.process, self.calls, self.frames)
        self.deep = self._deep() if deep else None
        self.fresh()

    def _deep(self) -> Deep | None:
        try:
            where = (LOWEST, CHOSEN_BELOW, ARENA_PAGES, OWN_END)
            start, end, own, own_end = (ARENA + page * PAGE for page in where)
            return Deep(start, end, (own, own_end))
        except Unsupported as unsupported:
            self.lacks.append(f"no deep view: {unsupported}")
            return None

    def fresh(self) -> None:
        """Settings as a scenario finds them, as far as they can be changed."""
        try:
            self.settings.fresh()
        except Unsupported as unsupported:
            if not self._huge_pages:
                self.lacks.append(str(unsupported))
            self._huge_pages = str(unsupported)

    def leave(self) -> None:
        """A scenario is over."""
        self._swap_off = False
        self.settings.leave()
        self.fresh()
        while self._files:  # once only, also after an interrupt
            os.close(self._files.popitem()[1])

    def restarted(self, zygote: Zygote) -> None:
        """All processes are new."""
        self.forget_processes()
        self.zygote = zygote
        self.known = Known(zygote.process, self.calls)
        self.broken = False

    def forget_processes(self) -> None:
        """There are none any more."""
        self.broken = True
        if self.awake is not None:
            self.awake.park()
        for process in (self._spare, self._keeper):
            if process is not None:
                process.forget()
        self._spare = self._keeper = None

    def close(self) -> None:
        """The processes have been killed; put the settings back."""
        self.forget_processes()
        self.leave()
        for reader in (self.frames, self.deep):
            if reader is not None:
                reader.close()

    # --- processes ---------------------------------------------------------------------------------------

    def first_process(self) -> Process:
        """A process with an empty arena. Raises Unsupported."""
        if self._spare is not None:
            spare, self._spare = self._spare, None
            return spare
        try:
            return self.zygote.process.fork(self.timeout)
        except Silent:
            self.broken = True
            raise
        except OSError as error:
            self.broken = True
            raise Unsupported(f"no process can be made: {error.strerror}", skip=False) from None

    def retire(self, process: Process, history: Sequence[Operation]) -> None:
        """A process is no longer needed: kept for the next scenario if nothing will tell it from a new one."""
        if not process.far and all(map(leaves_no_trace, history)):
            process.call(self.calls["munmap"], ARENA, ARENA_PAGES * PAGE)
            if not procfs.areas(process):
                self._spare = process
                return
        process.end()

    # --- what this machine has room for --------------------------------------------------------------------

    def check_new_range(self, at: int, pages: int) -> None:
        """Raises Unsupported where faults would make huge pages because this machine is set so for good."""
        huge = -(-at // HUGE_PAGES) * HUGE_PAGES + HUGE_PAGES <= at + pages
        if self._huge_pages and not self.settings.plain and (huge or not self.settings.only_huge):
            raise Unsupported(self._huge_pages)

    def check_memory(self, pages: int) -> None:
        """Raises Unsupported if so many pages would fill half of what is free."""
        if pages > 1 << 14 and pages * PAGE > meminfo("MemAvailable") // 2:
            raise Unsupported(f"{pages} pages are more than this machine has memory for")

    def check_overcommit(self, pages: int) -> None:
        """Raises Unsupported if a mapping failed because it is larger than all memory (__vm_enough_memory)."""
        if pages * PAGE > (meminfo("MemTotal") + meminfo("SwapTotal")) // 2:
            raise Unsupported(f"this machine does not let a process map {pages} pages (vm.overcommit_memory)")

    def check_locked(self, pages: int) -> None:
        """Raises Unsupported if this user may not lock so much."""
        limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
        if limit != resource.RLIM_INFINITY and pages * PAGE > limit and not may(LOCK_RIGHT):
            raise Unsupported(f"this user may lock {limit // PAGE} pages only (RLIMIT_MEMLOCK)")

    # --- files -------------------------------------------------------------------------------------------

    def file(self, process: Process, name: str) -> int:
        """The process's descriptor of a file of the scenario: memory that all its processes can map."""
        if name not in self._files:
            self._files[name] = os.memfd_create(name, os.MFD_CLOEXEC)
            os.ftruncate(self._files[name], FILE_SIZE)
        if name not in process.files:
            process.files[name] = process.give(self._files[name])
        return process.files[name]

    def inode(self, name: str) -> int:
        return os.fstat(self._files[name]).st_ino

    # --- swap, KSM, huge pages -----------------------------------------------------------------------------

    def need_swap(self) -> bool:
        """See to it that memory can be swapped out; False if the scenario turned that off. Raises Unsupported."""
        if self._swap_off:
            return False
        self.settings.read_no_pages_ahead()
        self.swap.on()
        return True

    def need_ksm(self) -> None:
        """See to it that ksmd does nothing unasked. Raises Unsupported."""
        self.settings.prepare_ksm()

    def scan(self, deadline: float) -> None:
        """``ksm scan``. Raises Unsupported."""
        if os.geteuid():
            raise Unsupported("only root can let ksmd scan")
        self.need_ksm()
        if self._keeper is None:
            # ksmd counts no pass while it has nothing to scan: a page of this process, unlike any other, keeps it busy
            self._keeper = self.zygote.process.fork(self.timeout)
            how = kernel.MAP_PRIVATE | kernel.MAP_ANONYMOUS
            place = self._keeper.call(self.calls["mmap"], 0, PAGE, 3, how, (1 << 64) - 1, 0)
            self._keeper.ask(helper.TOUCH, place + PAGE // 2, 1, 0x5A)
            self._keeper.call(self.calls["madvise"], place, PAGE, kernel.ADVICE["MERGEABLE"])
        self.settings.scan(deadline)

    def set(self, key: str, value: str | int | bool, pages: int) -> None:
        """``set KEY VALUE`` but for ``max_map_count``. Raises Unsupported."""
        if key == "thp":
            self.settings.set_thp(str(value))
        elif key == "mthp":
            self.settings.set_mthp(pages, str(value))
        elif key == "ksm_zero_pages":
            self.settings.set_ksm_zero_pages(bool(value))
        elif value:
            self._swap_off = False
            self.need_swap()
        else:
            self.swap.off()
            self._swap_off = True

    def limit_vmas(self, process: Process, limit: int) -> None:
        """``set max_map_count``, for one process: take up what it may have beyond with VMAs of its own.

        The sysctl is the whole machine's and stays as it is.
        """
        allowed = int(read_number("/proc/sys/vm/max_map_count"))
        reserve = ARENA + CHOSEN_BELOW * PAGE
        process.call(self.calls["mprotect"], reserve, 2 * allowed * PAGE, 0)
        spare = allowed - limit - len(procfs.own_areas(process))
        if spare < 0:
            raise Unsupported(f"vm.max_map_count is {allowed}, too low for {limit} VMAs beside the helper's own")
        process.ask(helper.CUT, reserve, spare)

    def split(self, pid: int, start: int, end: int) -> None:
        """Split the large folios mapped in a range, through debugfs. Raises Unsupported."""
        from mremapdsl.live.debugfs import open_file

        file = open_file(self.calls, "split_huge_pages")
        try:
            os.write(file, f"{pid},{start:#x},{end:#x}".encode())
        finally:
            os.close(file)


def leaves_no_trace(op: Operation) -> bool:
    """Whether a process is as good as new after this operation once its memory is gone."""
    if isinstance(op, ops.Madvise):
        return op.advice not in ("MERGEABLE", "HUGEPAGE", "COLLAPSE")
    if isinstance(op, ops.Mmap):
        return op.file is None and op.at >= 0
    if isinstance(op, ops.Mremap):
        return op.to is None or op.to >= 0
    return isinstance(op, ops.Munmap | ops.Mprotect | ops.Touch | ops.Read | ops.Fork | ops.Munlock)


def _frames() -> Frames | None:
    try:
        found = Frames()
    except OSError:
        return None
    return found if may(ADMIN) else None


ADMIN = 21
"""CAP_SYS_ADMIN."""


def may(capability: int) -> bool:
    """Whether this process has a capability."""
    with open("/proc/self/status", encoding="ascii") as status:
        effective = next(int(line.split()[1], 16) for line in status if line.startswith("CapEff:"))
    return bool(effective >> capability & 1)


def meminfo(name: str) -> int:
    """A line of /proc/meminfo, in bytes."""
    with open("/proc/meminfo", encoding="ascii") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def read_number(path: str) -> int:
    with open(path, encoding="ascii") as file:
        return int(file.read())
