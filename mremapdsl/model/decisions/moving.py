"""How mremap moves memory."""

from __future__ import annotations

from mremapdsl.model.decision import choice, constant, decision
from mremapdsl.model.records import Vma

decision("moved_pgoff", "mm/vma.c:copy_vma", "Whether a moved VMA's page offset is set to its new place.")


@choice("moved_pgoff", "new_place_if_unfaulted")
def new_place_if_unfaulted(vma: Vma) -> bool:
    """Unfaulted anonymous memory gets the offset of its new place; faulted memory carries the old one along."""
    return not vma.anon


@choice("moved_pgoff", "new_place", wrong=True)
def new_place_always(vma: Vma) -> bool:
    """Always the new place, though the folios still say the old one."""
    return True


@choice("moved_pgoff", "carried", wrong=True)
def carried_always(vma: Vma) -> bool:
    """Always carried along."""
    return False


decision("move_range", "mm/mremap.c:remap_move", "How many VMAs a move to a fixed place without a resize may span.")
constant("move_range", "one_vma", False, "Up to 6.16: a range that leaves its first VMA is EFAULT.")
constant("move_range", "many_vmas", True, "Since 6.17: each VMA is moved in turn, gaps are kept.")

decision("dontunmap_next_to_itself", "mm/vma.c:copy_vma", "Whether a DONTUNMAP copy may merge with its own source.")
constant("dontunmap_next_to_itself", "merges", True, "Up to 7.0: unfaulted memory becomes one larger VMA.")
constant("dontunmap_next_to_itself", "kept_apart", False, "Since 7.2: the source is no merge candidate.")

decision("dontunmap_source_pgoff", "mm/mremap.c:dontunmap_complete", "The page offset of a whole source that stays.")
constant("dontunmap_source_pgoff", "kept", False, "Up to 7.0: unfaulted again, but still shifted.")
constant("dontunmap_source_pgoff", "reset", True, "Since 7.2: set to its own place.")

decision("dontunmap_locked", "mm/mremap.c:dontunmap_complete", "What DONTUNMAP of a part of locked memory unlocks.")
constant("dontunmap_locked", "whole_vma", False, "Up to 7.0: the whole source VMA.")
constant("dontunmap_locked", "split_first", True, "Since 7.2: the moved part, split off before.")

decision("merge_any_first", "mm/vma.c:__mmap_region", "When PR_SET_MEMORY_MERGE marks a new mapping mergeable.")
constant("merge_any_first", "before_merging", True, "Since 6.17: before it looks at its neighbours, so it joins them.")
constant("merge_any_first", "after_merging", False, "Up to 6.16: afterwards, so it never joins a marked neighbour.")

decision("dontunmap_account", "mm/mremap.c:dontunmap_complete", "What DONTUNMAP leaves of the source's VM_ACCOUNT.")
constant("dontunmap_account", "kept", True, "All of it.")
constant(
    "dontunmap_account",
    "cleared",
    False,
    "6.15 and 6.16: nothing, on the whole source VMA; so its charge is never given back (seen on 6.16).",
)

decision("shrink_charge", "mm/mremap.c:vrm_calc_charge", "What a move that also shrinks charges.")
constant(
    "shrink_charge",
    "stale",
    True,
    "6.15 to 7.2: the size difference is charged as if it grew, and never given back (seen on 6.16 to 6.18).",
)
constant("shrink_charge", "recomputed", False, "Up to 6.14 and since 7.3: nothing (seen on 6.12).")

decision(
    "source_checked",
    "mm/mremap.c:check_prep_vma",
    "When mremap looks whether the source can be moved: its range, its length, its limits.",
)
constant("source_checked", "first", True, "Since 6.17: before the destination is unmapped.")
constant("source_checked", "after_unmap", False, "Up to 6.16: after the destination (and a cut-off tail) is gone.")

decision("mremap_parameters", "mm/mremap.c:check_mremap_params", "The order of the checks of an mremap call's words.")
constant(
    "mremap_parameters",
    "all_first",
    ("flags", "new-length", "beyond-task", "relocate-without-maymove", "to-beyond-task", "fixed-without-maymove",
     "dontunmap-resizes", "overlap", "map-count", "source"),
    "Since 6.17: every parameter before the source is looked up.",
)  # fmt: skip
constant(
    "mremap_parameters",
    "place_later",
    ("flags", "new-length", "relocate-without-maymove", "fixed-without-maymove", "dontunmap-resizes", "map-count",
     "source", "to-beyond-task", "overlap"),
    "6.15 and 6.16: flags and map count before the source is looked up, the place afterwards.",
)  # fmt: skip
constant(
    "mremap_parameters",
    "source_early",
    ("flags", "fixed-without-maymove", "dontunmap-resizes", "new-length", "source", "to-beyond-task", "overlap",
     "map-count"),
    "Up to 6.14: flags and lengths before the source is looked up, place and map count afterwards.",
)  # fmt: skip
