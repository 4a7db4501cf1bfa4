"""Files written in one go: whoever reads them sees the old content or the new, never a part."""

from __future__ import annotations

import os
import stat
from contextlib import suppress


class Changed(Exception):
    """The file is not what it was when it was read; the message says so."""


def replace(path: str, content: bytes) -> None:
    """Write a file, keeping its mode if there is one; links and special files (``/dev/stdout``) stay what they are.

    Raises OSError.
    """
    path = os.path.realpath(path) if os.path.islink(path) and os.path.isfile(path) else path
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        with open(path, "wb") as special:
            special.write(content)
        return
    if mode is not None and not os.access(path, os.W_OK):
        raise PermissionError(13, "it is read-only", path)
    beside = f"{path}.{os.getpid()}.tmp"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            if mode is not None:
                os.fchmod(descriptor, stat.S_IMODE(mode))
            os.fsync(descriptor)
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise


def replace_unchanged(path: str, old: bytes, new: bytes) -> None:
    """Replace a file whose content is still ``old``. Raises Changed, OSError."""
    with open(path, "rb") as stream:
        now = stream.read()
    if now != old:
        raise Changed(f"{path} has changed meanwhile; it was left alone")
    replace(path, new)
