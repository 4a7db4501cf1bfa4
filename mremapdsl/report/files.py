"""Where a site goes: a directory of its own, whose foreign files are never touched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

MANIFEST = ".mremapdsl-report"
"""Lists the files of a site, so that a later one can tell its own from foreign ones."""


class Unusable(Exception):
    """The directory cannot be used; the message says why."""


class Output:
    """A directory that a site is written to."""

    def __init__(self, directory: str) -> None:
        """Raises Unusable for a directory with content that no report made."""
        self.directory = directory
        self._old = set(self._listed())
        self._new: set[str] = set()
        if os.path.lexists(directory) and not os.path.isdir(directory):
            raise Unusable(f"{directory} is not a directory")
        if os.path.isdir(directory) and os.listdir(directory) and not os.path.exists(self._path(MANIFEST)):
            raise Unusable(f"{directory} is not empty and holds no report: name another directory, or empty it")
        os.makedirs(directory, exist_ok=True)
        self._list(self._old)

    def _path(self, path: str) -> str:
        return os.path.join(self.directory, *path.split("/"))

    def _listed(self) -> Iterator[str]:
        """The files that the last report wrote."""
        try:
            with open(self._path(MANIFEST), encoding="utf-8") as stream:
                for line in stream:
                    path = line.strip()
                    if path and not path.startswith("/") and ".." not in path.split("/"):
                        yield path
        except (OSError, UnicodeDecodeError):
            return

    def _list(self, paths: set[str]) -> None:
        with open(self._path(MANIFEST), "w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(f"{path}\n" for path in sorted(paths))

    def write(self, path: str, text: str) -> None:
        """Write a file. Raises Unusable where a foreign one is in the way."""
        target = self._path(path)
        if path not in self._old and path not in self._new and os.path.lexists(target):
            raise Unusable(f"{target} exists and is not of a report")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        self._new.add(path)

    def finish(self) -> None:
        """Note what was written, and remove what an older report left."""
        self._list(self._new)
        for path in sorted(self._old - self._new):
            with suppress(OSError):
                os.remove(self._path(path))
            folder = os.path.dirname(path)
            while folder:
                try:
                    os.rmdir(self._path(folder))
                except OSError:
                    break
                folder = os.path.dirname(folder)
