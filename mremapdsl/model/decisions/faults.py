"""What a fault and a fork do with a page."""

from __future__ import annotations

from mremapdsl.model.decision import choice, constant, decision
from mremapdsl.model.ksmd import RmapItem
from mremapdsl.model.records import ANON, MAYBE_GUARD, Frame, Vma

decision(
    "reuse_page", "mm/memory.c:wp_can_reuse_anon_folio", "Whether a write to a page that is not exclusive may keep it."
)


@choice("reuse_page", "only_reference")
def only_reference(frame: Frame) -> bool:
    """A small anonymous folio that nothing else maps, pins or refers to from swap."""
    return frame.kind == ANON and frame.maps == 1 and not frame.pins and frame.swap is None


@choice("reuse_page", "always", wrong=True)
def always_reuse_page(frame: Frame) -> bool:
    """Every anonymous page, shared or not."""
    return frame.kind == ANON


@choice("reuse_page", "never", wrong=True)
def never_reuse_page(frame: Frame) -> bool:
    """Each such write copies."""
    return False


decision(
    "reuse_large",
    "mm/memory.c:wp_can_reuse_anon_folio",
    "Whether a write may keep a page of a large folio that is not exclusive.",
)
constant("reuse_large", "never", False, "Up to 6.14: it is copied (seen on 6.12).")
constant(
    "reuse_large", "if_alone", True, "Since 6.15: if no other process maps the folio (__wp_can_reuse_large_anon_folio)."
)

decision("reused_page_home", "mm/rmap.c:folio_move_anon_rmap", "The anon_vma of a folio that a write fault reuses.")
constant("reused_page_home", "writer", True, "It moves to the writing VMA's active anon_vma.")
constant("reused_page_home", "kept", False, "It stays where it was.", wrong=True)

decision(
    "fork_shares_page", "mm/memory.c:copy_present_ptes", "What fork leaves of the exclusive mark of a shared page."
)
constant("fork_shares_page", "clears_exclusive", False, "Both sides must copy or prove to be alone before they write.")
constant("fork_shares_page", "keeps_exclusive", True, "The mark stays.", wrong=True)

decision("account_kept", "mm/mprotect.c:mprotect_fixup", "Whether memory that stops being writable keeps VM_ACCOUNT.")


@choice("account_kept", "if_faulted")
def account_kept_if_faulted(anonymous: bool, faulted: bool) -> bool:
    """Unfaulted anonymous memory gives the charge and the flag back, other memory keeps both."""
    return not anonymous or faulted


@choice("account_kept", "never", wrong=True)
def account_never_kept(anonymous: bool, faulted: bool) -> bool:
    """It is always given back."""
    return False


decision("guards", "mm/madvise.c:madvise_guard_install", "Whether the kernel knows guard pages.")
constant("guards", "unknown", False, "Up to 6.12: GUARD_INSTALL and GUARD_REMOVE are EINVAL.")
constant("guards", "markers", True, "Since 6.13: page table markers.")

decision("guard_flag", "mm/madvise.c:madvise_guard_install", "The VMA flag that a guard page leaves.")
constant("guard_flag", "none", 0, "None.")
constant("guard_flag", "maybe_guard", MAYBE_GUARD, "Since 6.19, in 6.18.y: VM_MAYBE_GUARD on the VMA; fork copies it.")

decision("ksm_lookup", "mm/ksm.c:rmap_walk_ksm", "Which VMAs of an anon_vma's tree a walk of a KSM page considers.")


@choice("ksm_lookup", "whole_tree")
def whole_tree(item: RmapItem, vma: Vma, page: int) -> bool:
    """Up to 7.2: all that hold the remembered address."""
    return True


@choice("ksm_lookup", "by_index")
def by_index(item: RmapItem, vma: Vma, page: int) -> bool:
    """Since 7.3: those that also hold the remembered linear index."""
    return vma.start <= item.linear - vma.anon_skew < vma.end


decision("ksm_age", "mm/ksm.c:remove_rmap_item_from_tree", "How old a page is for smart scan once it is no KSM page.")
constant("ksm_age", "kept", "kept", "Up to 6.18: as old as it was when it was merged.")
constant("ksm_age", "anew", "anew", "Seen in 7.3.4: it counts from the pass that finds it.")

