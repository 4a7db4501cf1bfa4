"""What programs write to a terminal of the tests."""

from __future__ import annotations

import os


def written(terminal: int) -> bytes:
    """Everything up to the end of whoever writes, whose side is closed here already. Closes the terminal."""
    chunks: list[bytes] = []
    try:
        while chunk := os.read(terminal, 4096):
            chunks.append(chunk)
    except OSError:
        pass
    os.close(terminal)
    return b"".join(chunks)
