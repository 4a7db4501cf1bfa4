"""When documents are out of date though their files are as they were."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from functools import cache

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PARTS = (PACKAGE, os.path.join(os.path.dirname(PACKAGE), "grammar"))
"""In a checkout, the grammar stands beside the package."""
SOURCES = (".py", ".lark")


@cache
def of_the_package() -> int:
    """A number that changes with the sources of the package, to be the version of what Sphinx keeps of documents."""
    found = 0
    for path in sources():
        with open(path, "rb") as stream:
            found = zlib.crc32(stream.read(), found)
    return found


def sources() -> Iterator[str]:
    """The files that decide what scenarios come to, in an order of their own."""
    for part in PARTS:
        for folder, folders, files in os.walk(part):
            folders.sort()
            yield from (os.path.join(folder, file) for file in sorted(files) if file.endswith(SOURCES))
