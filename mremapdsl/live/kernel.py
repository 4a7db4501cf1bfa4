"""The kernel's numbers: system calls, flags, advice, errno names, and the words of /proc."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from types import MappingProxyType

from mremapdsl.backend import Unsupported

_X86_64 = {
    "mmap": 9, "mprotect": 10, "munmap": 11, "mremap": 25, "madvise": 28, "mlock": 149, "munlock": 150, "prctl": 157,
    "swapon": 167, "swapoff": 168,
}  # fmt: skip
_GENERIC = {
    "mmap": 222, "mprotect": 226, "munmap": 215, "mremap": 216, "madvise": 233, "mlock": 228, "munlock": 229,
    "prctl": 167, "swapon": 224, "swapoff": 225,
}  # fmt: skip
_EVERYWHERE = {
    "io_uring_setup": 425, "io_uring_register": 427, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "mseal": 462,
}  # fmt: skip
CALLS: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {"x86_64": {**_X86_64, **_EVERYWHERE}, "aarch64": {**_GENERIC, **_EVERYWHERE}}
)

READ, WRITE, EXEC = 1, 2, 4
PROTECTION = {"r": READ, "w": WRITE, "x": EXEC}
MAP_SHARED, MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS = 0x01, 0x02, 0x10, 0x20
MAP_NORESERVE, MAP_POPULATE, MAP_FIXED_NOREPLACE = 0x4000, 0x8000, 0x100000

ADVICE = {
    "DONTNEED": 4, "FREE": 8, "DONTFORK": 10, "DOFORK": 11, "MERGEABLE": 12, "UNMERGEABLE": 13, "HUGEPAGE": 14,
    "NOHUGEPAGE": 15, "WIPEONFORK": 18, "KEEPONFORK": 19, "COLD": 20, "PAGEOUT": 21, "POPULATE_READ": 22,
    "POPULATE_WRITE": 23, "COLLAPSE": 25, "GUARD_INSTALL": 102, "GUARD_REMOVE": 103,
}  # fmt: skip
OF_CONFIGURATION = {"MERGEABLE": "CONFIG_KSM", "UNMERGEABLE": "CONFIG_KSM", "HUGEPAGE": "CONFIG_TRANSPARENT_HUGEPAGE",
                    "NOHUGEPAGE": "CONFIG_TRANSPARENT_HUGEPAGE", "COLLAPSE": "CONFIG_TRANSPARENT_HUGEPAGE"}  # fmt: skip
"""Advice that a kernel may have been built without."""
PR_SET_MEMORY_MERGE, PR_GET_MEMORY_MERGE = 67, 68

SHOWN_FLAGS = ("ac", "nr", "lo", "lf", "dc", "wf", "hg", "nh", "mg", "sl", "gu")
"""VMA flags that the model knows, by their names in smaps and in its order."""
FLAG_BITS = {
    "ac": 1 << 20, "nr": 1 << 21, "lo": 1 << 13, "lf": 1 << 19, "dc": 1 << 17, "wf": 1 << 25, "hg": 1 << 29,
    "nh": 1 << 30, "mg": 1 << 31, "sl": 1 << 42 | 1 << 63, "gu": 1 << 11,
}  # fmt: skip
"""Their bits in vm_flags (x86-64; VM_SEALED has had two)."""


def calls() -> Mapping[str, int]:
    """The numbers of this machine's system calls. Raises Unsupported on an architecture that is not known."""
    machine = os.uname().machine
    if machine not in CALLS:
        raise Unsupported(f"the system calls of {machine} are not known (of {' and '.join(CALLS)} they are)")
    return CALLS[machine]


def errno_name(number: int) -> str:
    """``EFAULT`` for 14."""
    return errno.errorcode.get(number, f"errno {number}")
