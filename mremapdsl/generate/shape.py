"""States of the model in a form in which two of them can be compared: ids numbered by first appearance.

Frames and anon_vmas are the same if everything that refers to them is the same, whatever their numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from mremapdsl.model.machine import Machine, Mm
from mremapdsl.model.observe import frame_kind, mapped_once
from mremapdsl.model.records import PRESENT, SWAP, prot_string

VMA_ASPECTS = ("borders", "prot", "flags", "pgoff", "anon_vma", "chain", "file")
PAGE_ASPECTS = ("kind", "frame", "index", "home", "exclusive", "mapcount", "value", "order", "pinned")


class Numbers:
    """Names for numbers: the same ones below ``known``, beyond it new ones in order of first appearance."""

    def __init__(self, known: int) -> None:
        self.known = known
        self.new: dict[int, int] = {}

    def __call__(self, number: int) -> int:
        return number if number < self.known else self.new.setdefault(number, self.known + len(self.new))


class Names(NamedTuple):
    """Names for what one machine numbers; they stay over the steps of a program, so that a copy is told from a page
    that was kept."""

    frames: Numbers
    anon_vmas: Numbers


def same_vmas(left: Machine, right: Machine) -> bool:
    """Whether the VMAs are equal down to the numbers (a quick yes)."""
    return (
        left.anon_vmas == right.anon_vmas
        and left.mms.keys() == right.mms.keys()
        and all(
            [vma[:8] for vma in mm.vmas] == [vma[:8] for vma in other.vmas]
            for mm, other in zip(left.mms.values(), right.mms.values(), strict=True)
        )
    )


def same_pages(left: Machine, right: Machine) -> bool:
    """Whether the pages are equal down to the numbers (a quick yes)."""
    return (
        left.frames.runs == right.frames.runs
        and left.slots.runs == right.slots.runs
        and all(
            mm.ptes.runs == other.ptes.runs for mm, other in zip(left.mms.values(), right.mms.values(), strict=True)
        )
    )


def vma_shapes(machine: Machine, names: Names) -> dict[str, list[dict[str, Any]]]:
    """Each process's VMAs, a dictionary of aspects each."""
    number = names.anon_vmas
    found: dict[str, list[dict[str, Any]]] = {}
    for name, mm in machine.mms.items():
        found[name] = []
        for vma in mm.vmas:
            anon = machine.anon_vmas.get(vma.anon)
            graph = anon and (number(vma.anon), number(anon.root), number(anon.parent), *anon[2:4])
            found[name].append({
                "borders": (vma.start, vma.end),
                "prot": prot_string(vma.flags),
                "flags": vma.flags,
                "pgoff": vma.start + vma.skew,
                "anon_vma": graph,
                "chain": tuple(map(number, vma.chain)),
                "file": vma.file,
            })  # fmt: skip
    return found


def page_shapes(machine: Machine, names: Names) -> dict[str, dict[int, dict[str, Any]]]:
    """Each process's mapped pages by page number, a dictionary of aspects each."""
    for mm in machine.mms.values():
        for vma in mm.vmas:
            for anon in (vma.anon, *vma.chain):
                names.anon_vmas(anon)
    return {name: dict(_pages(machine, mm, names)) for name, mm in machine.mms.items()}


def _pages(machine: Machine, mm: Mm, names: Names) -> Iterator[tuple[int, dict[str, Any]]]:
    for start, end, pte in mm.ptes:
        if pte.kind == SWAP:
            for page in range(start, end):
                slot = machine.slots.at(page + pte.delta)
                yield page, {"kind": "S", "value": slot and slot.data, "exclusive": pte.exclusive}
            continue
        if pte.kind != PRESENT and not pte.delta:
            yield from ((page, {"kind": ".ZSGM"[pte.kind]}) for page in range(start, end))
            continue
        for s, e, frame in machine.frames.clip(start + pte.delta, end + pte.delta):
            once = mapped_once(machine, s, e, frame, pte.huge)
            for first, last, alone in once:
                for number in range(first, last):
                    yield number - pte.delta, {
                        "kind": frame_kind(frame) if pte.kind == PRESENT else "M",
                        "frame": names.frames(number),
                        "index": None if frame_kind(frame) == "K" else number + frame.delta,
                        "home": names.anon_vmas(frame.home),
                        "exclusive": (frame.exclusive, alone),
                        "mapcount": frame.maps,
                        "value": frame.data,
                        "order": frame.order,
                        "pinned": frame.pins > 0,
                    }  # fmt: skip
