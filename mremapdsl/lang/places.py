"""Places: which pages a range or a point means, and where places without an address go."""

from __future__ import annotations

from typing import Any

from mremapdsl.lang.context import Context, Slots
from mremapdsl.lang.diagnostics import Problem
from mremapdsl.lang.expr import count, evaluate
from mremapdsl.lang.syntax import (
    Arena,
    AtPage,
    AtStart,
    Beside,
    Expr,
    NamedRange,
    OfProcess,
    OnePage,
    Point,
    Range,
    Subject,
    Token,
    Whole,
)
from mremapdsl.lang.words import meant, words
from mremapdsl.ops import TASK_PAGES
from mremapdsl.program import Range as SettledRange

HUGE_PAGE = 512
"""Pages of a PMD-sized folio: from this size on, places are aligned to it."""


def extent(context: Context, node: Range) -> tuple[int, int]:
    """The first page of a range and the number of its pages. Raises Problem (MRS201, MRS3xx)."""
    if isinstance(node, Arena):
        start, pages = count(context, node.page), count(context, node.pages)
        check_inside(context, start, pages, node)
        return start, pages
    place = context.place(node.name)
    if type(node) is Whole:
        return place.start, place.pages
    first, pages = part(context, node, place.pages)
    return place.start + first, pages


def part(context: Context, node: NamedRange, limit: int) -> tuple[int, int]:
    """The pages of ``A[3]`` or ``A[2..5]`` relative to A, which has ``limit`` pages."""
    if isinstance(node, OnePage):
        first = count(context, node.page)
        last = first + 1
    else:
        first, last = (0, limit) if isinstance(node, Whole) else (count(context, node.first), count(context, node.last))
    name = node.name.text
    if last < first:
        raise Problem("MRS302", node.start, node.end, f"the range ends at {last}, before it begins at {first}",
                      f"write the smaller number first: `{name}[{last}..{first}]`")  # fmt: skip
    if last > limit:
        what = f"pages {first} to {last - 1} are" if last - first > 1 else f"page {last - 1} is"
        known = f"has pages 0 to {limit - 1}" if limit else "has no pages"
        raise Problem("MRS301", node.start, node.end, f"{what} outside `{name}`, which {known}",
                      "a name is the range it was first given; `@PAGE+COUNT` reaches any page")  # fmt: skip
    return first, last - first


def settle(context: Context, node: Subject) -> SettledRange:
    """A range of an expectation, with its process. Raises Problem as ``extent``, and for the process."""
    process = context.process
    if isinstance(node, OfProcess):
        process = context.seen(node.process)
        start, pages = extent(context, node.range)
    else:
        start, pages = extent(context, node)
    return SettledRange(process, start, pages, context.source.text[node.start : node.end])


def point(context: Context, node: Point, pages: int) -> int:
    """The page that a point means for something of ``pages`` pages. Raises Problem (MRS201, MRS3xx)."""
    anchor = node.anchor
    if isinstance(anchor, AtPage):
        page = count(context, anchor.page)
    elif isinstance(anchor, AtStart):
        page = context.place(anchor.name).start
    else:
        page = beside(context, anchor, pages)
    offset = total(context, node.offsets)
    start = page + offset
    check_inside(context, start, pages, node)
    return start


def target(context: Context, node: Point, pages: int) -> int:
    """A point that memory is brought to; slots keep away from it. Raises Problem as ``point``."""
    start = point(context, node, pages)
    if isinstance(node.anchor, AtPage):
        context.slots.page(start, start + pages)
    elif node.offsets:
        context.slots.size(node.start, abs(total(context, node.offsets)))
    return start


def beside(context: Context, node: Beside, pages: int) -> int:
    start, length = extent(context, node.range)
    return start - pages if node.side.text == "before" else start + length


def total(context: Context, offsets: tuple[Any, ...]) -> int:
    """The sum of what is added to a point: signs and numbers in turn."""
    found = 0
    for sign, amount in zip(offsets[::2], offsets[1::2], strict=True):
        value = evaluate(context, amount)
        found += -value if sign.text == "-" else value
    return found


def check_inside(context: Context, start: int, pages: int, node: Range | Point | Expr) -> None:
    """Raises Problem (MRS308) if the pages are not in the arena."""
    if start < 0 or start + pages > TASK_PAGES:
        if context.slots.surveying and start > context.slots.first // 2 and pages <= TASK_PAGES:
            return  # no address is final
        raise Problem("MRS308", node.start, node.end, f"pages {start} to {start + pages - 1} are not in the arena",
                      f"the arena has pages 0 to {TASK_PAGES - 1}")  # fmt: skip


def guard(name: Token, kind: str) -> None:
    """Raises Problem (MRS206) if a name never used before is most likely a misspelt keyword of a kind.

    Where both a name and a keyword can stand, the mistake would otherwise silently mean something else.
    """
    if near := meant(name.text, words(kind)):
        raise Problem("MRS206", name.start, name.end, f"`{name.text}` would be a name, and is nearly `{near}`",
                      f"did you mean `{near}`? If not, choose a name that is further from it")  # fmt: skip


def no_place(context: Context, word: Token, kind: str) -> None:
    """Raises Problem (MRS205) if a keyword, where a name could stand as well, is also the name of a place."""
    if word.text in context.places:
        line = context.places[word.text].line
        raise Problem("MRS205", word.start, word.end, f"`{word.text}` is a {kind} here, and a place since line {line}",
                      "choose another name for the place")  # fmt: skip


USUAL = (1000, 1000)
"""First slot and pitch of nearly all scenarios."""


def spread(slots: Slots) -> tuple[int, int] | None:
    """First slot and pitch so that no place can be brought next to two others; None if the arena is too small.

    A place moves at most by the sizes and distances that the scenario mentions, so slots are further apart
    than their sum, and further from every page that it names by number.  Round numbers are for the reader.
    """
    reach = sum(slots.sizes.values()) + 1
    if max(slots.sizes.values(), default=0) < HUGE_PAGE:
        pitch = round_up(reach, USUAL[1])
    else:
        pitch = max(1 << reach.bit_length(), 2 * HUGE_PAGE)
    for distance in (pitch, round_up(reach, HUGE_PAGE)):
        above = round_up(slots.highest + reach, distance) if slots.highest else distance
        for first, limit in ((above, TASK_PAGES), (distance, min(slots.lowest, TASK_PAGES))):
            if first + slots.taken * distance <= limit:
                return first, distance
    return None


def round_up(value: int, unit: int) -> int:
    return -(-value // unit) * unit
