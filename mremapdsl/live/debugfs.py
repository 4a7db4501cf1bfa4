"""Files of debugfs, whether it is mounted or not: through a mount of our own that no path leads to."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping

from mremapdsl.backend import Unsupported

FSCONFIG_CREATE, CLOEXEC = 6, 1
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def open_file(calls: Mapping[str, int], name: str) -> int:
    """Open a file of debugfs for writing. Raises Unsupported."""
    mount = -1
    try:
        mount = _mount(calls)
        return os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=mount)
    except OSError as error:
        raise Unsupported(f"{name} of debugfs cannot be opened: {error.strerror}") from None
    finally:
        if mount >= 0:
            os.close(mount)


def _mount(calls: Mapping[str, int]) -> int:
    """A detached mount of debugfs (fsopen, since Linux 5.2)."""
    context = _call(calls["fsopen"], b"debugfs", CLOEXEC)
    try:
        _call(calls["fsconfig"], context, FSCONFIG_CREATE, None, None, 0)
        return _call(calls["fsmount"], context, CLOEXEC, 0)
    finally:
        os.close(context)


def _call(number: int, *arguments: int | bytes | None) -> int:
    made: int = _libc.syscall(number, *arguments)
    if made < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return made
