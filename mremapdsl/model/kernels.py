"""The kernels as data: each is the one before it with some decisions changed."""

from __future__ import annotations

from collections.abc import Mapping

LINUX_6_12: Mapping[str, str] = {
    "fork_child": "more_than_one_link",
    "anon_vmas_join": "unfaulted_only",
    "both_sides": "one_anon_vma",
    "survivor_anon_vma": "removed_next",
    "flags_ignored": "none",
    "sealed_end": "of_merged",
    "adopt_anon_vma": "single_link",
    "chain_walk": "oldest_first",
    "reuse_anon_vma": "idle_with_one_child",
    "reuse_page": "only_reference",
    "reuse_large": "never",
    "reused_page_home": "writer",
    "fork_shares_page": "clears_exclusive",
    "account_kept": "if_faulted",
    "guards": "unknown",
    "guard_flag": "none",
    "ksm_lookup": "whole_tree",
    "ksm_age": "kept",
    "swap_cache_mismatch": "copied",
    "swap_device": "disk",
    "last_swap_user": "at_once",
    "fault_around_folio": "window",
    "private_file_index": "file_page",
    "collapse_without_block": "einval",
    "collapse_read_only": "refused",
    "huge_zero_write": "split",
    "discarded_tables": "kept",
    "pagemap_huge_exclusive": "each_page",
    "mremap_map_count": "to_address_only",
    "move_map_count": "three_free",
    "moved_pgoff": "new_place_if_unfaulted",
    "move_range": "one_vma",
    "dontunmap_next_to_itself": "merges",
    "dontunmap_source_pgoff": "kept",
    "dontunmap_locked": "whole_vma",
    "merge_any_first": "after_merging",
    "dontunmap_account": "kept",
    "shrink_charge": "recomputed",
    "source_checked": "after_unmap",
    "mremap_parameters": "source_early",
    "relocate_flags": "unknown",
    "trigger": "flag",
    "sharing": "anon_vma",
    "shared_folio": "skip",
    "pinned": "skip",
    "nonpresent": "skip",
    "large_folio": "split",
    "failure": "undo",
    "ksm": "unshare",
    "undo_charge": "uncharged",
    "relocation_memory": "enough",
    "relocation_lock": "new_anon_vma",
}

LINUX_6_16 = {
    **LINUX_6_12,
    "guards": "markers",
    "anon_vmas_join": "either_unfaulted",
    "mremap_parameters": "place_later",
    "dontunmap_account": "cleared",
    "pagemap_huge_exclusive": "first_page",
    "shrink_charge": "stale",
    "reuse_large": "if_alone",
    "huge_zero_write": "huge_page",
    "discarded_tables": "freed",
}

LINUX_6_17 = {
    **LINUX_6_16,
    "move_range": "many_vmas",
    "merge_any_first": "before_merging",
    "source_checked": "first",
    "mremap_parameters": "all_first",
    "dontunmap_account": "kept",
    "sealed_end": "of_part",
}

LINUX_6_18 = {
    **LINUX_6_17,
    "anon_vmas_join": "either_unfaulted_copies_too",
    "survivor_anon_vma": "removed_next_or_copied",
    "sealed_end": "of_merged",
    "flags_ignored": "sticky",
    "guard_flag": "maybe_guard",
    "fault_around_folio": "whole",
    "collapse_read_only": "allowed",
}

LINUX_7_3 = {
    **LINUX_6_18,
    "ksm_lookup": "by_index",
    "ksm_age": "anew",
    "last_swap_user": "write_fault",
    "chain_walk": "newest_first",
    "private_file_index": "anon_pgoff",
    "collapse_without_block": "nothing",
    "mremap_map_count": "every_call",
    "move_map_count": "checked_at_start",
    "dontunmap_next_to_itself": "kept_apart",
    "dontunmap_source_pgoff": "reset",
    "dontunmap_locked": "split_first",
    "shrink_charge": "recomputed",
}

KERNELS: dict[str, Mapping[str, str]] = {
    "linux-6.12": LINUX_6_12,
    "linux-6.16": LINUX_6_16,
    "linux-6.17": LINUX_6_17,
    "linux-6.18": LINUX_6_18,
    "linux-7.3": LINUX_7_3,
}
