"""One random program: the next operation, given the state that the earlier ones have reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random
from types import MappingProxyType
from typing import Any

from mremapdsl import ops
from mremapdsl.generate.families import Family
from mremapdsl.generate.places import Chooser, Memory, weighted
from mremapdsl.generate.remap import mremap, relocation
from mremapdsl.model.machine import Machine
from mremapdsl.model.records import READ, WRITE, prot_string

RANGED: Mapping[str, Callable[[str, int, int], ops.Operation]] = MappingProxyType({
    "munmap": ops.Munmap, "mlock": ops.Mlock, "munlock": ops.Munlock, "mseal": ops.Mseal, "pin": ops.Pin,
    "unpin": ops.Unpin, "swapout": ops.Swapout, "swapin": ops.Swapin, "split": ops.Split,
})  # fmt: skip


class Program:
    """A program in the making. ``machine`` is a model that carries out each operation before the next is asked for."""

    def __init__(self, family: Family, random: Random, machine: Machine, *, kernel: bool = False) -> None:
        self.family, self.random, self.machine = family, random, machine
        self.kernel = kernel
        """A live kernel must be able to follow."""
        self.memory = Memory()
        self.forks = 0
        self.queue: list[ops.Operation] = []
        """Decided already."""

    def operations(self) -> Iterator[ops.Operation]:
        """The operations one by one; each must have been carried out before the next is taken."""
        yield from self.knobs()
        for _ in range(self.random.choice((1, 2, 2, 3))):
            self.mmap("parent")
            yield from self.drain()
        low, high = self.family.steps
        for _ in range(self.random.randrange(low, high)):
            if not self.machine.mms:
                return
            self.decide()
            yield from self.drain()

    def drain(self) -> Iterator[ops.Operation]:
        while self.queue:
            op = self.queue.pop(0)
            self.remember(op)
            yield op

    def knobs(self) -> Iterator[ops.Operation]:
        for words in filter(None, weighted(self.random, self.family.setup).split(";")):
            key, *rest = words.split()
            if key == "max_map_count":
                if not self.kernel:
                    yield ops.Set("parent", key, int(rest[0]))
            elif key == "mthp":
                yield ops.Set("parent", key, rest[1], int(rest[0]))
            else:
                yield ops.Set("parent", key, rest[0] == "on")

    def remember(self, op: Any) -> None:
        if isinstance(op, ops.Mremap) and op.to is not None:
            self.memory.note_move(op.at, op.to, op.pages)
        elif hasattr(op, "at"):
            self.memory.note(op.at, op.pages)

    # --- what next ----------------------------------------------------------------------------------------

    def decide(self) -> None:
        """Put the next operations into the queue."""
        living = list(self.machine.mms)
        words = weighted(self.random, self.family.mix)
        process = self.random.choice([*living, living[-1] if words == "fork" else living[0]])
        if not self.machine.mms[process].vmas and words not in ("fork", "exit"):
            words = "mmap"
        kind, _, rest = words.partition(" ")
        if kind in RANGED:
            self.queue.append(RANGED[kind](process, *self.choose(process).extent()))
        else:
            MAKE[kind](self, process, rest)

    def choose(self, process: str) -> Chooser:
        return Chooser(self.random, self.family, self.machine.mms[process], self.memory)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def mmap(self, process: str, _rest: str = "") -> None:
        chooser, options = self.choose(process), self.family.options
        pages = chooser.size()
        at = chooser.place(pages)
        shared, file = self.chance(options / 2), "F" if self.chance(options / 2) else None
        op = ops.Mmap(
            process, at, pages, self.protection(chooser, at, at + pages), shared, self.chance(options),
            self.chance(options), file, self.random.choice((0, 0, at % 8)) if file else 0,
        )  # fmt: skip
        self.queue.append(op)
        if self.family.advice and self.chance(0.8):
            self.queue.append(ops.Madvise(process, at, pages, self.random.choice(self.family.advice)))
        if self.chance(0.3):
            self.queue.append(ops.Touch(process, at, pages, self.random.choice(self.family.bytes)))

    def protection(self, chooser: Chooser, start: int, end: int) -> str:
        """Often that of a neighbour."""
        near = [vma for vma in chooser.mm.vmas if start in (vma.start, vma.end) or end in (vma.start, vma.end)]
        if near and self.chance(0.6):
            flags = self.random.choice(near).flags
            return prot_string(flags)[:3].replace("-", "").replace("wx", "w")
        return chooser.weighted(self.family.protections)

    def touch(self, process: str, _rest: str) -> None:
        at, pages = self.spot(process, WRITE)
        self.queue.append(ops.Touch(process, at, pages, self.random.choice(self.family.bytes)))

    def read(self, process: str, _rest: str) -> None:
        self.queue.append(ops.Read(process, *self.spot(process, READ)))

    def spot(self, process: str, access: int) -> tuple[int, int]:
        """A few pages, or all of a VMA; rather of one that may be accessed and is not faulted yet."""
        chooser = self.choose(process)
        vmas = chooser.mm.vmas
        if self.chance(0.85):
            vmas = [vma for vma in vmas if vma.flags & access] or vmas
        fresh = [vma for vma in vmas if not vma.anon]
        vma = self.random.choice(fresh if fresh and self.chance(0.5) else vmas)
        size = vma.end - vma.start
        roll = self.random.random()
        if roll < 0.3:
            return vma.start, size
        if roll < 0.4:
            return chooser.extent()
        offset = self.random.choice((0, size - 1, self.random.randrange(size)))
        return vma.start + offset, min(self.random.choice((1, 1, 1, 2, 3)), size)

    def mprotect(self, process: str, _rest: str) -> None:
        chooser = self.choose(process)
        at, pages = chooser.extent(0.4)
        self.queue.append(ops.Mprotect(process, at, pages, self.protection(chooser, at, at + pages)))

    def madvise(self, process: str, advice: str) -> None:
        self.queue.append(ops.Madvise(process, *self.choose(process).extent(), advice))

    def mremap(self, process: str, _rest: str) -> None:
        op = mremap(self.choose(process), process, kernel=self.kernel)
        self.queue.append(op)
        if op.to is not None and op.pages == op.new_pages and self.chance(0.1):
            self.queue.append(op._replace(at=op.to, to=op.at, flags=op.flags & ~ops.DONTUNMAP))

    def fork(self, process: str, _rest: str) -> None:
        if self.forks == self.family.children:
            if self.machine.mms[process].vmas:
                self.touch(process, "")
            return
        self.forks += 1
        self.queue.append(ops.Fork(process, "child" if self.forks == 1 else f"child{self.forks}"))

    def exit(self, process: str, _rest: str) -> None:
        if len(self.machine.mms) > 1 and (process != "parent" or self.chance(0.3)):
            self.queue.append(ops.Exit(process))

    def ksm(self, process: str, what: str) -> None:
        scan = what == "scan"
        self.queue.append(ops.KsmScan(process) if scan else ops.KsmMerge(process, self.chance(0.8)))

    def migrate(self, process: str, _rest: str) -> None:
        """All of a migration, mostly with a move in its midst."""
        chooser = self.choose(process)
        at, pages = chooser.extent()
        self.queue.append(ops.Migrate(process, at, pages, "begin"))
        if self.chance(0.7):
            to = chooser.destination(at, pages)
            flags = ops.MAYMOVE | ops.FIXED | relocation(chooser)
            self.queue.append(ops.Mremap(process, at, pages, pages, to, flags))
            at = to
        self.queue.append(ops.Migrate(process, at, pages, self.random.choice(("end", "fail"))))


MAKE: Mapping[str, Callable[[Program, str, str], None]] = MappingProxyType({
    "mmap": Program.mmap,
    "touch": Program.touch,
    "read": Program.read,
    "mprotect": Program.mprotect,
    "madvise": Program.madvise,
    "mremap": Program.mremap,
    "fork": Program.fork,
    "exit": Program.exit,
    "ksm": Program.ksm,
    "migrate": Program.migrate,
})  # fmt: skip
