"""A process of a scenario: does what its socket says, with memory of its own far from the arena.

``process.py`` runs this file as a script: ``helper.py SOCKET PARENT CPU CHOSEN_BELOW``.  The first process only makes
others (the zygote); each has a socket of its own and ends when the other end of it is closed.

Pages are accessed by the kernel on behalf of system calls that copy one byte for each page.  These take the faults that
a store or a load would take, in order, and end at the first page that cannot be accessed.
"""

from __future__ import annotations

import _socket
import ctypes
import gc
import os
import signal
import struct
import sys
from array import array
from collections.abc import Callable

CALL, TOUCH, READ, FORK, FILE, CUT, PIN, UNPIN = range(8)
"""What a request can ask for; seven numbers follow."""
REQUEST = struct.Struct("=8Q")
REPLY = struct.Struct("=q")
BATCH = 1024
"""Pages that one system call accesses (IOV_MAX)."""
PAGE = 4096
PROT_NONE, PROT_READ, MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE, MAP_FIXED_NOREPLACE = 0, 1, 2, 0x20, 0x4000, 0x100000
MADV_COLD = 20
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, CAP_SYS_RAWIO, CAPABILITY_VERSION_3 = 1, 36, 17, 0x20080522
IO_URING_SETUP, IO_URING_REGISTER, REGISTER_BUFFERS, BUFFERS_UPDATE = 425, 427, 0, 16

_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long
_syscall.argtypes = [ctypes.c_ulong] * 7
for _transfer in (_libc.preadv, _libc.pwritev):
    _transfer.restype = ctypes.c_long
    _transfer.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_long]
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def main() -> None:
    control, parent, cpu, chosen_below = map(int, sys.argv[1:])
    gc.disable()
    os.sched_setaffinity(0, {cpu})
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    if os.getppid() != parent:
        os._exit(1)
    drop_rawio()
    take_keys()
    helper = Helper(_socket.socket(fileno=control))
    fill_holes(chosen_below)
    helper.socket.send(REPLY.pack(os.getpid()))
    helper.serve()


class Helper:
    """The loop of one process."""

    def __init__(self, socket: _socket.socket) -> None:
        self.socket = socket
        self.bytes = os.memfd_create("bytes")
        """Each byte BATCH times: reading from it writes that byte to a list of places."""
        os.write(self.bytes, b"".join(bytes([value]) * BATCH for value in range(256)))
        self.sink = os.memfd_create("sink")
        """Writing to it reads a list of places."""
        self.own_page = _libc.mmap(None, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)

    def serve(self) -> None:
        """Answer requests until there is nobody to ask."""
        try:
            while len(request := self.socket.recv(REQUEST.size)) == REQUEST.size:
                self.socket.send(REPLY.pack(self.answer(*REQUEST.unpack(request))))
        except ConnectionError:  # the other side went without waiting for an answer
            pass
        os._exit(0)

    def answer(self, what: int, *numbers: int) -> int:
        # Pages that wait in this CPU's batches for a place in an LRU list have a reference more than they should:
        # a write would copy them.  MADV_COLD, on any page, drains the batches.
        _libc.madvise(self.own_page, PAGE, MADV_COLD)
        if what == CALL:
            return result(_syscall(*numbers))
        a, b, c = numbers[:3]
        if what == TOUCH:
            return access(_libc.preadv, self.bytes, a, b, c * BATCH)
        if what == READ:
            return access(_libc.pwritev, self.sink, a, b, 0)
        if what == FORK:
            return self.fork()
        if what == FILE:
            return self.receive()
        if what == CUT:
            return cut(a, b)
        return pin(a, b) if what == PIN else unpin(a, b, c)

    def fork(self) -> int:
        """A child with the socket that comes along; its process id."""
        socket = _socket.socket(fileno=self.receive())
        child = os.fork()
        if child:
            socket.close()
            return child
        self.socket.close()
        self.socket = socket
        self.serve()
        return 0

    def receive(self) -> int:
        """The file that comes along."""
        _, ancillary, _, _ = self.socket.recvmsg(1, 64)
        if not ancillary:  # the other side was interrupted before it sent the file
            os._exit(0)
        return array("i", ancillary[0][2])[0]


