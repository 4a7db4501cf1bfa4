"""Text of scenarios as C: strings, comments, identifiers, lines that are not too long."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator

WIDTH = 100
"""Columns of a line, tabs counted as eight."""
KEYWORDS = frozenset({
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern", "float",
    "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed", "sizeof",
    "static", "struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while", "asm", "typeof", "bool",
    "true", "false", "nullptr", "constexpr", "linux", "unix", "errno", "stdin", "stdout", "stderr", "major", "minor",
})  # fmt: skip
"""Words that a variable cannot be called, or that headers define."""
MACRO = re.compile(r"[A-Z_][A-Z0-9_]{2,}|(?:st|sa|si|sc)_\w+|_\w*")
"""Names that a header may have taken for a macro."""


def string(text: str) -> str:
    """A string literal."""
    inner = "".join(map(_escaped, text)).replace("??", "?\\?")
    return f'"{inner}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "replace"))


def comment(text: str, indent: str = "") -> list[str]:
    """The lines of a block comment; none for no text."""
    lines = [_harmless(line.rstrip()) for line in text.strip().splitlines()]
    if len(lines) == 1 and len(lines[0]) < WIDTH - 16:
        return [f"{indent}/* {lines[0]} */"]
    return [f"{indent}/*", *(f"{indent} * {line}".rstrip() for line in lines), f"{indent} */"] if lines else []


def _harmless(line: str) -> str:
    """A line that neither ends a comment nor begins one, nor has a trigraph or a character that turns text around."""
    line = "".join(c if c.isprintable() else " " for c in line)
    return line.replace("??/", "? ?/").replace("*/", "* /").replace("/*", "/ *")


def title(text: str) -> str:
    """A name for a line of KTAP: no directive, one line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).replace("#", "no. ").split())


def function_name(text: str, taken: Container[str]) -> str:
    """An identifier for a title: ``test_the_child_writes_first``."""
    word = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return unique(f"test_{word or 'scenario'}"[:60].rstrip("_"), taken)


def variable(name: str, taken: Container[str]) -> str:
    """An identifier for a name of the language."""
    word = re.sub(r"\W", "_", name, flags=re.ASCII)
    clashes = word in KEYWORDS or MACRO.fullmatch(word) or not word[:1].isalpha() or not word.isascii()
    return unique(f"at_{word}" if clashes else word, taken)


def unique(word: str, taken: Container[str]) -> str:
    """The word, or one with a number behind it."""
    found, number = word, 2
    while found in taken:
        found, number = f"{word}_{number}", number + 1
    return found


def call(indent: str, text: str, end: str = ";") -> list[str]:
    """A statement on one line, or broken behind commas."""
    if _columns(indent + text + end) <= WIDTH or "(" not in text:
        return [indent + text + end]
    lines: list[str] = []
    line = indent
    for part in _pieces(text + end):
        if line.strip() and _columns(line + part.rstrip()) > WIDTH:
            lines.append(line.rstrip())
            line = indent + "\t"
        line += part
    return [*lines, line.rstrip()]


def _columns(line: str) -> int:
    return len(line.expandtabs(8))


def _pieces(text: str) -> Iterator[str]:
    """A text cut behind the commas and bars that stand in no string."""
    start = 0
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|, |\| ', text):
        if found[0][0] != '"':
            yield text[start : found.end()]
            start = found.end()
    yield text[start:]


def block(head: str, body: Iterable[str], indent: str) -> list[str]:
    """A head with what it governs, in braces if that is more than one statement."""
    lines = list(body)
    if len(lines) == 1:
        return [indent + head, *lines]
    return [f"{indent}{head} {{", *lines, f"{indent}}}"]
