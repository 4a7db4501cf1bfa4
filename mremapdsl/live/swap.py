"""A swap device of this tool's own: zram where the kernel has it, else a file."""

from __future__ import annotations

import ctypes
import os
import struct
from contextlib import suppress

from mremapdsl.backend import Unsupported
from mremapdsl.live.runtime import Note, Runtime, write
from mremapdsl.ops import PAGE

SIZE = 256 << 20
ADD = "/sys/class/zram-control/hot_add"
IN_MEMORY = ("zram", "ram", "pmem")
"""Devices whose drivers say that they answer at once (BLK_FEAT_SYNCHRONOUS)."""
_libc = ctypes.CDLL(None, use_errno=True)


class Swap:
    """Whether the machine swaps, and what we added to make it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._device = ""
        """Ours; empty while there is none."""
        self._notes: list[Note] = []

    @property
    def of_others(self) -> list[str]:
        """Swap areas that the machine has anyway."""
        return [name for name in areas() if name != self._device]

    @property
    def in_memory(self) -> bool:
        """Whether pages are, or would be, swapped to memory, whence they come back at once (SWP_SYNCHRONOUS_IO)."""
        others = self.of_others
        if self._device or not others:
            return os.path.exists(ADD)
        return all(os.path.basename(name).startswith(IN_MEMORY) for name in others)

    def on(self) -> None:
        """See to it that there is swap. Raises Unsupported."""
        if self._device or self.of_others:
            return
        if os.geteuid():
            raise Unsupported("this machine has no swap, and only root can add some")
        try:
            device = self._zram() if os.path.exists(ADD) else self._file()
            self._note({"swapoff": device})
            if _libc.swapon(device.encode(), 0):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        except OSError as error:
            raise Unsupported(f"this machine has no swap, and none can be added: {error.strerror}") from None
        self._device = device

    def _note(self, note: Note) -> None:
        self._notes.append(note)
        self._runtime.note(note)

    def _zram(self) -> str:
        with open(ADD, encoding="ascii") as file:
            number = int(file.read())
        self._note({"zram": number})
        write(f"/sys/block/zram{number}/disksize", str(SIZE))
        device = f"/dev/zram{number}"
        make(device, SIZE)
        return device

    def _file(self) -> str:
        path = f"/var/tmp/mremapdsl-{os.getpid()}.swap"
        self._note({"unlink": path})
        with open(path, "xb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.writelines(bytes(1 << 20) for _ in range(SIZE >> 20))
        make(path, SIZE)
        return path

    def off(self) -> None:
        """See to it that there is none. Raises Unsupported."""
        if self.of_others:
            others = ", ".join(self.of_others)
            raise Unsupported(f"this machine swaps to {others}, which is not this tool's to turn off")
        self.remove()

    def remove(self) -> None:
        """Take our own away."""
        from mremapdsl.live.runtime import undo

        for note in reversed(self._notes):
            with suppress(OSError):
                undo(note)
            self._runtime.forget(note)
        self._notes, self._device = [], ""


def areas() -> list[str]:
    """The swap areas in use."""
    try:
        with open("/proc/swaps", encoding="utf-8", errors="replace") as file:
            return [line.split()[0] for line in file][1:]
    except OSError:
        return []


def make(path: str, size: int) -> None:
    """Write the header of a swap area (union swap_header)."""
    header = bytearray(PAGE)
    header[1024:1036] = struct.pack("=3I", 1, size // PAGE - 1, 0)
    header[-10:] = b"SWAPSPACE2"
    with open(path, "r+b") as file:
        file.write(header)
        file.flush()
        os.fsync(file.fileno())


def swapoff(device: str) -> None:
    """Raises OSError."""
    if device in areas() and _libc.swapoff(device.encode()):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), device)
