"""Operations that put pages or the machine into a state: what can be done truthfully, by whatever interface does it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mremapdsl import ops
from mremapdsl.backend import Outcome, PageRun, Unsupported
from mremapdsl.live import helper, kernel, procfs
from mremapdsl.live.calls import access, madvise
from mremapdsl.live.observe import LiveObservation
from mremapdsl.live.process import Pin, Process
from mremapdsl.live.scene import Scene, address, answered, check_range, raw

PINS_AT_ONCE = 4096


# --- KSM, pins, reclaim --------------------------------------------------------------------------------------------


def ksm_scan(scene: Scene, process: Process, op: ops.KsmScan) -> Outcome:
    scene.machine.scan(scene.deadline)
    return Outcome("ok", None)


def ksm_merge(scene: Scene, process: Process, op: ops.KsmMerge) -> Outcome:
    if not scene.machine.known.merge_any():
        raise Unsupported("this kernel does not know PR_SET_MEMORY_MERGE")
    scene.machine.need_ksm()
    scene.view.plain = False
    returned = process.call(scene.machine.calls["prctl"], kernel.PR_SET_MEMORY_MERGE, int(op.on))
    if returned == 0 and op.on:
        # the helper's own memory must not be shared with that of the scenario
        for start, size in procfs.own_areas(process):
            process.call(scene.machine.calls["madvise"], start, size, kernel.ADVICE["UNMERGEABLE"])
    return answered(returned)


def pin(scene: Scene, process: Process, op: ops.Pin) -> Outcome:
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
        frames = [procfs.entry(process, page) & procfs.FRAME for page in range(at, at + count)]
        pinned.append(Pin(at, count, ring, frames))
    process.pins += pinned
    return Outcome("ok", None)


def unpin(scene: Scene, process: Process, op: ops.Unpin) -> Outcome:
    end = op.at + op.pages
    held = [pin for pin in process.pins if pin.at < end and pin.at + pin.pages > op.at]
    for pin in held:
        first, last = max(pin.at, op.at), min(pin.at + pin.pages, end)
        drop(process, pin, first - pin.at, last - pin.at)
    if not held:
        _unpin_frames(scene, process, [procfs.entry(process, page) & procfs.FRAME for page in range(op.at, end)])
    if scene.view.frames is not None:
        process.pins = [pin for pin in process.pins if any(pin.frames)]
    return Outcome("ok", None)


def _unpin_frames(scene: Scene, process: Process, frames: Sequence[int]) -> None:
    """Drop one pin of each frame: they are mapped elsewhere by now."""
    if scene.view.frames is None:
        raise Unsupported("only root can see where pinned pages have gone")
    for frame in filter(None, frames):
        pin = next((pin for pin in process.pins if frame in pin.frames), None)
        if pin is not None:
            drop(process, pin, pin.frames.index(frame), pin.frames.index(frame) + 1)


def migrate(scene: Scene, process: Process, op: ops.Migrate) -> Outcome:
    raise Unsupported("the kernel migrates in one go: its entries cannot be held from user space")


def swapout(scene: Scene, process: Process, op: ops.Swapout) -> Outcome:
    if op.cached:
        raise Unsupported("pages cannot be kept in the swap cache from user space")
    if not scene.machine.need_swap():
        return Outcome("ENOMEM", None)
    check_range(op.at, op.pages)
    wanted = list(_unpinned(scene, process, op))
    for run in wanted:
        for at, pages in _whole_folios(scene, op.process, run):
            raw(scene, process, "madvise", at, pages, kernel.ADVICE["PAGEOUT"])
    for run in wanted:
        for page in range(run.page, run.page + run.count):
            if not procfs.entry(process, page) & procfs.SWAPPED:
                why = "reclaim passes over pages that are mapped more than once, locked, or given up by MADV_FREE"
                raise Unsupported(f"page {page} cannot be swapped out: {why}")
    return Outcome("ok", None)


def _unpinned(scene: Scene, process: Process, op: ops.Swapout) -> Iterator[PageRun]:
    """The anonymous folios in a range that nobody has pinned, as runs."""
    pinned = {frame for each in scene.view.processes.values() for pin in each.pins for frame in pin.frames}
    for run in LiveObservation(scene.view).pages(op.process):
        start, end = max(run.page, op.at), min(run.page + run.count, op.at + op.pages)
        if run.kind not in "PHK?" or start >= end:
            continue
        if not pinned:
            yield run._replace(page=start, count=end - start, frame=None)
            continue
        for page in range(start, end):
            if procfs.entry(process, page) & procfs.FRAME not in pinned:
                yield run._replace(page=page, count=1, frame=None)


def _whole_folios(scene: Scene, name: str, run: PageRun) -> Iterator[tuple[int, int]]:
    """(page, pages) of a run; a large folio is taken whole, as reclaim splits what is asked for in part.

    Raises Unsupported for what cannot be asked for whole.
    """
    frames = scene.view.frames
    if run.kind != "H" or frames is None:
        yield run.page, run.count
        return
    process, page = scene.view.processes[name], run.page
    while page < run.page + run.count:
        frame = procfs.entry(process, page) & procfs.FRAME
        head, size = frames.folio(frame)
        start = page - (frame - head)
        if any(procfs.entry(process, start + i) & procfs.FRAME != head + i for i in range(size)):
            raise Unsupported(f"page {page} cannot be swapped out: reclaim splits folios that lie in several pieces")
        yield start, size
        page = start + size


def swapin(scene: Scene, process: Process, op: ops.Swapin) -> Outcome:
    check_range(op.at, op.pages)
    for run in list(procfs.entries(process, op.at, op.at + op.pages)):
        if run.entry & procfs.SWAPPED and not procfs.is_guard(run.entry):
            outcome = access(scene, process, helper.READ, run.page, run.count)
            if outcome.result != "ok":
                return outcome
    return Outcome("ok", None)


def split(scene: Scene, process: Process, op: ops.Split) -> Outcome:
    check_range(op.at, op.pages)
    try:
        scene.machine.split(process.pid, address(op.at), address(op.at + op.pages))
    except Unsupported as unsupported:
        _split_by_advice(scene, process, op, str(unsupported))
    return Outcome("ok", None)


def _split_by_advice(scene: Scene, process: Process, op: ops.Split, why: str) -> None:
    """MADV_COLD for one page of a large folio that nobody else maps splits it. Raises Unsupported."""
    if scene.view.frames is None:
        raise Unsupported(why)
    for page in range(op.at, op.at + op.pages):
        if _is_large(scene, process, page):
            raw(scene, process, "madvise", page, 1, kernel.ADVICE["COLD"])
            if _is_large(scene, process, page):
                raise Unsupported(f"the folio at page {page} cannot be split: {why}")


def _is_large(scene: Scene, process: Process, page: int) -> bool:
    entry = procfs.entry(process, page)
    frames = scene.view.frames
    if frames is None or not entry & procfs.PRESENT:
        return False
    frame = entry & procfs.FRAME
    return frames.kind(frame) in "HF" and frames.folio(frame)[1] > 1


def collapse(scene: Scene, process: Process, op: ops.Collapse) -> Outcome:
    return madvise(scene, process, ops.Madvise(op.process, op.at, op.pages, "COLLAPSE"))


def set_knob(scene: Scene, process: Process, op: ops.Set) -> Outcome:
    if op.key == "max_map_count":
        for each in scene.view.processes.values():
            scene.machine.limit_vmas(each, int(op.value))
    else:
        scene.machine.set(op.key, op.value, op.pages)
        scene.view.plain = scene.view.plain and scene.machine.settings.plain
    return Outcome("ok", None)


def drop(process: Process, pin: Pin, first: int, last: int) -> None:
    """Take pages [first, last) out of a pin."""
    process.ask(helper.UNPIN, pin.ring, first, last - first)
    pin.frames[first:last] = [0] * (last - first)


FORCED: Mapping[type, Callable[[Scene, Process, Any], Outcome]] = MappingProxyType({
    ops.KsmScan: ksm_scan, ops.KsmMerge: ksm_merge, ops.Pin: pin, ops.Unpin: unpin, ops.Migrate: migrate,
    ops.Swapout: swapout, ops.Swapin: swapin, ops.Split: split, ops.Collapse: collapse, ops.Set: set_knob,
})  # fmt: skip
