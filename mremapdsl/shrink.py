"""The smallest scenario that still does the same: statements dropped, processes joined, calls and sizes made plainer.

``same`` says whether a candidate shows what is looked for; it must be true of the body that is given.  Every step
towards the result is tried with it, so the result shows the same, never something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import combinations
from typing import Any, TypeAlias

from mremapdsl import ops
from mremapdsl.program import Expect, Place, Show, Statement, Step
from mremapdsl.squeeze import HUGE_PAGE, Cut, Extent, Impossible, cut, displaced, extents, groups, shorter

Body: TypeAlias = tuple[Statement, ...]
Same: TypeAlias = Callable[[Body], bool]
FEW = 8
"""Up to so many pages, calls are tried with one page less."""
PAIRS_BELOW = 14
"""Bodies shorter than this are also tried without any two of their statements."""


def shrink(body: Sequence[Statement], same: Same, *, names: Sequence[Place] = ()) -> Body:
    """The smallest body that is the ``same``, as far as taking things away one by one leads."""
    return _Shrinker(same).run(tuple(body), names)


class _Shrinker:
    def __init__(self, same: Same) -> None:
        self.ask = same
        self.known: dict[Body, bool] = {}

    def same(self, body: Body) -> bool:
        if body not in self.known:
            self.known[body] = alive(body) and self.ask(body)
        return self.known[body]

    def run(self, body: Body, names: Sequence[Place]) -> Body:
        body = plain(body)
        before: Body = ()
        while body != before:
            before = body
            for improve in (self.drop, self.join, self.fuse, self.simplify, self.squeeze, self.pairs):
                body = improve(body)
        return self.freed(self.renamed(body), names)

    # --- statements -----------------------------------------------------------------------------------------

    def drop(self, body: Body) -> Body:
        """Without as many statements as possible, large pieces first, from the end."""
        size = max(len(body) // 2, 1)
        while size:
            end = len(body)
            while end > 0:
                candidate = without(body, set(range(max(0, end - size), end)))
                if len(candidate) < len(body) and self.same(candidate):
                    body = candidate
                end = min(end - size, len(body))
            size //= 2
        return body

    def pairs(self, body: Body) -> Body:
        """Without any two statements that only go together."""
        if len(body) < PAIRS_BELOW:
            for pair in combinations(range(len(body)), 2):
                candidate = without(body, set(pair))
                if self.same(candidate):
                    return candidate
        return body

    def fuse(self, body: Body) -> Body:
        """With one statement where there were two, or with the gap closed that a statement leaves."""
        progress = True
        while progress:
            progress = False
            for candidate in (*fused(body), *closed(body), *unmoved(body)):
                if self.same(candidate):
                    body, progress = candidate, True
                    break
        return body

    def join(self, body: Body) -> Body:
        """Without forks: the child's statements become the parent's."""
        for i, statement in enumerate(body):
            if isinstance(statement, Step) and isinstance(statement.op, ops.Fork):
                names = {statement.op.child: statement.op.process}
                candidate = processes(body[:i] + body[i + 1 :], names)
                if self.same(candidate):
                    return self.join(candidate)
        return body

    def renamed(self, body: Body) -> Body:
        """Children called as if they had no names."""
        names: dict[str, str] = {}
        for statement in body:
            if isinstance(statement, Step) and isinstance(statement.op, ops.Fork):
                names[statement.op.child] = f"child{len(names) + 1}" if names else "child"
        candidate = processes(body, names)
        return candidate if self.same(candidate) else body

    # --- calls ----------------------------------------------------------------------------------------------

    def simplify(self, body: Body) -> Body:
        """Each call with fewer options, fewer flags, fewer pages."""
        i = 0
        while i < len(body):
            for simpler in simpler_statements(body[i]):
                candidate = (*body[:i], *simpler, *body[i + 1 :])
                if self.same(candidate):
                    body = candidate
                    break
            else:
                i += 1
        return body

    # --- places ---------------------------------------------------------------------------------------------

    def squeeze(self, body: Body) -> Body:
        """With fewer pages between any two borders."""
        progress = True
        while progress:
            progress = False
            for group in groups(body):
                candidate = self.shortened(body, group)
                if candidate != body:
                    body, progress = candidate, True
                    break
        return body

    def shortened(self, body: Body, group: Sequence[Any]) -> Body:
        for smaller in shorter(group):
            with suppress(Impossible):
                candidate = cut(body, smaller)
                if self.same(candidate):
                    return candidate
        return body

    def freed(self, body: Body, names: Sequence[Place]) -> Body:
        """With places where the compiler would put them."""
        from mremapdsl.statements import compiled_anew

        scenario = compiled_anew(body, names)
        candidate = plain(scenario.body) if scenario is not None else body
        return candidate if self.same(candidate) else body


# --- parts ---------------------------------------------------------------------------------------------------


def plain(body: Body) -> Body:
    """Without what no result depends on: lines, documentation, ``show``."""
    found: list[Statement] = []
    for statement in body:
        if isinstance(statement, Step | Expect):
            found.append(statement._replace(line=0, doc="", text="", loop=()))
        elif not isinstance(statement, Show):
            found.append(statement)
    return tuple(found)


def without(body: Body, gone: set[int]) -> Body:
    """The body without some statements, and without those of processes that are then never forked."""
    living = {"parent"}
    found: list[Statement] = []
    for i, statement in enumerate(body):
        if i in gone or not mentions(statement) <= living:
            continue
        found.append(statement)
        living |= forked(statement)
    return tuple(found)


def alive(body: Body) -> bool:
    """Whether every statement's processes exist, and its own has not exited."""
    known, living = {"parent"}, {"parent"}
    for statement in body:
        process: str | None = getattr(getattr(statement, "op", statement), "process", None)
        if not mentions(statement) - forked(statement) <= known or (process is not None and process not in living):
            return False
        made = forked(statement)
        if made & known:
            return False
        known |= made
        living |= made
        if isinstance(statement, Step) and isinstance(statement.op, ops.Exit):
            living.discard(statement.op.process)
    return True


