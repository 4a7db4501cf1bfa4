"""The BPF program ``deep.bpf.c``: compiled by clang, loaded by libbpf, asked about processes."""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mremapdsl.backend import Unsupported

SOURCE = os.path.join(os.path.dirname(__file__), "deep.bpf.c")
COMPILE = ("clang", "-O2", "-g", "-target", "bpf", "-mcpu=v3", "-c", SOURCE, "-o", "-")
LIBRARY = "libbpf.so.1"

HEAD = struct.Struct("=15Q")
"""direct_map, vmemmap, levels, probe_address, probe_frame, probe_word, processes, vmas, links, pages, overflow, start,
end, own_start, own_end"""
PROCESS, VMA, LINK, PAGE_ENTRY = (struct.Struct(f"={n}Q") for n in (2, 8, 5, 14))
PROCESSES, VMAS, LINKS, PAGES, TABLE = 64, 4096, 16384, 1 << 17, 4096
AT_PROCESS = HEAD.size
AT_VMA = AT_PROCESS + PROCESSES * PROCESS.size
AT_LINK = AT_VMA + VMAS * VMA.size
AT_PAGE = AT_LINK + LINKS * LINK.size
SIZE = AT_PAGE + PAGES * PAGE_ENTRY.size + TABLE
TRIES = 2000
"""How often a process is looked at again whose memory somebody else has locked for a moment."""


class VmaRecord(NamedTuple):
    process: int
    start: int
    end: int
    pgoff: int
    flags: int
    anon_vma: int
    links: int
    """How many links its chain has."""
    inode: int
    """Of its file; 0 for none."""


class LinkRecord(NamedTuple):
    anon_vma: int
    root: int
    parent: int
    num_children: int
    num_active_vmas: int


class PageRecord(NamedTuple):
    process: int
    address: int
    entry: int
    huge: int
    frame: int
    page_flags: int
    folio_flags: int
    mapping: int
    index: int  # type: ignore[assignment]
    mapcount: int
    refcount: int
    pincount: int
    order: int
    value: int


class Answer(NamedTuple):
    """What was seen, in order of process and address."""

    vmas: Sequence[VmaRecord]
    links: Sequence[LinkRecord]
    """The chains of all VMAs, one after the other."""
    pages: Sequence[PageRecord]


class Options(ctypes.Structure):
    """struct bpf_test_run_opts"""

    _fields_ = [
        ("sz", ctypes.c_size_t), ("data_in", ctypes.c_void_p), ("data_out", ctypes.c_void_p),
        ("data_size_in", ctypes.c_uint32), ("data_size_out", ctypes.c_uint32), ("ctx_in", ctypes.c_void_p),
        ("ctx_out", ctypes.c_void_p), ("ctx_size_in", ctypes.c_uint32), ("ctx_size_out", ctypes.c_uint32),
        ("retval", ctypes.c_uint32), ("repeat", ctypes.c_int), ("duration", ctypes.c_uint32),
        ("flags", ctypes.c_uint32), ("cpu", ctypes.c_uint32), ("batch_size", ctypes.c_uint32),
    ]  # fmt: skip


