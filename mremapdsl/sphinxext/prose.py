"""Documentation of scenarios (Markdown) as nodes of a document, so that every builder can show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from docutils import nodes

from mremapdsl.report.prose import converter

PLAIN: dict[str, Callable[[], nodes.Element]] = {
    "paragraph": nodes.paragraph,
    "bullet_list": nodes.bullet_list,
    "ordered_list": nodes.enumerated_list,
    "list_item": nodes.list_item,
    "blockquote": nodes.block_quote,
    "em": nodes.emphasis,
    "strong": nodes.strong,
    "s": nodes.inline,
    "heading": nodes.rubric,
    "thead": nodes.thead,
    "tbody": nodes.tbody,
    "tr": nodes.row,
}
"""Tokens that begin and end an element -> the element."""


def prose(text: str) -> list[nodes.Node]:
    """Documentation as nodes."""
    root = nodes.container()
    _fill(root, converter().parse(text))
    return root.children


def inline(text: str) -> list[nodes.Node]:
    """A line of documentation as nodes."""
    root = nodes.inline()
    _fill(root, converter().parseInline(text))
    return root.children


def _fill(root: nodes.Element, tokens: list[Any]) -> None:
    """Add the nodes that a list of tokens stands for."""
    here = [root]
    for token in tokens:
        kind, _, end = token.type.rpartition("_")
        if end == "close":
            here.pop() if kind != "table" else [here.pop() for _ in range(2)]
        elif end == "open":
            here += _opened(kind, token, here[-1])
        else:
            _add(here[-1], token)


def _opened(kind: str, token: Any, parent: nodes.Element) -> list[nodes.Element]:
    """The elements that begin here, the inner one last; they are added to the parent."""
    if kind == "link":
        made: list[nodes.Element] = [nodes.reference(refuri=token.attrs["href"], internal=False)]
    elif kind == "table":
        made = [nodes.table(), nodes.tgroup(cols=0)]
    elif kind in ("th", "td"):
        _count_column(parent)
        made = [nodes.entry(), nodes.paragraph()]
        made[0] += made[1]
        parent += made[0]
        return [made[1]]
    else:
        made = [PLAIN[kind]()]
    parent += made[0]
    made[0] += made[1:]
    return made


def _count_column(row: nodes.Element) -> None:
    """Tell the table of a row in its head of one more column."""
    head = row.parent
    if isinstance(head, nodes.thead):
        group = head.parent
        group["cols"] += 1
        group.insert(group["cols"] - 1, nodes.colspec(colwidth=1))


def _add(parent: nodes.Element, token: Any) -> None:
    """Add what a token without an end stands for."""
    if token.type == "inline":
        _fill(parent, token.children or [])
    elif token.type in ("fence", "code_block"):
        parent += nodes.literal_block(token.content, token.content.rstrip("\n"), language=token.info.strip() or "text")
    elif token.type == "code_inline":
        parent += nodes.literal(token.content, token.content)
    elif token.type == "hr":
        parent += nodes.transition()
    else:
        parent += nodes.Text(" " if token.type in ("softbreak", "hardbreak") else token.content)
