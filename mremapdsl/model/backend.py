"""The model as a backend: one machine, one rule set, one operation at a time."""

from __future__ import annotations

from collections.abc import Hashable

from mremapdsl.backend import WAITS, Breach, During, Note, Outcome, Unsupported, Verdict
from mremapdsl.model.codec import EVERYTHING, encode
from mremapdsl.model.explain import apart, notes
from mremapdsl.model.invariants import Broken, check_all, check_inside, check_step
from mremapdsl.model.journal import Journal
from mremapdsl.model.locks import waits_for
from mremapdsl.model.machine import Machine, Mm
from mremapdsl.model.meaning import apply
from mremapdsl.model.observe import ModelObservation
from mremapdsl.model.reason import NotModelled, Refused, Why
from mremapdsl.model.reasons import REASONS, sentence
from mremapdsl.model.relocate import MOMENT_PUT_BACK, MOMENT_REWRITTEN
from mremapdsl.model.rules import Rules
from mremapdsl.model.runs import RunMap
from mremapdsl.ops import Operation

MOST_COMPARED = 1 << 15
"""Pages of a machine that can be told from others (see ``ModelBackend.key``)."""
ONE_BY_ONE = (MOMENT_REWRITTEN, MOMENT_PUT_BACK)
"""Moments that come once a folio."""


class ModelBackend:
    """A fresh model machine under one rule set."""

    def __init__(self, rules: Rules) -> None:
        self.machine = Machine(rules)
        self.machine.inside = self._inside
        self._during: During | None = None
        self._holder = ""
        self._missed: list[Broken] = []
        """What walks would have missed between the inner steps of the call under way."""
        self._broken: dict[str, RunMap[bool]] = {}
        """Per invariant the frames (or other numbers) whose breach has been reported and still stands."""

    @property
    def rules(self) -> str:
        return self.machine.rules.name

    def step(self, op: Operation, during: During | None = None) -> Outcome:
        """Carry out one operation. Raises Unsupported for what the model does not know."""
        machine = self.machine
        machine.step_number += 1
        machine.events = []
        self._during, self._holder = during, op.process
        machine.one_by_one = during is not None
        result, address = "ok", None
        try:
            why, address = apply(machine, op)
            outcome = REASONS[why.reason].outcome
        except Refused as refused:
            result, why = refused.errno, refused.reason
            outcome = "refused" if REASONS[why.reason].outcome == "fallback" else "failed"
        except NotModelled as unknown:
            raise Unsupported(f"not modelled yet: {unknown}", skip=False) from None
        return Outcome(result, self._verdict(outcome, why), address, self._new_breaches())

    def _verdict(self, outcome: str, why: Why) -> Verdict:
        machine = self.machine
        found = notes(machine.rules, machine.events)
        return Verdict(outcome, why.reason, sentence(why), REASONS[why.reason].function, found)

    def interfere(self, op: Operation) -> Outcome:
        """An operation of somebody else at a moment inside a relocation."""
        machine = self.machine
        waits = waits_for(machine, self._holder, op)
        if waits is not None:
            return Outcome(WAITS, self._verdict("waits", waits))
        result, address = "ok", None
        try:
            did, address = apply(machine, op)
            outcome = REASONS[did.reason].outcome
        except Refused as refused:
            result, did, outcome = refused.errno, refused.reason, "failed"
        return Outcome(result, self._verdict(outcome, did), address)

    def why_apart(self, process: str, one: int, other: int) -> tuple[Note, ...]:
        """Why the VMAs at two pages are not one: each condition, held or not. ValueError where no VMA is."""
        mm = self.machine.mms[process]
        left, right = mm.vma_at(min(one, other)), mm.vma_at(max(one, other))
        for page, vma in ((min(one, other), left), (max(one, other), right)):
            if vma is None:
                raise ValueError(f"page {page} of {process} is not mapped")
        assert left is not None
        assert right is not None
        if left == right:
            where = f"[{left.start},{left.end})"
            return (Note("one-vma", f"they lie in one VMA, {where}", REASONS["joined-left"].function),)
        return tuple(apart(self.machine.rules, left, right))

    def copy(self) -> ModelBackend:
        """A snapshot that goes its own way."""
        new = ModelBackend(self.machine.rules)
        new.machine = self.machine.copy()
        new.machine.inside = new._inside
        new._broken = {name: known.copy() for name, known in self._broken.items()}
        return new

    def key(self) -> Hashable:
        """Equal for machines that differ in the numbers of frames, slots and anon_vmas only.

        Raises Unsupported for more than MOST_COMPARED pages: each counts on its own here.
        """
        pages = sum(end - start for mm in self.machine.mms.values() for start, end, _ in mm.ptes)
        if pages > MOST_COMPARED:
            raise Unsupported(f"a scenario with several runs can use {MOST_COMPARED:,} pages, not {pages:,}, as each "
                              "page of each state is compared; take less memory, or write the runs as scenarios",
                              skip=False)  # fmt: skip
        return encode(self.machine, EVERYTHING).key, tuple(self.machine.counters.items()), self.machine.committed

    def _inside(self, machine: Machine, mm: Mm, moment: str, start: int, end: int) -> None:
        if self._during is not None:
            self._during(f"{moment} up to page {end - 1}" if moment in ONE_BY_ONE else moment)
        for b in check_inside(machine, mm, start, end):
            if not self._known(b):
                self._missed.append(b._replace(sentence=f"{b.sentence} (inside the call: {moment})"))

    def _new_breaches(self) -> tuple[Breach, ...]:
        """Breaches that were not there before this step, also those between its inner steps."""
        machine = self.machine
        missed, self._missed = self._missed, []
        broken = check_all(machine) if self._broken else check_step(machine)
        machine.journal = Journal()
        if not broken and not self._broken and not missed:
            return ()
        new = [b for b in broken if not self._known(b)]
        self._broken = {}
        for b in broken:
            known = self._broken.setdefault(b.invariant, RunMap())
            known.splice(*b.frames, [(*b.frames, True)])
        lasting = {b.frames for b in new}
        new += [b for b in missed if b.frames not in lasting]
        return tuple(dict.fromkeys(Breach(b.invariant, b.process, b.page, b.sentence) for b in new))

    def _known(self, b: Broken) -> bool:
        known = self._broken.get(b.invariant)
        return known is not None and known.clip(*b.frames) == [(*b.frames, True)]

    def observe(self) -> ModelObservation:
        return ModelObservation(self.machine)

    def close(self) -> None:
        """Nothing to give back."""
