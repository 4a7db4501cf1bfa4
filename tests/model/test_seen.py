"""What a live Linux 6.18.44 showed in hand-made scenarios, step by step, is what the model shows.

The rows are those of ``tests/data/seen-6.18.md``.  Everything printed there is compared, anon_vmas and KSM folios up to
renaming; what is left out is listed here with the reason.  Of the section on placement only what concerns mremap is
tested: the language's mmap always has an address.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias

import pytest

from mremapdsl import api, ops
from mremapdsl.model.backend import ModelBackend
from mremapdsl.model.machine import HUGE_PAGES, Machine, Mm
from mremapdsl.model.observe import page_view
from mremapdsl.model.records import FLAG_NAMES, KSM, PRESENT, SHARED, ZERO, Vma, prot_string

from . import seen

NOT_MODELLED_ROWS = {
    "m30": "MAP_GROWSDOWN is not modelled",
    "f19": "MAP_GROWSDOWN is not modelled",
    "x17": "RLIMIT_MEMLOCK is not modelled",
    "x19": "RLIMIT_AS is not modelled",
    "x22": "mlock2(MLOCK_ONFAULT) is no statement of the language",
    "x29": "MAP_DROPPABLE is not modelled",
    "x30": "MAP_GROWSDOWN is not modelled",
    "n10": "userfaultfd is not modelled",
    "n11": "userfaultfd is not modelled",
    "n12": "userfaultfd is not modelled",
    "n16": "MAP_DROPPABLE is not modelled",
    "z06": "MAP_DROPPABLE is not modelled",
}
NOT_CALLS = {
    "smaps": "totals of /proc/PID/smaps",
    "status": "totals of /proc/PID/status; locked_vm is not modelled",
    "numa": "totals of /proc/PID/numa_maps",
    "mincore": "mincore(2)",
    "kpage": "/proc/kpageflags and /proc/kpagecount",
    "scan": "ioctl(PAGEMAP_SCAN)",
    "procmap": "ioctl(PROCMAP_QUERY)",
}
"""Looks of user space at what the states show already."""
NO_EFFECT = {
    "setuid": "privileges are not modelled; nothing in these rows depends on them",
    "rlimit": "limits are not modelled; root is exempt",
    "prctl 68": "asks for what prctl 67 set",
    "madvise dontdump": "VM_DONTDUMP is not modelled; no other VMA is near",
}
NOT_EXPRESSIBLE = {
    "unaligned": "addresses that are not page aligned cannot be written in the language",
    "occupied": "mmap of the language is MAP_FIXED, never MAP_FIXED_NOREPLACE",
    "hint": "mmap of the language takes no hints",
    "unknown advice": "the language knows advice by its name",
    "beyond arena": "the arena ends before TASK_SIZE pages, so a length near TASK_SIZE is beyond every place in it",
}
UNKNOWN_FLAGS = {"dd"}
HIDDEN_FLAGS = {"gu"}
"""Of the model that the table does not show."""
DIFFERENT = {
    "z03": ["[0,1) of C: page 0 is homed at av1, expected a2"],
    "z04": ["[0,1) of D: page 0 is homed at av1, expected a2"],
    "t17": ["[0,512) of P: pages S x512, expected Z x511, S x1"],
}
"""Rows that the kernel itself does not always repeat, and what the model does there instead.

