"""The directory in which a run notes what has to be put right if it does not come to it: settings, swap, helpers.

Only one run of a user is under way at a time (a lock).  Whoever gets the lock first undoes what an earlier run, killed
in the middle, left noted.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import stat
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from mremapdsl.backend import Unsupported
from mremapdsl.live import helper

Note = dict[str, Any]
"""One thing to undo: ``{"write": path, "old": value}``, ``{"swapoff": device}``, ``{"zram": number}``,
``{"unlink": path}``, ``{"group": number}``."""
KNOBS = ("/sys/kernel/mm/ksm/", "/sys/kernel/mm/transparent_hugepage/", "/proc/sys/vm/page-cluster")
"""Only files below these are ever written to put a setting back."""
PATIENCE = 1.0
"""Seconds until we say whom we wait for."""


class Busy(Unsupported):
    """This very process has a live session already."""


class Runtime:
    """The directory, locked as long as this object is open."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.directory = directory()
        self._journal = os.path.join(self.directory, "journal")
        self._notes: list[Note] = []
        self._lock = os.open(os.path.join(self.directory, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._acquire(say)
            self._recover(say)
        except BaseException:
            os.close(self._lock)
            raise

    def _acquire(self, say: Callable[[str], None]) -> None:
        started, said = time.monotonic(), False
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder = os.pread(self._lock, 32, 0).decode()
                if holder == str(os.getpid()):
                    raise Busy("this process has a live session already", skip=False) from None
                if not said and time.monotonic() - started > PATIENCE:
                    say(f"waiting for another live run to end (process {holder or 'unknown'})")
                    said = True
                time.sleep(0.01)
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    def _recover(self, say: Callable[[str], None]) -> None:
        """Undo what an earlier run noted and did not undo itself."""
        try:
            with open(self._journal, encoding="utf-8") as file:
                notes = list(_complete(file))
        except FileNotFoundError:
            return
        say("an earlier live run was killed: putting its settings back")
        self._notes = notes
        self.undo(say)

    def note(self, note: Note) -> None:
        """Remember how to undo what is about to be done, so that it survives this process."""
        self._notes.append(note)
        with open(self._journal, "a", encoding="utf-8") as file:
            file.write(json.dumps(note) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def undo(self, say: Callable[[str], None]) -> None:
        """Undo everything that is noted, the last first."""
        for note in reversed(self._notes):
            try:
                undo(note)
            except OSError as error:
                say(f"cannot put back {json.dumps(note)}: {error.strerror}")
        self._notes = []
        with suppress(FileNotFoundError):
            os.unlink(self._journal)

    def forget(self, note: Note) -> None:
        """It has been undone."""
        if note in self._notes:
            self._notes.remove(note)
            temporary = f"{self._journal}.new"
            with open(temporary, "w", encoding="utf-8") as file:
                file.writelines(json.dumps(left) + "\n" for left in self._notes)
            os.replace(temporary, self._journal)

    def close(self) -> None:
        """Give the lock back."""
        os.ftruncate(self._lock, 0)
        os.close(self._lock)


def _complete(lines: Iterable[str]) -> Iterable[Note]:
    """The notes of a journal; the last one may have been cut off, and then nothing was done yet."""
    for line in lines:
        with suppress(ValueError):
            yield json.loads(line)


def undo(note: Note) -> None:
    """Undo one thing. Raises OSError."""
    if "write" in note:
        path = os.path.normpath(note["write"])
        if path.startswith(KNOBS):
            write(path, note["old"])
    elif "swapoff" in note:
        from mremapdsl.live.swap import swapoff

        swapoff(note["swapoff"])
    elif "zram" in note:
        write(f"/sys/block/zram{int(note['zram'])}/reset", "1")
        write("/sys/class/zram-control/hot_remove", str(int(note["zram"])))
    elif "unlink" in note:
        with suppress(FileNotFoundError):
            os.unlink(note["unlink"])
    elif "group" in note:
        kill_helpers(int(note["group"]))


def kill_helpers(group: int) -> None:
    """Kill the helpers of a process group: its number may be another's by now, so each is asked who it is."""
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with suppress(OSError, ValueError):
            if os.getpgid(int(name)) == group and is_helper(int(name)):
                os.kill(int(name), signal.SIGKILL)


def is_helper(pid: int) -> bool:
    """Whether a process of this user runs the helper's script."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        command = file.read()
    return helper.__file__.encode() in command and os.stat(f"/proc/{pid}").st_uid == os.getuid()


def write(path: str, value: str) -> None:
    """Write a setting. Raises OSError."""
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, value.encode())
    finally:
        os.close(file)


def directory() -> str:
    """This user's runtime directory, which nobody else can write to. Raises Unsupported."""
    uid = os.getuid()
    path = os.environ.get("MREMAPDSL_RUNTIME_DIR") or _default_directory(uid)
    with suppress(FileExistsError):
        os.makedirs(path, mode=0o700)
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o022:
        raise Unsupported(f"{path} is not a directory that only user {uid} can write to", skip=False)
    return path


def _default_directory(uid: int) -> str:
    for parent in ("/run" if uid == 0 else os.environ.get("XDG_RUNTIME_DIR", ""), "/dev/shm", "/tmp"):
        if parent and os.access(parent, os.W_OK | os.X_OK):
            return os.path.join(parent, "mremapdsl" if uid == 0 and parent == "/run" else f"mremapdsl-{uid}")
    raise Unsupported("there is no directory to note in what has to be put back", skip=False)
