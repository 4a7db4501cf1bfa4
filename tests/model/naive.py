"""A second model, page by page: private anonymous memory of Linux 6.18, written from a description of the kernel.

It shares no code and no idea of representation with the package: VMAs are objects that change, a page table is a dict
of single pages, folios and anon_vmas know nothing of their counts (they are counted when somebody asks).  Slow, small,
and meant to be read beside the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

MAYMOVE, FIXED, DONTUNMAP = 1, 2, 4


class Fails(Exception):
    """The call fails with this errno; what was done before stays done."""


class AnonVma:
    def __init__(self, parent: AnonVma | None = None) -> None:
        self.parent = parent or self
        self.root: AnonVma = parent.root if parent else self


@dataclass
class Folio:
    index: int
    home: AnonVma
    exclusive: bool
    byte: int


@dataclass(frozen=True)
class Flags:
    prot: str
    account: bool = False
    noreserve: bool = False
    dontcopy: bool = False
    wipeonfork: bool = False
    locked: bool = False


@dataclass(eq=False)
class Vma:
    start: int
    end: int
    flags: Flags
    pgoff: int
    """Of the first page."""
    anon: AnonVma | None = None
    chain: list[AnonVma] = field(default_factory=list)
    """Newest first."""

    def is_fork_child(self) -> bool:
        return self.anon is not None and len(self.chain) != 1

    def index(self, page: int) -> int:
        return self.pgoff + page - self.start


class Process:
    def __init__(self) -> None:
        self.vmas: list[Vma] = []
        self.pages: dict[int, Folio | None] = {}
        """None is the zero page."""

    def at(self, page: int) -> Vma | None:
        return next((vma for vma in self.vmas if vma.start <= page < vma.end), None)

    def within(self, start: int, end: int) -> list[Vma]:
        return sorted((vma for vma in self.vmas if vma.start < end and vma.end > start), key=lambda vma: vma.start)

    def ending(self, page: int) -> Vma | None:
        return next((vma for vma in self.vmas if vma.end == page), None)

    def starting(self, page: int) -> Vma | None:
        return next((vma for vma in self.vmas if vma.start == page), None)

    def split(self, page: int) -> None:
        vma = self.at(page)
        if vma is not None and vma.start < page:
            self.vmas.append(Vma(page, vma.end, vma.flags, vma.index(page), vma.anon, vma.chain[:]))
            vma.end = page


class Naive:
    def __init__(self, mmap_base: int) -> None:
        self.processes = {"parent": Process()}
        self.mmap_base = mmap_base
        self.leaked = 0

    # --- counts ------------------------------------------------------------------------------------------

    def vmas(self) -> list[Vma]:
        return [vma for process in self.processes.values() for vma in process.vmas]

    def children(self, anon: AnonVma) -> int:
        """Living anon_vmas right below it; a root is its own parent."""
        living = {id(other): other for vma in self.vmas() for other in vma.chain}
        return sum(other.parent is anon for other in living.values())

    def active(self, anon: AnonVma) -> int:
        return sum(vma.anon is anon for vma in self.vmas())

    def mapcount(self, folio: Folio) -> int:
        return sum(entry is folio for process in self.processes.values() for entry in process.pages.values())

    def committed(self) -> int:
        return self.leaked + sum(vma.end - vma.start for vma in self.vmas() if vma.flags.account)

    # --- merging -----------------------------------------------------------------------------------------

    def fits(self, new: Vma, neighbour: Vma | None, source: Vma | None) -> bool:
        """Whether a range may join a neighbour; ``source`` is the VMA that it is part of or copied from."""
        if neighbour is None or neighbour.flags != new.flags or neighbour.index(new.start) != new.pgoff:
            return False
        if new.anon is neighbour.anon:
            return True
        if new.anon is not None and neighbour.anon is not None:
            return False
        if new.anon is None:
            return not neighbour.is_fork_child()
        return source is None or not source.is_fork_child()

    def sides(self, process: Process, new: Vma, source: Vma | None) -> tuple[Vma | None, Vma | None]:
        left, right = process.ending(new.start), process.starting(new.end)
        left = left if self.fits(new, left, source) else None
        right = right if self.fits(new, right, source) else None
        if left and right and left.anon and right.anon and left.anon is not right.anon:
            right = None
        return left, right

    def inherit(self, survivor: Vma, *donors: Vma | None) -> None:
        for donor in donors:
            if survivor.anon is None and donor is not None and donor.anon is not None:
                survivor.anon, survivor.chain = donor.anon, donor.chain[:]

    def insert(self, process: Process, new: Vma, copied: Vma | None = None) -> None:
        """A new range: its neighbours take it in, or it becomes a VMA."""
        left, right = self.sides(process, new, copied)
        if left is not None:
            self.inherit(left, right, copied)
            left.end = right.end if right is not None else new.end
            if right is not None:
                process.vmas.remove(right)
        elif right is not None:
            self.inherit(right, copied)
            right.start, right.pgoff = new.start, new.pgoff
        else:
            process.vmas.append(new)

    def change(self, process: Process, vma: Vma, start: int, end: int, flags: Flags) -> None:
        """Other flags for a part of a VMA."""
        if flags == vma.flags:
            return
        part = Vma(start, end, flags, vma.index(start), vma.anon, vma.chain[:])
        left, right = self.sides(process, part, vma)
        left = left if start == vma.start else None
        right = right if end == vma.end else None
        process.split(start)
        process.split(end)
        mine = process.at(start)
        assert mine is not None
        mine.flags = flags
        if left is not None:
            self.inherit(left, right, mine)
            left.end = right.end if right is not None else end
            process.vmas.remove(mine)
            if right is not None:
                process.vmas.remove(right)
        elif right is not None:
            self.inherit(right, mine)
            right.start, right.pgoff = mine.start, mine.pgoff
            process.vmas.remove(mine)

    # --- faults ------------------------------------------------------------------------------------------

    def prepare(self, process: Process, vma: Vma) -> AnonVma:
        if vma.anon is None:
            anon = None
            for other in (process.starting(vma.end), process.ending(vma.start)):
                if anon is None and other is not None and other.anon is not None and len(other.chain) == 1:
                    alike = replace(other.flags, prot=vma.flags.prot) == vma.flags
                    anon = other.anon if alike and other.index(vma.start) == vma.pgoff else None
            vma.anon = anon or AnonVma()
            vma.chain = [vma.anon]
        return vma.anon

    def write(self, process: Process, vma: Vma, page: int, byte: int) -> None:
        anon = self.prepare(process, vma)
        folio = process.pages.get(page)
        if folio is not None and (folio.exclusive or self.mapcount(folio) == 1):
            if not folio.exclusive:
                folio.home, folio.exclusive = anon, True
            folio.byte = byte
        else:
            process.pages[page] = Folio(vma.index(page), anon, True, byte)

    def populate(self, process: Process, start: int, end: int) -> None:
        """What locking does: a write fault where writing is allowed, else a read fault; content stays."""
        for page in range(start, end):
            vma = process.at(page)
            if vma is None or not vma.flags.prot:
                raise Fails("ENOMEM")
            if "w" in vma.flags.prot:
                folio = process.pages.get(page)
                self.write(process, vma, page, folio.byte if folio else 0)
            else:
                process.pages.setdefault(page, None)

    # --- the calls ---------------------------------------------------------------------------------------

    def mmap(self, name: str, at: int, pages: int, prot: str, noreserve: bool) -> None:
        process = self.processes[name]
        self.unmap(process, at, at + pages)
        flags = Flags(prot, account="w" in prot and not noreserve, noreserve=noreserve)
        self.insert(process, Vma(at, at + pages, flags, at))

    def munmap(self, name: str, at: int, pages: int) -> None:
        self.unmap(self.processes[name], at, at + pages)

    def unmap(self, process: Process, start: int, end: int) -> None:
        if start == end:
            return
        process.split(start)
        process.split(end)
        process.vmas = [vma for vma in process.vmas if vma.end <= start or vma.start >= end]
        process.pages = {page: entry for page, entry in process.pages.items() if not start <= page < end}

    def access(self, name: str, at: int, pages: int, byte: int | None) -> None:
        process = self.processes[name]
        for page in range(at, at + pages):
            vma = process.at(page)
            if vma is None or not vma.flags.prot or (byte is not None and "w" not in vma.flags.prot):
                raise Fails("SEGV")
            if byte is None:
                process.pages.setdefault(page, None)
            else:
                self.write(process, vma, page, byte)

    def mprotect(self, name: str, at: int, pages: int, prot: str) -> None:
        process, page = self.processes[name], at
        while page < at + pages:
            vma = process.at(page)
            if vma is None:
                raise Fails("ENOMEM")
            end, old = min(vma.end, at + pages), vma.flags
            account = old.account
            if prot == old.prot:
                page = end
                continue
            if "w" in prot and not old.account and "w" not in old.prot and not old.noreserve:
                account = True
            elif "w" not in prot and vma.anon is None:
                account = False
            self.change(process, vma, page, end, replace(old, prot=prot, account=account))
            if old.locked and "w" in prot and "w" not in old.prot:
                self.populate(process, page, end)
            page = end

    def madvise(self, name: str, at: int, pages: int, advice: str) -> None:
        process, page, hole = self.processes[name], at, False
        while page < at + pages:
            vma = next(iter(process.within(page, at + pages)), None)
            hole = hole or vma is None or vma.start > page
            if vma is None:
                break
            start, end = max(vma.start, page), min(vma.end, at + pages)
            if advice == "DONTNEED" and vma.flags.locked:
                raise Fails("EINVAL")
            if advice == "DONTNEED":
                process.pages = {page: entry for page, entry in process.pages.items() if not start <= page < end}
            elif advice in ("DONTFORK", "DOFORK"):
                self.change(process, vma, start, end, replace(vma.flags, dontcopy=advice == "DONTFORK"))
            else:
                self.change(process, vma, start, end, replace(vma.flags, wipeonfork=advice == "WIPEONFORK"))
            page = end
        if hole:
            raise Fails("ENOMEM")

    def mlock(self, name: str, at: int, pages: int, lock: bool) -> None:
        process, page = self.processes[name], at
        while page < at + pages:
            vma = process.at(page)
            if vma is None:
                raise Fails("ENOMEM")
            end = min(vma.end, at + pages)
            self.change(process, vma, page, end, replace(vma.flags, locked=lock))
            page = end
        if lock:
            self.populate(process, at, at + pages)

    def fork(self, name: str, child_name: str) -> None:
        parent, child = self.processes[name], Process()
        self.processes[child_name] = child
        for vma in sorted(parent.vmas, key=lambda vma: vma.start):
            if vma.flags.dontcopy:
                continue
            copy = Vma(vma.start, vma.end, replace(vma.flags, locked=False), vma.pgoff)
            if vma.anon is not None and not vma.flags.wipeonfork:
                idle = [a for a in reversed(vma.chain) if self.children(a) < 2 and not self.active(a)]
                copy.anon = idle[0] if idle else AnonVma(vma.anon)
                copy.chain = vma.chain[:] if idle else [copy.anon, *vma.chain]
                for page in range(vma.start, vma.end):
                    if page in parent.pages:
                        folio = child.pages[page] = parent.pages[page]
                        if folio is not None:
                            folio.exclusive = False
            child.vmas.append(copy)

    def exit(self, name: str) -> None:
        del self.processes[name]

    def mremap(self, name: str, at: int, old: int, new: int, to: int | None, flags: int) -> None:
        process, elsewhere = self.processes[name], bool(flags & (FIXED | DONTUNMAP))
        if flags & ~7 or not new or (elsewhere and not flags & MAYMOVE) or (flags & DONTUNMAP and old != new):
            raise Fails("EINVAL")
        if elsewhere and to is not None and to < at + old and at < to + new:
            raise Fails("EINVAL")
        if flags & FIXED and old == new:
            self.move_each(process, at, old, to or 0, flags)
            return
        vma = process.at(at)
        if vma is None:
            raise Fails("EFAULT")
        if not elsewhere and new <= old:
            self.unmap(process, at + new, at + old)
            return
        if not old:
            raise Fails("EINVAL")
        if at + min(old, new) > vma.end:
            raise Fails("EFAULT")
        if elsewhere:
            self.move_to(process, at, old, new, to, flags)
        elif at + old == vma.end and not process.within(vma.end, at + new):
            self.insert(process, Vma(vma.end, at + new, vma.flags, vma.index(vma.end), vma.anon, vma.chain[:]))
            if vma.flags.locked and vma.flags.prot:
                self.populate(process, at + old, at + new)
        elif not flags & MAYMOVE:
            raise Fails("ENOMEM")
        else:
            self.move(process, at, old, new, self.somewhere(process, new), flags)

    def move_each(self, process: Process, at: int, pages: int, to: int, flags: int) -> None:
        """A move to a fixed place takes the VMAs of its range one by one."""
        if process.at(at) is None:
            raise Fails("EFAULT")
        for start, end in [(max(v.start, at), min(v.end, at + pages)) for v in process.within(at, at + pages)]:
            self.move_to(process, start, end - start, end - start, to + start - at, flags)

    def move_to(self, process: Process, at: int, old: int, new: int, to: int | None, flags: int) -> None:
        if flags & FIXED and to is not None:
            self.unmap(process, to, to + new)
        elif to is None or process.within(to, to + new):
            to = self.somewhere(process, new)
        if new < old:
            vma = process.at(at)
            self.leaked += old - new if vma is not None and vma.flags.account else 0
            self.unmap(process, at + new, at + old)
            old = new
        self.move(process, at, old, new, to, flags)

    def somewhere(self, process: Process, pages: int) -> int:
        """The top of the highest hole that is large enough."""
        below = [vma for vma in process.vmas if vma.start < self.mmap_base]
        tops = sorted([self.mmap_base, *(vma.start for vma in below)], reverse=True)
        ends = [*sorted((vma.end for vma in below), reverse=True), 0]
        return next(top - pages for top, end in zip(tops, ends, strict=True) if top - pages >= end)

    def move(self, process: Process, at: int, old: int, new: int, to: int, flags: int) -> None:
        vma = process.at(at)
        assert vma is not None
        pgoff = vma.index(at) if vma.anon is not None else to
        self.insert(process, Vma(to, to + new, vma.flags, pgoff, vma.anon, vma.chain[:]), copied=vma)
        for page in range(at, at + old):
            if page in process.pages:
                process.pages[page - at + to] = process.pages.pop(page)
        locked, prot = vma.flags.locked, vma.flags.prot
        if flags & DONTUNMAP:
            source = process.at(at)
            assert source is not None
            source.flags = replace(source.flags, locked=False)
            if (source.start, source.end) == (at, at + old):
                source.anon, source.chain = None, []
        else:
            self.unmap(process, at, at + old)
        if locked and prot and new > old:
            self.populate(process, to + old, to + new)

    def check(self) -> None:
        """VMAs are in order and pages lie in them: the least that must hold for this model to be one."""
        for process in self.processes.values():
            process.vmas.sort(key=lambda vma: vma.start)
            assert all(a.end <= b.start for a, b in pairwise(process.vmas))
            assert all(process.at(page) for page in process.pages)
