"""One scenario as a C function that reads like it."""

from __future__ import annotations

from typing import NamedTuple

from mremapdsl import ops
from mremapdsl.export.select import Case, LeftOut, Target
from mremapdsl.export.text import block, call, comment, string, variable
from mremapdsl.program import Expect, Merged, Not, Place, Predicate, Show, Step
from mremapdsl.running import target_of

FIRST = "parent"
BLOCK = 512
"""Pages of a huge page."""


class LastCall(NamedTuple):
    """What ``merged`` is about."""

    process: str
    at: str
    """C expression."""
    pages: int
    failed: bool


class Writer:
    """The function under way, and what it has used so far."""

    def __init__(self, case: Case, target: Target, taken: frozenset[str]) -> None:
        self.case = case
        self.target = target
        self.taken = set(taken)
        self.named = bool(case.scenario.rules)
        self.alive = [FIRST]
        self.processes: dict[str, str] = {FIRST: self._new(FIRST)}
        """Process -> its enumerator."""
        self.places: dict[Place, str] = {}
        """Places that the function has a variable for."""
        self.files: dict[str, str] = {}
        self.results: list[str] = []
        """Variables for addresses that the kernel chooses."""
        self.needs: dict[str, None] = {}
        """Calls before the first statement, each once."""
        if case.kernels:
            self.needs[f"need_kernel({string(' '.join(case.kernels))})"] = None
        self.last_call: LastCall | None = None
        self.moved = False
        """An mremap has been made."""
        self.swap_off = False

    def _new(self, name: str) -> str:
        word = variable(name, self.taken)
        self.taken.add(word)
        return word

    # --- names -------------------------------------------------------------------------------------------

    def process(self, name: str) -> str:
        if name not in self.processes:
            self.processes[name] = self._new(name)
        return self.processes[name]

    def file(self, name: str) -> str:
        if name not in self.files:
            self.files[name] = self._new(f"file_{name}")
        return self.files[name]

    def result(self) -> str:
        """A variable for an address that the kernel chooses."""
        self.results.append(self._new("moved"))
        return self.results[-1]

    def at(self, page: int) -> str:
        """An address, from a place of the scenario if it lies in one or behind one."""
        places = self.case.scenario.places
        place = (
            next((p for p in places if p.start == page), None)
            or next((p for p in places if p.start < page < p.start + p.pages), None)
            or next((p for p in places if p.start + p.pages == page), None)
        )
        if place is None:
            return f"arena({page})"
        if place not in self.places:
            self.places[place] = self._new(place.name)
        return self.places[place] + (f" + {size(page - place.start)}" if page > place.start else "")

    def range(self, at: int, pages: int) -> str:
        """Two arguments: address and size."""
        return f"{self.at(at)}, {size(pages)}"

    # --- statements --------------------------------------------------------------------------------------

    def statement(self, process: str, line: int, text: str, body: list[str], head: str = "") -> list[str]:
        """What a process does, under the statement that says so."""
        if process not in self.alive:
            raise LeftOut(line, f"process {process} has exited")
        prefix = "" if process == FIRST else f"{process}: "
        at = f"{line}, {string(prefix + text)}"
        name = self.process(process)
        step = f"STEP({at})" if self.single else f"IN({name}, {at})"
        return block(step + head, [line for part in body for line in call("\t\t", part)], "\t")

    @property
    def single(self) -> bool:
        """The scenario never forks."""
        return not any(isinstance(s, Step) and isinstance(s.op, ops.Fork) for s in self.case.body)

    def step(self, step: Step) -> list[str]:
        from mremapdsl.export.operations import operation

        body = operation(self, step)
        lines = comment(step.doc, "\t")
        limit = isinstance(step.op, ops.Set) and step.op.key == "max_map_count"
        for process in self.alive if limit else [step.op.process]:
            lines += self.statement(process, step.line, step.text + looped(step.loop) + ending(step), body)
        self._note(step)
        return lines

    def _note(self, step: Step) -> None:
        """What later statements may ask about this one."""
        op = step.op
        if isinstance(op, ops.Fork) and not step.fails:
            self.alive.append(op.child)
        elif isinstance(op, ops.Exit):
            self.alive.remove(op.process)
        elif isinstance(op, ops.Mremap):
            self.moved = True
        about = target_of(op, fixed_address(op))
        if about is not None:
            chosen = isinstance(op, ops.Mremap) and fixed_address(op) is None and not step.fails
            at = self.results[-1] if chosen else self.at(about.start)
            self.last_call = LastCall(about.process, at, about.pages, step.fails is not None)

    def expect(self, expect: Expect) -> list[str]:
        from mremapdsl.export.predicates import predicate

        applies = self.target.applies(self.case.scenario, expect)
        if applies is False:
            return []
        process = self._onlooker(expect)
        body = [f"expect({predicate(self, expect.predicate, process)})"]
        head = "" if applies is True else f" if (is_kernel({string(' '.join(applies))}))"
        text = f"expect {expect.text}{looped(expect.loop)}"
        return comment(expect.doc, "\t") + self.statement(process, expect.line, text, body, head)

    def _onlooker(self, expect: Expect) -> str:
        """The process that looks."""
        if not self.alive:
            raise LeftOut(expect.line, "no process is left to look from")
        process = self.last_call.process if self.last_call and asks_for_merge(expect.predicate) else expect.process
        return process if process in self.alive else self.alive[0]

    def show(self, show: Show) -> list[str]:
        return self.statement(show.process, show.line, "show", ["show()"])

    def body(self) -> list[str]:
        """All statements. Raises LeftOut."""
        lines: list[str] = []
        for statement in self.case.body:
            match statement:
                case Step():
                    lines += self.step(statement)
                case Expect():
                    lines += self.expect(statement)
                case Show():
                    lines += self.show(statement)
                case _:
                    raise AssertionError("a run has no branches")
        return lines


