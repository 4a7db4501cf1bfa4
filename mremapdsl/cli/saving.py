"""Files that commands write: never over one that is there, unless told to."""

from __future__ import annotations

import os
from itertools import count


def save_new(directory: str, name: str, content: str, suffix: str = ".mrs") -> str:
    """Write a new file ``NAME.mrs``, or ``NAME-2.mrs``… where there is one already. Its path. Raises OSError."""
    for number in count(1):
        path = os.path.join(directory, f"{name}{suffix}" if number == 1 else f"{name}-{number}{suffix}")
        try:
            with open(path, "x", encoding="utf-8") as file:
                file.write(content)
        except FileExistsError:
            continue
        return path
    raise AssertionError("unreachable")


def save(path: str, content: str, *, force: bool) -> bool:
    """Write a file; False if there is one already and it is not to be overwritten. Raises OSError."""
    try:
        with open(path, "w" if force else "x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        return False
    return True
