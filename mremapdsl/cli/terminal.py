"""What the output goes to: width, colour, characters."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO

from mremapdsl.trace.style import Style

SIGNS = "✓✗…"


def use_color(wish: str, stream: TextIO | None) -> bool:
    """Whether to colour: an explicit wish counts, otherwise only a terminal, and never against NO_COLOR."""
    if wish != "auto":
        return wish == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or stream is None:
        return False
    return stream.isatty()


def style(wish: str, *, full: bool) -> Style:
    """How to set text for standard output."""
    stream = sys.stdout
    width = 80
    if stream is not None and stream.isatty():
        width = max(60, min(columns(), 120))
    return Style(width, use_color(wish, stream), can_show(stream, SIGNS), full)


def columns() -> int:
    """Columns of the terminal; 80 where it does not say."""
    try:
        return int(os.environ.get("COLUMNS", "")) or 80
    except ValueError:
        pass
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


def can_show(stream: TextIO | None, signs: str) -> bool:
    try:
        signs.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def prepare(*, json: bool) -> None:
    """Let no character stop the output; JSON is UTF-8 whatever the terminal uses."""
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper):
            continue
        if json and stream is sys.stdout:
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
        else:
            stream.reconfigure(errors="backslashreplace")
