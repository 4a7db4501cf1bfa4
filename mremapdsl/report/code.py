"""Source, coloured line by line."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

from pygments.formatters.html import HtmlFormatter
from pygments.token import STANDARD_TYPES

from mremapdsl.pictures.canvas import escape
from mremapdsl.report.html import Html
from mremapdsl.tools.lexer import MrsLexer
from mremapdsl.tools.pygments_parts import TokenType
from mremapdsl.tools.styles import MrsDarkStyle, MrsStyle
from mremapdsl.tools.trace_lexer import TraceLexer


@cache
def css_class(token: TokenType) -> str:
    """The classes of a token, as Pygments writes them."""
    own = ""
    while token not in STANDARD_TYPES:
        own = f"-{token[-1]}{own}"
        assert token.parent is not None
        token = token.parent
    short = STANDARD_TYPES[token]
    return f"{short} {short}{own}" if own else short


def pieces(text: str, lexer: str = "mrs") -> Iterator[Html]:
    """The text in spans, none of which crosses a line."""
    made = (TraceLexer if lexer == "mrs-trace" else MrsLexer)(stripnl=False, ensurenl=False)
    for _, token, value in made.get_tokens_unprocessed(text):
        role = css_class(token)
        for i, part in enumerate(value.split("\n")):
            if i:
                yield Html("\n")
            if part:
                yield Html(f'<span class="{role}">{escape(part)}</span>' if role not in ("", "w") else escape(part))


@lru_cache(maxsize=4096)
def highlighted(text: str, lexer: str = "mrs") -> Html:
    """A piece of source or of a trace, coloured."""
    return Html("".join(pieces(text, lexer)))


@lru_cache(maxsize=1)
def lines(text: str) -> tuple[Html, ...]:
    """A whole source, line by line; each page of a file shows a part of the same."""
    text = text.replace("\r\n", "\n").removeprefix("\ufeff")
    return tuple(Html(line) for line in "".join(pieces(text)).split("\n"))


def style() -> str:
    """The rules for the classes above, for light and dark."""
    formatter: Any = HtmlFormatter
    light: str = formatter(style=MrsStyle).get_style_defs(".hl")
    dark: str = formatter(style=MrsDarkStyle).get_style_defs(".hl")
    own = "\n".join(line for line in light.splitlines() if line.startswith(".hl ."))
    night = "\n".join(line for line in dark.splitlines() if line.startswith(".hl ."))
    return f"{own}\n@media screen and (prefers-color-scheme:dark){{\n{night}\n}}\n"
