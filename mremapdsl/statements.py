"""From plain data back to the language: the statement of an operation, the text of a scenario.

The inverse of compiling: the text compiles to the same operations, results and predicates.  What the language has
no words for raises :class:`Unsayable`.

A :class:`Writer` knows the places named so far, as the compiler would, and writes ranges by name where it may
(``A[2..5]``, ``after A``) and as ``@PAGE+COUNT`` elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from mremapdsl import ops
from mremapdsl.predicatetext import Unsayable, predicate_text
from mremapdsl.program import Expect, Place, Predicate, Range, RuleChoice, Scenario, Show, Statement, Step

FIRST_PROCESS = "parent"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PROTECTIONS = ("rw", "r", "rx", "rwx", "x", "w", "")
LIMIT = 1 << 52
"""No number of the language reaches this."""
NEAR = 64
"""Up to this distance a point is written relative to a place."""
SLOTS = 1000
"""First slot and pitch of places without an address (``lang.places.USUAL``)."""
RANGE_CALLS: Mapping[type, str] = MappingProxyType({
    ops.Munmap: "munmap", ops.Mlock: "mlock", ops.Munlock: "munlock", ops.Mseal: "mseal", ops.Read: "read",
    ops.Pin: "pin", ops.Unpin: "unpin", ops.Swapin: "swapin", ops.Split: "split",
    ops.Collapse: "collapse",
})  # fmt: skip


ALIGNED_SLOTS = 1024
"""All slots are multiples of it where large folios are about (``lang.places.spread``)."""
Style: TypeAlias = Literal["slots", "aligned", "places", "numbers", "free"]
"""Places without an address where the compiler would put them there, usually or for large folios; all places with one;
no names at all; wherever the compiler puts them (which changes the operations)."""
STYLES: tuple[Style, ...] = ("slots", "aligned", "places", "numbers")


class Writer:
    """Writes statements in the order in which they run.

    ``names`` are names to give to places when a statement first uses them.
    """

    def __init__(self, names: Iterable[Place] = (), style: Style = "slots") -> None:
        self.wanted = {(place.start, place.pages): place.name for place in reversed(list(names))}
        self.named = style != "numbers"
        self.style = style
        self.places: dict[str, tuple[int, int]] = {}
        self.taken = 0
        """Slots that places without an address have taken."""
        self.fresh = _fresh(self.named)

    # --- statements ---------------------------------------------------------------------------------------

    def statement(self, statement: Statement) -> str:
        """A step, an expectation or ``show``, with its process."""
        match statement:
            case Step(op, _, _, fails):
                return self.call(op, fails) + self.during(statement)
            case Expect(predicate, process, _, _, on, quantifier=quantifier):
                return self.expectation(predicate, process, on, quantifier)
            case Show(_, process):
                return f"{_prefix(process)}show"
            case _:
                raise Unsayable("a scenario with several runs")

    def call(self, op: ops.Operation, fails: str | None = None) -> str:
        """The statement of an operation, with its process and the errno that it must fail with."""
        words = WRITE[type(op)](self, op)
        if fails is not None and not re.fullmatch(r"E[A-Z]+|SEGV|BUS", fails):
            raise Unsayable(f"{fails} is no errno")
        return f"{_prefix(op.process)}{words}" + (f" fails {fails}" if fails else "")

    def during(self, step: Step) -> str:
        """``during relocation { … }`` behind a call; processes but the caller's are named."""
        events: list[str] = []
        for event in step.during:
            own = event.op.process if isinstance(event, Step) else getattr(event, "process", FIRST_PROCESS)
            words = self.statement(event).removeprefix(_prefix(own))
            events.append(words if own == step.op.process else f"{own}: {words}")
        return f" during relocation {{ {'; '.join(events)} }}" if events else ""

    def expectation(
        self, predicate: Predicate, process: str = FIRST_PROCESS, on: Sequence[str] = (), quantifier: str = ""
    ) -> str:
        """``expect [QUANTIFIER] PREDICATE [on RULES]``."""
        words = predicate_text(predicate, process, self)
        how = f"{quantifier} " if quantifier else ""
        return f"{_prefix(process)}expect {how}{words}" + (f" on {', '.join(on)}" if on else "")

    # --- places -------------------------------------------------------------------------------------------

    def range(self, start: int, pages: int) -> str:
        """A range: by the name of a place that holds it, or by number."""
        check_inside(start, pages)
        named = self.whole(start, pages) or self.part(start, pages)
        if named is None and self.style == "free":
            raise Unsayable("a range that depends on where its place is")
        return named or f"@{start}+{pages}"

    def part(self, start: int, pages: int) -> str | None:
        """Some pages of a place: ``A[3]``, ``A[2..5]``."""
        for name, (first, size) in self.places.items() if self.named and pages else ():
            if first <= start and start + pages <= first + size:
                offset = start - first
                return f"{name}[{offset}]" if pages == 1 else f"{name}[{offset}..{offset + pages}]"
        return None

    def page(self, page: int) -> str | None:
        """One page, as ``A[3]``."""
        return self.part(page, 1)

    def not_one_page(self, start: int, pages: int) -> str:
        """A range, but not as ``A[3]``."""
        return self.range(start, pages) if pages != 1 else self.whole(start, pages) or f"@{start}+{pages}"

    def whole(self, start: int, pages: int) -> str | None:
        """The name of a place that is exactly this."""
        places = self.places.items() if self.named else ()
        return next((name for name, place in places if place == (start, pages)), None)

    def point(self, start: int, pages: int = 0) -> str:
        """A point for something of ``pages`` pages: ``A``, ``A + 2``, ``after A``, ``before A - 2``, ``@16``."""
        check_inside(start, pages)
        places = self.places.items() if self.named else ()
        for name, (first, size) in places:
            if first <= start < first + size:
                return f"{name} + {start - first}" if start > first else name
        for name, (first, size) in places:
            if first + size == start:
                return f"after {name}"
            if start + pages == first and pages:
                return f"before {name}"
        for name, (first, size) in places:
            if 0 < start - first - size <= NEAR:
                return f"after {name} + {start - first - size}"
            if 0 < first - start - pages <= NEAR and pages:
                return f"before {name} - {first - start - pages}"
        return f"@{start}"

    def name(self, start: int, pages: int) -> str:
        """A new name for a place."""
        wanted = self.wanted.get((start, pages))
        name = wanted if wanted and wanted not in self.places else next(n for n in self.fresh if n not in self.places)
        self.places[name] = (start, pages)
        return name

    def takes_slot(self, start: int, pages: int) -> bool:
        """Whether a new place without an address would go here."""
        if self.style == "free":
            return self.point(start, pages).startswith("@")
        if self.style == "aligned":
            return start > 0 and start % ALIGNED_SLOTS == 0
        if self.style != "slots" or start != SLOTS * (self.taken + 1):
            return False
        self.taken += 1
        return True


