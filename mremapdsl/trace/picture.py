"""Pictures of address ranges in the spirit of the kernel's own comments.

             B               B+16             A
             16              32               4096
     before  BBBBBBBBBBBBBBBB...............~.aaaaaaaaaaaaaaaa
     after   BBBBBBBBBBBBBBBBbbbbbbbbbbbbbbbb~................

One character a page, a letter for each VMA, capital when faulted, ``.`` where nothing is mapped; ``~`` stands for
pages left out.  Rows of one picture have the same columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from mremapdsl.layout import UNMAPPED, cased
from mremapdsl.trace.identity import Known

FOLD = "~"
GAP = 7
"""Columns of a fold in unmapped memory."""
LONGEST, SHORTEST = 24, 5
"""Columns that a folded VMA has at most and at least."""


class Segment(NamedTuple):
    """Pages between two borders, drawn in ``columns`` columns."""

    start: int
    end: int
    columns: int
    left_out: bool
    """VMAs lie there that are not drawn."""


class Row(NamedTuple):
    label: str
    vmas: Sequence[Known]
    """All VMAs of the process."""


def picture(rows: Sequence[Row], drawn: set[int], names: Mapping[int, str], labels: int, width: int) -> Iterator[str]:
    """Draw the VMAs whose numbers are in ``drawn``, the rows one below the other, with page numbers above.

    ``names`` are put above the pages they belong to, ``labels`` is the width of the column with the rows' labels.
    What does not fit into ``width`` columns goes on below.
    """
    chosen = [Row(row.label, [known for known in row.vmas if known.number in drawn]) for row in rows]
    others = [known for row in rows for known in row.vmas if known.number not in drawn]
    segments = _segments(chosen, others, width - labels)
    for line in _lines(segments, width - labels):
        yield from _ruler(line, names, labels, width)
        for row in chosen:
            yield f"{row.label:{labels}}{''.join(_cells(segment, row.vmas) for segment in line)}".rstrip()


def _segments(rows: Sequence[Row], others: Sequence[Known], width: int) -> list[Segment]:
    """The pages from the first VMA to the last, cut at each border; long stretches folded as far as they must be."""
    drawn = [known.vma for row in rows for known in row.vmas]
    borders = sorted({border for vma in drawn for border in (vma.start, vma.end)})
    spans = list(pairwise(borders))
    mapped = [any(vma.start < end and vma.end > start for vma in drawn) for start, end in spans]
    hidden = [any(k.vma.start < end and k.vma.end > start for k in others) for start, end in spans]
    made: list[Segment] = []
    longest = max((end - start for (start, end), is_mapped in zip(spans, mapped, strict=True) if is_mapped), default=0)
    for limit in (min(longest, width), *range(LONGEST, SHORTEST - 1, -1)):
        made = [
            Segment(start, end, _columns(start, end, limit if is_mapped else GAP), left_out and not is_mapped)
            for (start, end), is_mapped, left_out in zip(spans, mapped, hidden, strict=True)
        ]
        if sum(segment.columns for segment in made) <= width and (limit <= LONGEST or limit == longest):
            break
    return made


def _columns(start: int, end: int, limit: int) -> int:
    """Columns for these pages: one each, or fewer, but not so few that the page number has no room."""
    return min(end - start, max(limit, SHORTEST, len(str(start)) + 1))


def _lines(segments: Sequence[Segment], width: int) -> Iterator[list[Segment]]:
    """The segments in lines of at most ``width`` columns."""
    line: list[Segment] = []
    for segment in segments:
        if line and sum(s.columns for s in line) + segment.columns > width:
            yield line
            line = []
        line.append(segment)
    if line:
        yield line


def _cells(segment: Segment, vmas: Sequence[Known]) -> str:
    if segment.left_out:
        return FOLD.center(segment.columns)
    known = next((k for k in vmas if k.vma.start <= segment.start < k.vma.end), None)
    cell = UNMAPPED if known is None else cased(known.letter, known.vma)
    if segment.columns == segment.end - segment.start:
        return cell * segment.columns
    left = segment.columns // 2
    return cell * left + FOLD + cell * (segment.columns - left - 1)


def _ruler(line: Sequence[Segment], names: Mapping[int, str], labels: int, width: int) -> Iterator[str]:
    """Page numbers above the borders they belong to, as far as there is room; names above them."""
    numbers, words = " " * labels, " " * labels
    column = labels
    for segment in line:
        numbers = _put(numbers, column, str(segment.start), width)
        words = _put(words, column, names.get(segment.start, ""), width)
        column += segment.columns
    numbers = _put(numbers, column, str(line[-1].end), width)
    if words.strip():
        yield words.rstrip()
    yield numbers


def _put(line: str, column: int, word: str, width: int) -> str:
    """The line with a word at a column, unless something stands there or right before it, or it has no room."""
    fits = column + len(word) <= width and not line[column - 1 :].strip()
    return f"{line:{column}}{word}" if fits else line
