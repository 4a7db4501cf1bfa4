"""When neighbouring VMAs become one."""

from __future__ import annotations

from typing import NamedTuple

from mremapdsl.model.decision import choice, constant, decision
from mremapdsl.model.records import MAYBE_GUARD, Vma


class JoinAsk(NamedTuple):
    """May a range with this anon_vma join ``target``?"""

    anon: int
    """The range's active anon_vma; 0 is none."""
    source: Vma | None
    """The existing VMA that the range is (part of); None for a new range."""
    copied_from: Vma | None
    """The VMA that an mremap copies, for a new range."""
    target: Vma


decision(
    "fork_child",
    "mm/vma.c:vma_is_fork_child",
    "Which VMAs may share folios with a process they were forked from, and so never take part in a merge that "
    "gives them or takes from them an anon_vma.",
)


@choice("fork_child", "more_than_one_link")
def more_than_one_link(vma: Vma) -> bool:
    """Faulted and linked to more than its own anon_vma: it keeps the ancestors' links for life."""
    return vma.anon != 0 and len(vma.chain) != 1


@choice("fork_child", "never", wrong=True)
def never_a_fork_child(vma: Vma) -> bool:
    """No VMA is ever held to be a fork child."""
    return False


decision(
    "anon_vmas_join",
    "mm/vma.c:is_mergeable_anon_vma",
    "Whether the anon_vmas of a range and a neighbour allow a merge: the reason against, or nothing.",
)


@choice("anon_vmas_join", "unfaulted_only")
def unfaulted_only(ask: JoinAsk, fork_child: object) -> str | None:
    """Up to 6.15: an unfaulted range may join a faulted neighbour, never the other way round."""
    target = ask.target
    if ask.anon == target.anon:
        return None
    if ask.anon and target.anon:
        return "anon-vmas-differ"
    if ask.anon:
        return "unfaulted-neighbour"
    return "neighbour-is-fork-child" if fork_child(target) else None  # type: ignore[operator]


@choice("anon_vmas_join", "either_unfaulted")
def either_unfaulted(ask: JoinAsk, fork_child: object) -> str | None:
    """6.16 and 6.17: also a faulted range and an unfaulted neighbour; an mremap copy is not asked for its fork."""
    return _either(ask._replace(copied_from=None), fork_child)


@choice("anon_vmas_join", "either_unfaulted_copies_too")
def either_unfaulted_copies_too(ask: JoinAsk, fork_child: object) -> str | None:
    """Since 61f67c230a5e (6.19, in 6.18.y): the VMA that an mremap copies is asked whether it is a fork child."""
    return _either(ask, fork_child)


@choice("anon_vmas_join", "always", wrong=True)
def always_join(ask: JoinAsk, fork_child: object) -> str | None:
    """anon_vmas never stand against a merge."""
    return None


def _either(ask: JoinAsk, fork_child: object) -> str | None:
    target = ask.target
    if ask.anon == target.anon:
        return None
    if ask.anon and target.anon:
        return "anon-vmas-differ"
    if target.anon:
        return "neighbour-is-fork-child" if fork_child(target) else None  # type: ignore[operator]
    if ask.source is not None and fork_child(ask.source):  # type: ignore[operator]
        return "source-is-fork-child"
    if ask.copied_from is not None and fork_child(ask.copied_from):  # type: ignore[operator]
        return "source-is-fork-child"
    return None


decision(
    "both_sides",
    "mm/vma.c:can_vma_merge_right",
    "Whether a range that may join its left neighbour may take in the right one as well.",
)


@choice("both_sides", "one_anon_vma")
def one_anon_vma(left: Vma, right: Vma) -> bool:
    """Only if the two do not have different anon_vmas."""
    return not left.anon or not right.anon or left.anon == right.anon


@choice("both_sides", "always", wrong=True)
def both_always(left: Vma, right: Vma) -> bool:
    """Even with two anon_vmas."""
    return True


decision(
    "survivor_anon_vma",
    "mm/vma.c:vma_expand",
    "Which VMA the survivor of a merge with a new range gets its anon_vma from if it has none.",
)


@choice("survivor_anon_vma", "removed_next")
def removed_next(removed: Vma | None, copied_from: Vma | None) -> Vma | None:
    """Up to 6.17: from the neighbour that the merge removes, only. An mremap copy can leave folios behind that no
    anon_vma of the survivor leads to."""
    return removed if removed is not None and removed.anon else None


@choice("survivor_anon_vma", "removed_next_or_copied")
def removed_next_or_copied(removed: Vma | None, copied_from: Vma | None) -> Vma | None:
    """Since 61f67c230a5e (6.19, in 6.18.y): from the removed neighbour, else from the VMA that mremap copies."""
    if removed is not None and removed.anon:
        return removed
    return copied_from if copied_from is not None and copied_from.anon else None


decision("flags_ignored", "mm/vma.c:is_mergeable_vma", "VMA flags that do not count when two VMAs are compared.")
constant("flags_ignored", "none", 0, "All flags of the model count (VM_SOFTDIRTY is not modelled).")
constant(
    "flags_ignored", "sticky", MAYBE_GUARD, "Since 6.19, in 6.18.y: sticky flags do not count; the result has all."
)
constant("flags_ignored", "account", 0x10, "VM_ACCOUNT does not count.", wrong=True)

decision("sealed_end", "mm/mseal.c:mseal_apply", "Where mseal goes on after a part that merged with what follows.")
constant("sealed_end", "of_merged", True, "Behind the merged VMA (seen on 6.12, 6.16 and 6.18.44).")
constant(
    "sealed_end",
    "of_part",
    False,
    "6.17: where the part ended, inside of it; what comes next does not merge to its left then (seen on 6.17.13).",
)