def _fresh(named: bool) -> Iterator[str]:
    if named:
        yield from "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    yield from (f"M{number}" for number in count(1))


def _prefix(process: str) -> str:
    if not NAME.fullmatch(process):
        raise Unsayable(f"`{process}` cannot name a process")
    return "" if process == FIRST_PROCESS else f"{process}: "


def check_inside(start: int, pages: int) -> None:
    """Raises Unsayable for pages outside the arena."""
    if start < 0 or pages < 0 or start + pages > ops.TASK_PAGES:
        raise Unsayable(f"pages {start} to {start + pages - 1} are not in the arena")


def number(value: int) -> int:
    """Raises Unsayable for what is no number of the language."""
    if not 0 <= value < LIMIT:
        raise Unsayable(f"{value} is no number of the language")
    return value


def protection(prot: str) -> str:
    if prot not in PROTECTIONS:
        raise Unsayable(f"`{prot}` is no protection")
    return prot or "none"


# --- operations --------------------------------------------------------------------------------------------


def _mmap(writer: Writer, op: ops.Mmap) -> str:
    check_inside(op.at, op.pages)
    options = [protection(op.prot)] if op.prot != "rw" else []
    options += [word for word in ("shared", "noreserve", "populate") if getattr(op, word)]
    if op.file is not None:
        options.append(_file(op.file, op.file_page))
    elif op.file_page:
        raise Unsayable("a page of no file")
    name = writer.whole(op.at, op.pages)
    if name is None:
        if not writer.takes_slot(op.at, op.pages):
            options.append(_placed("at", writer.point(op.at, op.pages)))
        name = writer.name(op.at, op.pages)
    return " ".join([f"mmap {name} {op.pages}", *options])