def result(returned: int) -> int:
    """What a system call returned, or minus its error number."""
    return -ctypes.get_errno() if returned == -1 else returned


def access(transfer: Callable[..., int], file: int, address: int, pages: int, offset: int) -> int:
    """Copy one byte to or from the start of each page: how many pages could be accessed."""
    done = 0
    while done < pages:
        count = min(BATCH, pages - done)
        first = address + done * PAGE
        places = array("Q", (1,)) * (2 * count)
        places[::2] = array("Q", range(first, first + count * PAGE, PAGE))
        moved = transfer(file, places.buffer_info()[0], count, offset)
        done += max(moved, 0)
        if moved < count:
            break
    return done


# --- pins ------------------------------------------------------------------------------------------------------


def pin(address: int, pages: int) -> int:
    """Register each page as a buffer of a new io_uring, which pins it for long: the ring, or minus the error number."""
    parameters = ctypes.create_string_buffer(120)
    ring = result(_syscall(IO_URING_SETUP, 1, ctypes.addressof(parameters), 0, 0, 0, 0))
    if ring < 0:
        return ring
    buffers = array("Q", (PAGE,)) * (2 * pages)
    buffers[::2] = array("Q", range(address, address + pages * PAGE, PAGE))
    done = result(_syscall(IO_URING_REGISTER, ring, REGISTER_BUFFERS, buffers.buffer_info()[0], pages, 0, 0))
    if done < 0:
        os.close(ring)
        return done
    return ring


def unpin(ring: int, first: int, pages: int) -> int:
    """Take some pages out of a ring's buffers."""
    nothing = array("Q", (0,)) * (2 * pages)
    update = struct.pack("=IIQQII", first, 0, nothing.buffer_info()[0], 0, pages, 0)
    data = ctypes.create_string_buffer(update)
    return result(_syscall(IO_URING_REGISTER, ring, BUFFERS_UPDATE, ctypes.addressof(data), len(update), 0, 0))


# --- the process's own memory ------------------------------------------------------------------------------------


def drop_rawio() -> None:
    """Give up CAP_SYS_RAWIO: it lets root map address 0, which no ordinary process can."""
    header = ctypes.create_string_buffer(struct.pack("=Ii", CAPABILITY_VERSION_3, 0))
    sets = (ctypes.c_uint32 * 6)()
    if _libc.capget(header, sets) == 0:
        for i in range(3):
            sets[i] &= ~(1 << CAP_SYS_RAWIO)
        _libc.capset(header, sets)


def take_keys() -> None:
    """Take all protection keys: else the kernel takes one so that memory with PROT_EXEC alone cannot be read
    (execute_only_pkey), which only some processors can do.
    """
    take = getattr(_libc, "pkey_alloc", None)
    while take is not None and take(0, 0) > 0:
        pass


def fill_holes(end: int) -> None:
    """Leave no hole above ``end``, so that addresses which the kernel chooses are the highest free ones below it.

    What cannot be filled shows when an address is chosen.
    """
    with open("/proc/self/maps", encoding="ascii", errors="replace") as maps:
        lowest = min(start for start in (int(line.split("-", 1)[0], 16) for line in maps) if start > end)
    reserve(end, lowest - end, MAP_FIXED_NOREPLACE)
    size = 1 << 30
    while size >= PAGE:
        place = reserve(0, size, 0)
        if place is not None and place >= end:
            continue
        if place is not None:
            _libc.munmap(place, size)
        size >>= 1


def reserve(address: int, size: int, flags: int) -> int | None:
    """A mapping that nothing can use; where it is."""
    flags |= MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    place: int | None = _libc.mmap(address, size, PROT_NONE, flags, -1, 0)
    return None if place == ctypes.c_size_t(-1).value else place


def cut(address: int, count: int) -> int:
    """Cut a mapping that nothing can use into ``count`` more VMAs."""
    if count % 2:
        _libc.mprotect(address, PAGE, PROT_READ)
    for page in range(2, count // 2 * 2 + 1, 2):
        _libc.mprotect(address + page * PAGE, PAGE, PROT_READ)
    return 0


if __name__ == "__main__":
    main()
