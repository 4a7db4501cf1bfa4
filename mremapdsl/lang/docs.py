"""``##`` documentation: finding it, and the scenario or statement that it belongs to."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mremapdsl.lang.diagnostics import Problem
from mremapdsl.lang.syntax import Body, Call, Expect, Scenario, Statement
from mremapdsl.lang.walk import inner

COMMENT_OR_TEXT = r'"(?:[^"\\\n]|\\.)*"|#[^\n]*'
MARK = r"##(?!#)"
NEXT_LINE = r"\r?\n[ \t]*"
LOST = "no scenario or statement follows this documentation"
LOST_REMEDY = "move it before what it describes, or write it with a single `#`"
EMPTY_LINE = r"\r?\n[ \t\r]*(\n|\Z)"


class Block(NamedTuple):
    """Lines of documentation without an empty line between them."""

    start: int
    end: int
    lines: tuple[str, ...]


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
    comments = re.finditer(COMMENT_OR_TEXT, text) if "##" in text else ()
    found: list[Block] = []
    run: list[re.Match[str]] = []
    for comment in comments:
        if re.match(MARK, comment.group()):
            if run and not re.fullmatch(NEXT_LINE, text[run[-1].end() : comment.start()]):
                found.append(_block(run))
                run = []
            run.append(comment)
    return [*found, _block(run)] if run else found


def _block(comments: Sequence[re.Match[str]]) -> Block:
    lines = (comment.group()[2:].removeprefix(" ").rstrip() for comment in comments)
    return Block(comments[0].start(), comments[-1].end(), tuple(lines))


def attach(text: str, body: Body) -> Docs:
    """Give each block to the scenario or statement that follows.

    At the head of a file, what an empty line sets apart is about the file as a whole: about the program if it
    has several scenarios, else about its one scenario.  So is the very first thing in a file without a
    ``scenario`` block.
    """
    if not (found := blocks(text)):
        return Docs("", "", {}, [])
    scenarios = [node for node in body if isinstance(node, Scenario)]
    carriers = sorted(carrier.start for carrier in _carriers(body))
    head = [block for block in found if not carriers or block.start < carriers[0]]
    whole = head[:-1] if head and _belongs_below(text, head, body, bool(scenarios)) else head
    given: dict[int, list[Block]] = {carriers[0]: whole} if len(scenarios) == 1 and whole else {}
    lost = [block for block in found[len(whole) :] if not _give(given, block, carriers, scenarios)]
    return Docs(
        program=_joined(whole) if len(scenarios) > 1 else "",
        scenario="" if scenarios else _joined(whole),
        by_start={start: _joined(blocks) for start, blocks in given.items()},
        lost=[Problem("MRS406", block.start, block.end, LOST, LOST_REMEDY) for block in lost],
    )


def _belongs_below(text: str, head: Sequence[Block], body: Body, has_scenarios: bool) -> bool:
    """Whether the last block of the head belongs to the first statement or scenario rather than to the whole."""
    last = head[-1]
    if re.match(EMPTY_LINE, text[last.end : last.end + 100]):
        return False
    return has_scenarios or len(head) > 1 or any(node.start < last.start for node in body)


def _give(given: dict[int, list[Block]], block: Block, carriers: Sequence[int], scenarios: Sequence[Scenario]) -> bool:
    """Give a block to the next carrier, if there is one in the same scenario."""
    index = bisect_right(carriers, block.start)
    if index == len(carriers):
        return False
    before = bisect_right(scenarios, block.start, key=lambda node: node.start) - 1
    if before >= 0 and block.start < scenarios[before].end < carriers[index]:
        return False
    given.setdefault(carriers[index], []).append(block)
    return True


def _joined(found: Sequence[Block]) -> str:
    return "\n\n".join("\n".join(block.lines) for block in found)


def _carriers(body: Sequence[Statement]) -> Iterator[Scenario | Call | Expect]:
    """The statements that can have documentation; that of a loop or block goes to the first statement inside."""
    for node in body:
        if isinstance(node, Scenario | Call | Expect):
            yield node
        yield from _carriers(inner(node))
