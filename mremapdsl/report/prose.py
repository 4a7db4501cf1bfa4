"""Documentation of scenarios: Markdown, with citations as links to the public archive of the mailing lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt

from mremapdsl.report.code import highlighted
from mremapdsl.report.html import EMPTY, Html, el, safe
from mremapdsl.trace.markdown import CITATION, address

HEADING = re.compile(r"\s*#+ +(.+?) *#* *(?:\n|$)")
TITLE = re.compile(r"\s*([^\s#>|`*+-].{0,88}[^\s.:;,]) *(?:\n[ \t]*\n|$)")
LINE = re.compile(r"\bline (\d+)\b")
SUMMARY = 180
"""Characters of a summary at most."""


def citation(state: Any, silent: bool) -> bool:
    """An inline rule of markdown-it: ``@<message-id>`` is a link."""
    match = CITATION.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        state.push("link_open", "a", 1).attrs = {"href": address(match[1]), "class": "citation"}
        state.push("text", "", 0).content = match[1]
        state.push("link_close", "a", -1)
    state.pos += len(match[0])
    return True


def fence(code: str, language: str, _attributes: str) -> str:
    """Code blocks of the scenario language, coloured; empty leaves it to the renderer."""
    if language not in ("", "mrs", "mrs-trace"):
        return ""
    lexer = language or "mrs"
    return (
        f'<pre class="hl" tabindex="0"><code>{highlighted(code, lexer) if language else el("span", code)}</code></pre>'
    )


def lower_headings(state: Any) -> None:
    """A core rule: the page has headings of its own above those of the prose."""
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"


@cache
def converter() -> MarkdownIt:
    """CommonMark with tables; no HTML passes, and no picture is loaded."""
    made = MarkdownIt("commonmark", {"html": False, "highlight": fence}).enable(["table", "strikethrough"])
    made.disable(["image", "html_block", "html_inline"])
    made.inline.ruler.before("autolink", "citation", citation)
    made.core.ruler.push("lower_headings", lower_headings)
    return made


def prose(text: str) -> Html:
    """Documentation as HTML; empty for none."""
    return Html(converter().render(text)) if text.strip() else EMPTY


def inline(text: str) -> Html:
    """One line of documentation."""
    return Html(converter().renderInline(text))


def titled(text: str) -> tuple[str, str]:
    """The title that documentation begins with, and the rest.

    A title is a heading, or a short line with an empty one behind it that does not end as a sentence does.
    """
    match = HEADING.match(text) or TITLE.match(text)
    return (match[1], text[match.end() :]) if match else ("", text)


def sentence(text: str) -> Html:
    """A sentence of the model's: source in it is coloured, and lines that it names are links."""
    parts = re.split(r"`([^`]+)`", text)
    parts[::2] = [LINE.sub(r'<a href="#L\1">line \1</a>', safe(part)) for part in parts[::2]]
    parts[1::2] = [el("code", highlighted(part), class_="hl") for part in parts[1::2]]
    return Html("".join(parts))


def summary(text: str) -> Html:
    """The first sentence or so of documentation, without headings."""
    paragraphs: Sequence[str] = [part for part in re.split(r"\n\s*\n", text) if not re.match(r"\s*(#|```|[|>])", part)]
    first = " ".join(paragraphs[0].split()) if paragraphs else ""
    first = CITATION.sub("", first).replace("()", "").replace(" .", ".")
    if len(first) > SUMMARY:
        end = first.rfind(". ", 0, SUMMARY)
        first = first[: end + 1] if end > SUMMARY // 4 else first[: first.rfind(" ", 0, SUMMARY)] + " …"
    return inline(first)