class Deep:
    """The loaded program. Raises Unsupported, with what is missing, where it cannot be had."""

    def __init__(self, start: int, end: int, own: tuple[int, int]) -> None:
        if os.geteuid():
            raise Unsupported("BPF needs root")
        if os.uname().machine != "x86_64":
            raise Unsupported("the BPF program knows the page tables of x86-64 only")
        if not os.path.exists("/sys/kernel/btf/vmlinux"):
            raise Unsupported("the kernel has no BTF (CONFIG_DEBUG_INFO_BTF)")
        self._library = library()
        self._object = self._load(compiled())
        self._observe = self._program(b"observe")
        self._shared = self._map()
        self._calibrate()
        self._put(11, start, end, *own)

    # --- loading -----------------------------------------------------------------------------------------

    def _load(self, code: bytes) -> int:
        library = self._library
        previous = library.libbpf_set_print(None)  # says nothing
        try:
            made: int | None = library.bpf_object__open_mem(code, len(code), None)
            if made is None or library.bpf_object__load(made):
                raise Unsupported(f"the kernel does not take the BPF program: {os.strerror(ctypes.get_errno())}")
        finally:
            library.libbpf_set_print(previous)
        return made

    def _program(self, name: bytes) -> int:
        found: int = self._library.bpf_program__fd(self._library.bpf_object__find_program_by_name(self._object, name))
        return found

    def _map(self) -> mmap.mmap:
        """The program's variables: `shared` is all of them."""
        found = self._library.bpf_object__next_map(self._object, None)
        while found and b".bss" not in self._library.bpf_map__name(found):
            found = self._library.bpf_object__next_map(self._object, found)
        return mmap.mmap(self._library.bpf_map__fd(found), SIZE)

    def _calibrate(self) -> None:
        """Have the program find the direct map and the array of struct page, by means of a page that we know."""
        program = self._program(b"calibrate")
        for _ in range(TRIES):
            with mmap.mmap(-1, mmap.PAGESIZE) as page:
                magic = struct.unpack("=Q", os.urandom(8))[0]
                page[:8] = struct.pack("=Q", magic)
                address = ctypes.addressof(ctypes.c_char.from_buffer(page))
                frame = frame_at(address)
                self._put(0, 0, 0, 5 if " la57 " in cpu_flags() else 4, address, frame, magic)
                PROCESS.pack_into(self._shared, AT_PROCESS, os.getpid(), 0)
                self._run(program)
                if frame and frame == frame_at(address) and all(self._head()[:2]):
                    return
        raise Unsupported("the kernel's direct map cannot be found")

    # --- asking ------------------------------------------------------------------------------------------

    def look(self, pids: Sequence[int]) -> Answer:
        """What the processes look like. Raises Unsupported."""
        if len(pids) > PROCESSES:
            raise Unsupported(f"BPF looks at {PROCESSES} processes at most")
        for i, pid in enumerate(pids):
            PROCESS.pack_into(self._shared, AT_PROCESS + i * PROCESS.size, pid, 0)
        self._put(6, len(pids))
        for _ in range(TRIES):
            self._run(self._observe)
            errors = [PROCESS.unpack_from(self._shared, AT_PROCESS + i * PROCESS.size)[1] for i in range(len(pids))]
            if not any(errors):
                break
            time.sleep(0.00002)
        else:
            raise Unsupported("BPF cannot look at the processes")
        vmas, links, pages, overflow = self._head()[7:11]
        if overflow:
            raise Unsupported(f"there is more than BPF can show at once ({VMAS} VMAs, {LINKS} links, {PAGES} pages)")
        return Answer(
            [VmaRecord(*r) for r in self._records(VMA, AT_VMA, vmas)],
            [LinkRecord(*r) for r in self._records(LINK, AT_LINK, links)],
            [PageRecord(*r) for r in self._records(PAGE_ENTRY, AT_PAGE, pages)],
        )

    def _records(self, form: struct.Struct, at: int, count: int) -> Iterator[tuple[int, ...]]:
        return form.iter_unpack(self._shared[at : at + count * form.size])

    def _head(self) -> tuple[int, ...]:
        return HEAD.unpack_from(self._shared)

    def _put(self, word: int, *values: int) -> None:
        struct.pack_into(f"={len(values)}Q", self._shared, word * 8, *values)

    def _run(self, program: int) -> None:
        options = Options(sz=ctypes.sizeof(Options))
        if self._library.bpf_prog_test_run_opts(program, ctypes.byref(options)) or options.retval:
            raise Unsupported("the BPF program does not run")

    def close(self) -> None:
        self._shared.close()
        self._library.bpf_object__close(self._object)


def library() -> ctypes.CDLL:
    """libbpf with the types of what is used of it. Raises Unsupported."""
    try:
        found = ctypes.CDLL(LIBRARY, use_errno=True)
    except OSError:
        raise Unsupported(f"{LIBRARY} is missing (package libbpf1)") from None
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures: Iterable[tuple[str, object, list[object]]] = (
        ("bpf_object__open_mem", pointer, [text, ctypes.c_size_t, pointer]),
        ("bpf_object__load", number, [pointer]),
        ("bpf_object__close", None, [pointer]),
        ("bpf_object__find_program_by_name", pointer, [pointer, text]),
        ("bpf_program__fd", number, [pointer]),
        ("bpf_object__next_map", pointer, [pointer, pointer]),
        ("bpf_map__name", text, [pointer]),
        ("bpf_map__fd", number, [pointer]),
        ("bpf_prog_test_run_opts", number, [number, pointer]),
        ("libbpf_set_print", pointer, [pointer]),
    )
    for name, result, arguments in signatures:
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found


def compiled() -> bytes:
    """The program's object file. Raises Unsupported."""
    import subprocess

    try:
        made = subprocess.run(COMPILE, capture_output=True, check=False)
    except FileNotFoundError:
        raise Unsupported("clang is missing") from None
    if made.returncode:
        raise Unsupported(f"clang does not compile the BPF program: {made.stderr.decode(errors='replace')[:200]}")
    return made.stdout


def frame_at(address: int) -> int:
    """The frame behind an address of this process; 0 if it may not know."""
    with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
        entry = os.pread(pagemap.fileno(), 8, address // mmap.PAGESIZE * 8)
    return int.from_bytes(entry, "little") & (1 << 55) - 1


def cpu_flags() -> str:
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
        return next((line for line in lines if line.startswith("flags")), "").replace("\n", " ")
