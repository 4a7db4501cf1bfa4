"""Operations that are system calls, accesses, or the life of processes."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from mremapdsl import ops
from mremapdsl.backend import Outcome, Unsupported
from mremapdsl.live import helper, kernel, procfs
from mremapdsl.live.probe import NOWHERE
from mremapdsl.live.process import ARENA_PAGES, CHOSEN_BELOW, Process
from mremapdsl.live.scene import MASK, Scene, address, answered, call, check_range, page, raw
from mremapdsl.ops import PAGE


def mmap(scene: Scene, process: Process, op: ops.Mmap) -> Outcome:
    scene.machine.check_new_range(op.at, op.pages)
    flags = kernel.MAP_FIXED | (kernel.MAP_SHARED if op.shared else kernel.MAP_PRIVATE)
    flags |= kernel.MAP_NORESERVE if op.noreserve else 0
    flags |= kernel.MAP_POPULATE if op.populate else 0
    file = NOWHERE
    if op.file is None:
        flags |= kernel.MAP_ANONYMOUS
    else:
        file = scene.machine.file(process, op.file)
        scene.view.objects[scene.machine.inode(op.file)] = op.file
    if op.populate:
        scene.machine.check_memory(op.pages)
    prot = sum(kernel.PROTECTION[letter] for letter in op.prot)
    returned = raw(scene, process, "mmap", op.at, op.pages, prot, flags, file, op.file_page * PAGE)
    if returned == -errno.ENOMEM and not op.noreserve:
        scene.machine.check_overcommit(op.pages)
    if returned >= 0 and op.shared and op.file is None:
        inode = next(area.inode for area in procfs.areas(process) if area.start <= op.at < area.end)
        scene.view.objects[inode] = f"shmem{len(scene.view.objects) + 1}"
    return answered(returned, with_address=True)


def munmap(scene: Scene, process: Process, op: ops.Munmap) -> Outcome:
    return call(scene, process, "munmap", op.at, op.pages)


def mprotect(scene: Scene, process: Process, op: ops.Mprotect) -> Outcome:
    prot = sum(kernel.PROTECTION[letter] for letter in op.prot)
    return call(scene, process, "mprotect", op.at, op.pages, prot)


def mlock(scene: Scene, process: Process, op: ops.Mlock) -> Outcome:
    scene.machine.check_locked(op.pages)
    return call(scene, process, "mlock", op.at, op.pages)


def munlock(scene: Scene, process: Process, op: ops.Munlock) -> Outcome:
    return call(scene, process, "munlock", op.at, op.pages)


def mseal(scene: Scene, process: Process, op: ops.Mseal) -> Outcome:
    if not scene.machine.known.mseal():
        raise Unsupported("this kernel has no mseal")
    return call(scene, process, "mseal", op.at, op.pages, 0)


def madvise(scene: Scene, process: Process, op: ops.Madvise) -> Outcome:
    _check_advice(scene, op.advice)
    if op.advice == "PAGEOUT":
        scene.machine.need_swap()
    if op.advice in ("MERGEABLE", "UNMERGEABLE"):
        scene.machine.need_ksm()
    if op.advice in ("MERGEABLE", "HUGEPAGE", "COLLAPSE"):
        scene.view.plain = False
    return call(scene, process, "madvise", op.at, op.pages, kernel.ADVICE[op.advice])


def _check_advice(scene: Scene, advice: str) -> None:
    if scene.machine.known.advice(advice):
        return
    if advice in kernel.OF_CONFIGURATION:
        raise Unsupported(f"this kernel was built without {kernel.OF_CONFIGURATION[advice]}")
    if not scene.named:
        raise Unsupported(f"this kernel does not know MADV_{advice} (EINVAL)")


def mremap(scene: Scene, process: Process, op: ops.Mremap) -> Outcome:
    unknown = scene.machine.known.unknown_mremap_flags(op.flags)
    if unknown and not scene.named:
        names = " and ".join(f"MREMAP_{name}" for name, flag in ops.MREMAP_FLAGS.items() if flag & unknown)
        raise Unsupported(f"this kernel does not know {names} (EINVAL)")
    to = 0 if op.to is None else address(op.to)
    if op.to is not None and op.flags & (ops.FIXED | ops.DONTUNMAP):
        check_range(op.to, op.new_pages, beyond=True)
    check_range(op.at, op.new_pages, beyond=True)
    size = op.new_pages * PAGE & MASK
    returned = raw(scene, process, "mremap", op.at, op.pages, size, op.flags, to)
    place = page(returned) if returned >= 0 else 0
    if place >= CHOSEN_BELOW:
        raise Unsupported("the kernel chose an address among the helper's own memory")
    process.far = process.far or place >= ARENA_PAGES
    return answered(returned, with_address=True)


# --- accesses ------------------------------------------------------------------------------------------------------


def touch(scene: Scene, process: Process, op: ops.Touch) -> Outcome:
    scene.machine.check_memory(op.pages)
    return access(scene, process, helper.TOUCH, op.at, op.pages, op.byte)


def read(scene: Scene, process: Process, op: ops.Read) -> Outcome:
    scene.machine.check_memory(op.pages)
    return access(scene, process, helper.READ, op.at, op.pages)


def access(scene: Scene, process: Process, what: int, at: int, pages: int, *byte: int) -> Outcome:
    """Access pages in order up to the first that faults."""
    check_range(at, pages)
    done = process.ask(what, address(at), pages, *byte)
    if done == pages:
        return Outcome("ok", None)
    return Outcome(fault(process, at + done, "w" if what == helper.TOUCH else ""), None)


# --- processes -----------------------------------------------------------------------------------------------------


def fork(scene: Scene, process: Process, op: ops.Fork) -> Outcome:
    try:
        scene.view.processes[op.child] = process.fork(scene.machine.timeout)
    except OSError as error:
        return answered(-(error.errno or errno.ENOMEM))
    return Outcome("ok", None)


def exit_process(scene: Scene, process: Process, op: ops.Exit) -> Outcome:
    del scene.view.processes[op.process]
    process.end()
    return Outcome("ok", None)


def fault(process: Process, at: int, access: str) -> str:
    """The signal for an access that failed: BUS where it was allowed and a file has nothing to map, SEGV elsewhere.

    The accesses are made by system calls, which fail with EFAULT for either; so this is derived.
    """
    area = next((a for a in procfs.areas(process) if a.start <= at < a.end), None)
    allowed = area is not None and area.inode and access in area.prot and area.prot[:3] != "---"
    entry = procfs.entry(process, at) if allowed else 0
    return "BUS" if allowed and not (entry & procfs.SWAPPED and procfs.is_guard(entry)) else "SEGV"


CALLS: Mapping[type, Callable[[Scene, Process, Any], Outcome]] = MappingProxyType({
    ops.Mmap: mmap, ops.Munmap: munmap, ops.Mprotect: mprotect, ops.Mlock: mlock, ops.Munlock: munlock,
    ops.Mseal: mseal, ops.Madvise: madvise, ops.Mremap: mremap, ops.Touch: touch, ops.Read: read, ops.Fork: fork,
    ops.Exit: exit_process,
})  # fmt: skip
