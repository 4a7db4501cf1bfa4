"""``##`` documentation: finding it, and the scenario or statement that it belongs to."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mremapdsl.lang.diagnostics import Problem
from mremapdsl.lang.syntax import Bad, Body, Call, Expect, InProcess, Loop, Prefixed, Scenario, Statement

COMMENT_OR_TEXT = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*')
MARK = re.compile(r"##(?!#)")
NEXT_LINE = re.compile(r"\r?\n[ \t]*")
EMPTY_LINE = re.compile(r"\r?\n[ \t\r]*(\n|\Z)")


class Block(NamedTuple):
    """Lines of documentation without an empty line between them."""

    start: int
    end: int
    text: str


class Docs(NamedTuple):
    """What each block of documentation belongs to."""

    program: str
    """The head of a file with several scenarios."""
    scenario: str
    """The head of a file without a ``scenario`` block."""
    by_start: dict[int, str]
    """Offset of a scenario, call or expectation -> its documentation."""
    lost: list[Problem]
    """Warnings for blocks that nothing follows."""


def blocks(text: str) -> list[Block]:
    """The documentation of a text, in order."""
    found: list[Block] = []
    for comment in COMMENT_OR_TEXT.finditer(text) if "##" in text else ():
        if not MARK.match(comment.group()):
            continue
        line = comment.group()[2:].removeprefix(" ").rstrip()
        if found and NEXT_LINE.fullmatch(text, found[-1].end, comment.start()):
            last = found.pop()
            found.append(Block(last.start, comment.end(), f"{last.text}\n{line}"))
        else:
            found.append(Block(comment.start(), comment.end(), line))
    return found


def attach(text: str, body: Body) -> Docs:
    """Give each block to the scenario or statement that follows.

    At the head of a file, what an empty line sets apart is about the file as a whole: about the program if it
    has several scenarios, else about its one scenario.  So is the very first thing in a file without a
    ``scenario`` block.
    """
    docs = Docs("", "", {}, [])
    if not (found := blocks(text)):
        return docs
    scenarios = [node for node in body if isinstance(node, Scenario)]
    carriers = sorted(carrier.start for carrier in _carriers(body))
    head = [block for block in found if not carriers or block.start < carriers[0]]
    whole = head[:-1] if head and _belongs_below(text, head, body, bool(scenarios)) else head
    for block in found[len(whole) :]:
        _give(docs, block, carriers, scenarios)
    about = _joined(whole)
    if not scenarios:
        docs = docs._replace(scenario=about)
    elif len(scenarios) > 1:
        docs = docs._replace(program=about)
    elif about:
        docs.by_start[carriers[0]] = _joined([*whole, *([] if whole == head else head[-1:])])
    return docs


def _belongs_below(text: str, head: Sequence[Block], body: Body, has_scenarios: bool) -> bool:
    """Whether the last block of the head belongs to the first statement or scenario rather than to the whole."""
    last = head[-1]
    if EMPTY_LINE.match(text, last.end):
        return False
    return has_scenarios or len(head) > 1 or any(node.start < last.start for node in body)


def _give(docs: Docs, block: Block, carriers: Sequence[int], scenarios: Sequence[Scenario]) -> None:
    index = bisect_right(carriers, block.start)
    around = next((node.end for node in scenarios if node.start < block.start < node.end), None)
    if index == len(carriers) or (around is not None and carriers[index] > around):
        docs.lost.append(
            Problem("MRS406", block.start, block.end, "no scenario or statement follows this documentation",
                    "move it before what it describes, or write it with a single `#`")
        )  # fmt: skip
        return
    before = docs.by_start.get(carriers[index])
    docs.by_start[carriers[index]] = block.text if before is None else f"{before}\n\n{block.text}"


def _joined(found: Sequence[Block]) -> str:
    return "\n\n".join(block.text for block in found)


def _carriers(body: Sequence[Statement]) -> Iterator[Scenario | Call | Expect]:
    """The statements that can have documentation; that of a loop or block goes to the first statement inside."""
    for node in body:
        match node:
            case Scenario():
                yield node
                yield from _carriers(node.body)
            case Call() | Expect():
                yield node
            case Loop() | InProcess() | Bad():
                yield from _carriers(node.body)
            case Prefixed():
                yield from _carriers((node.statement,))
            case _:
                pass
