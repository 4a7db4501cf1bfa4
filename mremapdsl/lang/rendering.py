"""Findings as text for people: cause, line, caret, remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mremapdsl.lang.diagnostics import ERROR, Diagnostic

INDENT = "  "
WIDTH = 80 - len(INDENT)
"""Columns of a source line that are shown; more than that is cut around the caret. Remedies go on in the next line."""
TAB = " " * 4
HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
RESET, BOLD, RED, YELLOW, GREEN = "\x1b[0m", "\x1b[1m", "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;32m"


def render(diagnostic: Diagnostic, source_line: str, color: bool = False) -> str:
    """The finding in four lines or more (no newline at the end); ``source_line`` is the line that it is about."""
    severity, remedy = diagnostic.severity, "remedy:"
    instead = f"\n{INDENT * 3}".join(filled(visible(diagnostic.remedy), WIDTH - len("remedy: ")))
    shown, caret = excerpt(source_line, diagnostic.column - 1, diagnostic.length)
    head = f"{visible(diagnostic.file)}:{diagnostic.line}:{diagnostic.column}:"
    message = f"{visible(diagnostic.message)} [{diagnostic.code}]"
    if color:
        head, message = f"{BOLD}{head}{RESET}", f"{BOLD}{message}{RESET}"
        severity = f"{RED if severity == ERROR else YELLOW}{severity}:{RESET}"
        caret, remedy = f"{GREEN}{caret}{RESET}", f"{GREEN}{remedy}{RESET}"
    else:
        severity += ":"
    return f"{head} {severity} {message}\n{INDENT}{shown}\n{INDENT}{caret}\n{INDENT}{remedy} {instead}"


def filled(text: str, room: int) -> Iterator[str]:
    """The text in lines that fit, broken at spaces; longer words stay whole."""
    while len(text) > room and " " in text:
        line, _, _ = text[: room + 1].rpartition(" ")
        line = line or text.partition(" ")[0]
        yield line
        text = text[len(line) + 1 :]
    yield text


def excerpt(line: str, offset: int, length: int) -> tuple[str, str]:
    """The part of a line that fits, and the line with the carets below it."""
    before, at, after = line[:offset], line[offset : offset + length], line[offset + length :]
    if len(line) > WIDTH:
        at = cut(at, WIDTH // 2)
        room = WIDTH - len(at)
        kept = min(len(after), room // 2)
        kept = min(len(after), room - min(len(before), room - kept))
        before = before if len(before) <= room - kept else "..." + before[len(before) - (room - kept) + 3 :]
        after = cut(after, kept)
    before, at, after = visible(before), visible(at), visible(after)
    return f"{before}{at}{after}".rstrip(), " " * columns(before) + "^" * max(columns(at), 1)


def cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 3, 0)] + "..."


def visible(text: str) -> str:
    """The text with spaces for tabs and escapes for what cannot be seen."""
    return HIDDEN.sub(lambda found: escape(found.group()), text)


def escape(character: str) -> str:
    if character == "\t":
        return TAB
    return f"\\x{ord(character):02x}" if character < "\x80" else f"\\u{ord(character):04x}"


def columns(text: str) -> int:
    """How many columns of a terminal a visible text takes."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
