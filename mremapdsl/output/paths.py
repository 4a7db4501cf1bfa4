"""How reports name files: from the working directory, where that is possible."""

from __future__ import annotations

import os


def relative(name: str) -> str:
    """The path from the working directory, with ``/``; an absolute one if the file lies outside."""
    path = os.path.relpath(name)
    return os.path.abspath(name) if path.split(os.sep)[0] == os.pardir else path.replace(os.sep, "/")


def uri(name: str) -> str:
    """A relative URI, or a ``file:`` URI for files outside of the working directory."""
    from urllib.parse import quote

    path = quote(os.fsencode(relative(name)), safe="/")
    return f"file://{path}" if path.startswith("/") else path
