"""Every invariant is noticed when it is broken, and what a step changed is all that need be looked at."""

from __future__ import annotations

import contextlib
import random
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mremapdsl import api, ops
from mremapdsl.backend import Backend
from mremapdsl.model import relocate
from mremapdsl.model.backend import ModelBackend
from mremapdsl.model.invariants import INVARIANTS, Broken, check_all, check_step
from mremapdsl.model.journal import Journal
from mremapdsl.model.machine import Machine, Mm
from mremapdsl.model.meaning import apply
from mremapdsl.model.reason import NotModelled, Refused
from mremapdsl.model.records import Pte, Vma
from mremapdsl.model.rules import Rules
from mremapdsl.model.runs import RunMap
from mremapdsl.model.series import RULE_SETS
from mremapdsl.program import RuleChoice
from mremapdsl.record import ScenarioRecord
from mremapdsl.runner import run_scenario

SCENARIOS = Path(__file__).parent.parent / "scenarios" / "invariants"


def nothing(*_arguments: Any, **_options: Any) -> None:
    """A verb that forgets to do anything."""


def split_too_long(machine: Machine, mm: Mm, i: int, at: int, *, new_below: bool) -> None:
    """The left half ends where the whole did."""
    vma: Vma = mm.vmas[i]
    machine.replace_vmas(mm, i, i + 1, [vma, vma.resized(at, vma.end)])
    machine.link(vma)


def zap_counts_only(machine: Machine, mm: Mm, start: int, end: int, **_options: Any) -> None:
    """Entries stay where they are."""


def take_large_folios_apart(walk: Any, page: int, pte: Pte, frame: Any) -> int:
    """The series' walk as if each page of a large folio were a folio of its own."""
    walk.point(page + pte.delta, page + 1 + pte.delta, walk.skew() - pte.delta, page)
    return page + 1


FAULTS: dict[str, dict[str, str] | tuple[type, str, Callable[..., Any]]] = {
    "vma-order": (Machine, "split", split_too_long),
    "pte-inside-vma": (Machine, "zap", zap_counts_only),
    "rmap-complete": {"moved_pgoff": "new_place"},
    "mapcount": (Machine, "put_frames", nothing),
    "swap-count": (Machine, "put_slots", nothing),
    "folio-whole": (relocate._Walk, "large", take_large_folios_apart),
    "exclusive": {"fork_shares_page": "keeps_exclusive"},
    "anon-vma-links": (Machine, "unlink", nothing),
    "anon-vma-counts": (Machine, "_add_child", nothing),
}
"""What breaks each invariant: a wrong rule, or a verb of the machine that does not do its work."""


def run(invariant: str, **choices: str) -> ScenarioRecord:
    [scenario] = api.compile(SCENARIOS / f"{invariant}.mrs").scenarios

    def make(rules: RuleChoice) -> Backend:
        return ModelBackend(Rules(rules.name, {**RULE_SETS[rules.name], **choices}))

    return run_scenario("", scenario, scenario.rules[0], make)


def test_each_invariant_has_its_scenario_and_its_fault() -> None:
    assert {path.stem for path in SCENARIOS.glob("*.mrs")} == INVARIANTS.keys() == FAULTS.keys()