def forked(statement: Statement) -> set[str]:
    return {statement.op.child} if isinstance(statement, Step) and isinstance(statement.op, ops.Fork) else set()


def mentions(part: Any) -> set[str]:
    """The processes that a statement needs."""
    if not isinstance(part, tuple):
        return set()
    item: Any = part  # pyright: ignore[reportUnknownVariableType]
    own = {item.process} if hasattr(item, "process") else set[str]()
    return own.union(*map(mentions, item))


def processes(part: Any, names: dict[str, str]) -> Any:
    """A body, or a part of it, with other names of processes."""
    if not isinstance(part, tuple):
        return part
    item: Any = part  # pyright: ignore[reportUnknownVariableType]
    if not hasattr(item, "_fields"):
        return tuple(processes(inner, names) for inner in item)
    changed = {
        field: names.get(value, value) if field in ("process", "child") else processes(value, names)
        for field, value in zip(item._fields, item, strict=True)
    }
    return type(item)(**changed)


def fused(body: Body) -> Iterator[Body]:
    """Two mappings side by side as one; a mapping that grows as a larger one."""
    calls = [(i, statement.op) for i, statement in enumerate(body) if isinstance(statement, Step)]
    for (i, first), (j, second) in combinations(calls, 2):
        if not isinstance(first, ops.Mmap) or first.process != second.process:
            continue
        larger: ops.Mmap | None = None
        if isinstance(second, ops.Mmap) and second.at == first.at + first.pages:
            larger = first._replace(pages=first.pages + second.pages)
        elif isinstance(second, ops.Mmap) and second.at + second.pages == first.at:
            larger = first._replace(at=second.at, pages=first.pages + second.pages)
        elif isinstance(second, ops.Mremap) and second.to is None and ends_alike(first, second):
            larger = first._replace(pages=first.pages + second.new_pages - second.pages)
        statement = body[i]
        if larger is not None and larger.pages > first.pages and isinstance(statement, Step):
            yield (*body[:i], statement._replace(op=larger), *body[i + 1 : j], *body[j + 1 :])