decision(
    "pagemap_huge_exclusive",
    "fs/proc/task_mmu.c:pagemap_pmd_range",
    "Which page decides whether pagemap shows the pages of a PMD mapping as mapped once.",
)
constant("pagemap_huge_exclusive", "first_page", True, "Since 6.15: the first page of the mapping decides for all 512.")
constant("pagemap_huge_exclusive", "each_page", False, "Up to 6.14: each page for itself.")

decision(
    "collapse_without_block",
    "mm/khugepaged.c:madvise_collapse",
    "MADV_COLLAPSE of a range inside one block of 512 pages that begins and ends away from its borders.",
)
constant(
    "collapse_without_block", "einval", True, "EINVAL: the count of blocks to collapse wraps around (seen on 6.18)."
)
constant("collapse_without_block", "nothing", False, "Success, nothing is done (seen on 7.3).")

decision(
    "collapse_read_only",
    "mm/khugepaged.c:hpage_collapse_scan_pmd",
    "MADV_COLLAPSE of a block without a page that can be written without a fault.",
)
constant("collapse_read_only", "refused", False, "Up to 6.17: EINVAL (seen on 6.12).")
constant("collapse_read_only", "allowed", True, "Since 6.18: like any other block.")

decision(
    "huge_zero_write",
    "mm/huge_memory.c:do_huge_pmd_wp_page",
    "What a write to the huge zero page does.",
)
constant("huge_zero_write", "split", False, "Up to 6.12: the mapping is split, the written page alone is copied.")
constant("huge_zero_write", "huge_page", True, "Since 6.13: a huge page takes its place (do_huge_zero_wp_pmd).")

decision(
    "discarded_tables",
    "mm/madvise.c:madvise_dontneed_single_vma",
    "Whether MADV_DONTNEED frees page tables, so that a fault may make a huge page there.",
)
constant("discarded_tables", "kept", False, "Up to 6.13: never.")
constant("discarded_tables", "freed", True, "Since 6.14: those of blocks that the range covers (CONFIG_PT_RECLAIM).")

decision(
    "swap_cache_mismatch",
    "mm/ksm.c:ksm_might_need_to_copy",
    "What a fault does with a folio in the swap cache whose index or root is not the VMA's.",
)
constant("swap_cache_mismatch", "copied", True, "It is copied: kernels with CONFIG_KSM, as all that were looked at.")
constant("swap_cache_mismatch", "mapped", False, "It is mapped as it is: kernels without CONFIG_KSM.")

decision(
    "last_swap_user", "mm/memory.c:do_swap_page", "How the last user of a page in the swap cache gets it for a write."
)
constant("last_swap_user", "at_once", "at_once", "Up to 6.18: it is exclusive, and at home where it was.")
constant(
    "last_swap_user",
    "write_fault",
    "write_fault",
    "Seen in 7.3.4: the write fault reuses it, so its home moves (do_wp_page).",
)

decision("swap_device", "mm/memory.c:do_swap_page", "Where swapped pages are.")
constant("swap_device", "disk", "disk", "On a disk or in a file: they come back through the swap cache.")
constant(
    "swap_device",
    "memory",
    "memory",
    "In zram and the like (SWP_SYNCHRONOUS_IO): a page with one entry comes back past the swap cache, and exclusive.",
)

decision(
    "fault_around_folio",
    "mm/filemap.c:filemap_map_folio_range",
    "What a read fault beside a page table maps of a huge page of the page cache.",
)
constant("fault_around_folio", "window", False, "Up to 6.17: what lies in the 16 pages around it.")
constant("fault_around_folio", "whole", True, "Since 6.18: all of it, if it lies in the VMA.")

decision("private_file_index", "mm/memory.c:do_cow_fault", "The index of a copied page of a private file mapping.")
constant("private_file_index", "file_page", False, "The page number in the file: vm_pgoff is its only offset.")
constant("private_file_index", "anon_pgoff", True, "Since 7.3: by the VMA's separate anonymous page offset.")