z03, z04: a folio that is read back while its old one is still in the swap cache keeps its home; once the old one is
gone, the new one is homed at the root.  The model always takes the second way.
t17: a swap file takes no huge page whole, so it is split first and its empty sub-pages become zero pages; on a swap
device with clusters the same kernel leaves 512 swap entries, as the model does.
"""
WINDOW = 1 << 20
"""Pages of the arena that were looked at; what mremap put elsewhere was not shown."""
LETTERS = {short: {"lf": "lof"}.get(short, short) for short, _ in FLAG_NAMES.values()}
WORDS = {"may": ops.MAYMOVE, "fixed": ops.FIXED, "dont": ops.DONTUNMAP}
ROWS = seen.rows()


class Left(Exception):
    """An operation that is left out, with a key of the tables above."""


# --- from printed operations to ours -------------------------------------------------------------------------


def process_name(letter: str) -> str:
    return "parent" if letter == "P" else letter


def place(word: str) -> int:
    """A page of the arena; a large hexadecimal number is an address."""
    if "+" in word:
        raise Left("unaligned")
    number = int(word, 0)
    return number if number < WINDOW or not word.startswith("0x") else (number - ops.ARENA) // ops.PAGE


def length(word: str) -> int:
    """Pages: ``3+100`` are three pages and 100 bytes; a large hexadecimal number counts bytes."""
    if word.startswith("0x"):
        return -(-int(word, 0) // ops.PAGE)
    pages, _, extra = word.partition("+")
    return int(pages) + bool(extra)


def translate(op: seen.Op) -> Iterator[ops.Operation]:
    """The operations of ours that one printed operation is. Raises Left for those that are left out."""
    word, *rest = op.words
    for key in (word, " ".join(op.words[:2])):
        if key in NOT_CALLS or key in NO_EFFECT:
            raise Left(key)
    process = process_name(op.process)
    match word, rest:
        case "mmap", _:
            yield from mmap(op, process, rest)
        case "write" | "fill", [at, *more]:
            yield from touches(process, place(at), more)
        case "read", [at, *more]:
            yield ops.Read(process, place(at), length(more[0]) if more else 1)
        case "fork", [child]:
            yield ops.Fork(process, child)
        case "exit", []:
            yield ops.Exit(process)
        case "sleep", _:
            yield ops.KsmScan(process)
        case "prctl", ["67", on]:
            yield ops.KsmMerge(process, on == "1")
        case "mprotect", [at, pages, prot]:
            yield ops.Mprotect(process, place(at), length(pages), "" if prot == "none" else prot)
        case "madvise", [at, pages, advice]:
            yield madvise(process, place(at), length(pages), advice)
        case "mremap", [at, old, new, flags, *to]:
            yield mremap(process, at, old, new, flags, to)
        case _, [at, pages]:
            kind = {
                "munmap": ops.Munmap,
                "mlock": ops.Mlock,
                "munlock": ops.Munlock,
                "mseal": ops.Mseal,
                "pin": ops.Pin,
            }
            yield kind[word](process, place(at), length(pages))
        case _:
            raise AssertionError(f"unknown operation {op}")


def madvise(process: str, at: int, pages: int, advice: str) -> ops.Operation:
    if advice.isdigit() or f"madvise {advice}" in NO_EFFECT:
        raise Left("unknown advice" if advice.isdigit() else f"madvise {advice}")
    return ops.Madvise(process, at, pages, advice.upper())


def mmap(op: seen.Op, process: str, words: list[str]) -> Iterator[ops.Operation]:
    at, pages, *options = words
    start = place(at)
    if op.result == "EEXIST":
        raise Left("occupied")
    if "hint" in options:
        raise Left("hint")
    file = next((option.removeprefix("file=") for option in options if option.startswith("file=")), None)
    name, _, page = (file or "").partition("@")
    prot = options[0] if options else "rw"
    yield ops.Mmap(
        process, start, length(pages), "" if prot == "none" else prot, "shared" in options, "noreserve" in options,
        "populate" in options, name or None, int(page or 0),
    )  # fmt: skip
    if "locked" in options:
        yield ops.Mlock(process, start, length(pages))


def touches(process: str, at: int, more: list[str]) -> Iterator[ops.Operation]:
    """``write`` puts 0x41 into the first page, another byte into each further one; ``fill`` the same byte into all."""
    pages = length(more[0]) if more else 1
    if len(more) > 1:
        yield ops.Touch(process, at, pages, int(more[1], 0))
    else:
        for n in range(pages):
            yield ops.Touch(process, at + n, 1, 0x41 + n % 26)


def mremap(process: str, at: str, old: str, new: str, flags: str, to: list[str]) -> ops.Operation:
    bits = int(flags, 0) if flags[0].isdigit() else sum(WORDS[word] for word in flags.split(","))
    pages = length(new)
    if pages > ops.TASK_PAGES and int(new, 0) <= ops.ARENA + ops.TASK_PAGES * ops.PAGE:
        raise Left("beyond arena")
    return ops.Mremap(process, place(at), length(old), pages, place(to[0]) if to else None, bits)


# --- from the model to the printed form ----------------------------------------------------------------------


def shown_page(machine: Machine, mm: Mm, page: int) -> seen.Page:
    run = mm.ptes.run_at(page)
    if run is None:
        return seen.Page(".")
    pte = run[2]
    if pte.kind == ZERO:
        return seen.Page("HZ" if pte.huge else "Z")
    view = page_view(machine, mm, page)
    if view.kind in "SG":
        return seen.Page(view.kind)
    if view.kind == "F":
        return seen.Page("F", view.index)
    if view.kind == "K":
        return seen.Page("K", mapcount=view.mapcount, folio=f"frame {view.frame}")
    assert view.frame is not None
    assert view.order is not None
    exclusive = bool(view.exclusive) and not (pte.huge and page % HUGE_PAGES)  # a PMD mapping keeps it on the head page
    mapcount = folio_mapcount(machine, view.frame, view.order) if view.order else view.mapcount
    kind = "L" if view.order else "P"
    return seen.Page(kind, view.index, exclusive, view.anon_vma, mapcount, view.order)


def folio_mapcount(machine: Machine, frame: int, order: int) -> int:
    """Page table entries and PMD entries that map a part of the folio."""
    head = frame - frame % (1 << order)
    end = head + (1 << order)
    count = 0
    for mm in machine.mms.values():
        for s, e, pte in mm.ptes:
            pages = min(e + pte.delta, end) - max(s + pte.delta, head)
            if pte.kind == PRESENT and pages > 0:
                count += pages // HUGE_PAGES if pte.huge else pages
    return count


def refcount(machine: Machine, number: int) -> int:
    """What the model implies: the tree's own reference, each descendant's on its root, each stable rmap_item's."""
    own = machine.anon_vmas.get(number)
    if own is None:
        return 0
    below = sum(a.root == number and n != number for n, a in machine.anon_vmas.items())
    items = [item for items in machine.ksm.items.values() for item in items.values() if item.anon_vma == number]
    stable = 0
    for item in items:
        frame = machine.frames.at(item.frame) if item.frame >= 0 else None
        stable += frame is not None and frame.kind == KSM
    return bool(own.links) + below + stable