@pytest.mark.parametrize("invariant", INVARIANTS)
def test_a_fault_breaks_it(invariant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(invariant).outcome == "passed"
    fault = FAULTS[invariant]
    if isinstance(fault, dict):
        record = run(invariant, **fault)
    else:
        monkeypatch.setattr(*fault)
        record = run(invariant)
    assert record.outcome == "failed"
    assert invariant in {breach.invariant for step in record.steps for breach in step.breaches}


# --- what changed, and everything ----------------------------------------------------------------------------

ADVICE = ("DONTNEED", "FREE", "DONTFORK", "WIPEONFORK", "MERGEABLE", "MERGEABLE", "UNMERGEABLE", "HUGEPAGE", "PAGEOUT",
          "COLLAPSE", "GUARD_INSTALL", "GUARD_REMOVE")  # fmt: skip
FLAGS = (1, 3, 3, 7, 9, 11, 11, 11, 19, 15)
KINDS: list[type] = [
    ops.Mmap, ops.Mmap, ops.Munmap, ops.Mprotect, ops.Touch, ops.Touch, ops.Touch, ops.Read, ops.Madvise, ops.Mremap,
    ops.Mremap, ops.Mremap, ops.Mremap, ops.Fork, ops.Exit, ops.KsmScan, ops.Mlock, ops.Swapout, ops.Swapin, ops.Pin,
    ops.Migrate, ops.Split,
]  # fmt: skip


class History:
    """Random operations that mostly hit what is there."""

    def __init__(self, machine: Machine, seed: int, exits: bool) -> None:
        self.machine = machine
        self.exits = exits
        self.dice = random.Random(seed)
        self.unit = 256 if seed % 3 == 0 else 4
        self.born = 0

    def spot(self, name: str) -> tuple[str, int, int]:
        """A VMA of a process, a part of it, or something around its border."""
        vmas = self.machine.mms[name].vmas
        if not vmas:
            return name, self.dice.randrange(12) * self.unit, 3 * self.unit
        vma = self.dice.choice(vmas)
        if self.dice.random() < 0.5:
            return name, vma.start, vma.end - vma.start
        quarter = max(1, self.unit // 4)
        start = max(0, vma.start + self.dice.randint(-2, 6) * quarter)
        return name, start, self.dice.randint(1, 8) * quarter

    def next(self) -> ops.Operation:
        dice, names = self.dice, list(self.machine.mms)
        name = dice.choice(names)
        where = self.spot(name)
        kind = dice.choice(KINDS)
        if kind is ops.Fork and len(names) < 4:
            self.born += 1
            return ops.Fork(name, f"child{self.born}")
        if kind is ops.Exit and len(names) > 2 and self.exits:
            return ops.Exit(name)
        if kind in (ops.Fork, ops.Exit, ops.KsmScan):
            return ops.KsmScan(name)
        if kind is ops.Mmap:
            return ops.Mmap(name, dice.randrange(12) * self.unit, dice.randint(1, 4) * self.unit)
        if kind is ops.Mremap:
            return self.mremap(where)
        words = {ops.Mprotect: ("r", "rw", "rw"), ops.Madvise: ADVICE, ops.Migrate: ("begin", "begin", "end", "fail"),
                 ops.Touch: (1, 1, 2)}  # fmt: skip
        if kind in words:
            return kind(*where, dice.choice(words[kind]))  # type: ignore[call-arg, operator, no-any-return]
        return kind(*where)  # type: ignore[call-arg, no-any-return]

    def mremap(self, where: tuple[str, int, int]) -> ops.Operation:
        """A move to anywhere, or back to where the page offset says the memory was."""
        vma = self.machine.mms[where[0]].vma_at(where[1])
        back = where[1] + vma.skew if vma is not None else 0
        to = self.dice.choice([self.dice.randrange(16) * self.unit, self.dice.randrange(64), max(0, back)])
        size = self.dice.choice([where[2], where[2], where[2], where[2] + 2])
        return ops.Mremap(*where, size, to, self.dice.choice(FLAGS))


def covered(broken: list[Broken]) -> dict[tuple[str, str], list[tuple[int, int, bool]]]:
    """Per invariant and process the frames (or other numbers) that a list of breaches names."""
    found: defaultdict[tuple[str, str], RunMap[bool]] = defaultdict(RunMap)
    for b in broken:
        found[b.invariant, b.process].splice(*b.frames, [(*b.frames, True)])
    return {key: list(runs) for key, runs in found.items()}


def first_breach(rules: Rules, seed: int, *, exits: bool = True) -> tuple[list[Broken], list[Broken]]:
    """What both checks find after the first step that breaks anything; two empty lists if none does."""
    machine = Machine(rules)
    history = History(machine, seed, exits)
    machine.settings = machine.settings._replace(thp="always", mthp=((2, "always"),) if seed % 2 else ())
    for _ in range(60):
        machine.step_number += 1
        machine.events = []
        with contextlib.suppress(Refused, NotModelled):
            apply(machine, history.next())
        step, everything = check_step(machine), check_all(machine)
        if step or everything:
            return step, everything
        machine.journal = Journal()
    return [], []


LARGE_FOLIO_MIGRATED, STRAYS, EXITED, KSM_MIGRATED = 93, (222, 797, 865), 622, 769


@pytest.mark.parametrize("seed", [*range(20), LARGE_FOLIO_MIGRATED, *STRAYS, EXITED, KSM_MIGRATED])
def test_nothing_breaks_on_released_kernels_without_known_bugs(seed: int) -> None:
    for name in ("linux-6.12", "linux-6.18", "linux-7.3"):
        assert first_breach(api.rules(name), seed) == ([], []), name


BREAKING: dict[str, tuple[str, dict[str, str], tuple[type, str, Callable[..., Any]] | None]] = {
    "writes into shared pages": ("linux-6.18", {"reuse_page": "always"}, None),
    "anon_vmas that do not matter": ("linux-6.18", {"anon_vmas_join": "always", "both_sides": "always"}, None),
    "the series": ("relocate-v1", {}, None),
    "RFC v1 of the series": ("relocate-rfc1", {}, None),
    "the series without un-sharing": ("relocate-v1", {"ksm": "skip"}, None),
    **{
        invariant: ("linux-6.18", fault, None) if isinstance(fault, dict) else ("linux-6.18", {}, fault)
        for invariant, fault in FAULTS.items()
        if invariant != "folio-whole"
    },
    "folio-whole": ("relocate-v1", {}, (relocate._Walk, "large", take_large_folios_apart)),
}
"""Rule sets and faults that break something."""


@pytest.mark.parametrize("why", BREAKING)
def test_the_changed_parts_show_what_everything_shows(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both checks find the same, at the same step."""
    name, choices, fault = BREAKING[why]
    if fault is not None:
        monkeypatch.setattr(*fault)
    rules = Rules(name, {**RULE_SETS[name], **choices})
    found: set[str] = set()
    for seed in range(25):
        # A process that exits takes entries that nobody zapped out of sight.
        step, everything = first_breach(rules, seed, exits=why != "pte-inside-vma")
        assert covered(step) == covered(everything), seed
        found |= {broken.invariant for broken in everything}
    assert (why if why in INVARIANTS else "rmap-complete" if "pages" not in why else "exclusive") in found