def ends_alike(first: ops.Mmap, second: ops.Mremap) -> bool:
    return first.at + first.pages == second.at + second.pages


def closed(body: Body) -> Iterator[Body]:
    """Without a statement and the pages that it was about."""
    for i, statement in enumerate(body):
        rest = without(body, {i})
        for extent in set(extents(statement)):
            with suppress(Impossible):
                yield cut(rest, Cut([extent]))


def unmoved(body: Body) -> Iterator[Body]:
    """Without a move: what came before it happens at its destination, or what comes after it at its source."""
    for i, statement in enumerate(body):
        op = statement.op if isinstance(statement, Step) else None
        if isinstance(op, ops.Mremap) and op.to is not None:
            with suppress(Impossible):
                yield (*displaced(body[:i], Extent(op.at, op.at + op.pages), op.to - op.at), *body[i + 1 :])
            with suppress(Impossible):
                yield (*body[:i], *displaced(body[i + 1 :], Extent(op.to, op.to + op.new_pages), op.at - op.to))


# --- simpler calls -------------------------------------------------------------------------------------------


def simpler_statements(statement: Statement) -> Iterator[tuple[Statement, ...]]:
    """What a statement might be replaced with, the simplest first."""
    if isinstance(statement, Step):
        for op in simpler(statement.op):
            if op != statement.op:
                yield (statement._replace(op=op),)
        if statement.during:
            yield (statement._replace(during=()),)


def simpler(op: Any) -> Iterator[Any]:
    """Simpler calls of the same kind."""
    if isinstance(op, ops.Mmap):
        yield ops.Mmap(op.process, op.at, op.pages)
        for changes in ({"prot": "rw"}, {"shared": False}, {"noreserve": False}, {"populate": False},
                        {"file": None, "file_page": 0}, {"file_page": 0}):  # fmt: skip
            yield op._replace(**changes)
    elif isinstance(op, ops.Mremap):
        yield from simpler_mremap(op)
    elif isinstance(op, ops.Touch):
        yield op._replace(byte=1)
    elif isinstance(op, ops.Mprotect):
        yield from (op._replace(prot=prot) for prot in ("r", "rw") if prot < op.prot or len(prot) < len(op.prot))
    elif isinstance(op, ops.Set) and op.key == "max_map_count" and isinstance(op.value, int):
        yield from (op._replace(value=value) for value in range(1, op.value))
    if hasattr(op, "at"):
        yield from shorter_calls(op)


def simpler_mremap(op: ops.Mremap) -> Iterator[ops.Mremap]:
    if op.new_pages != op.pages:
        yield op._replace(new_pages=op.pages)
        if op.to is not None and op.flags & (ops.MAYMOVE | ops.FIXED):
            yield op._replace(to=None, flags=op.flags & ~ops.FIXED)
    usual = ops.MAYMOVE | ops.FIXED
    for bit in (ops.MUST_RELOCATE, ops.RELOCATE, ops.DONTUNMAP):
        if op.flags & bit:
            yield op._replace(flags=op.flags & ~bit)
    if op.to is not None and op.flags & usual != usual:
        yield op._replace(flags=op.flags | usual)
    elif op.to is None and op.flags:
        yield op._replace(flags=0)
    if op.flags & ops.MUST_RELOCATE:
        yield op._replace(flags=op.flags & ~ops.MUST_RELOCATE | ops.RELOCATE)


def shorter_calls(op: Any) -> Iterator[Any]:
    """On one page, or on a part of the pages, at either end."""
    few = {op.pages - 1} if op.pages <= FEW else {op.pages - op.pages % HUGE_PAGE, op.pages * 3 // 4}
    for pages in sorted({1, op.pages // 2} | few):
        if 0 < pages < op.pages:
            rest = {"new_pages": pages} if isinstance(op, ops.Mremap) and op.new_pages == op.pages else {}
            yield op._replace(pages=pages, **rest)
            to = getattr(op, "to", None)
            if to is not None:
                rest["to"] = to + op.pages - pages
            yield op._replace(at=op.at + op.pages - pages, pages=pages, **rest)