def _placed(word: str, point: str) -> str:
    """``at @16``, ``to A + 2``; ``after A`` as it is."""
    return point if point.startswith(("after ", "before ")) else f"{word} {point}"


def _file(file: str, page: int) -> str:
    if not NAME.fullmatch(file):
        if not file or re.search(r'["\\\n]', file) or not file.isprintable():
            raise Unsayable(f"`{file}` cannot name a file")
        file = f'"{file}"'
    return f"file {file} + {number(page)}" if page else f"file {file}"


def _range_call(writer: Writer, op: Any) -> str:
    return f"{RANGE_CALLS[type(op)]} {writer.range(op.at, op.pages)}"


def _swapout(writer: Writer, op: ops.Swapout) -> str:
    return f"swapout {writer.range(op.at, op.pages)}" + (" cached" if op.cached else "")


def _mprotect(writer: Writer, op: ops.Mprotect) -> str:
    return f"mprotect {writer.range(op.at, op.pages)} {protection(op.prot)}"


def _madvise(writer: Writer, op: ops.Madvise) -> str:
    return f"madvise {writer.range(op.at, op.pages)} {op.advice}"


def _touch(writer: Writer, op: ops.Touch) -> str:
    if not 0 <= op.byte <= 255:
        raise Unsayable(f"{op.byte} is no byte")
    return f"touch {writer.range(op.at, op.pages)}" + ("" if op.byte == 1 else f" {op.byte}")


def _mremap(writer: Writer, op: ops.Mremap) -> str:
    words = [f"mremap {writer.range(op.at, op.pages)}"]
    flags = op.flags
    if op.to is not None:
        if not flags & (ops.MAYMOVE | ops.FIXED):
            raise Unsayable("a destination implies MAYMOVE and FIXED unless one of them is written")
        words.append(_destination(writer, op.to, op.new_pages))
        if flags & ops.MAYMOVE and flags & ops.FIXED:
            flags &= ~(ops.MAYMOVE | ops.FIXED)
    if op.new_pages != op.pages:
        words.append(f"size {number(op.new_pages)}")
    for word, bit in ops.MREMAP_FLAGS.items():
        if flags & bit:
            words.append(word)
            flags &= ~bit
    if flags:
        raise Unsayable(f"flags {flags:#x} have no name")
    return " ".join(words)


def _destination(writer: Writer, to: int, pages: int) -> str:
    known = next((name for name, (start, _) in writer.places.items() if start == to), None)
    if writer.named and known is not None:
        return known
    check_inside(to, pages)
    return writer.name(to, pages) if writer.takes_slot(to, pages) else _placed("to", writer.point(to, pages))


def _fork(_writer: Writer, op: ops.Fork) -> str:
    if not NAME.fullmatch(op.child):
        raise Unsayable(f"`{op.child}` cannot name a process")
    return f"fork {op.child}"


def _set(_writer: Writer, op: ops.Set) -> str:
    match op.key:
        case "thp":
            return f"set thp {op.value}"
        case "mthp":
            if op.pages not in ops.FOLIO_SIZES:
                raise Unsayable(f"no folio has {op.pages} pages")
            return f"set mthp {op.pages} {op.value}"
        case "max_map_count":
            return f"set max_map_count {number(int(op.value))}"
        case "swap" | "ksm_zero_pages":
            return f"set {op.key} {'on' if op.value else 'off'}"
        case _:
            raise Unsayable(f"`{op.key}` cannot be set")


