"""What a machine is to everything above it: it takes operations, answers, and can be looked at.

The model and a live kernel both are backends.  Fields that a backend cannot see are None there, and
:class:`Unseen` says why; nothing above this module may ask which backend it talks to.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from mremapdsl.ops import Operation


class Note(NamedTuple):
    """One decision on the way: a stable name, a sentence with the values that decided, the kernel function."""

    reason: str
    sentence: str
    function: str


class Verdict(NamedTuple):
    """What a call did and why."""

    outcome: str
    """moved, relocated, fallback, resized, mapped, merged, unmapped, changed, unchanged, faulted, failed, …"""
    reason: str
    """Stable name, e.g. ``fork-child``."""
    sentence: str
    function: str
    notes: tuple[Note, ...] = ()


class Breach(NamedTuple):
    """An invariant that a step broke: which, where, and a sentence that says what can no longer be found and why."""

    invariant: str
    process: str
    page: int
    """Arena page, or -1 if the breach is not about a page."""
    sentence: str


class Outcome(NamedTuple):
    """The answer to one operation."""

    result: str
    """``ok``, an errno name or ``SEGV``."""
    verdict: Verdict | None
    address: int | None = None
    """Arena page that mmap or mremap returned."""
    breaches: tuple[Breach, ...] = ()
    """Invariants that held before this step and do not hold after it."""


class VmaView(NamedTuple):
    """One VMA. ``anon_vma`` is ``""`` when unfaulted and None when it cannot be seen (likewise pgoff, chain)."""

    start: int
    end: int
    prot: str
    """As in /proc/PID/maps: ``rw-p``."""
    pgoff: int | None
    """Relative to the arena's first page for anonymous memory, in file pages otherwise."""
    anon_vma: str | None
    chain: int | None
    flags: tuple[str, ...] = ()
    """Two-letter names as in smaps VmFlags, those that matter for merging: ac nr lo dc wf hg nh mg sl."""
    file: str | None = None


class PageRun(NamedTuple):
    """``count`` pages from ``page``; frames and indices of a run are consecutive."""

    page: int
    count: int  # type: ignore[assignment]
    kind: str
    """P anonymous, Z zero page, K KSM, H part of a large folio, S swap entry or marker, M migration entry, F file."""
    frame: int | None
    exclusive: bool
    """Mapped exactly once."""
    index: int | None  # type: ignore[assignment]


class PageView(NamedTuple):
    """All there is to know of one mapped page; None where it cannot be seen."""

    kind: str
    """As in PageRun, with ``.`` for none and ``G`` for a guard marker."""
    frame: int | None
    index: int | None  # type: ignore[assignment]
    anon_vma: str | None
    mapcount: int | None
    exclusive: bool | None
    """PageAnonExclusive."""
    pinned: bool | None
    value: int | None
    """First byte of the page's content."""
    order: int | None
    """Order of its folio."""
    pmd: bool | None = None
    """Mapped by a PMD, not by an entry of its own."""


class AnonVmaView(NamedTuple):
    root: str
    parent: str
    num_children: int
    num_active_vmas: int


class Unseen(Exception):
    """This machine cannot show what was asked for; the message says why."""


class Observation(Protocol):
    """The machine between two steps. Methods raise Unseen where this machine cannot tell."""

    def processes(self) -> Sequence[str]:
        """Living processes in order of birth."""
        ...

    def vmas(self, process: str) -> Sequence[VmaView]: ...

    def pages(self, process: str) -> Sequence[PageRun]: ...

    def page(self, process: str, page: int) -> PageView: ...

    def alike(self, process: str, page: int) -> int:
        """Where the pages end that differ from this mapped one in frame and index only; the next page if unknown."""
        ...

    def anon_vmas(self) -> Mapping[str, AnonVmaView]: ...

    def rmap(self, process: str, page: int) -> frozenset[tuple[str, int]]:
        """(process, page) of every mapping that a reverse-map walk of the folio mapped there finds for that page."""
        ...

    def count(self, process: str, what: str) -> int:
        """``vmas`` of the process, ``anon_vmas``, ``folios_relocated``, ``folios_undone``, ``folios_split``, …"""
        ...

    def would_show(self, invariant: str | None) -> None:
        """Raises Unseen unless a break of this invariant (None: of any) shows here."""
        ...


WAITS = "WAITS"
During: TypeAlias = Callable[[str], None]
"""Called with the name of each moment."""


class Backend(Protocol):
    """A machine, fresh when made."""

    @property
    def rules(self) -> str:
        """What the trace's ``rules`` field says: a rule set, or a kernel release."""
        ...

    def step(self, op: Operation, during: During | None = None) -> Outcome:
        """Carry out one operation; ``during`` is called at each moment between the inner steps of a relocation.

        Raises Unsupported for what this machine cannot do.
        """
        ...

    def interfere(self, op: Operation) -> Outcome:
        """What somebody else does while a step is under way; only inside ``during``.

        The result ``WAITS`` says that a lock forbids it at this moment; the verdict names the lock.
        """
        ...

    def observe(self) -> Observation: ...

    def copy(self) -> Backend:
        """The same machine once more, going its own way from here. Raises Unsupported where that cannot be."""
        ...

    def key(self) -> Hashable:
        """Equal for machines between which nothing to come can tell. Raises Unsupported."""
        ...

    def close(self) -> None: ...


class Unsupported(Exception):
    """This machine cannot do what the scenario asks; the message says what and why.

    ``skip`` is False when it is a limit of the tool rather than of the machine (a statement not modelled yet).
    """

    def __init__(self, why: str, *, skip: bool = True) -> None:
        super().__init__(why)
        self.skip = skip
