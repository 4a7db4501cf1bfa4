"""Pieces of reStructuredText."""

from __future__ import annotations

import re

CODE = re.compile(r"``([^`]+)``|`([^`]+)`")
CITATION = re.compile(r"\(?@<([^<>\s]+)>\)?")
UNESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
SPECIAL = re.compile(r"([*\\|`]|(?<=\w)_(?!\w))")


def heading(text: str, sign: str) -> str:
    """A heading; ``text`` is in reStructuredText."""
    return f"{text}\n{sign * max(len(text), 3)}\n\n"


def literal(text: str) -> str:
    return f"``{text}``"


def inline(markdown: str) -> str:
    """A line of Markdown, or of a docstring: code, citations, and text."""
    parts = CODE.split(markdown)
    parts[0::3] = [cited(part) for part in parts[0::3]]
    parts[1::3] = [literal(part) if part else "" for part in parts[1::3]]
    parts[2::3] = [literal(part) if part else "" for part in parts[2::3]]
    return "".join(parts)


def cited(text: str) -> str:
    """Text with citations."""
    parts = CITATION.split(text)
    parts[0::2] = [escaped(part) for part in parts[0::2]]
    parts[1::2] = [f"(:mrs-mail:`{message}`)" for message in parts[1::2]]
    return "".join(parts)


def escaped(text: str) -> str:
    """Text of Markdown, with escapes of reStructuredText in place of its own."""
    return SPECIAL.sub(r"\\\1", UNESCAPED.sub(r"\1", text))


def indented(text: str, by: int = 3) -> str:
    """The text as content of a directive."""
    return "".join(f"{' ' * by}{line}\n" if line.strip() else "\n" for line in text.split("\n"))


def paragraphs(docstring: str) -> str:
    """A docstring, its paragraphs kept."""
    return "\n\n".join(inline(" ".join(part.split())) for part in re.split(r"\n\s*\n", docstring.strip()))
