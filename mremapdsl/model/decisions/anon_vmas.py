"""How VMAs get, share, copy and reuse anon_vmas."""

from __future__ import annotations

from mremapdsl.model.decision import choice, decision
from mremapdsl.model.records import AnonVma, Vma

decision(
    "adopt_anon_vma",
    "mm/vma.c:reusable_anon_vma",
    "Whether a VMA about to be faulted may take the anon_vma of a compatible neighbour.",
)


@choice("adopt_anon_vma", "single_link")
def single_link(neighbour: Vma) -> bool:
    """Only from a neighbour with exactly one link, so that no process forked from another is tied in."""
    return neighbour.anon != 0 and len(neighbour.chain) == 1


@choice("adopt_anon_vma", "faulted", wrong=True)
def any_faulted(neighbour: Vma) -> bool:
    """From every faulted neighbour."""
    return neighbour.anon != 0


@choice("adopt_anon_vma", "never", wrong=True)
def never_adopt(neighbour: Vma) -> bool:
    """A fresh anon_vma for each VMA."""
    return False


decision(
    "chain_walk",
    "mm/rmap.c:anon_vma_clone",
    "In which order a chain is walked when it is cloned; new links go to the head of the new list.",
)


@choice("chain_walk", "oldest_first")
def oldest_first(chain: tuple[int, ...]) -> tuple[int, ...]:
    """Up to 6.19: from the tail, so the copy has the same order; fork reuses the oldest idle anon_vma."""
    return chain[::-1]


@choice("chain_walk", "newest_first")
def newest_first(chain: tuple[int, ...]) -> tuple[int, ...]:
    """Since 7.0: from the head, so each clone reverses the order; fork reuses the newest idle anon_vma."""
    return chain


decision("reuse_anon_vma", "mm/rmap.c:anon_vma_clone", "Whether a forked VMA may use an anon_vma of the chain.")


@choice("reuse_anon_vma", "idle_with_one_child")
def idle_with_one_child(anon_vma: AnonVma) -> bool:
    """Fewer than two children and active in no VMA: what a vanished generation left."""
    return anon_vma.num_children < 2 and anon_vma.num_active_vmas == 0


@choice("reuse_anon_vma", "never", wrong=True)
def never_reuse(anon_vma: AnonVma) -> bool:
    """Each generation gets a new anon_vma."""
    return False
