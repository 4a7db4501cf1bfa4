"""What a search forgets does not matter: a machine and the one made from its key do the same, whatever is tried."""

from __future__ import annotations

import marshal
import random
from collections.abc import Iterator
from contextlib import closing

import pytest

from mremapdsl import api, ops
from mremapdsl.explore.alphabet import KINDS, Action, operations
from mremapdsl.explore.arena import Bounds
from mremapdsl.explore.cover import FOLIO
from mremapdsl.explore.retrace import displaced, lowest, new_name, take_anew, translate
from mremapdsl.explore.search import Problem, Search, Workers, differs, may_slide, symmetry_for
from mremapdsl.explore.taking import Taken, reasons
from mremapdsl.explore.witness import after
from mremapdsl.model.codec import Symmetry, decode, encode
from mremapdsl.model.machine import Machine
from mremapdsl.model.rules import Rules
from mremapdsl.ops import Operation

FAR = 64
"""Pages from the start of the arena that no walk comes back over."""
STEPS = 14
TRIED = 12
"""Actions tried in a state; the walk goes on behind one of them."""
STARTS: dict[str, tuple[Operation, ...]] = {
    "nothing": (),
    "a folio": FOLIO,
    "large folios": (ops.Set("parent", "mthp", "always", 4), ops.Mmap("parent", 0, 8), ops.Touch("parent", 0, 8)),
    "KSM": (ops.Mmap("parent", 0, 2), ops.Touch("parent", 0, 2), ops.Madvise("parent", 0, 2, "MERGEABLE"),
            ops.KsmScan("parent")),
    "KSM everywhere": (ops.KsmMerge("parent", True),),
    "no swap": (ops.Set("parent", "swap", False),),
    "few mappings": (ops.Set("parent", "max_map_count", 3),),
}  # fmt: skip
RULES = ("linux-6.12", "linux-6.18", "linux-7.3", "relocate-rfc1", "relocate-v1", "relocate-v1-7.3", "relocate-auto")
CHOICES = ("", "pinned=abort, nonpresent=fix", "failure=detect_early", "ksm=update_items", "sharing=ever_shared",
           "large_folio=fail, pinned=move")  # fmt: skip


def image(machine: Machine, symmetry: Symmetry) -> Machine:
    return decode(marshal.loads(marshal.dumps(encode(machine, symmetry).key)), machine.rules)


def same(one: Taken | None, other: Taken | None) -> bool:
    """How often a reason is given follows how frames happen to be numbered; whether it is does not."""
    if one is None or other is None:
        return one is other
    broken = [{b.invariant for b in taken.broken} for taken in (one, other)]
    return one.result == other.result and set(reasons(one)) == set(reasons(other)) and broken[0] == broken[1]


