"""Operations as calls of C, with libc's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from mremapdsl import ops
from mremapdsl.backend import Unsupported
from mremapdsl.export.scenario import Writer, fixed_address, size
from mremapdsl.export.text import string
from mremapdsl.live.kernel import OF_CONFIGURATION
from mremapdsl.live.scene import check_range
from mremapdsl.program import Step

MANY = 1 << 14
"""Pages whose memory a machine may not have."""
VAST = 1 << 18
"""Pages that a machine may not let a process map."""
NEW_ADVICE = ("COLLAPSE", "GUARD_INSTALL", "GUARD_REMOVE")
FLAGS = {
    ops.MAYMOVE: "MREMAP_MAYMOVE",
    ops.FIXED: "MREMAP_FIXED",
    ops.DONTUNMAP: "MREMAP_DONTUNMAP",
    ops.RELOCATE: "MREMAP_RELOCATE_ANON",
    ops.MUST_RELOCATE: "MREMAP_MUST_RELOCATE_ANON",
}
PROTECTION = {"r": "PROT_READ", "w": "PROT_WRITE", "x": "PROT_EXEC"}
NOT_CACHED = "pages cannot be kept in the swap cache from user space"
IN_ONE_GO = "the kernel migrates in one go: its entries cannot be held from user space"


def operation(writer: Writer, step: Step) -> list[str]:
    """The statements of C that carry out a step."""
    op = step.op
    try:
        check_place(op)
    except Unsupported as unsupported:
        return [f'skip("%s", {string(str(unsupported))})']
    written = CALLS[type(op)](writer, op, step.fails)
    return [written] if isinstance(written, str) else written


def check_place(op: ops.Operation) -> None:
    """Raises Unsupported for ranges where a process has memory of its own."""
    at, pages = getattr(op, "at", 0), getattr(op, "pages", 0)
    check_range(at, pages, beyond=isinstance(op, ops.Mmap | ops.Munmap | ops.Mremap))
    if isinstance(op, ops.Mremap):
        check_range(op.at, op.new_pages, beyond=True)
        if op.to is not None and op.flags & (ops.FIXED | ops.DONTUNMAP):
            check_range(op.to, op.new_pages, beyond=True)


def checked(call: str, fails: str | None) -> str:
    """A call with the result that it must have."""
    return f"OK({call})" if fails is None else f"FAILS({fails}, {call})"


def protection(prot: str) -> str:
    return "RW" if prot == "rw" else " | ".join(PROTECTION[letter] for letter in prot) or "PROT_NONE"


# --- calls -----------------------------------------------------------------------------------------------------


def mmap(writer: Writer, op: ops.Mmap, fails: str | None) -> str:
    if op.pages >= VAST and "w" in op.prot and not (op.noreserve or op.shared or fails):
        writer.needs[f"need_room({size(op.pages)})"] = None
    if op.populate:
        need_memory(writer, op.pages)
    flags = ["MAP_SHARED" if op.shared else "MAP_PRIVATE"] + ["MAP_ANONYMOUS"] * (op.file is None) + ["MAP_FIXED"]
    flags = ["ANON"] if op.file is None and not op.shared else flags
    flags += ["MAP_NORESERVE"] * op.noreserve + ["MAP_POPULATE"] * op.populate
    file = "-1, 0" if op.file is None else f"{writer.file(op.file)}, {size(op.file_page)}"
    return checked(f"mmap({writer.range(op.at, op.pages)}, {protection(op.prot)}, {' | '.join(flags)}, {file})", fails)


def mprotect(writer: Writer, op: ops.Mprotect, fails: str | None) -> str:
    return checked(f"mprotect({writer.range(op.at, op.pages)}, {protection(op.prot)})", fails)


def mlock(writer: Writer, op: ops.Mlock, fails: str | None) -> str:
    writer.needs[f"need_locked({size(op.pages)})"] = None
    return checked(f"mlock({writer.range(op.at, op.pages)})", fails)


def of_range(name: str) -> Callable[[Writer, Any, str | None], str]:
    """A call that takes a range and nothing else."""
    return lambda writer, op, fails: checked(f"{name}({writer.range(op.at, op.pages)})", fails)


def madvise(writer: Writer, op: ops.Madvise | ops.Collapse, fails: str | None) -> list[str]:
    advice = op.advice if isinstance(op, ops.Madvise) else "COLLAPSE"
    if advice in ("MERGEABLE", "UNMERGEABLE"):
        writer.needs["need_ksm()"] = None
    elif advice in OF_CONFIGURATION or (advice in NEW_ADVICE and not writer.named):
        writer.needs[f'need_advice(MADV_{advice}, "MADV_{advice}")'] = None
    call = checked(f"madvise({writer.range(op.at, op.pages)}, MADV_{advice})", fails)
    return ["need_swap()", call] if advice == "PAGEOUT" else [call]


def mremap(writer: Writer, op: ops.Mremap, fails: str | None) -> str:
    for flag in (ops.RELOCATE, ops.MUST_RELOCATE):
        if op.flags & flag and not writer.named:
            writer.needs[f'need_mremap_flag({FLAGS[flag]}, "{FLAGS[flag]}")'] = None
    flags = " | ".join(name for bit, name in FLAGS.items() if op.flags & bit) or "0"
    to = "NULL" if op.to is None else writer.at(op.to)
    call = f"sys_mremap({writer.range(op.at, op.pages)}, {size(op.new_pages)}, {flags}, {to})"
    if fixed_address(op) is None and not fails:
        writer.needs["choose_below()"] = None
        call = f"{writer.result()} = {call}"
    return checked(call, fails)


# --- accesses, processes -----------------------------------------------------------------------------------------


def touch(writer: Writer, op: ops.Touch, fails: str | None) -> str:
    need_memory(writer, op.pages)
    return checked(f"touch({writer.range(op.at, op.pages)}, {op.byte})", fails)


def read(writer: Writer, op: ops.Read, fails: str | None) -> str:
    need_memory(writer, op.pages)
    return checked(f"read_pages({writer.range(op.at, op.pages)})", fails)


def need_memory(writer: Writer, pages: int) -> None:
    if pages > MANY:
        writer.needs[f"need_memory({size(pages)})"] = None


def fork(writer: Writer, op: ops.Fork, fails: str | None) -> str:
    return checked(f"spawn({writer.process(op.child)})", fails)


# --- the machine -------------------------------------------------------------------------------------------------


def ksm_scan(writer: Writer, op: ops.KsmScan, fails: str | None) -> str:
    writer.needs["need_ksm()"] = None
    return "ksm_scan()"


def ksm_merge(writer: Writer, op: ops.KsmMerge, fails: str | None) -> str:
    writer.needs["need_ksm()"] = None
    return checked(f"ksm_merge({int(op.on)})", fails)


def swapout(writer: Writer, op: ops.Swapout, fails: str | None) -> str:
    if op.cached:
        return f"skip({string(NOT_CACHED)})"
    return checked(f"swap_out({writer.range(op.at, op.pages)})", fails)


def set_knob(writer: Writer, op: ops.Set, fails: str | None) -> str:
    match op.key:
        case "thp":
            return f"set_thp({string(str(op.value))})"
        case "mthp":
            return f"set_mthp({op.pages * ops.PAGE // 1024}, {string(str(op.value))})"
        case "max_map_count":
            return f"limit_vmas({int(op.value)})"
        case "ksm_zero_pages":
            writer.needs["need_ksm()"] = None
            return f'need(KSM "/use_zero_pages", "{int(op.value)}")'
        case _:
            return f"set_swap({int(op.value)})"


CALLS: Mapping[type, Callable[[Writer, Any, str | None], str | list[str]]] = MappingProxyType({
    ops.Mmap: mmap,
    ops.Munmap: of_range("munmap"),
    ops.Mprotect: mprotect,
    ops.Mlock: mlock,
    ops.Munlock: of_range("munlock"),
    ops.Mseal: of_range("sys_mseal"),
    ops.Madvise: madvise,
    ops.Mremap: mremap,
    ops.Touch: touch,
    ops.Read: read,
    ops.Fork: fork,
    ops.Exit: lambda _writer, _op, _fails: "leave()",
    ops.KsmScan: ksm_scan,
    ops.KsmMerge: ksm_merge,
    ops.Pin: of_range("pin"),
    ops.Unpin: lambda writer, op, _fails: f"unpin({writer.range(op.at, op.pages)})",
    ops.Migrate: lambda _writer, _op, _fails: f"skip({string(IN_ONE_GO)})",
    ops.Swapout: swapout,
    ops.Swapin: of_range("swap_in"),
    ops.Split: lambda writer, op, _fails: f"split_folios({writer.range(op.at, op.pages)})",
    ops.Collapse: madvise,
    ops.Set: set_knob,
})  # fmt: skip
