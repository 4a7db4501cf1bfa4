"""A compiled file: scenarios as plain data, with every place, number and name settled.

``lang`` makes these records from text; the runner, the explorer and the exporters read them.
Lines are 1-based lines of the source file.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from mremapdsl.ops import Operation


class Range(NamedTuple):
    """Pages [start, start + pages) of one process; ``name`` is how the source wrote it (``child:A[2..5]``)."""

    process: str
    start: int
    pages: int
    name: str

    @property
    def end(self) -> int:
        return self.start + self.pages


# --- values ------------------------------------------------------------------------------------------------


class Const(NamedTuple):
    """A number, or None for the word ``none``."""

    value: int | None


class VmaValue(NamedTuple):
    """``A.pgoff``, ``A.anon_vma.root``, ``A.chain``…: an attribute of the VMA over the first page of ``range``."""

    range: Range
    attribute: str
    """pgoff, page, anon_vma, anon_vma.root, anon_vma.parent, anon_vma.num_children, anon_vma.num_active_vmas, chain"""


class PageValue(NamedTuple):
    """``A[0].index``…: an attribute of the first page of ``range``."""

    range: Range
    attribute: str
    """index, anon_vma, frame, mapcount, value"""


class Count(NamedTuple):
    """``count vmas`` (of ``process``), ``count anon_vmas``, ``count folios_relocated``…"""

    process: str
    what: str


class Arithmetic(NamedTuple):
    """``left op right`` with op one of ``+ - * / %``."""

    op: str
    left: Value
    right: Value


Value: TypeAlias = Const | VmaValue | PageValue | Count | Arithmetic

# --- predicates --------------------------------------------------------------------------------------------


class Merged(NamedTuple):
    """The last call's target is part of a VMA that reaches beyond it on ``side`` (None: on any side)."""

    side: str | None


class SameVma(NamedTuple):
    """``merged A B``: these places lie in one VMA."""

    ranges: tuple[Range, ...]


class IsVma(NamedTuple):
    """``vma RANGE``: one VMA is exactly this."""

    range: Range


class VmaCount(NamedTuple):
    """``vmas N``: the process has N VMAs."""

    process: str
    count: int  # type: ignore[assignment]


class Unmapped(NamedTuple):
    """``unmapped RANGE``: no page of it is mapped."""

    range: Range


class Layout(NamedTuple):
    """``layout POINT "AAAA.bb"``: one character a page from ``start``."""

    process: str
    start: int
    pattern: str


class LastMove(NamedTuple):
    """``relocated``, ``moved``, ``fallback [because REASON]``: what the last mremap did."""

    outcome: str
    reason: str | None = None


class Compare(NamedTuple):
    left: Value
    op: str
    """``== != < <= > >=``"""
    right: Value


class PageIs(NamedTuple):
    """``RANGE is WORD``: every page of the range is so."""

    range: Range
    word: str
    """anon, zero, ksm, huge, pmd, swap, migration, guard, none, exclusive, shared, pinned"""


class Rmap(NamedTuple):
    """A reverse-map walk of the folio mapped at ``page`` finds exactly ``expected`` (one-page ranges)."""

    page: Range
    expected: tuple[Range, ...]


class Violation(NamedTuple):
    """The step before broke this invariant (None: any)."""

    invariant: str | None


class Not(NamedTuple):
    predicate: Predicate


Predicate: TypeAlias = (
    Merged | SameVma | IsVma | VmaCount | Unmapped | Layout | LastMove | Compare | PageIs | Rmap | Violation | Not
)

# --- statements --------------------------------------------------------------------------------------------


class Step(NamedTuple):
    """One operation and the errno name (or SEGV) that it must fail with, if any.

    ``during`` holds what happens at some moment inside a relocating mremap (``during relocation { … }``).
    """

    op: Operation
    line: int
    text: str
    """The statement as written, without its process prefix and without ``fails``."""
    fails: str | None
    doc: str
    loop: tuple[tuple[str, int], ...]
    """The loop variables around it with their values, outermost first."""
    during: tuple[Statement, ...] = ()
    start: int = -1
    """Offset of the statement in the text of the program, behind its process prefix; -1 if it stands in none."""


class Expect(NamedTuple):
    predicate: Predicate
    process: str
    line: int
    text: str
    """The predicate as written."""
    on: tuple[str, ...]
    """Rule sets it holds for; empty means all."""
    doc: str
    loop: tuple[tuple[str, int], ...]
    quantifier: str = ""
    """``always``, ``sometimes`` or ``never`` over all runs of the scenario; empty is like ``always``."""
    start: int = -1
    """As in Step."""


class Show(NamedTuple):
    line: int
    process: str


class Choose(NamedTuple):
    """``choose { … } or { … }`` goes one of several ways; ``maybe STATEMENT`` is a choice between it and nothing."""

    alternatives: tuple[tuple[Statement, ...], ...]
    line: int


class AnyOrder(NamedTuple):
    """``any order { a: …; child: …; }``: statements of different processes in every interleaving."""

    threads: tuple[tuple[Statement, ...], ...]
    """The statements of each process, in their order."""
    line: int


Statement: TypeAlias = Step | Expect | Show | Choose | AnyOrder


class RuleChoice(NamedTuple):
    """A rule set by name with decisions overridden one by one."""

    name: str
    overrides: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        if not self.overrides:
            return self.name
        return f"{self.name} with " + ", ".join(f"{key}={value}" for key, value in self.overrides)


class Place(NamedTuple):
    """A name and the range it was first given."""

    name: str
    start: int
    pages: int
    line: int


class Scenario(NamedTuple):
    title: str
    line: int
    rules: tuple[RuleChoice, ...]
    """Empty: the caller's default."""
    body: tuple[Statement, ...]
    places: tuple[Place, ...]
    doc: str
    """``##`` Markdown before it, without the marks."""

    @property
    def branches(self) -> bool:
        """Whether there are several runs of it."""
        return any(
            isinstance(s, Choose | AnyOrder)
            or (isinstance(s, Step) and bool(s.during))
            or (isinstance(s, Expect) and bool(s.quantifier))
            for s in self.body
        )


class Program(NamedTuple):
    file: str
    text: str
    scenarios: tuple[Scenario, ...]
    doc: str
    """``##`` Markdown at the head of a file with several scenarios."""
