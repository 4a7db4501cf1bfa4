"""Files of records."""

from __future__ import annotations

import gzip
import json
import os
import platform
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import BinaryIO

from mremapdsl.live.settings import KSM, THP, read, sizes
from mremapdsl.recording.operations import Json, Unknown

FORMAT = "mremapdsl-records/1"
HEADER = "(recorded on)"
"""Id of the program that does nothing and says where the others come from."""
COMPRESSED = ".gz"


def header(release: str, rules: str, *, deep: bool, swap: str) -> Json:
    """The first line: what was recorded where. ``swap`` is where swapped pages are, ``disk`` or ``memory``."""
    return {
        "id": HEADER,
        "ops": [],
        "seen": [],
        "format": FORMAT,
        "kernel": release,
        "version": f"{platform.release()} {platform.version()}",
        "machine": platform.machine(),
        "rules": rules,
        "deep": deep,
        "lasting_frames": True,
        "swap": swap,
        "configuration": configuration(),
    }


def configuration() -> Json:
    """What of the machine's settings and of the kernel's configuration matters, as far as it can be read."""
    found: Json = {
        "thp": read(f"{THP}/enabled"),
        "mthp": {str(size): read(f"{THP}/hugepages-{size * 4}kB/enabled") for size in sizes()},
        "ksm": {name: read(f"{KSM}/{name}") for name in ("use_zero_pages", "smart_scan", "max_page_sharing")},
        "max_map_count": read("/proc/sys/vm/max_map_count"),
        "overcommit_memory": read("/proc/sys/vm/overcommit_memory"),
    }
    with suppress(OSError), gzip.open("/proc/config.gz", "rt", encoding="ascii") as lines:
        options = dict(line.strip().split("=", 1) for line in lines if line.startswith("CONFIG_"))
        found["options"] = {name: options.get(f"CONFIG_{name}", "n") for name in OPTIONS}
    return found


OPTIONS = ("TRANSPARENT_HUGEPAGE", "KSM", "MEM_SOFT_DIRTY", "ANON_VMA_NAME", "USERFAULTFD", "NUMA", "SWAP", "ZSWAP",
           "PAGE_MAPCOUNT")  # fmt: skip
"""Of the kernel's configuration."""


def records(path: str) -> Iterator[Json]:
    """The lines of a file. Raises OSError, and Unknown for what is no record."""
    opener = gzip.open if path.endswith(COMPRESSED) else open
    with opener(path, "rt", encoding="utf-8") as lines:
        number = 0
        try:
            for number, line in enumerate(lines, 1):
                found = json.loads(line)
                if not isinstance(found, dict) or not {"id", "ops", "seen"} <= found.keys():
                    raise Unknown(f"line {number} is no record: it lacks `id`, `ops` or `seen`")
                yield found
        except (ValueError, EOFError, gzip.BadGzipFile) as error:
            raise Unknown(f"line {number + 1} is no record: {error}") from None


class Exists(Exception):
    """There is such a file already."""


def write(path: str, lines: Iterable[Json], *, force: bool) -> int:
    """Write records, all or nothing; how many there were.

    Errors: OSError, and Exists if there is a file already and ``force`` is not given.
    """
    if not force and os.path.lexists(path):
        raise Exists(path)
    temporary = f"{path}.{os.getpid()}.new"
    try:
        with open(temporary, "xb") as file:
            count = _write(file, lines, compressed=path.endswith(COMPRESSED))
            file.flush()
            os.fsync(file.fileno())
        if force:
            os.replace(temporary, path)
        else:
            try:
                os.link(temporary, path)
            except FileExistsError:
                raise Exists(path) from None
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
    return count


def _write(file: BinaryIO, lines: Iterable[Json], *, compressed: bool) -> int:
    count = 0
    packed = gzip.GzipFile("", "wb", 9, file, mtime=0) if compressed else None
    for line in lines:
        (packed or file).write(json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")
        count += 1
    if packed is not None:
        packed.close()
    return count
