"""The parts of Pygments that the lexers use, with the types that its stubs do not give."""

# pyright: basic

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from pygments import lexer
from pygments.lexers.markup import MarkdownLexer
from pygments.token import _TokenType

__all__ = ["Action", "TokenType", "Tokens", "bygroups", "do_insertions", "markdown", "using"]

TokenType: TypeAlias = _TokenType
Tokens: TypeAlias = Iterator[tuple[int, Any, str]]
"""(offset, token, text)"""
Action: TypeAlias = Callable[["lexer.RegexLexer", "re.Match[str]"], Tokens]

bygroups: Callable[..., Action] = lexer.bygroups
"""A token for each group of the pattern."""
using: Callable[..., Action] = lexer.using
"""What matches, as another lexer sees it."""
_insert: Callable[[Iterator[tuple[int, list[tuple[int, Any, str]]]], Tokens], Tokens] = vars(lexer)["do_insertions"]


def do_insertions(inserted: Iterable[tuple[int, list[tuple[int, Any, str]]]], tokens: Tokens) -> Tokens:
    """The tokens with others put in at these offsets."""
    return _insert(iter(inserted), tokens)


def markdown(prose: str) -> Tokens:
    """Markdown as its own lexer sees it."""
    made: Any = MarkdownLexer
    tokens: Tokens = made().get_tokens_unprocessed(prose)
    return tokens