WRITE: Mapping[type, Callable[[Writer, Any], str]] = MappingProxyType({
    ops.Mmap: _mmap,
    **dict.fromkeys(RANGE_CALLS, _range_call),
    ops.Mprotect: _mprotect,
    ops.Madvise: _madvise,
    ops.Touch: _touch,
    ops.Mremap: _mremap,
    ops.Fork: _fork,
    ops.Exit: lambda _writer, _op: "exit",
    ops.KsmScan: lambda _writer, _op: "ksm scan",
    ops.KsmMerge: lambda _writer, op: f"ksm merge {'on' if op.on else 'off'}",
    ops.Migrate: lambda writer, op: f"migrate {writer.range(op.at, op.pages)} {op.phase}",
    ops.Swapout: _swapout,
    ops.Set: _set,
})  # fmt: skip


# --- whole texts -------------------------------------------------------------------------------------------


def operation_text(op: ops.Operation, fails: str | None = None) -> str:
    """One operation as a statement of its own, ranges by number. Raises Unsayable."""
    return Writer(style="numbers").call(op, fails)


def steps(operations: Sequence[ops.Operation], results: Sequence[str] = ()) -> tuple[Step, ...]:
    """Operations with their results (``ok`` or an errno; all ``ok`` if left out) as the body of a scenario."""
    padded = [*results, *["ok"] * (len(operations) - len(results))]
    fails = [None if result == "ok" else result for result in padded]
    return tuple(Step(op, 0, "", errno, "", ()) for op, errno in zip(operations, fails, strict=True))


def body_lines(body: Sequence[Statement], names: Iterable[Place] = (), style: Style = "slots") -> list[str]:
    """The statements of a scenario, a line each. Raises Unsayable."""
    writer = Writer(names, style)
    return [writer.statement(statement) for statement in body]


def scenario_text(
    body: Sequence[Statement], rules: Sequence[RuleChoice] = (), *, title: str = "", names: Iterable[Place] = ()
) -> str:
    """A scenario as the text of a file that compiles to the same, with as many names as that allows.

    With a title it is a ``scenario`` block.  Raises Unsayable.
    """
    names = list(names)
    for style in STYLES[:-1]:
        with suppress(Unsayable):
            text = _text(body_lines(body, names, style), rules, title)
            if reads_back(text, body):
                return text
    return _text(body_lines(body, style="numbers"), rules, title)


def compiled_anew(body: Sequence[Statement], names: Iterable[Place] = ()) -> Scenario | None:
    """A scenario of the body, places that need no address put where the compiler would; None if all need theirs."""
    from mremapdsl import api

    try:
        (scenario,) = api.compile("".join(f"{line}\n" for line in body_lines(body, names, "free"))).scenarios
    except (Unsayable, api.CompileError):
        return None
    return scenario


def _text(lines: list[str], rules: Sequence[RuleChoice], title: str) -> str:
    if not title and len(rules) <= 1:
        return "".join(f"{line}\n" for line in [*(f"rules {choice}" for choice in rules), *lines])
    on = f" on {', '.join(map(str, rules))}" if rules else ""
    return f"scenario {quoted(title)}{on} {{\n" + "".join(f"    {line}\n" for line in lines) + "}\n"


def quoted(title: str) -> str:
    plain = "".join(c if c.isprintable() else " " for c in title)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def reads_back(text: str, body: Sequence[Statement]) -> bool:
    """Whether the one scenario of a text has this body."""
    from mremapdsl import api

    try:
        (scenario,) = api.compile(text).scenarios
    except api.CompileError:
        return False
    return [essence(s) for s in scenario.body] == [essence(s) for s in body]


def essence(statement: Statement) -> tuple[Any, ...]:
    """A statement without what its place in a text adds: lines, words, names of ranges, documentation."""
    match statement:
        case Step(op, _, _, fails):
            return op, fails, tuple(map(essence, statement.during))
        case Expect(predicate, process, _, _, on, quantifier=quantifier):
            return unnamed(predicate), process, on, quantifier
        case Show(_, process):
            return (process,)
        case _:
            return (unnamed(statement),)


def unnamed(part: Any) -> Any:
    """A predicate, or a part of one, as nested tuples without the names that its ranges were written with."""
    if isinstance(part, Range):
        return part._replace(name="")
    return (type(part).__name__, *map(unnamed, part)) if isinstance(part, tuple) else part  # pyright: ignore
