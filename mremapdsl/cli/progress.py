"""A line on a terminal that says how far a long run has come."""

from __future__ import annotations

import os
import sys
import time

from mremapdsl.cli.terminal import columns

PATIENCE, OFTEN = 0.5, 0.1
"""Seconds before the line first shows, and between two of its states."""
CLEAR = "\r\x1b[K"


class Progress:
    """Standard error's last line, if that is a terminal. Short runs never show it."""

    def __init__(self, wanted: bool) -> None:
        stream = sys.stderr
        self.active = wanted and stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
        self.next = time.monotonic() + PATIENCE
        self.shown = False

    def show(self, text: str) -> None:
        """Show this, unless the last one is too fresh."""
        if not self.active or time.monotonic() < self.next:
            return
        sys.stdout.flush()
        sys.stderr.write(CLEAR + text[: columns() - 1])
        sys.stderr.flush()
        self.shown = True
        self.next = time.monotonic() + OFTEN

    def clear(self) -> None:
        """Make room for other output."""
        if self.shown:
            sys.stderr.write(CLEAR)
            sys.stderr.flush()
            self.shown = False