class Names:
    """Theirs and ours, one to one over a whole row."""

    def __init__(self) -> None:
        self.ours: dict[str, object] = {}
        self.theirs: dict[object, str] = {}

    def same(self, theirs: str | None, ours: object) -> bool:
        if theirs is None or ours is None:
            return theirs is ours
        return self.ours.setdefault(theirs, ours) == ours and self.theirs.setdefault(ours, theirs) == theirs


class Comparison:
    """One row against one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.anon_vmas = Names()
        self.folios = Names()

    def state(self, state: seen.State) -> Iterator[str]:
        """Every difference."""
        for process in dict.fromkeys(vma.process for vma in state.vmas):
            theirs = [vma for vma in state.vmas if vma.process == process]
            mm = self.machine.mms[process_name(process)]
            ours = [vma for vma in mm.vmas if vma.start < WINDOW]
            if [(v.start, v.end) for v in theirs] != [(v.start, v.end) for v in ours]:
                yield f"VMAs of {process}: {[(v.start, v.end) for v in ours]}"
                continue
            for their, our in zip(theirs, ours, strict=True):
                yield from (f"[{our.start},{our.end}) of {process}: {what}" for what in self.vma(their, our, mm))
        for anon_vma in state.anon_vmas:
            yield from self.anon_vma(anon_vma)

    def vma(self, their: seen.Vma, our: Vma, mm: Mm) -> Iterator[str]:
        prot = prot_string(our.flags).replace("p", "-")
        if their.prot != prot:
            yield f"protection {prot}"
        flags = {LETTERS[short] for bit, (short, _) in FLAG_NAMES.items() if our.flags & bit and bit > SHARED}
        if their.flags - UNKNOWN_FLAGS != flags - HIDDEN_FLAGS:
            yield f"flags {sorted(flags)}"
        pgoff = our.start + our.skew
        if (their.of_file, their.pgoff) != (our.file is not None, pgoff):
            yield f"page offset {pgoff} of {our.file}"
        if their.shifted != (our.file is None and bool(our.skew)):
            yield f"shifted by {our.skew}"
        if not self.anon_vmas.same(their.anon_vma, f"av{our.anon}" if our.anon else None):
            yield f"anon_vma av{our.anon}, expected {their.anon_vma}"
        if len(their.chain) != len(our.chain) or not all(
            self.anon_vmas.same(a, f"av{b}") for a, b in zip(their.chain, our.chain, strict=True)
        ):
            yield f"chain {our.chain}, expected {their.chain}"
        pages = [shown_page(self.machine, mm, page) for page in range(our.start, our.end)]
        if isinstance(their.pages, Counter):
            yield from self.tally(their.pages, pages)
        else:
            for page, (there, here) in enumerate(zip(their.pages, pages, strict=True), our.start):
                if there._replace(home=None, folio=None) != here._replace(home=None, folio=None):
                    yield f"page {page} is {here}, expected {there}"
                elif not self.anon_vmas.same(there.home, here.home):
                    yield f"page {page} is homed at {here.home}, expected {there.home}"
                elif not self.folios.same(there.folio, here.folio):
                    yield f"page {page} is {here.folio}, expected {there.folio}"

    def tally(self, there: Counter[seen.Page], pages: list[seen.Page]) -> Iterator[str]:
        here: Counter[seen.Page] = Counter()
        for page in pages:
            home = self.anon_vmas.theirs.get(page.home) if page.home else None
            here[page._replace(index=None, home=home)] += 1
        if here != there:
            yield f"pages {words(here)}, expected {words(there)}"

    def anon_vma(self, their: seen.AnonVma) -> Iterator[str]:
        name = str(self.anon_vmas.ours[their.name])
        number = int(name.removeprefix("av"))
        have = refcount(self.machine, number)
        if have != their.refcount:
            yield f"{their.name} has {have} references, expected {their.refcount}"
        if not their.refcount:
            return
        our = self.machine.anon_vmas[number]
        if not self.anon_vmas.same(their.root, f"av{our.root}") or not self.anon_vmas.same(
            their.parent, f"av{our.parent}"
        ):
            yield f"{their.name} has root av{our.root} and parent av{our.parent}"
        if (our.num_children, our.num_active_vmas) != (their.num_children, their.num_active_vmas):
            yield f"{their.name} has {our.num_children} children and {our.num_active_vmas} active VMAs"


def words(pages: Counter[seen.Page]) -> str:
    return ", ".join(f"{page.kind if page.home is None else page} x{count}" for page, count in pages.most_common())


# --- the test ------------------------------------------------------------------------------------------------


def results(backend: ModelBackend, op: seen.Op) -> Iterator[str]:
    """Carry out a printed operation; what its result differs in."""
    result, breaches, address = "ok", (), None
    for ours in translate(op):
        if result == "ok":
            result, _, address, breaches = backend.step(ours)
        assert not breaches, breaches
    wanted = op.result.replace("SIGSEGV", "SEGV").replace("SIGBUS", "BUS")
    if wanted.startswith("OK("):
        value = backend.observe().page(process_name(op.process), place(op.words[1])).value
        wanted, result = wanted.lower(), f"{result}({value:x})"
    elif wanted.startswith("OK -> "):
        wanted = "ok"
        if address is None or address < WINDOW:
            yield f"{op}: went to {address}"
    elif " at " in wanted:
        wanted = wanted.partition(" at ")[0]
    if result != (wanted or "ok"):
        yield f"{op}: {result}"


def pagemap(backend: ModelBackend, op: seen.Op) -> Iterator[str]:
    """Which of present, swapped, file, guard and mapped-once are set, and which pages are the same."""
    mm = backend.machine.mms[process_name(op.process)]
    once = {
        page
        for run in backend.observe().pages(mm.name)
        if run.exclusive
        for page in range(run.page, run.page + run.count)
    }
    theirs = [int(word, 16) for word in op.result.split()]
    start = place(op.words[1])
    frames: dict[int, object] = {}
    for page, value in enumerate(theirs, start):
        run = mm.ptes.run_at(page)
        kind = shown_page(backend.machine, mm, page).kind
        bits = {".": 0, "Z": 1 << 63, "HZ": 5 << 61, "S": 1 << 62, "G": 1 << 62 | 1 << 58}.get(kind, 1 << 63)
        bits |= (page in once) << 56
        if value & (7 << 61 | 1 << 58 | 1 << 56) != bits:
            yield f"{op}: page {page} shows {bits:x}"
        if bits >> 63 and run is not None:
            frame = page + run[2].delta if run[2].kind == PRESENT else kind if kind == "Z" else page
            number = value & (1 << 55) - 1
            if frames.setdefault(number, frame) != frame:
                yield f"{op}: pages are the same there and are not here"


def test_the_file_is_read_whole() -> None:
    assert len(ROWS) == 271
    assert len({row.id for row in ROWS}) == 271
    assert NOT_MODELLED_ROWS.keys() <= {row.id for row in ROWS}


@pytest.mark.parametrize("row", [row for row in ROWS if row.id not in NOT_MODELLED_ROWS], ids=lambda row: row.id)
def test_a_row_goes_as_seen(row: seen.Row) -> None:
    backend = api.backend("linux-6.18")
    if row.id.startswith("h"):
        backend.step(ops.Set("parent", "mthp", "madvise", 16))
    comparison = Comparison(backend.machine)
    found: list[str] = []
    for event in row.events:
        if isinstance(event, seen.State):
            found += comparison.state(event)
        elif event.words[0] == "pagemap":
            found += pagemap(backend, event)
        else:
            with contextlib.suppress(Left):
                found += results(backend, event)
    assert found == DIFFERENT.get(row.id, []), row.title


def test_everything_that_is_left_out_is_listed_with_its_reason() -> None:
    left: Counter[str] = Counter()
    for row in ROWS:
        for event in row.events if row.id not in NOT_MODELLED_ROWS else ():
            if isinstance(event, seen.Op) and event.words[0] != "pagemap":
                try:
                    list(translate(event))
                except Left as why:
                    left[str(why)] += 1
    assert left.keys() == NOT_CALLS.keys() | NO_EFFECT.keys() | NOT_EXPRESSIBLE.keys()
    assert sum(left[key] for key in NO_EFFECT.keys() | NOT_EXPRESSIBLE.keys()) == 19


# --- limits ------------------------------------------------------------------------------------------------------

Setup: TypeAlias = list[ops.Operation]


def rw(at: int, pages: int, prot: str = "rw") -> ops.Mmap:
    return ops.Mmap("parent", at, pages, prot)


def move(at: int, pages: int, to: int, flags: int = ops.MAYMOVE | ops.FIXED) -> ops.Mremap:
    return ops.Mremap("parent", at, pages, pages, to, flags)


ONE = [rw(0, 12)]
AT_THE_LIMIT: dict[str, tuple[Setup, ops.Operation]] = {
    "mmap new": (ONE, rw(100, 4)),
    "mmap merge": (ONE, rw(12, 4)),
    "mmap fixed in middle other prot": (ONE, rw(4, 4, "r")),
    "munmap whole": (ONE, ops.Munmap("parent", 0, 12)),
    "munmap middle": (ONE, ops.Munmap("parent", 4, 4)),
    "munmap left part": (ONE, ops.Munmap("parent", 0, 4)),
    "mprotect whole no merge": (ONE, ops.Mprotect("parent", 0, 12, "r")),
    "mprotect left part": (ONE, ops.Mprotect("parent", 0, 4, "r")),
    "mprotect middle": (ONE, ops.Mprotect("parent", 4, 4, "r")),
    "madvise middle dontfork": (ONE, ops.Madvise("parent", 4, 4, "DONTFORK")),
    "mremap same-size noop": (ONE, ops.Mremap("parent", 0, 12, 12, None, ops.MAYMOVE)),
    "mremap move whole": (ONE, move(0, 12, 100)),
    "mremap move middle part": (ONE, move(4, 4, 100)),
    "mremap move whole merge at dest": ([*ONE, rw(100, 4)], move(0, 12, 104)),
    "mremap shrink": (ONE, ops.Mremap("parent", 0, 12, 4)),
    "mremap shrink in middle": (ONE, ops.Mremap("parent", 2, 6, 3)),
    "mremap grow in place": (ONE, ops.Mremap("parent", 0, 12, 20)),
    "mremap fixed over middle of other": ([*ONE, rw(100, 20, "r")], move(0, 12, 104)),
    "mremap dontunmap": (ONE, move(0, 12, 100, ops.MAYMOVE | ops.FIXED | ops.DONTUNMAP)),
    "mremap einval flags": (ONE, move(0, 12, 100, 0x100)),
    "mlock middle": (ONE, ops.Mlock("parent", 4, 4)),
    "mremap unmapped src": (ONE, move(50, 4, 100)),
}
"""Each call of the table with a memory on which it changes the number of VMAs as the table says."""
DISTANCES, MAP_COUNT_TABLE = seen.map_count_table()


@pytest.mark.parametrize("call", [call for call in MAP_COUNT_TABLE if call != "fork-like none"])
def test_a_call_near_the_map_count_limit_goes_as_seen(call: str) -> None:
    """The limit is set around the few VMAs that exist, instead of filling up with VMAs."""
    setup, operation = AT_THE_LIMIT[call]
    found: list[str] = []
    for distance in DISTANCES:
        backend = api.backend("linux-6.18")
        for step in setup:
            backend.step(step)
        vmas = backend.machine.mms["parent"].vmas
        before = len(vmas)
        backend.step(ops.Set("parent", "max_map_count", before + distance))
        result = backend.step(operation).result
        found.append(f"ok{len(vmas) - before:+d}" if result == "ok" else result)
    assert found == MAP_COUNT_TABLE[call]


@pytest.mark.parametrize(("rules", "leaked"), [("linux-6.18", 20 * 25599), ("linux-7.3", 0)])
def test_a_move_that_shrinks_leaks_its_charge(rules: str, leaked: int) -> None:
    """20 times 100 MiB were cut to a page by a FIXED move and unmapped; Committed_AS grew by 1999 MiB."""
    backend = api.backend(rules)
    for _ in range(20):
        for step in (
            rw(0, 25600),
            ops.Mremap("parent", 0, 25600, 1, 50000, ops.MAYMOVE | ops.FIXED),
            ops.Munmap("parent", 50000, 1),
        ):
            assert backend.step(step).result == "ok"
    assert backend.observe().count("parent", "committed") == leaked
    assert leaked * 4 // 1024 in (0, 1999)


def test_a_shrink_in_place_leaks_nothing() -> None:
    backend = api.backend("linux-6.18")
    for step in (rw(0, 25600), ops.Mremap("parent", 0, 25600, 1), ops.Munmap("parent", 0, 1)):
        assert backend.step(step).result == "ok"
    assert backend.observe().count("parent", "committed") == 0


# --- placement ---------------------------------------------------------------------------------------------------


def test_without_an_address_memory_goes_to_the_top_of_the_highest_hole_and_joins_what_is_above() -> None:
    backend = api.backend("linux-6.18")
    found: list[int] = []
    for at in (0, 10):
        for step in (rw(at, 4), rw(at + 4, 1, "r")):
            backend.step(step)
        address = backend.step(ops.Mremap("parent", at, 4, 6, None, ops.MAYMOVE)).address
        assert address is not None
        found.append(address)
    assert found[1] == found[0] - 6
    assert [v.end - v.start for v in backend.machine.mms["parent"].vmas] == [1, 1, 12]


def test_a_busy_hint_of_dontunmap_is_ignored() -> None:
    backend = api.backend("linux-6.18")
    for step in (rw(0, 4), rw(20, 4)):
        backend.step(step)
    outcome = backend.step(move(0, 4, 22, ops.MAYMOVE | ops.DONTUNMAP))
    assert outcome.result == "ok"
    assert (outcome.address or 0) > WINDOW


def test_moves_of_whole_huge_pages_are_aligned_to_2_mib() -> None:
    backend = api.backend("linux-6.18")
    for step in (rw(0, 511), rw(511, 1, "r")):
        backend.step(step)
    for pages, aligned in ((513, False), (512, True), (1024, True)):
        backend.step(rw(0, 511))
        address = backend.step(ops.Mremap("parent", 0, 511, pages, None, ops.MAYMOVE)).address
        assert address is not None
        assert (address % HUGE_PAGES == 0) == aligned
