"""The operations: from a statement's syntax to the record that machines take.

One function per statement, in one table at the end; a new statement needs its rule in the grammar, its record
in ``syntax``, and an entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from mremapdsl import ops
from mremapdsl.lang import syntax
from mremapdsl.lang.context import Context
from mremapdsl.lang.diagnostics import Problem
from mremapdsl.lang.expr import byte, count
from mremapdsl.lang.places import HUGE_PAGE, check_inside, extent, guard, no_place, target
from mremapdsl.lang.syntax import Token
from mremapdsl.lang.words import words
from mremapdsl.program import Place


def mmap(context: Context, node: syntax.Mmap) -> ops.Operation:
    pages = count(context, node.size)
    context.claim(node.name, constant=False)
    options: dict[str, Any] = {}
    at: int | None = None
    for option in node.options:
        match option:
            case syntax.Placed():
                once(at is None, option, "a place")
                at = target(context, option.point, pages)
            case syntax.Prot():
                once("prot" not in options, option, "the protection")
                options["prot"] = prot(option.word)
            case syntax.Mapping():
                once(option.word.text not in options, option, f"`{option.word.text}`")
                options[option.word.text] = True
            case syntax.Backing():
                once("file" not in options, option, "the file")
                options["file"] = option.file.text.strip('"')
                options["file_page"] = 0 if option.page is None else count(context, option.page)
    at = placed(context, node, at, pages)
    context.slots.size(node.size.start, pages)
    context.latest = node.name.text
    return ops.Mmap(context.process, at, pages, **options)


def once(first: bool, option: syntax.MmapOption | syntax.NewSize | syntax.Flag, what: str) -> None:
    if not first:
        raise Problem("MRS123", option.start, option.end, f"{what} is given twice", "delete one of them")


def prot(word: Token) -> str:
    return "" if word.text == "none" else word.text


def placed(context: Context, node: syntax.Mmap, at: int | None, pages: int) -> int:
    """Where a mapping goes; a new name becomes a place."""
    name, known = node.name, context.places.get(node.name.text)
    if known is not None:
        context.mentioned.add(name.text)
        at = known.start if at is None else at
        if (at, pages) != (known.start, known.pages) and not context.loop:
            context.findings.warn(
                "MRS402", name, f"`{name.text}` stays pages {known.start} to {known.start + known.pages - 1}, "
                f"which line {known.line} gave it", "use another name for the other range",
            )  # fmt: skip
        check_inside(context, at, pages, node.size)
        return at
    if at is None:
        at = context.slots.take(name)
        context.unmentioned.setdefault(name.text, name)
    new_place(context, name, at, pages, node.size)
    return at


def new_place(context: Context, name: Token, at: int, pages: int, size: syntax.Expr | syntax.Range) -> None:
    check_inside(context, at, pages, size)
    context.places[name.text] = Place(name.text, at, pages, context.source.line(name.start))


RANGE_CALLS: Mapping[str, Callable[[str, int, int], ops.Operation]] = MappingProxyType(
    {
        "munmap": ops.Munmap,
        "mlock": ops.Mlock,
        "munlock": ops.Munlock,
        "mseal": ops.Mseal,
        "read": ops.Read,
        "pin": ops.Pin,
        "unpin": ops.Unpin,
        "swapin": ops.Swapin,
        "split": ops.Split,
        "collapse": ops.Collapse,
    }
)


def range_call(context: Context, node: syntax.RangeCall) -> ops.Operation:
    return RANGE_CALLS[node.word.text](context.process, *extent(context, node.range))


def mprotect(context: Context, node: syntax.Mprotect) -> ops.Operation:
    return ops.Mprotect(context.process, *extent(context, node.range), prot(node.prot))


def madvise(context: Context, node: syntax.Madvise) -> ops.Operation:
    return ops.Madvise(context.process, *extent(context, node.range), node.advice.text.removeprefix("MADV_"))


def touch(context: Context, node: syntax.Touch) -> ops.Operation:
    at, pages = extent(context, node.range)
    return ops.Touch(context.process, at, pages, 1 if node.byte is None else byte(context, node.byte))


def mremap(context: Context, node: syntax.Mremap) -> ops.Operation:
    at, pages = extent(context, node.range)
    new_pages, flags, size = pages, 0, None
    for option in node.options:
        if isinstance(option, syntax.NewSize):
            once(size is None, option, "the new size")
            size = option.pages
            new_pages = count(context, size)
        else:
            no_place(context, option.word, "flag")
            flag = ops.MREMAP_FLAGS[option.word.text.removeprefix("MREMAP_").removesuffix("_ANON")]
            once(not flags & flag, option, f"`{option.word.text}`")
            flags |= flag
    context.slots.size(node.range.start, new_pages)
    context.latest = None
    to = None
    if node.destination is not None:
        if isinstance(node.destination, syntax.Named):
            to = destination(context, node.destination.name, new_pages, size or node.range)
        else:
            check_known(context, node.destination)
            to = target(context, node.destination, new_pages)
        if not flags & (ops.MAYMOVE | ops.FIXED):
            flags |= ops.MAYMOVE | ops.FIXED
    return ops.Mremap(context.process, at, pages, new_pages, to, flags)


def check_known(context: Context, node: syntax.Point) -> None:
    """Raises Problem (MRS201) for `to` a new name."""
    if isinstance(node.anchor, syntax.AtStart) and node.anchor.name.text not in context.places:
        name = node.anchor.name
        otherwise = f"`to` takes a known place; without it, `{name.text}` becomes a new one: `mremap ... {name.text}`"
        raise context.unknown("MRS201", "place", name, [*context.places], otherwise)


def destination(context: Context, name: Token, pages: int, size: syntax.Expr | syntax.Range) -> int:
    """The start of a place; a name never used before gets a slot and becomes one."""
    if name.text not in context.places:
        context.claim(name, constant=False)
        guard(name, "flag")
        new_place(context, name, context.slots.take(name), pages, size)
    context.latest = name.text
    return context.place(name).start


MAX_PROCESSES = 4096


def fork(context: Context, node: syntax.Fork) -> ops.Operation:
    if len(context.processes) >= MAX_PROCESSES:
        raise Problem("MRS312", node.start, node.end, f"the scenario makes more than {MAX_PROCESSES:,} processes",
                      "fork less often")  # fmt: skip
    if node.name is None:
        return ops.Fork(context.process, next_child(context))
    name = node.name
    if name.text in words("statement"):
        raise Problem("MRS205", name.start, name.end, f"`{name.text}` is a statement", "choose another name")
    if name.text in context.processes:
        raise Problem("MRS205", name.start, name.end, f"there was a process `{name.text}` before",
                      "give each process its own name, or leave the name out")  # fmt: skip
    return ops.Fork(context.process, name.text)


def next_child(context: Context) -> str:
    """The first of ``child``, ``child2``, ... that no process has had."""
    while (name := f"child{context.children or ''}") in context.processes:
        context.children = max(context.children, 1) + 1
    return name


def exit_process(context: Context, node: syntax.Exit) -> ops.Operation:
    return ops.Exit(context.process if node.name is None else context.alive(node.name))


def ksm_scan(context: Context, _node: syntax.KsmScan) -> ops.Operation:
    return ops.KsmScan(context.process)


def ksm_merge(context: Context, node: syntax.KsmMerge) -> ops.Operation:
    return ops.KsmMerge(context.process, node.switch.text == "on")


def migrate(context: Context, node: syntax.Migrate) -> ops.Operation:
    return ops.Migrate(context.process, *extent(context, node.range), node.phase.text)


def swapout(context: Context, node: syntax.Swapout) -> ops.Operation:
    return ops.Swapout(context.process, *extent(context, node.range), node.cached is not None)


def set_thp(context: Context, node: syntax.SetThp) -> ops.Operation:
    return ops.Set(context.process, "thp", node.mode.text)


def set_mthp(context: Context, node: syntax.SetMthp) -> ops.Operation:
    pages = count(context, node.size)
    if pages not in ops.FOLIO_SIZES:
        raise Problem("MRS314", node.size.start, node.size.end, f"no folio has {pages} pages",
                      "anonymous folios have 4, 8, 16 ... 512 pages: `set mthp 64K always`")  # fmt: skip
    context.slots.size(node.size.start, HUGE_PAGE)  # places begin where folios can
    return ops.Set(context.process, "mthp", node.mode.text, pages)


def set_max_map_count(context: Context, node: syntax.SetMaxMapCount) -> ops.Operation:
    context.counts_vmas = True
    return ops.Set(context.process, "max_map_count", count(context, node.most))


def set_switch(context: Context, node: syntax.SetSwitch) -> ops.Operation:
    return ops.Set(context.process, node.knob.text, node.switch.text == "on")


Compile: TypeAlias = Callable[[Context, Any], ops.Operation]

OPERATIONS: Mapping[type[Any], Compile] = MappingProxyType(
    {
        syntax.Mmap: mmap,
        syntax.RangeCall: range_call,
        syntax.Mprotect: mprotect,
        syntax.Madvise: madvise,
        syntax.Touch: touch,
        syntax.Mremap: mremap,
        syntax.Fork: fork,
        syntax.Exit: exit_process,
        syntax.KsmScan: ksm_scan,
        syntax.KsmMerge: ksm_merge,
        syntax.Migrate: migrate,
        syntax.Swapout: swapout,
        syntax.SetThp: set_thp,
        syntax.SetMthp: set_mthp,
        syntax.SetMaxMapCount: set_max_map_count,
        syntax.SetSwitch: set_switch,
    }
)
