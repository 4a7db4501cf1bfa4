"""The kernel's own threads: whether they sleep."""

from __future__ import annotations

import os


def named(name: str) -> list[str]:
    """Process ids of kernel threads: none where they cannot be seen (from within a container)."""
    return [pid for pid in os.listdir("/proc") if pid.isdigit() and _stat(pid).startswith(f"{pid} ({name}) ")]


def sleeps(pid: str) -> bool:
    """Whether a thread waits for something to do, or is gone."""
    return _stat(pid).rpartition(")")[2][1:2] in ("S", "I", "")


def _stat(pid: str) -> str:
    """``/proc/PID/stat``; empty for a process that is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