class Walk:
    """A random walk of a machine that is never made from its key."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        rules = self.some_rules()
        before = STARTS[self.random.choice(list(STARTS))]
        kinds = tuple(kind for kind in KINDS if kind in ("mmap", "touch") or self.random.random() < 0.5)
        _, fresh = after(rules, before)
        slides = may_slide(fresh, kinds)
        pages = 8 if any(fresh.frames) else self.random.randint(2, 5)
        self.far = FAR if slides else 0
        _, self.machine = after(rules, [displaced(op, self.far) for op in before])
        self.bounds = Bounds(pages, self.random.randint(1, 3), kinds, None if slides else (0, pages))
        self.symmetry = symmetry_for(self.bounds)
        self.names = set(self.machine.mms)

    def some_rules(self) -> Rules:
        base, choices = self.random.choice(RULES), self.random.choice(CHOICES)
        return api.rules(f"{base} with {choices}" if choices and base.startswith("relocate") else base)

    def go(self) -> None:
        for number in range(STEPS):
            going = [after for after in self.tried(self.far if not number else 0) if after is not None]
            if not going:
                return
            self.machine = self.random.choice([m for m in going if not m.journal.empty] or going)
            self.names |= self.machine.mms.keys()

    def tried(self, far: int) -> Iterator[Machine | None]:
        """The machine behind each action; None if the walk cannot go on there."""
        canonical = encode(self.machine, self.symmetry)
        key = decode(marshal.loads(marshal.dumps(canonical.key)), self.machine.rules)
        assert encode(key, self.symmetry).key == canonical.key
        actions = list(operations(key, self.bounds))
        empty = not any(mm.vmas for mm in self.machine.mms.values())
        for action in self.random.sample(actions, min(len(actions), TRIED)):
            mine = displaced(translate(action, canonical, new_name(self.names)), far if empty else 0)
            if lowest(mine) >= 0:  # a search writes such a run further up
                yield self.both(mine, action, key)

    def both(self, mine: Action, action: Action, key: Machine) -> Machine | None:
        one, other = self.machine.copy(), key.copy()
        one.committed = other.committed = 0
        taken, twin = take_anew(one, mine), take_anew(other, action)
        assert same(taken, twin), (mine, taken, twin)
        if taken is None:
            return None
        assert encode(one, self.symmetry).key == encode(other, self.symmetry).key, mine
        assert one.committed == other.committed, mine
        if not differs(one, self.machine, taken):
            assert encode(one, self.symmetry).key == encode(self.machine, self.symmetry).key, mine
        return None if taken.broken or taken.waits is not None else one


@pytest.mark.parametrize("seed", range(40))
def test_a_machine_and_its_key_do_the_same(seed: int) -> None:
    Walk(seed).go()


def machine(*actions: Action, rules: str = "linux-6.18") -> Machine:
    return after(api.rules(rules), actions)[1]


def test_new_frames_keep_off_the_rest_of_a_folio() -> None:
    """Frames of a folio that nothing maps any more are not given away while it is still whole."""
    torn = machine(*FOLIO, ops.Munmap("parent", 1, 3), ops.Mmap("parent", 4, 1))
    twin = image(torn, Symmetry(shift=False))
    touched = [take_anew(m, ops.Touch(name, 4, 1)) for m, name in ((torn, "parent"), (twin, "p0"))]
    assert all(touched)
    assert [frame.order for _, _, frame in twin.frames] == [2, 0]
    assert encode(twin, Symmetry(shift=False)).key == encode(torn, Symmetry(shift=False)).key


def test_a_scan_that_merges_nothing_is_remembered() -> None:
    """What ksmd saw once it may merge the next time, so the states before and behind a scan are two."""
    alone = machine(ops.Mmap("parent", 0, 1), ops.Touch("parent", 0, 1), ops.Madvise("parent", 0, 1, "MERGEABLE"))
    bounds = Bounds(1, 1, ("ksm",))
    with closing(Search(Problem(alone.rules, None, bounds, symmetry_for(bounds), ""), alone, Workers())) as search:
        assert search.level(99, False, lambda: None)
        assert len(search.seen) == 2


def test_shared_memory_in_swap_and_pins_of_ranges_have_keys() -> None:
    """Keys are plain data, and tell nothing of how pins were taken."""
    shared = machine(ops.Mmap("parent", 0, 2, shared=True), ops.Touch("parent", 0, 2),
                     ops.Madvise("parent", 0, 2, "PAGEOUT"))  # fmt: skip
    assert encode(image(shared, Symmetry()), Symmetry()).key == encode(shared, Symmetry()).key
    mapped = ops.Mmap("parent", 0, 2), ops.Touch("parent", 0, 2)
    at_once = machine(*mapped, ops.Pin("parent", 0, 2))
    one_by_one = machine(*mapped, ops.Pin("parent", 0, 1), ops.Pin("parent", 1, 1))
    assert encode(at_once, Symmetry()).key == encode(one_by_one, Symmetry()).key


def test_a_child_without_memory_is_one_more_process() -> None:
    bare = machine(ops.Mmap("parent", 0, 1), ops.Madvise("parent", 0, 1, "DONTFORK"))
    bounds = Bounds(1, 2, ("fork", "exit"))
    with closing(Search(Problem(bare.rules, None, bounds, symmetry_for(bounds), ""), bare, Workers())) as search:
        assert search.level(99, False, lambda: None)
        assert len(search.seen) == 2
