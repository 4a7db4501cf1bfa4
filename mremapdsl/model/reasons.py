"""All reasons: the stable names, what each says, and the kernel function that it mirrors.

A sentence is a ``str.format`` template over the values of the decision; ``{range}`` stands for its pages and a verb.
``outcome`` is what a call that ends with this reason did (empty for reasons of refusals and of steps on the way).
"""

from __future__ import annotations

from typing import NamedTuple

from mremapdsl.model.reason import Why


class Reason(NamedTuple):
    outcome: str
    function: str
    sentence: str
    remedy: str = ""
    """What would make it go the other way."""


_FOLIOS = "mm/mremap.c:relocate_anon_folios"
_SCAN = "mm/khugepaged.c:hpage_collapse_scan_pmd"
_MAP_COLLAPSED = "mm/khugepaged.c:collapse_pte_mapped_thp"
_PUT_BACK = "mm/migrate.c:remove_migration_ptes"

REASONS: dict[str, Reason] = {
    # --- what calls did ---------------------------------------------------------------------------------------
    "new-vma": Reason("mapped", "mm/vma.c:__mmap_new_vma", "a VMA of its own"),
    "joined-left": Reason("merged", "mm/vma.c:vma_merge_new_range", "the VMA before it grew over the range"),
    "joined-right": Reason("merged", "mm/vma.c:vma_merge_new_range", "the VMA behind it grew down over the range"),
    "joined-both": Reason(
        "merged", "mm/vma.c:vma_merge_new_range", "the VMA before it grew over the range and the VMA behind it"
    ),
    "unmapped": Reason("unmapped", "mm/vma.c:do_vmi_align_munmap", "{vmas} VMA(s) or parts of them are gone"),
    "nothing-mapped": Reason("unmapped", "mm/vma.c:do_vmi_munmap", "nothing was mapped there, which is no error"),
    "nothing-to-change": Reason("unchanged", "mm/mprotect.c:mprotect_fixup", "no flag changes, so nothing is split"),
    "changed": Reason("changed", "mm/vma.c:vma_modify", "the flags changed"),
    "advised": Reason("changed", "mm/madvise.c:madvise_vma_behavior", "done"),
    "locked-in": Reason("changed", "mm/mlock.c:do_mlock", "locked and faulted in"),
    "accessed": Reason("accessed", "mm/memory.c:handle_mm_fault", "{pages} page(s)"),
    "forked": Reason("forked", "mm/mmap.c:dup_mmap", "{child} has a copy of {vmas} VMA(s)"),
    "exited": Reason("exited", "mm/mmap.c:exit_mmap", "all its memory is gone"),
    "shrunk": Reason("resized", "mm/mremap.c:mremap_at", "cut from {old} to {new} pages in place"),
    "grown": Reason("resized", "mm/mremap.c:expand_vma", "grew from {old} to {new} pages in place"),
    "same-size": Reason("unchanged", "mm/mremap.c:mremap_at", "nothing to do: same size, no destination"),
    "plain-move": Reason("moved", "mm/mremap.c:move_vma", "page tables moved to {to}; folios are as they were"),
    "moved-unfaulted": Reason(
        "moved", "mm/vma.c:copy_vma", "moved to {to}; the memory is unfaulted, so its page offset follows"
    ),
    "duplicated": Reason("moved", "mm/mremap.c:move_vma", "the same shared pages are mapped at {to} as well"),
    "ksm-scanned": Reason("scanned", "mm/ksm.c:ksm_do_scan", "ksmd merged {pages} page(s)"),
    "ksm-merge-any": Reason("changed", "mm/ksm.c:ksm_enable_merge_any", "PR_SET_MEMORY_MERGE is {state}"),
    "pinned": Reason("pinned", "mm/gup.c:__gup_longterm_locked", "{pages} page(s) are pinned for long"),
    "unpinned": Reason("unpinned", "mm/gup.c:unpin_user_pages", "{pages} pin(s) dropped"),
    "migration-begun": Reason("migrating", "mm/rmap.c:try_to_migrate", "{folios} folio run(s) are under migration"),
    "migrated": Reason(
        "migrated", _PUT_BACK, "{folios} folio run(s) replaced, {lost} not found again"
    ),
    "migration-failed": Reason(
        "migrated", _PUT_BACK, "{folios} folio run(s) put back, {lost} not found again"
    ),
    "swapped-out": Reason("swapped", "mm/vmscan.c:shrink_folio_list", "{pages} page(s) went to swap{kept}"),
    "swapped-in": Reason("swapped", "mm/memory.c:do_swap_page", "{pages} page(s) came back from swap"),
    "split": Reason(
        "split", "include/linux/huge_mm.h:split_folio", "{folios} large folio(s) split, {failed} could not be"
    ),
    "set": Reason("set", "mm/huge_memory.c:enabled_store", "{key} is {value}"),
    # --- refusals ---------------------------------------------------------------------------------------------
    "no-length": Reason("", "mm/mmap.c:do_mmap", "the length is zero"),
    "no-old-length": Reason(
        "", "mm/mremap.c:check_prep_vma", "an old length of zero duplicates shared memory only; this memory is private"
    ),
    "beyond-task-size": Reason("", "mm/mremap.c:check_mremap_params", "the range reaches beyond TASK_SIZE"),
    "below-min-address": Reason(
        "", "security/commoncap.c:cap_mmap_addr", "no destination is given, and address 0 lies below mmap_min_addr"
    ),
    "map-count": Reason(
        "", "mm/vma.c:split_vma", "{count} VMAs exist and max_map_count is {limit}", "raise max_map_count"
    ),
    "sealed": Reason("", "mm/vma.h:vma_is_sealed", "VMA [{start},{end}) is sealed"),
    "hole": Reason("", "mm/madvise.c:madvise_walk_vmas", "page {page} is not mapped"),
    "not-mapped": Reason("", "arch/x86/mm/fault.c:bad_area_nosemaphore", "page {page} is not mapped"),
    "protection": Reason("", "arch/x86/mm/fault.c:access_error", "page {page} may not be accessed for {wanted}"),
    "behind-end": Reason("", "mm/filemap.c:filemap_fault", "page {page} lies behind the end of the mapped object"),
    "guard": Reason("", "mm/memory.c:handle_pte_marker", "page {page} is a guard page"),
    "migration-pinned": Reason("", "mm/migrate.c:migrate_folio_unmap", "a folio of [{start},{end}) is pinned"),
    "no-swap": Reason("", "mm/swapfile.c:folio_alloc_swap", "swap is off"),
    "unknown-advice": Reason("", "mm/madvise.c:madvise_behavior_valid", "this kernel does not know MADV_{advice}"),
    "no-access": Reason("", "mm/gup.c:check_vma_flags", "VMA [{start},{end}) is PROT_NONE and cannot be faulted in"),
    "locked": Reason("", "mm/madvise.c:madvise_dontneed_free_valid_vma", "VMA [{start},{end}) is locked"),
    "not-private-anonymous": Reason(
        "", "mm/madvise.c:madvise_vma_behavior", "VMA [{start},{end}) is not private anonymous memory"
    ),
    "unknown-flags": Reason("", "mm/mremap.c:check_mremap_params", "flags {flags:#x} are unknown to this kernel"),
    "maymove-missing": Reason("", "mm/mremap.c:check_mremap_params", "FIXED and DONTUNMAP need MAYMOVE"),
    "dontunmap-resizes": Reason(
        "", "mm/mremap.c:check_mremap_params", "DONTUNMAP cannot resize ({old} pages to {new})"
    ),
    "overlap": Reason("", "mm/mremap.c:vrm_overlaps", "source [{start},{end}) and destination [{to},{to_end}) overlap"),
    "source-not-mapped": Reason("", "mm/mremap.c:check_prep_vma", "no VMA at source page {page}"),
    "leaves-vma": Reason(
        "", "mm/mremap.c:check_prep_vma", "the range leaves its first VMA [{start},{end})",
        "move without a resize to a fixed place (from 6.17 on), or VMA by VMA",
    ),
    "no-room": Reason(
        "", "mm/mremap.c:expand_vma", "the memory cannot grow in place at {end} and MAYMOVE is not given", "add MAYMOVE"
    ),
    "not-collapsible": Reason(
        "", "mm/khugepaged.c:madvise_collapse", "VMA [{start},{end}) is unfaulted, forbids or cannot hold huge pages"
    ),
    "no-whole-block": Reason("", "mm/khugepaged.c:madvise_collapse", "[{start},{end}) holds no aligned block"),
    "no-page-table": Reason("", _SCAN, "a block of [{start},{end}) has no page table"),
    "pinned-page": Reason("", _SCAN, "a page of [{start},{end}) is pinned"),
    "no-writable-page": Reason(
        "", _SCAN, "no page of a block of [{start},{end}) can be written as it is", "write to one of them"
    ),
    "entry-in-the-way": Reason(
        "", "mm/khugepaged.c:__collapse_huge_page_swapin", "an entry of [{start},{end}) is neither a page nor swap"
    ),
    "merged-page-twice": Reason(
        "", "mm/khugepaged.c:__collapse_huge_page_isolate", "a block of [{start},{end}) maps a KSM page twice"
    ),
    "cached-page-held": Reason(
        "", "mm/khugepaged.c:hpage_collapse_scan_file", "a cached page of [{start},{end}) is pinned or under migration"
    ),
    "nothing-cached": Reason(
        "", "mm/khugepaged.c:collapse_file", "the page cache has no page of a block of [{start},{end})"
    ),
    "marker-in-the-way": Reason(
        "", _MAP_COLLAPSED, "the page cache has a huge page now, but a guard or swapped page of [{start},{end}) stays"
    ),
    "private-pages": Reason(
        "", _MAP_COLLAPSED, "the page cache has a huge page now, but [{start},{end}) has private copies of its pages"
    ),
    "no-anon-vma": Reason(
        "", "mm/rmap.c:__anon_vma_prepare", "no memory for the anon_vma of [{start},{end}), which is unmapped again"
    ),
    "no-page-table-to-move-to": Reason(
        "", "mm/mremap.c:move_page_tables", "no memory for a page table at {page}; what has moved goes back"
    ),
    "relocate-needs-maymove": Reason("", "mm/mremap.c:check_mremap_params", "RELOCATE and MUST_RELOCATE need MAYMOVE"),
    # --- relocation -------------------------------------------------------------------------------------------
    "relocated": Reason(
        "relocated", _FOLIOS,
        "moved to {to} as if born there: page offset and {folios} folio(s) rewritten",
    ),
    "ordinary-merge": Reason(
        "moved", "mm/vma.c:vma_merge_new_range", "the old page offset fits a neighbour at {to}: nothing to relocate"
    ),
    "nothing-to-relocate": Reason(
        "moved", "mm/mremap.c:should_relocate_anon",
        "the memory is unfaulted, so its page offset follows the move to {to} and nothing needs relocating",
    ),
    "not-anonymous": Reason(
        "fallback", "mm/mremap.c:should_relocate_anon", "[{start},{end}) maps a file or shared memory"
    ),
    "fork-child": Reason(
        "fallback", "mm/vma.c:vma_maybe_has_shared_anon_folios",
        "the VMA was inherited through fork, and its folios may be an ancestor's",
    ),
    "forked-parent": Reason(
        "fallback", "mm/vma.c:vma_maybe_has_shared_anon_folios",
        "the VMA's anon_vma has children: a forked process may map its folios",
    ),
    "partial-huge-page": Reason(
        "fallback", _FOLIOS, "the huge page at {page} lies only partly in [{start},{end})"
    ),
    "huge-migration-entry": Reason(
        "fallback", _FOLIOS, "the huge page at {page} is under migration"
    ),
    "shared-huge-page": Reason("fallback", _FOLIOS, "the huge page at {page} may be mapped shared"),
    "pinned-huge-page": Reason("fallback", _FOLIOS, "the huge page at {page} may be pinned"),
    "pinned-folio": Reason("fallback", _FOLIOS, "the folio at {page} may be pinned"),
    "ever-shared-folio": Reason(
        "fallback", _FOLIOS, "the folio at {page} was shared by a fork at some time"
    ),
    "nonpresent-entry": Reason(
        "fallback", _FOLIOS, "page {page} holds a swap or migration entry"
    ),
    "large-folio-crosses": Reason(
        "fallback", _FOLIOS, "the large folio at {page} crosses the border of [{start},{end})"
    ),
    "large-folio-same-root": Reason(
        "fallback", _FOLIOS,
        "the large folio at {page} crosses the border and cannot be split: its anon_vma's root is locked already",
    ),
    "large-folio-pinned": Reason(
        "fallback", _FOLIOS,
        "the large folio at {page} crosses the border and cannot be split: it is pinned",
    ),
    "ksm-pages": Reason("fallback", "mm/mremap.c:prep_move_vma", "[{start},{end}) holds KSM pages"),
    "waits-for-mmap-lock": Reason("", "mm/mremap.c:do_mremap", "it waits: {process} holds its mmap lock for writing"),
    "waits-for-anon-vma": Reason(
        "", "mm/rmap.c:rmap_walk_anon", "it waits: the relocation holds the anon_vma lock of root av{root} for writing"
    ),
    # --- merges that did not happen ---------------------------------------------------------------------------
    "no-neighbour": Reason("", "mm/vma.c:vma_merge_new_range", "no VMA touches", "put the range next to a VMA"),
    "flags-differ": Reason("", "mm/vma.c:is_mergeable_vma", "the flags differ", "give both the same flags"),
    "files-differ": Reason("", "mm/vma.c:is_mergeable_vma", "they do not map the same file"),
    "anon-vmas-differ": Reason(
        "", "mm/vma.c:is_mergeable_anon_vma", "both are faulted, with different anon_vmas", "leave one unfaulted"
    ),
    "unfaulted-neighbour": Reason(
        "", "mm/vma.c:is_mergeable_anon_vma", "the range is faulted and the neighbour is not (merges from 6.16 on)"
    ),
    "neighbour-is-fork-child": Reason("", "mm/vma.c:vma_is_fork_child", "the neighbour was inherited through fork"),
    "source-is-fork-child": Reason("", "mm/vma.c:vma_is_fork_child", "the memory was inherited through fork"),
    "pgoffs-do-not-continue": Reason(
        "", "mm/vma.c:can_vma_merge_before", "the page offsets do not continue", "keep the memory unfaulted till then"
    ),
    "anon-pgoffs-do-not-continue": Reason(
        "", "mm/vma.c:can_vma_merge_before", "the anonymous page offsets do not continue"
    ),
    "neighbours-differ": Reason(
        "", "mm/vma.c:can_vma_merge_right", "it joins the left neighbour, whose anon_vma is not the right one's"
    ),
    # --- on the way -------------------------------------------------------------------------------------------
    "anon-vma-new": Reason("", "mm/rmap.c:__anon_vma_prepare", "VMA [{start},{end}) gets a new anon_vma av{anon}"),
    "anon-vma-adopted": Reason(
        "", "mm/rmap.c:__anon_vma_prepare", "VMA [{start},{end}) takes av{anon} from the VMA at {neighbour}"
    ),
    "anon-vma-copied": Reason(
        "", "mm/vma.c:dup_anon_vma", "the surviving VMA [{start},{end}) was unfaulted and gets av{anon}"
    ),
    "anon-vma-forked": Reason("", "mm/rmap.c:anon_vma_fork", "VMA [{start},{end}) gets av{anon} below av{parent}"),
    "anon-vma-reused": Reason("", "mm/rmap.c:anon_vma_clone", "VMA [{start},{end}) reuses the idle av{anon}"),
    "pages-copied": Reason("", "mm/memory.c:wp_page_copy", "{range} copied: shared"),
    "pages-reused": Reason(
        "", "mm/memory.c:wp_page_reuse", "{range} kept: nothing else has it mapped any more"
    ),
    "pages-copied-pinned": Reason(
        "", "mm/memory.c:copy_present_page", "{range} copied for the child at once: it may be pinned"
    ),
    "charge-leaks": Reason(
        "", "mm/mremap.c:vrm_calc_charge", "{pages} pages are charged though the memory shrank, and never given back"
    ),
    "source-kept-shifted": Reason(
        "", "mm/mremap.c:dontunmap_complete",
        "the source [{start},{end}) is unfaulted again but keeps its page offset {pgoff}",
    ),
    "lock-dropped": Reason(
        "", "mm/mremap.c:dontunmap_complete", "the source VMA [{start},{end}) is no longer locked"
    ),
    "account-dropped": Reason(
        "", "mm/mremap.c:dontunmap_complete",
        "the source VMA [{start},{end}) loses VM_ACCOUNT: its charge is never given back",
    ),
    "ksm-unshared": Reason("", "mm/mremap.c:prep_move_vma", "{pages} KSM page(s) of the range are un-shared first"),
    "relocation-rewrote": Reason("", _FOLIOS, "{range} rewritten: index and anon_vma are those of the new place"),
    "relocation-skipped-shared": Reason(
        "", _FOLIOS, "the folio at {page} may be mapped shared and is left as it is"
    ),
    "relocation-skipped-pinned": Reason(
        "", _FOLIOS, "the folio at {page} may be pinned and is left as it is"
    ),
    "relocation-skipped-nonpresent": Reason(
        "", _FOLIOS, "{range} swapped or under migration: the entries are left as they are"
    ),
    "relocation-split-folio": Reason(
        "", "mm/huge_memory.c:split_huge_page_to_list_to_order", "the order-{order} folio at {page} is split"
    ),
    "relocation-stopped": Reason(
        "", _FOLIOS, "{folios} folio(s) were rewritten when the walk came to page {page}, where it stops"
    ),
    "undo-skipped-pinned": Reason(
        "", _FOLIOS, "undoing: the folio at {page} has been pinned meanwhile and keeps the index of the new VMA"
    ),
    "relocation-undone": Reason(
        "", _FOLIOS, "undone: {folios} folio(s) point to the source again, the new VMA is gone"
    ),
    "next-piece": Reason("", "mm/mremap.c:remap_move", "[{start},{end}) is moved to {to} by itself"),
}  # fmt: skip


def sentence(why: Why) -> str:
    """The reason in words, with the values that decided."""
    values = why.values
    if "last" in values:
        first, last = values["start"], values["last"]
        values = {**values, "range": f"page {first} is" if first == last else f"pages {first} to {last} are"}
    return REASONS[why.reason].sentence.format(**values)