def asks_for_merge(predicate: Predicate) -> bool:
    while isinstance(predicate, Not):
        predicate = predicate.predicate
    return isinstance(predicate, Merged)


def size(pages: int) -> str:
    return "PAGE" if pages == 1 else f"{pages} * PAGE" if pages else "0"


def looped(loop: tuple[tuple[str, int], ...]) -> str:
    return f" [{', '.join(f'{name} = {value}' for name, value in loop)}]" if loop else ""


def ending(step: Step) -> str:
    return f" fails {step.fails}" if step.fails else ""


def fixed_address(op: ops.Operation) -> int | None:
    """The page that mremap returns if it succeeds, as far as the call says; None if the kernel chooses."""
    if not isinstance(op, ops.Mremap) or not op.flags & ops.MAYMOVE:
        return op.at if isinstance(op, ops.Mremap) else None
    if op.flags & ops.FIXED:
        return op.to
    if op.flags & ops.DONTUNMAP:
        return None
    return op.at if op.new_pages <= op.pages else None


def function(writer: Writer, name: str) -> list[str]:
    """The whole function, with its documentation in front. Raises LeftOut."""
    scenario, body = writer.case.scenario, writer.body()
    heading = f"{writer.case.program.file.rpartition('/')[2]}:{scenario.line}: {writer.case.title}"
    lines = [*comment(f"{heading}\n\n{scenario.doc}".strip()), f"static void {name}(void)", "{"]
    if not writer.single:
        lines += call("\t", f"enum {{ {', '.join(writer.processes.values())} }}")
    lines += [f"\tchar *{word} = arena({place.start});" for place, word in writer.places.items()]
    lines += [f"\tchar *{word} = NULL;" for word in writer.results]
    lines += [f"\tint {word} = new_file({string(file)});" for file, word in writer.files.items()]
    lines += [""] if len(lines) > 3 else []
    for need in writer.needs:
        lines += call("\t", need)
    return [*lines, *([""] if writer.needs else []), *body, "}"]


def traits(case: Case) -> list[str]:
    """What the runtime must know of a scenario beforehand."""
    operations = [s.op for s in case.body if isinstance(s, Step)]
    small = not any(map(makes_large_or_shared, operations))
    return ["small"] * small + ["large"] * any(map(maps_whole_blocks, operations))


def makes_large_or_shared(op: ops.Operation) -> bool:
    """Whether pages may be of large folios, or of KSM, after it."""
    if isinstance(op, ops.Madvise):
        return op.advice in ("MERGEABLE", "HUGEPAGE", "COLLAPSE")
    return isinstance(op, ops.KsmMerge | ops.Collapse) or (isinstance(op, ops.Set) and op.key in ("thp", "mthp"))


def maps_whole_blocks(op: ops.Operation) -> bool:
    return isinstance(op, ops.Mmap) and -(-op.at // BLOCK) * BLOCK + BLOCK <= op.at + op.pages
