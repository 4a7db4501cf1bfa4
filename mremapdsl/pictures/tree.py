"""anon_vmas: each with its counts, children below their parents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mremapdsl.pictures.canvas import Span, first_fitting, number, wrapped
from mremapdsl.pictures.frame import MARGIN, Frame
from mremapdsl.pictures.scene import Node
from mremapdsl.pictures.theme import color, hatch

ROW = 21.0
LINE = 14.0
INDENT = 22.0
SWATCH = 16.0
LABEL = 30.0
"""Height of the label at the left."""
MOST = 8


class Branch(NamedTuple):
    """An anon_vma at its place in the tree."""

    node: Node
    depth: int
    last: bool
    """No sibling follows."""


def shown(nodes: Sequence[Node]) -> list[Node]:
    """Those that tell something: what this step changed, and families."""
    parents = {node.view.parent for node in nodes if node.view.parent != node.name and node.after is not None}
    return [node for node in nodes if node.changed or node.view.parent != node.name or node.name in parents]


def branches(nodes: Sequence[Node]) -> Iterator[Branch]:
    """The nodes, children behind their parents."""
    names = {node.name for node in nodes}
    children: dict[str, list[Node]] = {}
    for node in nodes:
        parent = node.view.parent if node.view.parent != node.name and node.view.parent in names else ""
        children.setdefault(parent, []).append(node)
    pending = [(node, 0) for node in reversed(children.get("", []))]
    while pending:
        node, depth = pending.pop()
        below = children.get(node.name, [])
        siblings = children.get(node.view.parent if depth else "", [node])
        yield Branch(node, depth, siblings[-1] is node)
        pending += [(child, depth + 1) for child in reversed(below)]


def draw_tree(frame: Frame, nodes: Sequence[Node], y: float) -> float:
    """A line for each anon_vma that tells something."""
    chosen = list(branches([node for node in shown(nodes) if node.after is not None]))
    gone = [node.name for node in nodes if node.after is None]
    if not chosen and not gone:
        return y
    canvas, first = frame.canvas, y
    x = frame.left
    if frame.labelled:
        canvas.text(MARGIN, y + 13, "anon_", "q", "small")
        canvas.text(MARGIN, y + 25, "vmas", "q", "small")
    tops: dict[int, float] = {}
    for branch in chosen[:MOST]:
        left = x + INDENT * min(branch.depth, 6)
        if branch.depth:
            elbow = left - INDENT + SWATCH / 2
            start = tops.get(branch.depth - 1, y)
            canvas.path(f"M{number(elbow)} {number(start)}V{number(y + 9)}H{number(left - 2)}", "tr")
        tops[branch.depth] = y + 16
        draw_node(frame, branch.node, left, y)
        y += ROW
    rest = len(chosen) - MOST
    if rest > 0:
        canvas.text(x, y + 13, f"and {rest} more", "q", "small")
        y += ROW
    for line in wrapped(f"gone: {' '.join(gone)}", frame.right - x, "small", 2) if gone else ():
        canvas.text(x, y + 13, line, "q", "small")
        y += LINE
    return max(y + 4, first + LABEL)


def draw_node(frame: Frame, node: Node, x: float, y: float) -> None:
    canvas = frame.canvas
    for paint in (color(node.name), hatch(node.name)):
        if paint:
            canvas.rect(x, y + 3, SWATCH, 12, "a", more=paint)
    canvas.rect(x, y + 3, SWATCH, 12, "vn c" if node.changed else "vn")
    spans = first_fitting(node_spans(node), frame.right - x - SWATCH - 6, "small")
    spans[-1] = spans[-1]._replace(text=spans[-1].text.rstrip(","))
    canvas.spans(x + SWATCH + 6, y + 13, spans, size="small")


def node_spans(node: Node) -> list[Span]:
    """An anon_vma in words; what the step changed is marked."""
    view, before = node.view, node.before
    own = view.root == node.name
    spans = [Span(node.name, "b")]
    if before is None:
        spans.append(Span("new", "k i"))
    spans.append(Span("root," if own else f"child of {view.parent},"))
    for what, now, then in (
        ("children", view.num_children, before.num_children if before else None),
        ("active VMAs", view.num_active_vmas, before.num_active_vmas if before else None),
    ):
        changed = then is not None and then != now
        spans.append(Span(f"{what} {then}→{now}," if changed else f"{what} {now},", "k" if changed else ""))
    return spans if own else [*spans, Span(f"root {view.root}")]
