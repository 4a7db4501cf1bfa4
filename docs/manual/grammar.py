"""The grammar of the language as Sphinx shows productions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from manual.examples import ROOT

PATH = ROOT / "grammar" / "mrs.lark"
DEFINITION = re.compile(r"^[?!]*([A-Za-z_]+): *(.*(?:\n[ \t]+\|?.*)*)", re.MULTILINE)
PIECE = re.compile(r'(?P<word>"(?:[^"\\]|\\.)*")|(?P<pattern>/(?:[^/\\]|\\.)+/)|(?P<name>[A-Za-z_]+)|(?P<sign>\S)')
SPLIT = ("operation", "assertion")
"""Rules whose alternatives are shown one by one, under their own names."""
WIDTH = 70
"""Columns of a line of a production."""
IN_WORDS = {
    "_END": "a newline or `;`, with the comments and empty lines behind it",
    "GOES_ON": "a newline before `{`, `or {`, `else` or `during relocation`",
}


class Alternative(NamedTuple):
    text: str
    alias: str


@cache
def rules() -> dict[str, tuple[Alternative, ...]]:
    """Rule or terminal -> its alternatives."""
    text = re.sub(r"^[ \t]*//.*\n", "", PATH.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: tuple(alternatives(body)) for name, body in DEFINITION.findall(text)}


def names() -> list[str]:
    """Everything that :func:`production` takes, in the order of the grammar."""
    found: list[str] = []
    for rule, alternatives_ in rules().items():
        found.append(rule)
        if rule in SPLIT:
            found += dict.fromkeys(f"{rule}/{each.alias}" for each in alternatives_)
    return found


def alternatives(body: str) -> Iterator[Alternative]:
    """What stands between the ``|`` of a rule."""
    for part in split(body):
        text, _, alias = part.partition("->")
        yield Alternative(" ".join(text.split()), alias.strip())


def split(body: str) -> Iterator[str]:
    """Cut at each ``|`` outside parentheses, texts and patterns."""
    depth, start = 0, 0
    for piece in PIECE.finditer(body):
        sign = piece["sign"] or ""
        depth += (sign in "([" and sign != "") - (sign in ")]" and sign != "")
        if sign == "|" and depth == 0:
            yield body[start : piece.start()]
            start = piece.end()
    yield body[start:]


def production(name: str) -> str:
    """A rule, a terminal or (``operation/mmap``) the alternatives of one name, for a ``productionlist``."""
    rule, _, alias = name.partition("/")
    found = rules()[rule]
    if alias:
        texts = [linked(each.text) for each in found if each.alias == alias]
        assert texts, f"the rule {rule} has no alternative {alias}"
        return f"{alias}: {' | '.join(texts)}"
    if rule in SPLIT:
        return f"{rule}: {' | '.join(dict.fromkeys(f'`{each.alias}`' for each in found))}"
    if rule in IN_WORDS:
        return f"{rule}: {IN_WORDS[rule]}".replace("`", '"')
    return f"{rule}: {' | '.join(linked(each.text) for each in found)}"


def lines(text: str) -> Iterator[str]:
    """A production in lines that fit, further ones beginning as ``productionlist`` wants them."""
    name, _, body = text.partition(": ")
    line = f"{name}:"
    for i, part in enumerate(body.split(" | ")):
        piece = f"| {part}" if i else part
        if i and len(line) + len(piece.replace("`", "")) > WIDTH:
            yield line
            line = ":"
        line += f" {piece}"
    yield line


def linked(text: str) -> str:
    """The text of an alternative, names of others being links."""
    if text.startswith("/"):
        return text.replace("`", "'")
    return PIECE.sub(lambda piece: f"`{piece[0]}`" if piece["name"] else piece[0], text)
