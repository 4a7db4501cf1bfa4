"""Taking pages out of a scenario's arena: what is left moves together, and every statement follows.

Pages between two neighbouring borders of what the statements mention are alike, so only their number can matter.
Pages that a move takes from one place to another are taken out of both.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

from mremapdsl.ops import Mremap
from mremapdsl.program import Layout, Range, Statement

T = TypeVar("T")
MOST_BORDERS = 400
HUGE_PAGE = 512


class Impossible(Exception):
    """A statement would be left without pages, or a move with two lengths."""


class Extent(NamedTuple):
    start: int
    end: int


class Cut:
    """Pages to take out: sorted, disjoint extents."""

    def __init__(self, gone: Sequence[Extent]) -> None:
        self.gone = sorted(gone)
        self.starts = [extent.start for extent in self.gone]
        self.before = [0]
        for extent in self.gone:
            self.before.append(self.before[-1] + extent.end - extent.start)

    def __call__(self, page: int) -> int:
        """Where a border goes."""
        i = bisect_right(self.starts, page)
        if not i:
            return page
        last = self.gone[i - 1]
        return page - self.before[i - 1] - (min(page, last.end) - last.start)

    def keeps(self, page: int) -> bool:
        i = bisect_right(self.starts, page)
        return not i or page >= self.gone[i - 1].end

    def length(self, start: int, pages: int) -> int:
        """What is left of a range. Raises Impossible if nothing is."""
        left = self(start + pages) - self(start)
        if pages and not left:
            raise Impossible
        return left


def cut(part: T, gone: Cut) -> T:
    """A statement, or a body of them, after the cut. Raises Impossible."""
    found: Any = _cut(part, gone)
    return found  # type: ignore[no-any-return]


def _cut(part: Any, gone: Cut) -> Any:
    match part:
        case Mremap():
            return cut_mremap(part, gone)
        case Range():
            return part._replace(start=gone(part.start), pages=gone.length(part.start, part.pages))
        case Layout():
            kept = [c for i, c in enumerate(part.pattern) if gone.keeps(part.start + i)]
            if not kept:
                raise Impossible
            return part._replace(start=gone(part.start), pattern="".join(kept))
        case _:
            pass
    return over_parts(part, lambda inner: _cut(inner, gone), lambda op: cut_call(op, gone))


def over_parts(part: Any, inner: Callable[[Any], Any], call: Callable[[Any], Any]) -> Any:
    """A record with its parts changed; calls on a range by a function of their own, what is no tuple not at all."""
    if not isinstance(part, tuple):
        return part
    record: Any = part  # pyright: ignore[reportUnknownVariableType]
    if hasattr(record, "at"):
        return call(record)
    if not hasattr(record, "_fields"):
        return tuple(map(inner, record))
    return type(record)(*map(inner, record))


def cut_call(op: Any, gone: Cut) -> Any:
    return op._replace(at=gone(op.at), pages=gone.length(op.at, op.pages))


def cut_mremap(op: Mremap, gone: Cut) -> Mremap:
    pages = gone.length(op.at, op.pages)
    to = None if op.to is None else gone(op.to)
    new = gone.length(op.at if op.to is None else op.to, op.new_pages)
    if (op.new_pages == op.pages) != (new == pages):
        raise Impossible
    return op._replace(at=gone(op.at), pages=pages, to=to, new_pages=new)


# --- elsewhere -----------------------------------------------------------------------------------------------


def displaced(part: T, where: Extent, by: int) -> T:
    """A body with what it does in one extent done ``by`` pages further. Raises Impossible for a range torn apart."""
    found: Any = _displaced(part, where, by)
    return found  # type: ignore[no-any-return]


def _displaced(part: Any, where: Extent, by: int) -> Any:
    match part:
        case Mremap():
            at = displaced_range(part.at, part.pages, where, by)
            to = None if part.to is None else displaced_range(part.to, part.new_pages, where, by)
            return part._replace(at=at, to=to)
        case Range():
            return part._replace(start=displaced_range(part.start, part.pages, where, by))
        case Layout():
            return part._replace(start=displaced_range(part.start, len(part.pattern), where, by))
        case _:
            pass
    return over_parts(
        part,
        lambda inner: _displaced(inner, where, by),
        lambda op: op._replace(at=displaced_range(op.at, op.pages, where, by)),
    )


def displaced_range(start: int, pages: int, where: Extent, by: int) -> int:
    """Where a range goes. Raises Impossible if it would not be one range any more."""
    end = start + pages
    inside = Extent(max(start, where.start), min(end, where.end))
    if inside.start >= inside.end:
        return start
    gone = Extent(inside.start + by, inside.end + by)
    if gone.start < 0:
        raise Impossible
    rest = [piece for piece in ((start, inside.start), (inside.end, end)) if piece[0] < piece[1]]
    pieces = sorted([(gone.start, gone.end), *rest])
    if any(a[1] != b[0] for a, b in pairwise(pieces)):
        raise Impossible
    return pieces[0][0]


# --- what is alike -----------------------------------------------------------------------------------------


def extents(part: Any) -> Iterator[Extent]:
    """Every range that a body mentions."""
    match part:
        case Range():
            yield Extent(part.start, part.end)
        case Layout():
            yield from (Extent(part.start + i, part.start + i + 1) for i in range(len(part.pattern)))
        case Mremap():
            start = part.at if part.to is None else part.to
            yield Extent(part.at, part.at + part.pages)
            yield Extent(start, start + part.new_pages)
        case _ if hasattr(part, "at"):
            yield Extent(part.at, part.at + part.pages)
        case tuple():
            for inner in part:  # pyright: ignore[reportUnknownVariableType]
                yield from extents(inner)
        case _:
            pass


def moves(body: Sequence[Statement]) -> list[tuple[int, int, int]]:
    """(from, to, pages) of every move."""
    found: list[tuple[int, int, int]] = []
    for statement in body:
        op = getattr(statement, "op", None)
        if isinstance(op, Mremap) and op.to is not None:
            found.append((op.at, op.to, min(op.pages, op.new_pages)))
    return found


def groups(body: Sequence[Statement]) -> list[list[Extent]]:
    """The pieces between borders, those together that moves tie to each other; all pieces of a group are equally long.

    Pieces that nothing mentions (gaps) are groups, too.
    """
    moved = moves(body)
    borders = {0} | {page for extent in extents(tuple(body)) for page in extent}
    work = list(borders)
    while work and len(borders) < MOST_BORDERS:
        border = work.pop()
        for at, to, pages in moved:
            for start, other in ((at, to), (to, at)):
                if start <= border <= start + pages and border - start + other not in borders:
                    borders.add(border - start + other)
                    work.append(border - start + other)
    ordered = sorted(borders)
    pieces = [Extent(a, b) for a, b in pairwise(ordered)]
    leader = {piece: piece for piece in pieces}

    def find(piece: Extent) -> Extent:
        while leader[piece] != piece:
            piece = leader[piece]
        return piece

    for at, to, pages in moved:
        for piece in pieces:
            twin = Extent(piece.start - at + to, piece.end - at + to)
            if at <= piece.start and piece.end <= at + pages and twin in leader:
                leader[find(twin)] = find(piece)
    found: dict[Extent, list[Extent]] = {}
    for piece in pieces:
        found.setdefault(find(piece), []).append(piece)
    return list(found.values())


def shorter(group: Sequence[Extent]) -> Iterator[Cut]:
    """Cuts that leave less of a group, the least first."""
    length = group[0].end - group[0].start
    wanted = {0, 1, 2, 3, 4, length // 2, length - 1, length % HUGE_PAGE, HUGE_PAGE + length % HUGE_PAGE}
    for left in sorted(left for left in wanted if left < length):
        yield Cut([Extent(piece.start + left, piece.end) for piece in group])
