"""Helper processes as this side sees them: started, asked, forked, ended."""

from __future__ import annotations

import os
import resource
import signal
import socket
import struct
import subprocess
import sys
from array import array
from contextlib import suppress
from typing import Any, NamedTuple

from mremapdsl.backend import Unsupported
from mremapdsl.live import helper
from mremapdsl.ops import ARENA, PAGE

CHOSEN_BELOW = 20_000_000_000
"""Arena page below which addresses lie that the kernel chooses; the model's ``MMAP_BASE``."""
ARENA_PAGES = (0x5000_0000_0000 - ARENA) // PAGE
"""Arena pages of live runs; above them the helper has memory of its own."""


class Silent(Unsupported):
    """A helper did not answer: it died, or what it was asked to do takes too long."""

    def __init__(self, why: str) -> None:
        super().__init__(why, skip=False)


class Pin(NamedTuple):
    """Pins that a process holds."""

    at: int
    pages: int
    ring: int
    frames: list[int]
    """The frames that are pinned; zeros where they cannot be seen, or are no longer."""


class Process:
    """A helper process."""

    def __init__(self, pid: int, channel: socket.socket) -> None:
        self.pid = pid
        self.channel = channel
        self.files: dict[str, int] = {}
        """File names of the scenario -> descriptors in the process."""
        self.pins: list[Pin] = []
        self.far = False
        """The kernel chose an address for it."""
        self.maps_size = 512
        """Bytes of its maps that are worth reading."""
        self._open: dict[str, int] = {}

    def ask(self, what: int, *numbers: int) -> int:
        """A request and its answer. Raises Silent."""
        request = helper.REQUEST.pack(what, *numbers, *(0,) * (7 - len(numbers)))
        self.send(request)
        return self.answer()

    def send(self, request: bytes, *along: Any) -> None:
        """A request, with ancillary data or without. Raises Silent."""
        try:
            if along:
                self.channel.sendmsg([request], along)
            else:
                self.channel.send(request)
        except ConnectionError:
            raise Silent(f"process {self.pid} died") from None
        except BlockingIOError:
            raise Silent(f"process {self.pid} does not answer") from None

    def answer(self) -> int:
        """Raises Silent."""
        try:
            reply = self.channel.recv(helper.REPLY.size)
        except ConnectionError:
            reply = b""
        except BlockingIOError:
            raise Silent(f"process {self.pid} does not answer") from None
        if not reply:
            raise Silent(f"process {self.pid} died")
        number: int = helper.REPLY.unpack(reply)[0]
        return number

    def call(self, number: int, *arguments: int) -> int:
        """A system call: its result, or minus the error number."""
        return self.ask(helper.CALL, number, *arguments)

    def fork(self, seconds: float) -> Process:
        """A child, whose own requests may take so long. Raises OSError if the kernel refuses."""
        ours, theirs = channel(seconds)
        with theirs:
            self.send_along(helper.FORK, theirs.fileno())
            pid = self.answer()
        if pid < 0:
            raise OSError(-pid, os.strerror(-pid))
        child = Process(pid, ours)
        child.files = dict(self.files)
        child.far, child.maps_size = self.far, self.maps_size
        return child

    def give(self, file: int) -> int:
        """A file of this side; its descriptor there."""
        self.send_along(helper.FILE, file)
        return self.answer()

    def send_along(self, what: int, file: int) -> None:
        """A request with a file. Raises Silent."""
        self.send(helper.REQUEST.pack(what, *(0,) * 7))
        self.send(b"\0", (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [file])))

    def open(self, name: str) -> int:
        """``/proc/PID/name``, kept open. Raises OSError."""
        if name not in self._open:
            self._open[name] = os.open(f"/proc/{self.pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        return self._open[name]

    def end(self) -> None:
        """Let it exit and wait until its memory is gone (its end of the channel is closed after that)."""
        with suppress(ConnectionError):
            self.channel.shutdown(socket.SHUT_WR)
            try:
                self.channel.recv(1)
            except BlockingIOError:
                raise Silent(f"process {self.pid} does not exit") from None
        self.forget()

    def forget(self) -> None:
        """Close what this side holds of it."""
        self.channel.close()
        while self._open:  # once only, also after an interrupt
            os.close(self._open.popitem()[1])


class Zygote:
    """The process that all others of a session come from, and their process group."""

    def __init__(self, cpu: int) -> None:
        ours, theirs = channel(30.0)
        with theirs:
            command = [sys.executable, "-S", "-s", "-P", "-B", helper.__file__]
            arguments = [theirs.fileno(), os.getpid(), cpu, ARENA + CHOSEN_BELOW * PAGE]
            self._popen = subprocess.Popen(
                [*command, *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # brk instead of mmap: no memory of the helper's own comes where the kernel chooses addresses
                env={"PYTHONMALLOC": "malloc"},
                start_new_session=True,
                preexec_fn=_limit_stack if _stack_is_unlimited() else None,  # noqa: PLW1509
            )
        self.process = Process(self._popen.pid, ours)
        try:
            self.process.answer()
        except Silent:
            self.kill()
            raise Unsupported("the helper process does not start", skip=False) from None

    @property
    def group(self) -> int:
        return self._popen.pid

    def kill(self) -> None:
        """End it and every process that came from it."""
        self.process.forget()
        with suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)
        self._popen.wait()


def channel(seconds: float) -> tuple[socket.socket, socket.socket]:
    """Both ends of a connection; receiving at the first fails after so long."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    whole = int(seconds)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", whole, int((seconds - whole) * 1e6)))
    return ours, theirs


def _stack_is_unlimited() -> bool:
    """With an unlimited stack the kernel lays out memory bottom-up (mmap_is_legacy)."""
    return resource.getrlimit(resource.RLIMIT_STACK)[0] == resource.RLIM_INFINITY


def _limit_stack() -> None:
    resource.setrlimit(resource.RLIMIT_STACK, (8 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))
