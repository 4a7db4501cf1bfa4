"""The text of a file: from bytes to characters, and from offsets to lines."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from mremapdsl.lang.diagnostics import Problem

MAX_BYTES = 64 << 20
UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+|\r(?!\n)"
)
"""Control characters, marks that reorder text, byte order marks, halves of surrogate pairs."""


class Source:
    """A text with the offsets of its lines."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self._starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]

    def line(self, offset: int) -> int:
        """The line, from 1, in which an offset lies."""
        return bisect_right(self._starts, offset)

    def column(self, offset: int) -> int:
        """The place of an offset in its line, from 1."""
        return offset - self._starts[self.line(offset) - 1] + 1

    def title(self) -> str:
        """What a file without ``scenario`` is called: its name."""
        return self.file.replace("\\", "/").rpartition("/")[2].removesuffix(".mrs")

    def line_text(self, line: int) -> str:
        return self.text[self._starts[line - 1] : self._starts[line] - 1].rstrip("\r")


def decode(content: str | bytes) -> str:
    """The characters of a file without its byte order mark.

    Raises Problem (offsets into the text as far as it could be read) if it is too long or not UTF-8.
    """
    if len(content) > MAX_BYTES:
        raise Problem(
            "MRS004",
            0,
            0,
            f"the text is {len(content) >> 20} MiB long",
            f"split it: {MAX_BYTES >> 20} MiB are allowed",
        )
    if isinstance(content, str):
        return content.removeprefix("\ufeff")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or content[1:4:2] == b"\0\0" or content[:3:2] == b"\0\0":
        raise Problem("MRS002", 0, 0, "the text is UTF-16 or UTF-32", "save it as UTF-8")
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = len(content[: error.start].decode("utf-8").removeprefix("\ufeff"))
        raise Problem(
            "MRS001",
            before,
            before + 1,
            f"byte 0x{content[error.start]:02x} is not UTF-8 here ({error.reason})",
            "save the file as UTF-8",
        ) from None


def readable(content: str | bytes) -> str:
    """As much of a text that cannot be used as is needed to show where."""
    if isinstance(content, bytes):
        content = content.decode("utf-8", "replace")
    return content.removeprefix("\ufeff")


def unseen(text: str) -> Iterator[Problem]:
    """What is in the text and cannot be seen."""
    for found in UNSEEN.finditer(text):
        yield Problem("MRS003", found.start(), found.end(), _unseen(found.group()), "delete it")


def _unseen(characters: str) -> str:
    first = characters[0]
    what = {
        "\0": "a NUL byte",
        "\ufeff": "a byte order mark in the middle of the text",
        "\r": "a carriage return that does not end a line",
    }.get(first, "a control character")
    if "\ud800" <= first <= "\udfff":
        what = "a byte that is not UTF-8"
    elif "\u2028" <= first <= "\u2069":
        what = "a character that changes how the text is shown"
    more = f", and {len(characters) - 1} more behind it" if len(characters) > 1 else ""
    return f"{what} (U+{ord(first):04X}){more}"


def blank(text: str) -> str:
    """The text with spaces for what cannot be seen: every offset stays what it was."""
    return UNSEEN.sub(lambda found: " " * len(found.group()), text)
